"""Small random CLIP models of unusual shapes, each with what PyTorch makes of it.

python odd_shapes.py OUT [NAME...]     (requirements.txt; seconds)

The four of FIXTURES are kept in test/fixtures/reference; test/reference/odd-shapes.wide.test.ts reads any such folder
(GGCLIP_ODD_SHAPES=OUT for the rest).
"""

import json
import os
import shutil
import sys

import torch
import transformers
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from expected import TEXTS, in_double, pooled, write_expected, write_json, write_picture, write_preprocessor
from random_weights import randomise
from tiny_tokenizer import write_tokenizer

FIXTURES = ('small-head-24', 'small-head-80', 'small-sharded', 'small-open-clip')


def tower(width, heads, ffn, layers, **more):
    return dict(hidden_size=width, num_attention_heads=heads, intermediate_size=ffn, num_hidden_layers=layers, **more)


HF = {
    'head-24-patch-14': dict(
        vision=tower(72, 3, 200, 2, image_size=42, patch_size=14),
        text=tower(40, 1, 100, 2, max_position_embeddings=20),
        projection=36,
        act='gelu_new',
        eps=1e-6,
    ),
    'f16-head-80-image-50': dict(
        vision=tower(80, 1, 136, 2, image_size=50, patch_size=16),
        text=tower(50, 2, 72, 2, max_position_embeddings=24),
        projection=64,
        act='quick_gelu',
        eps=1e-4,
        dtype=torch.float16,
    ),
    'bf16-sharded-one-layer': dict(
        vision=tower(100, 5, 120, 1, image_size=70, patch_size=14),
        text=tower(96, 4, 64, 1, max_position_embeddings=16),
        projection=20,
        act='gelu_pytorch_tanh',
        eps=1e-5,
        dtype=torch.bfloat16,
        shard='60KB',
    ),
    'small-head-24': dict(
        vision=tower(72, 3, 136, 1, image_size=42, patch_size=14),
        text=tower(40, 1, 56, 1, max_position_embeddings=20),
        projection=36,
        act='gelu_new',
        eps=1e-6,
        dtype=torch.float16,
    ),
    'small-head-80': dict(
        vision=tower(80, 1, 40, 1, image_size=50, patch_size=16),
        text=tower(18, 2, 25, 2, max_position_embeddings=24),
        projection=64,
        act='quick_gelu',
        eps=1e-4,
        dtype=torch.float16,
    ),
    'small-sharded': dict(
        vision=tower(60, 5, 120, 1, image_size=42, patch_size=7),
        text=tower(36, 3, 64, 1, max_position_embeddings=16),
        projection=20,
        act='gelu_pytorch_tanh',
        eps=1e-5,
        dtype=torch.bfloat16,
        shard='60KB',
    ),
    'head-128': dict(
        vision=tower(256, 2, 1000, 2, image_size=64, patch_size=32),
        text=tower(128, 1, 500, 3),
        projection=300,
        act='gelu',
        eps=1e-5,
    ),
    'head-7': dict(
        vision=tower(49, 7, 51, 3, image_size=33, patch_size=11),
        text=tower(63, 9, 65, 3, max_position_embeddings=33),
        projection=17,
        act='gelu',
        eps=1e-3,
    ),
    'patch-8-image-99': dict(
        vision=tower(64, 2, 300, 2, image_size=99, patch_size=8),
        text=tower(64, 4, 300, 2),
        projection=96,
        act='gelu_pytorch_tanh',
        eps=1e-5,
    ),
    'sharded-f32': dict(
        vision=tower(96, 2, 384, 2, image_size=56, patch_size=14),
        text=tower(96, 3, 96, 2),
        projection=48,
        act='quick_gelu',
        eps=1e-5,
        shard='200KB',
    ),
    'legacy-eos-2': dict(
        vision=tower(96, 3, 384, 2, image_size=32, patch_size=16),
        text=tower(64, 2, 256, 2),
        projection=48,
        act='quick_gelu',
        eps=1e-5,
        edit=lambda c: c['text_config'].update(eos_token_id=2, bos_token_id=0, pad_token_id=1),
    ),
    'omitted-defaults': dict(  # transformers' defaults: 12 and 8 heads, patch 32, quick_gelu, 1e-5, 77 positions
        vision=tower(96, 12, 192, 1, image_size=64, patch_size=32),
        text=tower(64, 8, 128, 1),
        projection=512,
        act='quick_gelu',
        eps=1e-5,
        edit=lambda c: omit(
            c,
            (
                'num_attention_heads',
                'patch_size',
                'hidden_act',
                'layer_norm_eps',
                'max_position_embeddings',
                'num_channels',
                'projection_dim',
                'model_type',
                'pad_token_id',
                'attention_dropout',
                'initializer_factor',
                'initializer_range',
                'dtype',
            ),
        ),
    ),
    'config-dicts': dict(  # transformers lets *_config_dict win
        vision=tower(64, 4, 128, 2, image_size=32, patch_size=16),
        text=tower(64, 4, 128, 2),
        projection=32,
        act='gelu',
        eps=1e-5,
        edit=lambda c: into_dicts(c),
    ),
    'logit-scale-f16-mixed': dict(
        vision=tower(64, 4, 128, 2, image_size=32, patch_size=16),
        text=tower(64, 4, 128, 2),
        projection=32,
        act='gelu',
        eps=1e-5,
        mixed=True,
        scale=2.5,
    ),
}


