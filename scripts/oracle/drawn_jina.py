"""python drawn_jina.py OUT: jina-clip-v1 and -v2, and a model with the projections that their configuration allows."""

import os
import sys

import torch

from drawn import in_double, rule, write_expected, write_json, write_model
from family_tokenizers import write_word_piece, write_xlm_roberta
from jina_clip import EvaTower, FlashBert, JinaClip, TextTower, adapt, alibi_slopes, collect_states

TEXTS = ['a photo of a cat', '', 'Two dogs playing in the snow', 'the end of the road, 42 boats and a red apple on the table']
N_CTX = 24
SIZE = 24
TEXT = {'hidden_size': 48, 'intermediate_size': 80, 'num_hidden_layers': 2, 'num_attention_heads': 6}
PROCESSOR = {
    'auto_map': {'AutoImageProcessor': 'jinaai/jina-clip-implementation--processing_clip.JinaCLIPImageProcessor'},
    'fill_color': 0,
    'image_processor_type': 'JinaCLIPImageProcessor',
    'interpolation': 'bicubic',
    'mean': [0.48145466, 0.4578275, 0.40821073],
    'processor_class': 'JinaCLIPProcessor',
    'resize_mode': 'shortest',
    'size': SIZE,
    'std': [0.26862954, 0.26130258, 0.27577711],
}


def stronger(name, shape):
    return (0.0, 0.5) if name.endswith('lora_B') else rule(name, shape)


def write(out, name, module, tokenizer, text_config, vision_config, texts=TEXTS, **config):
    directory = os.path.join(out, name)
    reference = in_double(write_model(directory, module, rule=stronger))
    model = {'architectures': ['JinaCLIPModel'], 'model_type': 'jina_clip', 'add_projections': False, 'logit_scale_init_value': 2.6592}
    text_config = {'model_type': 'jina_clip_text', 'pooler_type': 'mean_pooler', 'proj_bias': False, 'proj_type': None, **text_config}
    vision_config = {'model_type': 'jina_clip_vision', 'fused_layer_norm': False, 'ls_init_value': None, 'patch_dropout': 0.1, 'image_size': SIZE, 'x_attention': True, **vision_config}
    write_json(directory, 'config.json', model | config | {'text_config': text_config, 'vision_config': vision_config})
    write_json(directory, 'preprocessor_config.json', PROCESSOR)
    ids = tokenizer(texts, padding='max_length', truncation=True, max_length=N_CTX, return_tensors='pt')['input_ids']
    write_expected(directory, encode_image=reference.encode_image, size=SIZE, encode_text=reference.encode_text, texts=texts, ids=ids, states=collect_states(reference), dtypes=['q8_0', 'q4_0'])
    return reference, ids


def tokenizer_of(out, name, write_tokenizer):
    directory = os.path.join(out, name)
    os.makedirs(directory, exist_ok=True)
    return write_tokenizer(directory, N_CTX)


def bert(vocab, **other):
    return FlashBert(vocab, TEXT['hidden_size'], TEXT['num_attention_heads'], TEXT['intermediate_size'], TEXT['num_hidden_layers'], **other)


def first(out):
    tokenizer, vocab = tokenizer_of(out, 'jina-clip-v1', write_word_piece)
    text = TextTower(bert(vocab, types=2, eps=1e-12), pad=0, nested=False)
    vision = EvaTower(SIZE, 6, 48, 4, 2, 2.6667, angles=True)
    write(
        out,
        'jina-clip-v1',
        JinaClip(text, vision),
        tokenizer,
        {
            'embed_dim': 48,
            'hf_model_name_or_path': 'jinaai/jina-bert-flash-implementation',
            'hf_model_config_kwargs': {'use_flash_attn': False, 'vocab_size': vocab, **TEXT},
        },
        {'embed_dim': 48, 'width': 48, 'head_width': 12, 'layers': 2, 'mlp_ratio': 2.6667, 'patch_size': 6, 'naive_swiglu': True, 'subln': True, 'qkv_bias': True,
         'rope_embeddings': True, 'pt_hw_seq_len': 4, 'intp_freq': False, 'post_norm': False, 'proj_type': None},
        texts=[*TEXTS, 'a [PAD] red [PAD] cat'],  # padding within a text is hidden, but takes its place
        projection_dim=48,
    )


