"""python drawn_coca.py OUT: the two contrastive towers of CoCa; its decoder stands in the file and is not needed."""

import os
import sys

import torch
from drawn import in_double, write_expected, write_json, write_model, write_tensors
from safetensors.numpy import load_file
from tiny_tokenizer import write_tokenizer

# the last but one fills the context, so that the class token sees itself; in the last one a token has padding's id 0
TEXTS = ['a photo of a cat', '', 'Two dogs, playing in the SNOW', 'the cat and the dog and the bird in the snow', 'a !? b !!# c']
N_CTX = 16


def coca(out, name, embed_dim, vision, text=None, states=False):
    from open_clip.coca_model import CoCa

    directory = os.path.join(out, name)
    os.makedirs(directory, exist_ok=True)
    tokenizer, vocab = write_tokenizer(directory, context_length=N_CTX)
    config = {
        'embed_dim': embed_dim,
        'vision_cfg': {'image_size': 24, 'layers': 2, 'width': 64, 'head_width': 16, 'patch_size': 8, 'output_tokens': True, **vision},
        'text_cfg': {'context_length': N_CTX, 'vocab_size': vocab, 'width': 48, 'heads': 3, 'layers': 2, 'embed_cls': True, 'output_tokens': True, **(text or {})},
        'multimodal_cfg': {'context_length': N_CTX, 'vocab_size': vocab, 'width': 48, 'heads': 3, 'layers': 1, 'attn_pooler_heads': 4},
    }
    model = write_model(directory, CoCa(**config), 'open_clip_model.safetensors')
    write_json(directory, 'open_clip_config.json', {'model_cfg': {**config, 'custom_text': True}, 'preprocess_cfg': {}})
    reference = in_double(model)
    ids = tokenizer(TEXTS, padding='max_length', truncation=True, max_length=N_CTX, return_tensors='pt')['input_ids']
    for row in ids:
        row[(row == tokenizer.eos_token_id).nonzero()[0, 0] + 1 :] = 0  # open_clip pads with 0
    assert (ids[3] != 0).all() and (ids[4, :4] == 0).any(), ids[3:]
    write_expected(
        directory,
        encode_image=lambda pixels: reference.encode_image(pixels, normalize=False),
        size=24,
        encode_text=lambda ids: reference.encode_text(ids, normalize=False),
        texts=TEXTS,
        ids=ids,
    )
    if states:
        add_states(directory, reference, ids)


def add_states(directory, reference, ids):
    """text_states: the last block's of all tokens and the class token, for the first and the last but one text."""
    path = os.path.join(directory, 'expected.safetensors')
    with torch.no_grad():
        found = reference.text.forward_intermediates(ids[[0, 3]], indices=1, output_fmt='NLC', output_extra_tokens=True)
    last, suffix = found['text_intermediates'][-1], found['text_intermediates_suffix'][-1]
    states = torch.cat([last, suffix], 1).numpy().astype('float32')
    write_tensors(directory, 'expected.safetensors', {**load_file(path), 'text_states': states})


if __name__ == '__main__':
    pool = {'attentional_pool': True}
    coca(sys.argv[1], 'coca', 40, {**pool, 'attn_pooler_heads': 5, 'attn_pooler_queries': 7}, states=True)
    coca(sys.argv[1], 'coca-one-width', 64, {**pool, 'attn_pooler_heads': 8, 'attn_pooler_queries': 3, 'no_ln_pre': True}, {'ls_init_value': 0.1})
    coca(sys.argv[1], 'coca-class-token', 24, {})
