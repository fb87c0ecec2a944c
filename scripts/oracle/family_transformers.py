"""The small random models of families.py in transformers' layout, and M-CLIP's, whose text tower is transformers'."""

import os

import torch
import transformers
from PIL import Image

from expected import TEXTS, in_double, pooled, states, write_expected, write_json, write_tensors
from family_open_clip import xlm_config
from family_tokenizers import padded, write_gemma, write_word_piece, write_xlm_roberta
from random_weights import rounded, save_half
from tiny_tokenizer import write_tokenizer

CHINESE = ['一只猫的照片', 'a photo of a cat', '', '雪地里的两只狗, 42', 'the end ' * 40]


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
            **states('vision', vision.encoder.layers, lambda: reference.get_image_features(pixel_values=pixels[:1])),
            **states('text', t_blocks, lambda: reference.get_text_features(input_ids=ids[:1], **text_args(ids[:1]))),
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
    made = [processor(Image.open(file).convert('RGB'), return_tensors='pt') for file in files]
    with torch.no_grad():
        text = pooled(reference.get_text_features(input_ids=ids))
        image = encode(patches, mask, shapes)
        unit = [t / t.norm(dim=-1, keepdim=True) for t in (image, text)]
        tensors = {
            'image_embeds': image, 'input_ids': ids, 'text_embeds': text,
            'logits_per_image': float(reference.logit_scale.exp()) * unit[0] @ unit[1].T - 7.25,
            'e2e.image_embeds': torch.cat([encode(m['pixel_values'], m['pixel_attention_mask'], m['spatial_shapes']) for m in made]),
            **{f'pixel_values.{i}': x for i, x in enumerate(images)},
            **states('text', reference.text_model.encoder.layers, lambda: reference.get_text_features(input_ids=ids[:1])),
            **states('vision', reference.vision_model.encoder.layers, lambda: encode(patches[1:2, :24], mask[1:2, :24], shapes[1:2])),
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
                   debug=lambda _: states('text', reference.transformer.encoder.layer, lambda: reference(ids[:1])))