def omit(config, keys):
    for part in (config, config['text_config'], config['vision_config']):
        for key in keys:
            if part is not config or key not in ('model_type',):
                part.pop(key, None)


def into_dicts(config):
    for part in ('text_config', 'vision_config'):
        whole = config[part]
        config[f'{part}_dict'] = dict(whole)
        config[part] = {k: v for k, v in whole.items() if k in ('model_type', 'num_attention_heads')}


def make_hf(
    directory,
    seed,
    picture,
    vision,
    text,
    projection,
    act,
    eps,
    dtype=None,
    shard=None,
    edit=None,
    mixed=False,
    scale=4.2,
):
    context = text.get('max_position_embeddings', 77)
    tokenizer, vocab = write_tokenizer(directory, context_length=context)
    common = dict(hidden_act=act, layer_norm_eps=eps)
    config = CLIPConfig(
        vision_config={**vision, **common},
        projection_dim=projection,
        text_config={
            **text,
            **common,
            'vocab_size': vocab,
            'bos_token_id': vocab - 2,
            'eos_token_id': vocab - 1,
            'pad_token_id': vocab - 1,
        },
    )
    model = randomise(CLIPModel(config).eval(), seed, scale)
    if dtype:
        model = model.to(dtype)
    model.save_pretrained(directory, **({'max_shard_size': shard} if shard else {}))
    if mixed:
        mix_types(os.path.join(directory, 'model.safetensors'))
    if edit:
        with open(os.path.join(directory, 'config.json'), encoding='utf-8') as file:
            written = json.load(file)
        edit(written)
        write_json(directory, 'config.json', written)
    write_preprocessor(directory, vision['image_size'])
    reference = (
        CLIPModel.from_pretrained(directory, dtype=torch.float32).double().eval()
    )  # what transformers makes of the files
    ids = ids_of(tokenizer, context)
    write_expected(
        directory,
        'hf-clip',
        lambda x: pooled(reference.get_image_features(pixel_values=x)),
        lambda x: pooled(reference.get_text_features(input_ids=x)),
        vision['image_size'],
        ids,
        float(reference.logit_scale.detach().exp()),
        picture,
        seed=seed,
    )


def mix_types(path):
    """Matrices in f16, the rest in f32."""
    from safetensors.torch import load_file, save_file

    tensors = {k: (v.half() if v.dim() >= 2 else v) for k, v in load_file(path).items()}
    save_file(tensors, path, metadata={'format': 'pt'})


def ids_of(tokenizer, context):
    return torch.tensor(tokenizer(TEXTS, padding='max_length', truncation=True, max_length=context)['input_ids'])


