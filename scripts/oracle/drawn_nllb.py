"""python drawn_nllb.py OUT: open_clip with NLLB's text tower, M2M-100's encoder, and its tokenizer as it is on the hub."""

import json
import os
import sys
import tempfile

import open_clip.model as oc
from drawn import in_double, write_expected, write_json, write_model
from open_clip.tokenizer import HFTokenizer
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import M2M100Config

TEXTS = ['a photo of a cat', '', 'Zwei  Hunde &amp; ein Vogel,\tim Schnee', 'two dogs, a bird and a cat in the snow of the mountains: \u96ea', 'deu_Latn a dog<mask>']
LANGUAGES = ['arb_Arab', 'deu_Latn', 'eng_Latn', 'zho_Hans']
CONTEXT = 14


def added(token, content, **flags):
    return {'id': token, 'content': content, 'single_word': False, 'lstrip': False, 'rstrip': False, 'normalized': False, 'special': True, **flags}


def write_tokenizer(directory, **config):
    """facebook/nllb-200-*: the file frames texts as the class did formerly, the languages before the mask."""
    model = Tokenizer(models.BPE(unk_token='<unk>', fuse_unk=True))
    model.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=110, special_tokens=['<s>', '<pad>', '</s>', '<unk>'], show_progress=False)
    model.train_from_iterator([text for text in TEXTS if '\u96ea' not in text] * 2 + ['the snow in the mountains of a photo'], trainer)
    description = json.loads(model.to_str())
    count = len(description['model']['vocab'])
    specials = [added(i, content) for i, content in enumerate(['<s>', '<pad>', '</s>', '<unk>'])]
    languages = [added(count + i, code) for i, code in enumerate(LANGUAGES)]
    description['added_tokens'] = [*specials, *languages, added(count + len(LANGUAGES), '<mask>', lstrip=True, normalized=True)]
    description['pre_tokenizer'] = {'type': 'Sequence', 'pretokenizers': [{'type': 'WhitespaceSplit'}, description['pre_tokenizer']]}
    text, end, code = {'Sequence': {'id': 'A', 'type_id': 0}}, {'SpecialToken': {'id': '</s>', 'type_id': 0}}, {'SpecialToken': {'id': 'eng_Latn', 'type_id': 0}}
    names = {content: {'id': content, 'ids': [token], 'tokens': [content]} for content, token in (('</s>', 2), ('eng_Latn', count + 2))}
    description['post_processor'] = {'type': 'TemplateProcessing', 'single': [text, end, code], 'pair': [text, end, code], 'special_tokens': names}
    write_json(directory, 'tokenizer.json', description)
    tokens = {'bos_token': '<s>', 'cls_token': '<s>', 'eos_token': '</s>', 'pad_token': '<pad>', 'sep_token': '</s>', 'unk_token': '<unk>', 'mask_token': '<mask>'}
    settings = {**tokens, 'additional_special_tokens': LANGUAGES, 'model_max_length': 1024, 'src_lang': None, 'tokenizer_class': 'NllbTokenizerFast', **config}
    write_json(directory, 'tokenizer_config.json', settings)
    return count + len(LANGUAGES) + 1


def ids_of(directory, language=None):
    tokenizer = HFTokenizer(directory, context_length=CONTEXT)
    if language:
        tokenizer.tokenizer.src_lang = language  # open_clip's set_language is undone by the next call of transformers 5.24
    return tokenizer(TEXTS)


def nllb(out):
    directory = os.path.join(out, 'nllb')
    os.makedirs(directory, exist_ok=True)
    vocab = write_tokenizer(directory, legacy_behaviour=True)
    legacy = ids_of(directory)
    write_tokenizer(directory)
    encoder = M2M100Config(vocab_size=vocab, d_model=48, encoder_layers=2, encoder_attention_heads=16, encoder_ffn_dim=72, decoder_layers=1, decoder_attention_heads=1, decoder_ffn_dim=8)
    config = {
        'embed_dim': 24,
        'vision_cfg': {'image_size': 16, 'layers': 1, 'width': 32, 'patch_size': 8, 'head_width': 16},
        'text_cfg': {'context_length': CONTEXT, 'hf_proj_type': 'linear', 'hf_pooler_type': 'cls_pooler'},
    }
    with tempfile.TemporaryDirectory() as named:
        encoder.save_pretrained(named)
        model = oc.CustomTextCLIP(**{**config, 'text_cfg': {**config['text_cfg'], 'hf_model_name': named, 'hf_model_pretrained': False}})
    model = write_model(directory, model, 'open_clip_model.safetensors')
    for key in ('hf_model_name', 'hf_tokenizer_name'):
        config['text_cfg'][key] = 'facebook/nllb-200-distilled-600M'
    write_json(directory, 'open_clip_config.json', {'model_cfg': config, 'preprocess_cfg': {'mean': [0.5] * 3, 'std': [0.5] * 3}})
    reference = in_double(model)
    write_expected(directory, encode_image=reference.encode_image, size=16, encode_text=reference.encode_text, texts=TEXTS, ids=ids_of(directory))
    german = ids_of(directory, language='deu_Latn')
    languages = {'deu_Latn': german.tolist(), 'embeds': reference.encode_text(german).tolist(), 'legacy': legacy.tolist()}
    write_json(directory, 'languages.json', languages, indent=None)


if __name__ == '__main__':
    nllb(sys.argv[1])
