"""python drawn_timm.py OUT: image towers as timm itself saves them, and resnet50_clip within open_clip, with few and narrow
stages or blocks. config.json is written by timm's own function."""

import os
import sys
from dataclasses import replace
from unittest import mock

import timm
from drawn import in_double, write_expected, write_model
from drawn_conv import of_timm
from drawn_conv import write as write_open_clip
from timm.models import byobnet
from timm.models._hub import save_config_for_hf

SIZE = 64


def narrow(name):
    """The registered network with channels of 16 to 64."""
    registered = byobnet.model_cfgs[name]
    blocks = tuple(replace(block, d=d, c=c) for block, d, c in zip(registered.blocks, (1, 2, 1, 1), (16, 32, 48, 64)))
    return replace(registered, blocks=blocks, stem_chs=(4, 4, 8))


def write(out, name, architecture, **small):
    directory = os.path.join(out, name)
    os.makedirs(directory, exist_ok=True)
    model = timm.create_model(architecture, **small)
    write_model(directory, model, names=lambda tensor: None if tensor.endswith('num_batches_tracked') else tensor)
    model.pretrained_cfg['input_size'] = (3, SIZE, SIZE)
    save_config_for_hf(model, os.path.join(directory, 'config.json'), {'num_classes': model.num_classes})
    write_expected(directory, encode_image=in_double(model), size=SIZE)


if __name__ == '__main__':
    out = sys.argv[1]
    small = {name: narrow(name) for name in ('resnet50_clip', 'resnet101_clip_gap')}
    with mock.patch.dict(byobnet.model_cfgs, small):
        write(out, 'timm-resnet', 'resnet50_clip.openai', num_classes=24, img_size=SIZE)
        write(out, 'timm-resnet-gap', 'resnet101_clip_gap.openai')
        write_open_clip(out, 'open-clip-resnet', of_timm('resnet50_clip', 'token', None), {'img_size': SIZE}, SIZE)
    vit = {'img_size': SIZE, 'embed_dim': 48, 'depth': 2}
    write(out, 'timm-clip', 'vit_base_patch16_clip_224.openai', num_classes=24, **vit)
    write(out, 'timm-siglip', 'vit_base_patch16_siglip_224.webli', **vit)
