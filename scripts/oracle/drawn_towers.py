"""python drawn_towers.py OUT: towers saved without the other: text encoders of diffusion models, files without a configuration."""

import os
import sys

import torch
from drawn import in_double, write_expected, write_json, write_model
from tiny_tokenizer import write_tokenizer
from transformers import CLIPModel, CLIPConfig, CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

TEXTS = ['a photo of a cat', '', 'Two dogs, playing in the SNOW', 'café 42']
# heads of 64 values: without a configuration nothing says otherwise
PUBLIC = {'vocab_size': 49408, 'hidden_size': 64, 'intermediate_size': 128, 'num_hidden_layers': 2, 'num_attention_heads': 1, 'eos_token_id': 49407}


def public_ids(texts, pad):
    """open_clip's ids with the public vocabulary."""
    import open_clip

    ids = open_clip.tokenize(texts).long()
    for row in ids:
        row[row.argmax() + 1 :] = pad
    return ids


def with_prefix(name):
    """transformers 4 wrote it, and the files of ComfyUI have it."""
    return name if name.startswith(('text_', 'vision_', 'visual_', 'logit_')) else f'text_model.{name}'


def lone(out, name, module, file, pad, encode_text, load=None, **image):
    directory = os.path.join(out, name)
    write_model(directory, module, file, names=lambda n: None if n.endswith('position_ids') else with_prefix(n))
    reference = in_double(module)
    with_image = {key: (lambda pixels, f=value: f(reference, pixels)) if key == 'encode_image' else value for key, value in image.items()}
    write_expected(directory, encode_text=lambda ids: encode_text(reference, ids), texts=TEXTS, ids=public_ids(TEXTS, pad), **with_image)
    change(directory, load=load or file)


def change(directory, **members):
    import json

    path = os.path.join(directory, 'expected.json')
    with open(path, encoding='utf-8') as file:
        expected = json.load(file)
    write_json(directory, 'expected.json', {**expected, **members})


def features(result):
    return result if torch.is_tensor(result) else result.pooler_output


def lone_files(out):
    """ComfyUI's clip_l (FLUX; no projection) and clip_g (SDXL), and both towers without a configuration."""
    lone(out, 'clip-l-alone', CLIPTextModel(CLIPTextConfig(**PUBLIC)), 'clip_l.safetensors', 49407, lambda m, ids: m(ids).pooler_output)
    big = CLIPTextConfig(**{**PUBLIC, 'hidden_act': 'gelu', 'projection_dim': 64})
    lone(out, 'clip-g-alone', CLIPTextModelWithProjection(big), 'clip_g.safetensors', 0, lambda m, ids: m(ids).text_embeds)
    both = CLIPConfig(
        text_config={**PUBLIC, 'num_hidden_layers': 1},
        vision_config={'hidden_size': 128, 'intermediate_size': 160, 'num_hidden_layers': 2, 'num_attention_heads': 2, 'image_size': 24, 'patch_size': 8},
        projection_dim=40,
    )
    lone(
        out,
        'clip-alone',
        CLIPModel(both),
        'weights.safetensors',
        49407,
        lambda m, ids: features(m.get_text_features(ids)),
        encode_image=lambda m, pixels: features(m.get_image_features(pixels)),
        size=24,
    )


def diffusers(out):
    """Stable Diffusion XL's folder: two text encoders with their tokenizers beside them; the second is chosen by its folder."""
    directory = os.path.join(out, 'diffusers')
    index = {'_class_name': 'StableDiffusionXLPipeline', '_diffusers_version': '0.30.0'}
    for number, kind in (('', CLIPTextModel), ('_2', CLIPTextModelWithProjection)):
        index[f'text_encoder{number}'] = ['transformers', kind.__name__]
        index[f'tokenizer{number}'] = ['transformers', 'CLIPTokenizer']
        folder = os.path.join(directory, f'text_encoder{number}')
        os.makedirs(os.path.join(directory, f'tokenizer{number}'))
        tokenizer, vocab = write_tokenizer(os.path.join(directory, f'tokenizer{number}'), context_length=16)
        config = CLIPTextConfig(
            vocab_size=vocab,
            hidden_size=64 if number else 48,
            intermediate_size=96,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=16,
            hidden_act='gelu' if number else 'quick_gelu',
            projection_dim=32,
            eos_token_id=2,
        )
        model = write_model(folder, kind(config), names=lambda n: None if n.endswith('position_ids') else with_prefix(n))
        write_json(folder, 'config.json', {**config.to_dict(), 'architectures': [kind.__name__]})
    write_json(directory, 'model_index.json', index)
    ids = tokenizer(TEXTS, padding='max_length', truncation=True, max_length=16, return_tensors='pt')['input_ids']
    reference = in_double(model)
    write_expected(directory, encode_text=lambda ids: reference(ids).text_embeds, texts=TEXTS, ids=ids)
    change(directory, load='text_encoder_2')


if __name__ == '__main__':
    lone_files(sys.argv[1])
    diffusers(sys.argv[1])