def second(out):
    tokenizer, vocab = tokenizer_of(out, 'jina-clip-v2', write_xlm_roberta)
    inner = bert(vocab, types=1, eps=1e-5, base=20000)
    adapt(inner, rank=3, tasks=3, scale=2, task=1)
    vision = EvaTower(SIZE, 7, 48, 4, 2, 2.6667, trained=16)  # patches that do not cover the picture
    tasks = ['retrieval.query', 'retrieval.passage', 'text-matching']
    reference, ids = write(
        out,
        'jina-clip-v2',
        JinaClip(TextTower(inner, pad=1, nested=True), vision),
        tokenizer,
        {
            'default_instruction_task': None,
            'default_lora_task': 'retrieval.passage',
            'embed_dim': 48,
            'hf_model_name_or_path': 'jinaai/jina-embeddings-v3',
            'hf_model_config_kwargs': {
                'load_trained_adapters': False, 'lora_adaptations': tasks, 'lora_alpha': 6, 'lora_dropout_p': 0.0, 'lora_main_params_trainable': False, 'lora_rank': 3,
                'task_instructions': {task: f'{task}: ' for task in tasks}, 'use_flash_attn': True, 'vocab_size': vocab, **TEXT,
            },
        },
        {'embed_dim': 48, 'width': 48, 'head_width': 12, 'layers': 2, 'mlp_ratio': 2.6667, 'patch_size': 7, 'naive_swiglu': True, 'subln': True, 'qkv_bias': True,
         'rope_embeddings': True, 'pt_hw_seq_len': 16, 'intp_freq': True, 'post_norm': False, 'proj_type': None},
        projection_dim=48,
        matryoshka_dimensions=[16, 32, 48],
        truncate_dim=None,
    )
    compare_with_transformers(reference.text_model, ids, vocab)


def projected(out):
    """Everything else that the configuration can say: fused queries, plain MLPs, norms after the branches, layer scale, linear heads."""
    tokenizer, vocab = tokenizer_of(out, 'jina-clip-linear', write_word_piece)
    text = TextTower(bert(vocab, types=2, eps=1e-12), pad=0, nested=False, out=40, pool='cls')
    vision = EvaTower(SIZE, 8, 32, 2, 2, 2, gated=False, subln=False, after=True, scale=True, rotary=False, out=40)
    write(
        out,
        'jina-clip-linear',
        JinaClip(text, vision),
        tokenizer,
        {'embed_dim': 40, 'proj_type': 'linear', 'pooler_type': 'cls_pooler', 'hf_model_name_or_path': 'jinaai/jina-bert-flash-implementation',
         'hf_model_config_kwargs': {'vocab_size': vocab, **TEXT}},
        {'embed_dim': 40, 'width': 32, 'head_width': 16, 'layers': 2, 'mlp_ratio': 2, 'patch_size': 8, 'naive_swiglu': False, 'subln': False, 'qkv_bias': True,
         'rope_embeddings': False, 'post_norm': True, 'ls_init_value': 0.1, 'proj_type': 'linear'},
        projection_dim=40,
    )


def compare_with_transformers(tower, ids, vocab):
    """The rotary tower against transformers' own class of the same model, which has other names and no adapters."""
    from transformers import JinaEmbeddingsV3Config, JinaEmbeddingsV3Model

    own = tower.transformer['roberta']
    other = JinaEmbeddingsV3Model(JinaEmbeddingsV3Config(vocab_size=vocab, **TEXT), add_pooling_layer=False).double().eval()
    state = {'embeddings.word_embeddings.weight': own.embeddings['word_embeddings'].weight, 'embeddings.token_type_embeddings.weight': own.embeddings['token_type_embeddings'].weight,
             'embeddings.LayerNorm.weight': own.emb_ln.weight, 'embeddings.LayerNorm.bias': own.emb_ln.bias}
    for i, layer in enumerate(own.encoder['layers']):
        begin = f'layers.{i}.'
        for suffix in ('weight', 'bias'):
            for name, part in zip('qkv', getattr(layer.mixer.Wqkv, suffix).chunk(3)):
                state[f'{begin}self_attn.{name}_proj.{suffix}'] = part
            state[f'{begin}self_attn.o_proj.{suffix}'] = getattr(layer.mixer.out_proj, suffix)
            state[f'{begin}post_attention_layernorm.{suffix}'] = getattr(layer.norm1, suffix)
            state[f'{begin}post_mlp_layernorm.{suffix}'] = getattr(layer.norm2, suffix)
            for name in ('fc1', 'fc2'):
                state[f'{begin}mlp.{name}.{suffix}'] = getattr(getattr(layer.mlp, name), suffix)
    other.load_state_dict({k: v.detach() for k, v in state.items()}, strict=True)
    mask = ids != tower.pad
    with torch.no_grad():
        difference = (own(ids, mask) - other(ids, attention_mask=mask.long()).last_hidden_state)[mask].abs().max().item()
    assert difference < 1e-5, difference


def compare_slopes():
    from transformers.models.bloom.modeling_bloom import build_alibi_tensor

    for heads in (1, 2, 3, 6, 8, 12, 16, 20):
        theirs = build_alibi_tensor(torch.ones(1, 2), heads, torch.float64)[:, 0, 1]
        assert torch.allclose(alibi_slopes(heads), theirs.double(), rtol=1e-6), heads


if __name__ == '__main__':
    compare_slopes()
    first(sys.argv[1])
    second(sys.argv[1])
    projected(sys.argv[1])
