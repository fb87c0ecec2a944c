"""python drawn_conv.py OUT: convolutional image towers of open_clip and timm, each with few and narrow stages. The variants are
those that differ in structure: batch norms or layer norms, squeezes, projections."""

import os
import sys
from functools import partial
from unittest import mock

import timm
import torch
from drawn import in_double, write_expected, write_json, write_model

CLIP_TEXT = {'context_length': 4, 'vocab_size': 16, 'width': 8, 'heads': 1, 'layers': 1}
PREPROCESS = {'mean': [0.5] * 3, 'std': [0.5] * 3}


def write(out, name, vision_cfg, small, size):
    """`small`: arguments that replace those which timm registers for the tower."""
    import open_clip.model as oc

    directory = os.path.join(out, name)
    os.makedirs(directory, exist_ok=True)
    config = {'embed_dim': 24, 'vision_cfg': {'image_size': size, **vision_cfg}, 'text_cfg': CLIP_TEXT}
    create = timm.create_model
    with mock.patch.object(timm, 'create_model', lambda *args, **rest: create(*args, **{**rest, **small})):
        model = oc.CustomTextCLIP(**config)
    visual = write_model(directory, model, 'open_clip_model.safetensors', only=lambda tensor: tensor.startswith('visual.'),
                         names=lambda tensor: None if tensor.endswith('num_batches_tracked') else tensor)
    write_json(directory, 'open_clip_config.json', {'model_cfg': config, 'preprocess_cfg': PREPROCESS})
    write_expected(directory, encode_image=in_double(visual).encode_image, size=size)


def of_timm(name, pool, proj):
    return {'timm_model_name': name, 'timm_model_pretrained': False, 'timm_pool': pool, 'timm_proj': proj}


def hybrids(out):
    """ViTs after convolutions: MobileCLIP-B's and ViTamin's."""
    from timm.layers import HybridEmbed
    from timm.models.vision_transformer_hybrid import ConvStem
    from timm.models.vitamin import VitCfg

    stem = ConvStem(channels=(6, 6, 48), stride=(4, 2, 2), kernel_size=(4, 2, 2), padding=0, act_layer=torch.nn.GELU)
    small = {'img_size': 64, 'embed_dim': 48, 'depth': 2, 'embed_layer': partial(HybridEmbed, backbone=stem, proj=False)}
    write(out, 'mobileclip-b', of_timm('vit_base_mci_224', 'token', None), small, 64)
    stages = VitCfg(embed_dim=(8, 12, 48), depths=(1, 2, 1), stem_width=8, head_type='1d')
    vitamin = {'img_size': 64, 'embed_cfg': stages, 'embed_dim': 48, 'depth': 2}
    write(out, 'vitamin', of_timm('vitamin_small_224', '', 'linear'), vitamin, 64)
    # 16 heads, and no positions
    write(out, 'vitamin-xlarge', of_timm('vitamin_xlarge_256', '', 'linear'), vitamin, 64)


if __name__ == '__main__':
    out = sys.argv[1]
    few = {'layers': (1, 1, 1, 1), 'embed_dims': (8, 8, 16, 32)}
    write(out, 'fastvit-mci0', of_timm('fastvit_mci0', 'avg', None), few, 70)
    deep = {'layers': (1, 1, 1, 1, 1), 'embed_dims': (8, 8, 8, 32, 64), 'mlp_ratios': (2,) * 5}
    write(out, 'fastvit-mci3', of_timm('fastvit_mci3', 'avg', None), deep, 96)
    for name, proj in (('convnext_base', 'linear'), ('convnext_xxlarge', 'linear'), ('convnext_large', 'mlp')):
        small = {'depths': (1, 1, 2, 1), 'dims': (8, 12, 16, 24)}
        write(out, name.replace('_', '-'), of_timm(name, '', proj), small, 70)
    write(out, 'modified-resnet', {'layers': [1, 2, 1, 1], 'width': 8, 'patch_size': None, 'head_width': 64}, {}, 64)
    hybrids(out)
