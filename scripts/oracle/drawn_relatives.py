"""python drawn_relatives.py OUT: models whose towers ggclip computes under other names and sizes than the families' own."""

import os
import sys

import torch
import transformers
from family_tokenizers import write_gemma, write_siglip, write_word_piece
from drawn import in_double, write_expected, write_json, write_model
from tiny_tokenizer import write_tokenizer

TEXTS = ['a photo of a cat', 'Two dogs playing in the snow', 'the end, of the road', 'a']
VISION = {'hidden_size': 64, 'intermediate_size': 96, 'num_hidden_layers': 2, 'num_attention_heads': 4, 'patch_size': 8}
TEXT = {'hidden_size': 64, 'intermediate_size': 96, 'num_hidden_layers': 2, 'num_attention_heads': 4}


def ids_of(tokenizer, n_ctx):
    return tokenizer(TEXTS, padding='max_length', truncation=True, max_length=n_ctx, return_tensors='pt')['input_ids']


def folder(out, name):
    directory = os.path.join(out, name)
    os.makedirs(directory, exist_ok=True)
    return directory


def task_model(out, name, config_class, model_class, prefix, size, context, processor, vision=(), text=()):
    """A model of two towers as it is saved below a task's head."""
    directory = folder(out, name)
    tokenizer, vocab = write_tokenizer(directory, context_length=context)
    config = config_class(
        vision_config={**VISION, **dict(vision)}, projection_dim=24,
        text_config={**TEXT, 'vocab_size': vocab, 'max_position_embeddings': context, 'bos_token_id': vocab - 2, 'eos_token_id': vocab - 1, **dict(text)})
    config.architectures = [model_class.__name__]
    config.save_pretrained(directory)
    write_json(directory, 'preprocessor_config.json', processor)
    model = write_model(directory, model_class(config), names=lambda key: prefix + key)
    reference = in_double(model)
    ids = ids_of(tokenizer, context)
    write_expected(
        directory, size=size, texts=TEXTS, ids=ids,
        encode_image=lambda x: reference.get_image_features(x).pooler_output,
        encode_text=lambda x: reference.get_text_features(x, attention_mask=(torch.arange(context) <= (x == vocab - 1).int().argmax(-1, keepdim=True)).long()).pooler_output)


def clipseg(out):
    """CIDAS/clipseg-*: pictures of another size than the tower was trained with."""
    task_model(
        out, 'clipseg-resized', transformers.CLIPSegConfig, transformers.CLIPSegModel, 'clip.', 56, 16,
        {'feature_extractor_type': 'ViTFeatureExtractor', 'image_mean': [0.485, 0.456, 0.406], 'image_std': [0.229, 0.224, 0.225], 'resample': 2, 'size': 56},
        vision={'image_size': 32})


def owl(out):
    """google/owlvit-*, google/owlv2-*: norms spelt otherwise, 16 tokens, the token of the highest id."""
    processor = {'crop_size': 40, 'do_center_crop': False, 'feature_extractor_type': 'OwlViTFeatureExtractor', 'resample': 3, 'size': 40}
    task_model(out, 'owlvit', transformers.OwlViTConfig, transformers.OwlViTModel, 'owlvit.', 40, 16, processor, vision={'image_size': 40})
    size = {'height': 36, 'width': 36}
    task_model(
        out, 'owlv2', transformers.Owlv2Config, transformers.Owlv2Model, 'owlv2.', 36, 16,
        {'image_processor_type': 'Owlv2ImageProcessor', 'do_pad': True, 'resample': 2, 'size': size}, vision={'image_size': 36, 'patch_size': 10})


def fg_clip(out):
    """qihoo360/fg-clip2-*: SigLIP 2's towers, with tables and heads for long texts and boxes beside them (their own code: 360CVGroup/FG-CLIP)."""
    directory = folder(out, 'fg-clip-2')
    tokenizer, vocab = write_gemma(directory, 12)
    text = {**TEXT, 'vocab_size': vocab, 'max_position_embeddings': 12, 'projection_size': 64}
    model = transformers.Siglip2Model(transformers.Siglip2Config(vision_config={**VISION, 'num_patches': 16}, text_config=text))
    with_long_text = transformers.Siglip2Model(model.config)
    for name in ('position_embedding_ori', 'position_embedding_res'):
        setattr(with_long_text.text_model.embeddings, name, torch.nn.Embedding(40, 64))
    with_long_text.longtext_head = torch.nn.Linear(64, 64)
    write_json(directory, 'config.json', {
        'architectures': ['Fgclip2Model'], 'model_type': 'fgclip2', 'vision_config': {**VISION, 'model_type': 'fgclip2_vision_model', 'num_patches': 16},
        'text_config': {**text, 'model_type': 'fgclip2_text_model', 'longtext_len': 40, 'keep_len': 4}})
    write_json(directory, 'preprocessor_config.json', {'image_processor_type': 'Siglip2ImageProcessor', 'patch_size': 8, 'max_num_patches': 16})
    reference = in_double(write_model(directory, with_long_text))

    def encode_image(x):
        n, c, height, width = x.shape
        rows, columns = height // 8, width // 8
        patches = x.reshape(n, c, rows, 8, columns, 8).permute(0, 2, 4, 3, 5, 1).reshape(n, rows * columns, -1)
        shapes = torch.tensor([[rows, columns]] * n)
        return reference.get_image_features(patches, torch.ones(n, rows * columns), shapes).pooler_output

    write_expected(
        directory, size=(24, 40), texts=TEXTS, ids=ids_of(tokenizer, 12), encode_image=encode_image,
        encode_text=lambda x: reference.get_text_features(x).pooler_output)


