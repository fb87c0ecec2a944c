"""Small random models of every family and layout beyond plain CLIP, each with what PyTorch makes of it.

python families.py OUT [NAME...]     (requirements.txt; a minute)

All of them are kept in test/fixtures/reference/families; test/reference/families.test.ts reads any such folder
(GGCLIP_FAMILIES=OUT for others).
"""

import contextlib
import os
import shutil
import sys

import torch
import transformers
from safetensors.torch import save_file

from expected import TEXTS, in_double, pooled, write_expected, write_json, write_picture
from family_tokenizers import write_gemma, write_roberta, write_siglip, write_word_piece, write_xlm_roberta
from random_weights import randomise
from tiny_tokenizer import write_tokenizer

CLEANED = TEXTS + ['snake_case &amp; “curly” quotes’ end']
CHINESE = ['一只猫的照片', 'a photo of a cat', '', '雪地里的两只狗, 42', 'the end ' * 40]


def rounded(model, seed):
    """Random weights that 16 bits hold exactly, so that files are small and the reference knows the same numbers."""
    model = randomise(model.eval(), seed)
    with torch.no_grad():
        if getattr(model, 'logit_bias', None) is not None:
            model.logit_bias.fill_(-7.25)
    return model.half().float()


def save_half(model, directory, name):
    save_file({k: v.half().contiguous() for k, v in model.state_dict().items() if 'position_ids' not in k}, os.path.join(directory, name))


def padded(tokenizer, texts, context):
    return torch.tensor(tokenizer(texts, padding='max_length', truncation=True, max_length=context)['input_ids'])


def states(name, embed, blocks, run):
    """Inputs and outputs of the blocks for the first input: debug.NAME.hidden.i [tokens, width]."""
    kept, hooks = {}, []

    def keep(i, value):
        value = value[0] if isinstance(value, tuple) else value
        kept[f'debug.{name}.hidden.{i}'] = value.detach()[0]

    hooks.append(blocks[0].register_forward_pre_hook(
        lambda m, args, kwargs: keep(0, args[0] if args else kwargs['hidden_states']), with_kwargs=True))
    for i, block in enumerate(blocks):
        hooks.append(block.register_forward_hook(lambda m, args, out, i=i: keep(i + 1, out)))
    with torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()
    return kept


# ---- open_clip ------------------------------------------------------------------------------------------------------


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
            **states('vision', None, v_blocks, lambda: reference.encode_image(pixels[:1])),
            **states('text', None, t_blocks, lambda: reference.encode_text(ids[:1])),
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


# ---- transformers ---------------------------------------------------------------------------------------------------


def write_hf(directory, seed, picture, model, tokenizer, context, process, text_args=lambda ids: {}, texts=TEXTS):
    model = rounded(model, seed)
    model.half().save_pretrained(directory)
    model.float()
    reference = in_double(model)
    ids = padded(tokenizer, texts, context)
    size = model.config.vision_config.image_size
    vision, text = reference.vision_model, reference.text_model
    t_blocks = text.encoder.layers if hasattr(text.encoder, 'layers') else text.encoder.layer

    def debug(pixels):
        return {
            **states('vision', None, vision.encoder.layers, lambda: reference.get_image_features(pixel_values=pixels[:1])),
            **states('text', None, t_blocks, lambda: reference.get_text_features(input_ids=ids[:1], **text_args(ids[:1]))),
        }

    write_expected(
        directory, 'hf', lambda x: pooled(reference.get_image_features(pixel_values=x)),
        lambda x: pooled(reference.get_text_features(input_ids=x, **text_args(x))), size, ids, float(reference.logit_scale.detach().exp()),
        picture, texts=texts, seed=seed, process=process, bias=getattr(reference, 'logit_bias', torch.zeros(1)).item(), debug=debug)


def pil_processor(directory, processor, **kwargs):
    made = processor(**kwargs)
    made.save_pretrained(directory)
    return lambda image: made(image)['pixel_values'][0]


def make_siglip2_fixed(directory, seed, picture):
    """As google/siglip2-base-patch16-224: a SiglipModel with the Gemma tokenizer."""
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    tokenizer, vocab = write_gemma(directory, 24)
    common = dict(num_hidden_layers=2, layer_norm_eps=1e-6)
    config = transformers.SiglipConfig(
        vision_config=dict(hidden_size=45, num_attention_heads=5, intermediate_size=70, image_size=35, patch_size=7, **common),
        text_config=dict(hidden_size=36, num_attention_heads=3, intermediate_size=50, max_position_embeddings=24, vocab_size=vocab, projection_size=45, **common))
    process = pil_processor(directory, SiglipImageProcessorPil, size={'height': 35, 'width': 35}, resample=2)
    write_hf(directory, seed, picture, transformers.SiglipModel(config), tokenizer, 24, process)


