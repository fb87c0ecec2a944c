"""python drawn_rotary.py OUT: ViTs with rotary positions, gated MLPs, RMS norms, registers and other pooling heads."""

import os
import sys
import tempfile

import timm
from safetensors import safe_open
from safetensors.numpy import save_file

from drawn import SEED, in_double, rule, values, write_expected, write_json, write_model
from tiny_tokenizer import write_tokenizer

TEXTS = ['a photo of a cat', '', 'Two dogs, playing in the SNOW']
N_CTX = 16


def tokenize(tokenizer):
    return tokenizer(TEXTS, padding='max_length', truncation=True, max_length=N_CTX, return_tensors='pt')


def timm_tower(out, name, timm_name, size, pool, **small):
    """open_clip around a ViT of timm's, made small by `small`, which its configuration leaves to timm's registry."""
    import open_clip.model as oc
    from open_clip import timm_model

    directory = os.path.join(out, name)
    os.makedirs(directory, exist_ok=True)
    tokenizer, vocab = write_tokenizer(directory, context_length=N_CTX)
    config = {
        'embed_dim': 24,
        'vision_cfg': {'image_size': size, 'timm_model_name': timm_name, 'timm_model_pretrained': False, 'timm_pool': pool, 'timm_proj': None},
        'text_cfg': {'context_length': N_CTX, 'vocab_size': vocab, 'width': 32, 'heads': 2, 'layers': 1},
    }
    create = timm.create_model
    timm_model.timm.create_model = lambda model_name, **given: create(model_name, **{'img_size': size, 'depth': 2, **given, **small})
    try:
        module = oc.CustomTextCLIP(**config)
    finally:
        timm_model.timm.create_model = create
    model = write_model(directory, module, 'open_clip_model.safetensors')
    write_json(directory, 'open_clip_config.json', {'model_cfg': {**config, 'custom_text': True}, 'preprocess_cfg': {}})
    reference = in_double(model)
    ids = tokenize(tokenizer)['input_ids']
    for row in ids:
        row[(row == tokenizer.eos_token_id).nonzero()[0, 0] + 1 :] = 0  # open_clip pads with 0
    write_expected(directory, encode_image=reference.encode_image, size=size, encode_text=reference.encode_text, texts=TEXTS, ids=ids)


def hub_model(directory, module):
    """Draws the tensors that save_pretrained writes, under its names, and loads them; returns the reference in float64."""
    with tempfile.TemporaryDirectory() as saved:
        module.save_pretrained(saved)
        with safe_open(os.path.join(saved, 'model.safetensors'), 'np') as file:
            shapes = {name: file.get_slice(name).get_shape() for name in sorted(file.keys())}
        drawn, arrays = {}, {}
        for name, shape in shapes.items():
            centre, spread = rule(name, tuple(shape))
            drawn[name] = [list(shape), centre, spread]
            arrays[name] = values(SEED, name, tuple(shape), centre, spread)
        save_file(arrays, os.path.join(saved, 'model.safetensors'), metadata={'format': 'pt'})
        model = type(module).from_pretrained(saved)
    write_json(directory, 'drawn.json', {'file': 'model.safetensors', 'seed': SEED, 'tensors': drawn}, indent=None)
    model.config.save_pretrained(directory)
    return in_double(model)


def image_only(out, name, module, size):
    """A model of transformers' whose pooler_output is the embedding."""
    directory = os.path.join(out, name)
    os.makedirs(directory, exist_ok=True)
    reference = hub_model(directory, module)
    write_expected(directory, encode_image=lambda pixels: reference(pixels).pooler_output, size=size)


def aimv2(out):
    from transformers import Aimv2Config, Aimv2Model

    directory = os.path.join(out, 'aimv2')
    os.makedirs(directory, exist_ok=True)
    tokenizer, vocab = write_tokenizer(directory, context_length=N_CTX)
    sizes = {'hidden_size': 64, 'intermediate_size': 96, 'num_hidden_layers': 2, 'num_attention_heads': 4}
    config = Aimv2Config(
        projection_dim=24,
        vision_config={**sizes, 'image_size': 40, 'patch_size': 8},
        text_config={**sizes, 'vocab_size': vocab, 'max_position_embeddings': N_CTX, 'eos_token_id': tokenizer.eos_token_id},
    )
    reference = hub_model(directory, Aimv2Model(config))
    inputs = tokenize(tokenizer)
    write_expected(
        directory,
        encode_image=lambda pixels: reference.get_image_features(pixels).pooler_output,
        size=40,
        encode_text=lambda ids: reference.get_text_features(ids, attention_mask=inputs['attention_mask']).pooler_output,
        texts=TEXTS,
        ids=inputs['input_ids'],
    )


def dinos(out):
    from transformers import Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel, DINOv3ViTConfig, DINOv3ViTModel

    sizes = {'hidden_size': 64, 'num_hidden_layers': 2, 'num_attention_heads': 4}
    two = {**sizes, 'image_size': 40, 'patch_size': 8}
    image_only(out, 'dinov2', Dinov2Model(Dinov2Config(**two)), (40, 40))
    image_only(out, 'dinov2-wide', Dinov2Model(Dinov2Config(**two, use_swiglu_ffn=True)), (24, 56))  # positions resized
    image_only(out, 'dinov2-registers', Dinov2WithRegistersModel(Dinov2WithRegistersConfig(**two, num_register_tokens=3)), (56, 24))
    three = {**sizes, 'image_size': 48, 'patch_size': 8, 'intermediate_size': 96}
    image_only(out, 'dinov3', DINOv3ViTModel(DINOv3ViTConfig(**three, num_register_tokens=4)), (48, 32))
    image_only(out, 'dinov3-gated', DINOv3ViTModel(DINOv3ViTConfig(**three, use_gated_mlp=True, hidden_act='silu')), (48, 48))


if __name__ == '__main__':
    out = sys.argv[1]
    timm_tower(out, 'eva01', 'eva_giant_patch14_224', 56, 'token', embed_dim=64, num_heads=4)
    timm_tower(out, 'eva02', 'eva02_base_patch16_clip_224', 224, 'token', embed_dim=96)
    timm_tower(out, 'eva02-packed', 'eva02_small_patch14_224', 224, 'avg', embed_dim=96)
    timm_tower(out, 'eva02-enormous', 'eva02_enormous_patch14_clip_224', 56, 'token', embed_dim=64, mlp_ratio=2)
    timm_tower(out, 'pe-core', 'vit_pe_core_base_patch16_224', 64, 'map', embed_dim=96, ref_feat_shape=(4, 4))
    timm_tower(out, 'pe-core-gigantic', 'vit_pe_core_gigantic_patch14_448', 56, 'map', embed_dim=64, mlp_ratio=2, ref_feat_shape=(4, 4))
    aimv2(out)
    dinos(out)