def over_timm(out, name, vision, text, tokenizer, preprocess, timm_kwargs, hf_config=None, embed=24, **model_kwargs):
    """OpenCLIP over a timm tower; `timm_kwargs` shrink the architecture that its name stands for."""
    import open_clip.hf_model as hf
    import open_clip.model as oc
    import open_clip.timm_model as timm_model

    directory = folder(out, name)
    tokenizer, vocab = tokenizer(directory, 16)
    made = hf_config(vocab) if hf_config else None
    create, auto = timm_model.timm.create_model, hf.AutoConfig
    timm_model.timm.create_model = lambda name, **kwargs: create(name, **{**kwargs, **timm_kwargs})
    hf.AutoConfig = type('Fixed', (), {'from_pretrained': staticmethod(lambda name: made)})
    text = text if made else {**text, 'vocab_size': vocab}
    model = oc.CustomTextCLIP(embed, vision, {**text, **({'hf_model_pretrained': False} if made else {})}, **model_kwargs)
    timm_model.timm.create_model, hf.AutoConfig = create, auto
    write_model(directory, model, 'open_clip_model.safetensors')
    write_json(directory, 'open_clip_config.json', {
        'model_cfg': {'embed_dim': embed, 'vision_cfg': vision, 'text_cfg': text, 'custom_text': True, **model_kwargs}, 'preprocess_cfg': preprocess})
    reference = in_double(model)
    write_expected(
        directory, encode_image=reference.encode_image, size=vision['image_size'], encode_text=reference.encode_text, texts=TEXTS,
        ids=ids_of(tokenizer, 16))


def so400m(out):
    """timm/ViT-SO400M-14-SigLIP-384: 384 pixels are 27 patches of 14 and 6 pixels that no patch sees."""
    text = {'context_length': 16, 'hf_tokenizer_name': 'timm/ViT-B-16-SigLIP', 'tokenizer_kwargs': {'clean': 'canonicalize'}, 'width': 48, 'heads': 2, 'layers': 1,
            'mlp_ratio': 3.7362, 'no_causal_mask': True, 'proj_bias': True, 'pool_type': 'last', 'norm_kwargs': {'eps': 1e-6}}
    over_timm(
        out, 'timm-so400m-14-384',
        {'image_size': 48, 'timm_model_name': 'vit_so400m_patch14_siglip_384', 'timm_model_pretrained': False, 'timm_pool': 'map', 'timm_proj': 'none'},
        text, write_siglip, {'mean': [0.5] * 3, 'std': [0.5] * 3, 'interpolation': 'bicubic', 'resize_mode': 'squash'},
        dict(embed_dim=48, depth=2, img_size=48, num_heads=16, mlp_ratio=3.7362), embed=48, init_logit_bias=-10)


def biomed_clip(out):
    """microsoft/BiomedCLIP-*: a BERT under a name that no list holds; its width tells nothing, "base" tells 12 heads."""
    def config(vocab):
        return transformers.BertConfig(
            vocab_size=vocab, hidden_size=48, num_hidden_layers=2, num_attention_heads=12, intermediate_size=80, max_position_embeddings=40)

    over_timm(
        out, 'biomed-clip',
        {'image_size': 32, 'timm_model_name': 'vit_base_patch16_224', 'timm_model_pretrained': False, 'timm_pool': '', 'timm_proj': 'linear'},
        {'context_length': 16, 'hf_model_name': 'microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract', 'hf_tokenizer_name': 'microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract',
         'hf_proj_type': 'mlp', 'hf_pooler_type': 'cls_last_hidden_state_pooler'},
        write_word_piece, {'mean': [0.5] * 3, 'std': [0.5] * 3}, dict(embed_dim=48, depth=2, img_size=32, patch_size=8, num_heads=12), hf_config=config)


if __name__ == '__main__':
    for make in (clipseg, owl, fg_clip, so400m, biomed_clip):
        make(sys.argv[1])
