"""The small random models of families.py in open_clip's layout: their configurations and how one is made."""

import contextlib

import transformers

from expected import TEXTS, in_double, states, write_expected, write_json
from family_tokenizers import padded, write_gemma, write_roberta, write_siglip, write_word_piece, write_xlm_roberta
from random_weights import rounded, save_half
from tiny_tokenizer import write_tokenizer

CLEANED = TEXTS + ['snake_case &amp; “curly” quotes’ end']


def open_clip_text(directory, text_cfg, tokenizer, context):
    """Ids as open_clip's own wrapper makes them of this folder's tokenizer."""
    from open_clip.tokenizer import HFTokenizer

    if 'hf_tokenizer_name' not in text_cfg:
        ids = padded(tokenizer, TEXTS, context)
        end = tokenizer.eos_token_id
        for row in ids:
            row[(row == end).nonzero()[0, 0] + 1 :] = 0
        return ids
    return HFTokenizer(directory, context_length=context, **text_cfg.get('tokenizer_kwargs', {}))(CLEANED)


def make_open_clip(directory, seed, picture, vision, text, tokenizer_of, embed=28, context=20, cfg=None, timm=None, hf=None, **model):
    import open_clip.model as oc
    from open_clip.transform import PreprocessCfg, image_transform_v2

    tokenizer, vocab = tokenizer_of(directory, context_length=context) if tokenizer_of is write_tokenizer else tokenizer_of(directory, context)
    text_cfg = {'context_length': context, **text}
    if hf is None:
        text_cfg['vocab_size'] = vocab
    model_cfg = {'embed_dim': embed, 'vision_cfg': vision, 'text_cfg': text_cfg, **model}
    with patched_timm(timm), patched_hf(hf, vocab):
        custom = model_cfg.get('custom_text') or hf is not None
        kwargs = {k: v for k, v in model_cfg.items() if k not in ('custom_text',)}
        if timm:  # plain open_clip has no such key: what the file says beyond the architecture's name
            kwargs['vision_cfg'] = {k: v for k, v in vision.items() if k != 'timm_model_kwargs'}
        if hf:
            kwargs['text_cfg'] = {**{k: v for k, v in text_cfg.items() if k != 'hf_model_config'}, 'hf_model_pretrained': False}
        built = (oc.CustomTextCLIP if custom else oc.CLIP)(**kwargs)
    built = rounded(built, seed)
    save_half(built, directory, 'open_clip_model.safetensors')
    size = vision['image_size']
    cfg = {'mean': [0.5, 0.4, 0.3], 'std': [0.2, 0.25, 0.3], **(cfg or {})}
    write_json(directory, 'open_clip_config.json', {'model_cfg': model_cfg, 'preprocess_cfg': cfg})
    reference = in_double(built)
    ids = open_clip_text(directory, text_cfg, tokenizer, context)
    transform = image_transform_v2(PreprocessCfg(size=size, **cfg), is_train=False)
    tower = getattr(reference, 'text', reference)
    v_blocks = reference.visual.trunk.blocks if timm else reference.visual.transformer.resblocks
    t_blocks = tower.transformer.encoder.layer if hf else tower.transformer.resblocks

    def debug(pixels):
        return {
            **states('vision', v_blocks, lambda: reference.encode_image(pixels[:1])),
            **states('text', t_blocks, lambda: reference.encode_text(ids[:1])),
        }

    bias = 0 if built.logit_bias is None else built.logit_bias.item()
    write_expected(
        directory, 'open_clip', reference.encode_image, reference.encode_text, size, ids, float(reference.logit_scale.detach().exp()),
        picture, texts=CLEANED if 'hf_tokenizer_name' in text_cfg else TEXTS, seed=seed,
        process=lambda image: transform(image).numpy(), bias=bias, debug=debug,
    )


@contextlib.contextmanager
def patched_timm(overrides):
    """timm's registered architecture with other dimensions."""
    import timm

    original = timm.create_model
    if overrides:
        timm.create_model = lambda name, **kwargs: original(name, **{**overrides, **kwargs, 'pretrained': False})
    yield
    timm.create_model = original


@contextlib.contextmanager
def patched_hf(config, vocab):
    """open_clip's HFTextEncoder around an architecture of other dimensions."""
    import open_clip.hf_model as hf

    original = hf.AutoConfig
    if config:
        made = config(vocab)
        hf.AutoConfig = type('Fixed', (), {'from_pretrained': staticmethod(lambda name: made)})
    yield
    hf.AutoConfig = original


TEXT = {'width': 30, 'heads': 3, 'layers': 2, 'mlp_ratio': 2.5}
VIT = {'image_size': 42, 'layers': 2, 'width': 48, 'head_width': 24, 'patch_size': 14, 'mlp_ratio': 2.6667}
SQUASH = {'mean': [0.5] * 3, 'std': [0.5] * 3, 'interpolation': 'bicubic', 'resize_mode': 'squash'}
SIGLIP_TEXT = {**TEXT, 'no_causal_mask': True, 'proj_bias': True, 'pool_type': 'last', 'norm_kwargs': {'eps': 1e-6}}


