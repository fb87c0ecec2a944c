"""python coverage.py OUT.json.br: every configuration of open_clip with the names and shapes of its tensors.

No weights are made (PyTorch's meta device), nothing is downloaded: the text towers that open_clip takes from the hub are built
from the sizes that their authors published (`HUB`). test/reference/coverage.test.ts asks ggclip about each.
"""

import glob
import json
import os
import sys
from unittest import mock

import brotli
import open_clip
import torch
from open_clip.pretrained import _PRETRAINED
from transformers import AutoConfig

BERT = {'type_vocab_size': 1, 'max_position_embeddings': 514, 'layer_norm_eps': 1e-5, 'pad_token_id': 1}
BASE = {'hidden_size': 768, 'num_hidden_layers': 12, 'num_attention_heads': 12, 'intermediate_size': 3072}
LARGE = {'hidden_size': 1024, 'num_hidden_layers': 24, 'num_attention_heads': 16, 'intermediate_size': 4096}
M2M = {'vocab_size': 256206, 'd_model': 1024, 'encoder_attention_heads': 16, 'decoder_attention_heads': 16, 'max_position_embeddings': 1024, 'scale_embedding': True}
MT5 = {'vocab_size': 250112, 'd_kv': 64, 'feed_forward_proj': 'gated-gelu', 'relative_attention_num_buckets': 32}
HUB = {
    'roberta-base': ('roberta', {**BERT, **BASE, 'vocab_size': 50265}),
    'xlm-roberta-base': ('xlm-roberta', {**BERT, **BASE, 'vocab_size': 250002}),
    'xlm-roberta-large': ('xlm-roberta', {**BERT, **LARGE, 'vocab_size': 250002}),
    'google/mt5-base': ('mt5', {**MT5, 'd_model': 768, 'd_ff': 2048, 'num_layers': 12, 'num_heads': 12}),
    'google/mt5-xl': ('mt5', {**MT5, 'd_model': 2048, 'd_ff': 5120, 'num_layers': 24, 'num_heads': 32}),
    'facebook/nllb-200-distilled-600M': ('m2m_100', {**M2M, 'encoder_layers': 12, 'decoder_layers': 12, 'encoder_ffn_dim': 4096, 'decoder_ffn_dim': 4096}),
    'facebook/nllb-200-distilled-1.3B': ('m2m_100', {**M2M, 'encoder_layers': 24, 'decoder_layers': 24, 'encoder_ffn_dim': 8192, 'decoder_ffn_dim': 8192}),
}


def hub_config(name, **_):
    kind, values = HUB[name]
    return AutoConfig.for_model(kind, **values)


def tensors_of(name, config):
    with torch.device('meta'), mock.patch('transformers.AutoConfig.from_pretrained', hub_config):
        arguments = {key: value for key, value in config.items() if key != 'custom_text'}
        text = dict(arguments['text_cfg'])
        if text.get('hf_model_name'):
            text['hf_model_pretrained'] = False
        vision = dict(arguments['vision_cfg'])
        vision.pop('timm_model_pretrained', None)
        kind = open_clip.model.CLIP
        if 'multimodal_cfg' in config:
            kind = open_clip.CoCa
        elif config.get('custom_text') or 'hf_model_name' in text:
            kind = open_clip.CustomTextCLIP
        model = kind(**{**arguments, 'text_cfg': text, 'vision_cfg': vision})
    return {key: list(value.shape) for key, value in model.state_dict().items()}


def main():
    folder = os.path.join(os.path.dirname(open_clip.__file__), 'model_configs')
    result = {}
    for file in sorted(glob.glob(folder + '/*.json')):
        name = os.path.basename(file)[: -len('.json')]
        with open(file, encoding='utf-8') as source:
            config = json.load(source)
        tags = _PRETRAINED.get(name, {})
        weights = {tag: where.get('hf_hub') or os.path.basename(where.get('url')) for tag, where in tags.items()}
        try:
            tensors = tensors_of(name, config)
        except Exception as error:
            raise SystemExit(f'{name}: {error!r}')
        result[name] = {'config': config, 'weights': weights, 'tensors': tensors}
        print(name, len(tensors), flush=True)
    with open(sys.argv[1], 'wb') as out:
        out.write(brotli.compress(json.dumps(result, separators=(',', ':')).encode(), quality=11))


if __name__ == '__main__':
    main()