def make_metaclip2(directory, seed, picture):
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    tokenizer, vocab = write_xlm_roberta(directory, 22)
    config = transformers.MetaClip2Config(
        vision_config=dict(hidden_size=40, num_attention_heads=2, intermediate_size=60, num_hidden_layers=2, image_size=30, patch_size=10, hidden_act='gelu'),
        text_config=dict(hidden_size=30, num_attention_heads=3, intermediate_size=44, num_hidden_layers=2, max_position_embeddings=22, vocab_size=vocab,
                         bos_token_id=0, eos_token_id=2, pad_token_id=1, hidden_act='gelu'), projection_dim=26)
    process = pil_processor(directory, CLIPImageProcessorPil, size={'height': 30, 'width': 30}, do_center_crop=False, default_to_square=True)
    write_hf(directory, seed, picture, transformers.MetaClip2Model(config), tokenizer, 22, process)


def make_chinese_clip(directory, seed, picture):
    from transformers.models.chinese_clip.image_processing_pil_chinese_clip import ChineseCLIPImageProcessorPil

    tokenizer, vocab = write_word_piece(directory, 26, only_vocab=True)
    config = transformers.ChineseCLIPConfig(
        vision_config=dict(hidden_size=40, num_attention_heads=2, intermediate_size=60, num_hidden_layers=2, image_size=45, patch_size=15),
        text_config=dict(hidden_size=42, num_attention_heads=3, intermediate_size=50, num_hidden_layers=2, max_position_embeddings=33, vocab_size=vocab),
        projection_dim=26)
    process = pil_processor(directory, ChineseCLIPImageProcessorPil, size={'height': 45, 'width': 45}, do_center_crop=False)
    model = transformers.ChineseCLIPModel(config)
    write_hf(directory, seed, picture, model, tokenizer, 26, process, lambda ids: {'attention_mask': (ids != 0).long()}, CHINESE)


def make_siglip2_naflex(directory, seed, picture):
    """Pictures of three grids in one batch; expected.json tells each picture's grid."""
    from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil

    tokenizer, vocab = write_gemma(directory, 24)
    common = dict(num_hidden_layers=2, layer_norm_eps=1e-6)
    config = transformers.Siglip2Config(
        vision_config=dict(hidden_size=45, num_attention_heads=5, intermediate_size=70, patch_size=7, num_patches=25, **common),
        text_config=dict(hidden_size=36, num_attention_heads=3, intermediate_size=50, max_position_embeddings=24, vocab_size=vocab, projection_size=45, **common))
    model = rounded(transformers.Siglip2Model(config), seed)
    model.half().save_pretrained(directory)
    model.float()
    processor = Siglip2ImageProcessorPil(patch_size=7, max_num_patches=40)
    processor.save_pretrained(directory)
    reference = in_double(model)
    ids = padded(tokenizer, TEXTS, 24)
    grids = [(5, 5), (3, 8), (9, 4), (1, 2)]
    gen = torch.Generator().manual_seed(seed)
    images = [torch.randn(3, rows * 7, columns * 7, generator=gen) for rows, columns in grids]
    patches = torch.zeros(len(grids), 40, 147)
    mask = torch.zeros(len(grids), 40, dtype=torch.long)
    for i, (image, (rows, columns)) in enumerate(zip(images, grids)):
        patches[i, : rows * columns] = image.reshape(3, rows, 7, columns, 7).permute(1, 3, 2, 4, 0).reshape(rows * columns, -1)
        mask[i, : rows * columns] = 1

    def encode(pixel_values, pixel_attention_mask, spatial_shapes):
        return pooled(reference.get_image_features(
            pixel_values=pixel_values.double(), pixel_attention_mask=pixel_attention_mask, spatial_shapes=spatial_shapes))

    shapes = torch.tensor(grids)
    files = [picture, os.path.join(os.path.dirname(picture), 'picture-wide.png')]
    from PIL import Image

    made = [processor(Image.open(file).convert('RGB'), return_tensors='pt') for file in files]
    from expected import write_tensors

    with torch.no_grad():
        text = pooled(reference.get_text_features(input_ids=ids))
        image = encode(patches, mask, shapes)
        unit = [t / t.norm(dim=-1, keepdim=True) for t in (image, text)]
        tensors = {
            'image_embeds': image, 'input_ids': ids, 'text_embeds': text,
            'logits_per_image': float(reference.logit_scale.exp()) * unit[0] @ unit[1].T - 7.25,
            'e2e.image_embeds': torch.cat([encode(m['pixel_values'], m['pixel_attention_mask'], m['spatial_shapes']) for m in made]),
            **{f'pixel_values.{i}': x for i, x in enumerate(images)},
            **states('text', None, reference.text_model.encoder.layers, lambda: reference.get_text_features(input_ids=ids[:1])),
            **states('vision', None, reference.vision_model.encoder.layers, lambda: encode(patches[1:2, :24], mask[1:2, :24], shapes[1:2])),
        }
    write_tensors(directory, tensors)
    write_json(directory, 'expected.json', {
        'family': 'siglip2-naflex', 'texts': TEXTS, 'grids': grids, 'debug_image': 1, 'e2e_images': [os.path.relpath(f, directory) for f in files]})