def make_text_only(directory, seed, _):
    tokenizer, vocab = write_tokenizer(directory, context_length=30)
    config = CLIPTextConfig(
        **tower(48, 3, 90, 2, max_position_embeddings=30),
        vocab_size=vocab,
        bos_token_id=vocab - 2,
        eos_token_id=vocab - 1,
        pad_token_id=vocab - 1,
        projection_dim=52,
        hidden_act='gelu',
    )
    model = randomise(CLIPTextModelWithProjection(config).eval(), seed)
    model.save_pretrained(directory)
    reference = in_double(model)
    write_expected(
        directory,
        'hf-clip-text',
        None,
        lambda x: reference(input_ids=x).text_embeds,
        0,
        ids_of(tokenizer, 30),
        seed=seed,
    )


def make_vision_only(directory, seed, picture):
    config = CLIPVisionConfig(
        **tower(72, 3, 100, 2, image_size=40, patch_size=10), projection_dim=44, hidden_act='gelu'
    )
    model = randomise(CLIPVisionModelWithProjection(config).eval(), seed)
    model.save_pretrained(directory)
    write_preprocessor(directory, 40)
    reference = in_double(model)
    write_expected(
        directory,
        'hf-clip-vision',
        lambda x: reference(pixel_values=x).image_embeds,
        None,
        40,
        None,
        picture=picture,
        seed=seed,
    )


def make_open_clip(
    directory, seed, picture, quick_gelu=True, width=72, text_width=40, layers=2, patch=14, dtype=torch.float32
):
    from open_clip.model import CLIP
    from open_clip.transform import PreprocessCfg, image_transform_v2
    from safetensors.torch import save_file

    context = 20
    tokenizer, vocab = write_tokenizer(directory, context_length=context)
    model_cfg = {
        'embed_dim': 28,
        'quick_gelu': quick_gelu,
        'vision_cfg': {
            'image_size': 42,
            'layers': layers,
            'width': width,
            'head_width': 24,
            'patch_size': patch,
            'mlp_ratio': 2.6667,
        },
        'text_cfg': {'context_length': context, 'vocab_size': vocab, 'width': text_width, 'heads': 5, 'layers': 1},
    }
    model = randomise(CLIP(**model_cfg).eval(), seed).to(dtype)
    save_file(
        {k: v.contiguous() for k, v in model.state_dict().items()},
        os.path.join(directory, 'open_clip_model.safetensors'),
    )
    cfg = {'mean': [0.5, 0.4, 0.3], 'std': [0.2, 0.25, 0.3]}
    write_json(directory, 'open_clip_config.json', {'model_cfg': model_cfg, 'preprocess_cfg': cfg})
    reference = in_double(model)
    ids = ids_of(tokenizer, context)
    for row in ids:  # open_clip pads with 0
        row[(row == vocab - 1).nonzero()[0, 0] + 1 :] = 0
    transform = image_transform_v2(PreprocessCfg(size=42, **cfg), is_train=False)
    write_expected(
        directory,
        'open_clip',
        reference.encode_image,
        reference.encode_text,
        42,
        ids,
        float(reference.logit_scale.detach().exp()),
        picture,
        seed=seed,
        process=lambda image: transform(image).numpy(),
    )


MAKERS = {name: (lambda d, s, p, spec=spec: make_hf(d, s, p, **spec)) for name, spec in HF.items()}
MAKERS.update(
    {
        'text-only': make_text_only,
        'vision-only': make_vision_only,
        'open-clip-head-24': make_open_clip,
        'small-open-clip': lambda d, s, p: make_open_clip(d, s, p, width=48, text_width=10, layers=1, patch=7),
        'open-clip-gelu-f16': lambda d, s, p: make_open_clip(
            d, s, p, quick_gelu=False, width=96, text_width=50, dtype=torch.float16
        ),
    }
)


def main(out, names):
    transformers.utils.logging.disable_progress_bar()
    os.makedirs(out, exist_ok=True)
    picture = os.path.join(out, 'picture.png')
    if not os.path.exists(picture):
        write_picture(picture)
    for seed, (name, make) in enumerate(MAKERS.items(), 500):
        if names and name not in names:
            continue
        directory = os.path.join(out, name)
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        make(directory, seed, picture)
        size = sum(os.path.getsize(os.path.join(directory, file)) for file in os.listdir(directory))
        print(f'{name}: {size / 1e3:.0f} kB', flush=True)


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2:] if sys.argv[2:] != ['fixtures'] else FIXTURES)
