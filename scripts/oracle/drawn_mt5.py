"""python drawn_mt5.py OUT: open_clip with mT5's encoder as the text tower, and a tokenizer of T5's kind."""

import os
import sys
import tempfile

import open_clip.model as oc
from drawn import in_double, write_expected, write_json, write_model
from family_tokenizers import write_t5
from open_clip.tokenizer import HFTokenizer
from transformers import MT5Config

# the second is longer than the distances that have buckets of their own
TEXTS = ['a photo of a cat', ' '.join(['Two dogs playing in the snow, the end of the road'] * 4), '', 'café &amp; \ta red apple']


def mt5(out, name, context, text, proj, **sizes):
    directory = os.path.join(out, name)
    os.makedirs(directory, exist_ok=True)
    _, vocab = write_t5(directory, context)
    encoder = MT5Config(vocab_size=vocab, num_decoder_layers=1, **sizes)
    config = {
        'embed_dim': 24,
        'vision_cfg': {'image_size': 16, 'layers': 1, 'width': 32, 'patch_size': 8, 'head_width': 16},
        'text_cfg': {'context_length': context, 'hf_pooler_type': 'mean_pooler', **({'hf_proj_type': proj} if proj else {})},
    }
    with tempfile.TemporaryDirectory() as named:
        encoder.save_pretrained(named)
        model = oc.CustomTextCLIP(**{**config, 'text_cfg': {**config['text_cfg'], 'hf_model_name': named, 'hf_model_pretrained': False}})
    model = write_model(directory, model, 'open_clip_model.safetensors')
    for key in ('hf_model_name', 'hf_tokenizer_name'):
        config['text_cfg'][key] = text
    write_json(directory, 'open_clip_config.json', {'model_cfg': config, 'preprocess_cfg': {}})
    reference = in_double(model)
    ids = HFTokenizer(directory, context_length=context)(TEXTS)
    write_expected(directory, encode_image=reference.encode_image, size=16, encode_text=reference.encode_text, texts=TEXTS, ids=ids)


if __name__ == '__main__':
    out = sys.argv[1]
    mt5(out, 'mt5', 160, 'google/mt5-base', None, d_model=64, d_kv=16, num_heads=4, d_ff=96, num_layers=3)
    # heads that do not fill the width
    mt5(out, 'mt5-narrow', 24, 'google/mt5-small', 'linear', d_model=48, d_kv=8, num_heads=3, d_ff=80, num_layers=2, relative_attention_num_buckets=16)
