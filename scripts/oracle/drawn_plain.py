"""python drawn_plain.py OUT: CLIP's own towers, the plainest use of drawn.py."""

import os
import sys

from drawn import in_double, write_expected, write_json, write_model
from tiny_tokenizer import write_tokenizer

TEXTS = ['a photo of a cat', '', 'Two dogs, playing in the SNOW', 'café 42']


def open_clip(out):
    """open_clip's CLIP: 2 blocks a tower, pictures of 32 pixels."""
    import open_clip.model as oc

    directory = os.path.join(out, 'open-clip')
    os.makedirs(directory, exist_ok=True)
    tokenizer, vocab = write_tokenizer(directory, context_length=16)
    config = {
        'embed_dim': 24,
        'vision_cfg': {'image_size': 32, 'layers': 2, 'width': 64, 'patch_size': 8, 'head_width': 32},
        'text_cfg': {'context_length': 16, 'vocab_size': vocab, 'width': 64, 'heads': 2, 'layers': 2},
    }
    model = write_model(directory, oc.CLIP(**config), 'open_clip_model.safetensors')
    write_json(directory, 'open_clip_config.json', {'model_cfg': config, 'preprocess_cfg': {'mean': [0.5] * 3, 'std': [0.5] * 3}})
    reference = in_double(model)
    ids = tokenizer(TEXTS, padding='max_length', truncation=True, max_length=16, return_tensors='pt')['input_ids']
    for row in ids:
        row[(row == tokenizer.eos_token_id).nonzero()[0, 0] + 1 :] = 0  # open_clip pads with 0
    write_expected(directory, encode_image=reference.encode_image, size=32, encode_text=reference.encode_text, texts=TEXTS, ids=ids)


if __name__ == '__main__':
    open_clip(sys.argv[1])
