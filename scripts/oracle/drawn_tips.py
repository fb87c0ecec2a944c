"""python drawn_tips.py OUT: Google's TIPSv2, as transformers saves it and as Google's own files name it."""

import json
import os
import sys

from drawn import in_double, write_expected, write_json, write_model
from drawn_rotary import hub_model
from family_tokenizers import write_tips
from transformers import Tipsv2Config, Tipsv2Model

TEXTS = ['a photo of a cat', 'Two  dogs playing in the SNOW', '一只猫 0xFF', 'the end of the road, 42 boats and a red apple on the table']
N_CTX = 20
VISION = {'hidden_size': 48, 'num_hidden_layers': 2, 'num_attention_heads': 6, 'image_size': 40, 'patch_size': 8}
TEXT = {'hidden_size': 48, 'intermediate_size': 80, 'num_hidden_layers': 2, 'num_attention_heads': 4, 'max_position_embeddings': N_CTX}


def folder(out, name):
    directory = os.path.join(out, name)
    os.makedirs(directory, exist_ok=True)
    tokenizer, vocab = write_tips(directory, N_CTX)
    return directory, tokenizer(TEXTS, padding='max_length', truncation=True, max_length=N_CTX, return_tensors='pt'), {**TEXT, 'vocab_size': vocab}


def expect(directory, reference, inputs, size):
    write_expected(
        directory,
        encode_image=lambda pixels: reference.get_image_features(pixels).pooler_output,
        size=size,
        encode_text=lambda ids: reference.get_text_features(ids, attention_mask=inputs['attention_mask']).pooler_output,
        texts=TEXTS,
        ids=inputs['input_ids'],
    )


def saved(out):
    """save_pretrained: nested configuration, Google's names but the image tower's MLP; positions resized to the pictures."""
    directory, inputs, text = folder(out, 'tips')
    config = Tipsv2Config(vision_config={**VISION, 'mlp_ratio': 2.75}, text_config=text)
    expect(directory, hub_model(directory, Tipsv2Model(config)), inputs, (56, 24))


def google(out):
    """google/tipsv2-g14: flat configuration, SwiGLU, no temperature among the tensors."""
    directory, inputs, text = folder(out, 'tips-google')
    config = Tipsv2Config(vision_config={**VISION, 'num_register_tokens': 2, 'use_swiglu_ffn': True}, text_config=text)
    model = hub_model(directory, Tipsv2Model(config))
    with open(os.path.join(directory, 'drawn.json'), encoding='utf-8') as file:
        drawn = json.load(file)
    del drawn['tensors']['temperature']
    write_json(directory, 'drawn.json', drawn, indent=None)
    write_json(directory, 'config.json', {
        'model_type': 'tipsv2', 'architectures': ['TIPSv2Model'], 'vision_fn': 'vit_small', 'embed_dim': 48, 'patch_size': 8, 'img_size': 40, 'ffn_layer': 'swiglu',
        'init_values': 1.0, 'num_register_tokens': 2, 'text_hidden_size': 48, 'text_mlp_dim': 80, 'text_num_heads': 4, 'text_num_layers': 2,
        'vocab_size': text['vocab_size'], 'max_len': N_CTX, 'temperature': 0.004})
    expect(directory, model, inputs, 40)


def transformers_names(out):
    """Both towers under transformers' own names, as its state_dict has them."""
    directory, inputs, text = folder(out, 'tips-transformers')
    config = Tipsv2Config(vision_config={**VISION, 'use_swiglu_ffn': True}, text_config=text)
    model = write_model(directory, Tipsv2Model(config))
    config.save_pretrained(directory)
    expect(directory, in_double(model), inputs, 40)


if __name__ == '__main__':
    for make in (saved, google, transformers_names):
        make(sys.argv[1])