def xlm_config(vocab):
    return transformers.XLMRobertaConfig(
        vocab_size=vocab, hidden_size=36, num_hidden_layers=2, num_attention_heads=12, intermediate_size=52,
        max_position_embeddings=40, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=2)


def roberta_config(vocab):
    return transformers.RobertaConfig(
        vocab_size=vocab, hidden_size=42, num_hidden_layers=1, num_attention_heads=3, intermediate_size=60,
        max_position_embeddings=30, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0, eos_token_id=2)


OPEN_CLIP = {
    'custom-text': dict(vision=VIT, text=TEXT, tokenizer_of=write_tokenizer, custom_text=True, quick_gelu=True),
    'clipa': dict(
        vision={**VIT, 'no_ln_pre': True, 'pool_type': 'avg', 'final_ln_after_pool': True, 'pos_embed_type': 'sin_cos_2d'},
        text={**TEXT, 'hf_tokenizer_name': 'bert-base-uncased', 'tokenizer_kwargs': {'strip_sep_token': True}, 'pool_type': 'last', 'no_causal_mask': True},
        tokenizer_of=write_word_piece,
        cfg={'mean': [0.485, 0.456, 0.406], 'std': [0.229, 0.224, 0.225], 'interpolation': 'bilinear', 'resize_mode': 'squash'},
    ),
    'metaclip-2': dict(
        vision=VIT, text={**TEXT, 'hf_tokenizer_name': 'facebook/xlm-v-base', 'pool_type': 'eos', 'eos_id': 2}, tokenizer_of=write_xlm_roberta, quick_gelu=True),
    'average-then-norm-first': dict(vision={**VIT, 'pool_type': 'avg'}, text={**TEXT, 'proj_type': 'linear'}, tokenizer_of=write_tokenizer),
    'timm-clip': dict(
        vision={'image_size': 40, 'timm_model_name': 'vit_xsmall_patch16_clip_224', 'timm_pool': 'token', 'timm_proj': None},
        text=TEXT, tokenizer_of=write_tokenizer, custom_text=True,
        timm=dict(embed_dim=44, depth=2, img_size=40, patch_size=8)),
    'timm-quickgelu-linear': dict(
        vision={'image_size': 33, 'timm_model_name': 'vit_base_patch32_clip_quickgelu_224', 'timm_pool': 'token', 'timm_proj': 'linear', 'timm_proj_bias': True,
                'timm_model_kwargs': {'num_heads': 3}},
        text=TEXT, tokenizer_of=write_tokenizer, custom_text=True, timm=dict(embed_dim=51, depth=1, num_heads=3, img_size=33, patch_size=11)),
    'timm-siglip': dict(
        vision={'image_size': 30, 'timm_model_name': 'vit_base_patch16_siglip_224', 'timm_model_pretrained': False, 'timm_pool': 'map', 'timm_proj': 'none'},
        text={**SIGLIP_TEXT, 'hf_tokenizer_name': 'timm/ViT-B-16-SigLIP', 'tokenizer_kwargs': {'clean': 'canonicalize'}},
        tokenizer_of=write_siglip, embed=60, cfg=SQUASH, custom_text=True, init_logit_bias=-10,
        timm=dict(embed_dim=60, depth=2, img_size=30, patch_size=10, mlp_ratio=2.2)),
    'timm-siglip-2': dict(
        vision={'image_size': 32, 'timm_model_name': 'vit_so400m_patch16_siglip_256', 'timm_model_pretrained': False, 'timm_pool': 'map', 'timm_proj': 'none'},
        text={**SIGLIP_TEXT, 'hf_tokenizer_name': 'timm/ViT-SO400M-16-SigLIP2-256', 'tokenizer_kwargs': {'clean': 'canonicalize'}, 'act_kwargs': {'approximate': 'tanh'}},
        tokenizer_of=write_gemma, embed=48, cfg=SQUASH, custom_text=True, init_logit_bias=-10,
        timm=dict(embed_dim=48, depth=1, img_size=32, patch_size=8, mlp_ratio=2.5)),
    'xlm-roberta': dict(
        vision=VIT, text={'hf_model_name': 'xlm-roberta-base', 'hf_tokenizer_name': 'xlm-roberta-base', 'hf_pooler_type': 'mean_pooler'},
        tokenizer_of=write_xlm_roberta, hf=xlm_config),
    'roberta': dict(
        vision=VIT, text={'hf_model_name': 'roberta-base', 'hf_tokenizer_name': 'roberta-base', 'hf_pooler_type': 'mean_pooler', 'hf_proj_type': 'linear',
                          'hf_model_config': {'model_type': 'roberta', 'hidden_size': 42, 'num_hidden_layers': 1, 'num_attention_heads': 3, 'intermediate_size': 60,
                                              'max_position_embeddings': 30, 'type_vocab_size': 1, 'layer_norm_eps': 1e-5, 'vocab_size': 272}},
        tokenizer_of=write_roberta, hf=roberta_config, quick_gelu=True),
}
