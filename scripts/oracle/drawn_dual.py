"""python drawn_dual.py OUT: transformers' pairs of an image tower and a text tower of BERT's kind: vision-text-dual-encoder, AltCLIP, BLIP."""

import os
import sys

from drawn import in_double, write_expected, write_json, write_model
from drawn_rotary import hub_model
from family_tokenizers import write_roberta, write_word_piece, write_xlm_roberta
from transformers import AltCLIPConfig, AltCLIPModel, BertConfig, BlipConfig, BlipForImageTextRetrieval, CLIPVisionConfig
from transformers import RobertaConfig, VisionTextDualEncoderConfig, VisionTextDualEncoderModel

TEXTS = ['a photo of a cat', '', 'Two dogs playing in the snow', 'the end of the road, 42 boats and a red apple on the table']
N_CTX = 16
VISION = {'hidden_size': 64, 'intermediate_size': 96, 'num_hidden_layers': 2, 'num_attention_heads': 4, 'image_size': 24, 'patch_size': 8}
TEXT = {'hidden_size': 48, 'intermediate_size': 80, 'num_hidden_layers': 2, 'num_attention_heads': 3, 'max_position_embeddings': 26}


def write(out, name, module, config, tokenizer, names=lambda n: n, embed=None, pad=0, **processor):
    directory = os.path.join(out, name)
    model = write_model(directory, module, names=lambda n: None if n.endswith(('position_ids', 'token_type_ids')) else names(n))
    write_json(directory, 'config.json', config.to_diff_dict() | {'architectures': [type(module).__name__], 'model_type': config.model_type})
    if processor:
        write_json(directory, 'preprocessor_config.json', processor)
    expect(directory, in_double(model), tokenizer, embed, pad)


def expect(directory, reference, tokenizer, embed, pad):
    image, text = embed or (lambda m, **x: m.get_image_features(**x).pooler_output, lambda m, **x: m.get_text_features(**x).pooler_output)
    ids = tokenizer(TEXTS, padding='max_length', truncation=True, max_length=N_CTX, return_tensors='pt')['input_ids']
    write_expected(
        directory,
        encode_image=lambda pixels: image(reference, pixel_values=pixels),
        size=24,
        encode_text=lambda ids: text(reference, input_ids=ids, attention_mask=(ids != pad).long()),
        texts=TEXTS,
        ids=ids,
    )


def dual_encoder(out, name, write_tokenizer, text, pad, nested):
    """nested: under the names of transformers 4."""
    directory = os.path.join(out, name)
    os.makedirs(directory, exist_ok=True)
    tokenizer, vocab = write_tokenizer(directory, N_CTX)
    config = VisionTextDualEncoderConfig.from_vision_text_configs(CLIPVisionConfig(**VISION), text(vocab), projection_dim=40)
    names = (lambda n: f'vision_model.{n}' if n.startswith('vision_model.') else n) if nested else lambda n: n
    clip = {'image_processor_type': 'CLIPImageProcessor', 'size': {'shortest_edge': 24}, 'crop_size': {'height': 24, 'width': 24}}
    write(out, name, VisionTextDualEncoderModel(config), config, tokenizer, names, pad=pad, **clip)


def altclip(out):
    directory = os.path.join(out, 'altclip')
    os.makedirs(directory, exist_ok=True)
    tokenizer, vocab = write_xlm_roberta(directory, N_CTX)
    config = AltCLIPConfig(text_config={**TEXT, 'vocab_size': vocab, 'project_dim': 36}, vision_config=VISION, projection_dim=40)
    expect(directory, hub_model(directory, AltCLIPModel(config)), tokenizer, None, pad=1)


def blip(out):
    directory = os.path.join(out, 'blip-retrieval')
    os.makedirs(directory, exist_ok=True)
    tokenizer, vocab = write_word_piece(directory, N_CTX)
    config = BlipConfig(text_config={**TEXT, 'vocab_size': vocab}, vision_config=VISION, image_text_hidden_size=40)
    image = lambda m, **x: m.vision_proj(m.vision_model(**x).last_hidden_state[:, 0])
    text = lambda m, **x: m.text_proj(m.text_encoder(**x).last_hidden_state[:, 0])
    write(out, 'blip-retrieval', BlipForImageTextRetrieval(config), config, tokenizer, embed=(image, text))


if __name__ == '__main__':
    out = sys.argv[1]
    dual_encoder(out, 'dual-encoder', write_word_piece, lambda vocab: BertConfig(**TEXT, vocab_size=vocab), pad=0, nested=False)
    roberta = lambda vocab: RobertaConfig(**TEXT, vocab_size=vocab, type_vocab_size=1, layer_norm_eps=1e-5)
    dual_encoder(out, 'dual-encoder-roberta', write_roberta, roberta, pad=1, nested=True)
    altclip(out)
    blip(out)