def make_tiny_clip_auto(directory, seed, picture):
    """Blocks of different heads and MLP widths, in transformers' names, as pruning leaves them."""
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    tokenizer, vocab = write_tokenizer(directory, context_length=20)
    config = transformers.CLIPConfig(
        vision_config=dict(hidden_size=40, num_attention_heads=4, intermediate_size=60, num_hidden_layers=3, image_size=42, patch_size=14, hidden_act='gelu'),
        text_config=dict(hidden_size=30, num_attention_heads=3, intermediate_size=44, num_hidden_layers=2, max_position_embeddings=20, vocab_size=vocab,
                         bos_token_id=vocab - 2, eos_token_id=vocab - 1, pad_token_id=vocab - 1, hidden_act='gelu'), projection_dim=26)
    model = transformers.CLIPModel(config)
    prune(model.vision_model.encoder.layers, 10, [(4, 60), (1, 33), (3, 48)])
    prune(model.text_model.encoder.layers, 10, [(2, 44), (3, 21)])
    process = pil_processor(directory, CLIPImageProcessorPil, size={'shortest_edge': 42}, crop_size={'height': 42, 'width': 42})
    write_hf(directory, seed, picture, model, tokenizer, 20, process)


def prune(layers, head, dims):
    for layer, (heads, ffn) in zip(layers, dims):
        attention, width = layer.self_attn, layer.self_attn.embed_dim
        for name in ('q_proj', 'k_proj', 'v_proj'):
            setattr(attention, name, torch.nn.Linear(width, heads * head))
        attention.out_proj = torch.nn.Linear(heads * head, width)
        attention.num_heads, attention.embed_dim = heads, heads * head
        layer.mlp.fc1, layer.mlp.fc2 = torch.nn.Linear(width, ffn), torch.nn.Linear(ffn, width)


class MultilingualCLIP(torch.nn.Module):
    """multilingual_clip/pt_multilingual_clip.py: mean of the real tokens' last states, then a Linear with bias."""

    def __init__(self, config, dim):
        super().__init__()
        self.transformer = transformers.XLMRobertaModel(config)
        self.LinearTransformation = torch.nn.Linear(config.hidden_size, dim)

    def forward(self, ids):
        mask = (ids != 1).to(self.LinearTransformation.weight.dtype)
        last = self.transformer(input_ids=ids, attention_mask=mask)[0]
        return self.LinearTransformation((last * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))


def make_mclip(directory, seed, _):
    tokenizer, vocab = write_xlm_roberta(directory, 32)
    config = xlm_config(vocab)
    config.hidden_size, config.num_attention_heads = 64, 16  # the heads of xlm-roberta-large
    model = rounded(MultilingualCLIP(config, 27), seed)
    save_half(model, directory, 'model.safetensors')
    write_json(directory, 'config.json', {
        'architectures': ['MultilingualCLIP'], 'modelBase': 'xlm-roberta-large', 'model_type': 'M-CLIP', 'numDims': 27, 'transformerDimensions': 64})
    reference = in_double(model)
    ids = padded(tokenizer, TEXTS, 32)
    write_expected(directory, 'm-clip', None, reference, 0, ids, seed=seed,
                   debug=lambda _: states('text', None, reference.transformer.encoder.layer, lambda: reference(ids[:1])))


MAKERS = {name: (lambda d, s, p, spec=spec: make_open_clip(d, s, p, **spec)) for name, spec in OPEN_CLIP.items()}
MAKERS.update({
    'siglip-2-fixed': make_siglip2_fixed,
    'siglip-2-naflex': make_siglip2_naflex,
    'metaclip-2-hf': make_metaclip2,
    'chinese-clip': make_chinese_clip,
    'tiny-clip-auto': make_tiny_clip_auto,
    'm-clip': make_mclip,
})


def main(out, names):
    transformers.utils.logging.disable_progress_bar()
    os.makedirs(out, exist_ok=True)
    picture = os.path.join(out, 'picture.png')
    write_picture(picture)
    write_picture(os.path.join(out, 'picture-wide.png'), 131, 40)
    for seed, (name, make) in enumerate(MAKERS.items(), 900):
        if names and name not in names:
            continue
        directory = os.path.join(out, name)
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        make(directory, seed, picture)
        size = sum(os.path.getsize(os.path.join(directory, file)) for file in os.listdir(directory))
        print(f'{name}: {size / 1e3:.0f} kB', flush=True)


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2:])
