"""Small tokenizers of the families other than CLIP's, saved as transformers saves them."""

import json
import os

import torch

CORPUS = [
    'a photo of a cat', 'Two dogs playing in the snow', 'the end of the road', 'café au lait', 'a red apple on the table',
    '一只猫的照片', '雪地里的两只狗', 'ein Foto einer Katze', 'une photo de chat', 'фото кота', 'a photo of the sea, 42 boats',
]


def padded(tokenizer, texts, context):
    return torch.tensor(tokenizer(texts, padding='max_length', truncation=True, max_length=context)['input_ids'])


def _characters():
    return sorted({c for line in CORPUS for c in line.lower() if not c.isspace()} | set('abcdefghijklmnopqrstuvwxyz0123456789.,!?'))


def word_pieces():
    """[PAD] is 0, as everywhere; the others stand where no real vocabulary has them."""
    chars = _characters()
    words = sorted({w for line in CORPUS for w in line.lower().split() if len(w) > 2 and w.isascii() and w.isalpha()})
    return ['[PAD]', '[unused1]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] + chars + ['##' + c for c in chars if c.isalpha()] + words


def write_word_piece(directory, context, only_vocab=False):
    from transformers import BertTokenizer

    tokens = word_pieces()
    tokenizer = BertTokenizer(vocab={t: i for i, t in enumerate(tokens)}, do_lower_case=True, model_max_length=context)
    if only_vocab:  # as the files of OFA-Sys
        with open(os.path.join(directory, 'vocab.txt'), 'w', encoding='utf-8') as file:
            file.write('\n'.join(tokens) + '\n')
        with open(os.path.join(directory, 'tokenizer_config.json'), 'w', encoding='utf-8') as file:
            json.dump({'do_lower_case': True, 'pad_token': '[PAD]', 'tokenizer_class': 'BertTokenizer', 'model_max_length': context}, file, indent=1)
    else:
        tokenizer.save_pretrained(directory)
    return tokenizer, len(tokens)


def _pieces():
    """Unigram pieces with scores: every character, some words, by length."""
    words = sorted({w for line in CORPUS for w in line.lower().split()})
    pieces = {}
    for word in words:
        pieces['▁' + word] = -5.0 - 0.11 * (sum(map(ord, word)) % 17)
        if len(word) > 4:
            pieces[word[:3]] = -6.0 - 0.13 * (sum(map(ord, word)) % 11)
            pieces[word[3:]] = -6.5 - 0.17 * (sum(map(ord, word)) % 7)
    pieces['▁'] = -3.5
    for i, char in enumerate(_characters() + list('ABCDEFGHIJKLMNOPQRSTUVWXYZ')):
        pieces.setdefault(char, -9.0 - 0.05 * (i % 23))
    return list(pieces.items())


def write_xlm_roberta(directory, context):
    from transformers import XLMRobertaTokenizer

    vocab = [('<s>', 0.0), ('<pad>', 0.0), ('</s>', 0.0), ('<unk>', 0.0)] + _pieces() + [('<mask>', 0.0)]
    tokenizer = XLMRobertaTokenizer(vocab=vocab, model_max_length=context)
    tokenizer.save_pretrained(directory)
    return tokenizer, len(vocab)


def write_roberta(directory, context):
    from transformers import RobertaTokenizer

    from tiny_tokenizer import _byte_chars

    merges = [('Ġ', 'a'), ('Ġ', 't'), ('h', 'e'), ('Ġt', 'he'), ('i', 'n'), ('o', 'f'), ('Ġ', 'of'), ('p', 'h'), ('o', 't'), ('ph', 'ot'), ('Ġ', 'phot')]
    tokens = ['<s>', '<pad>', '</s>', '<unk>'] + _byte_chars() + [a + b for a, b in merges] + ['<mask>']
    tokenizer = RobertaTokenizer(vocab={t: i for i, t in enumerate(tokens)}, merges=merges, model_max_length=context)
    tokenizer.save_pretrained(directory)
    return tokenizer, len(tokens)


def write_gemma(directory, context):
    """SigLIP 2's: a BPE over characters with bytes for the unknown, lower case, <eos> at the end, filled at the right."""
    from tokenizers import processors
    from transformers import Siglip2Tokenizer

    specials = ['<pad>', '<eos>', '<bos>', '<unk>', '<mask>']
    chars = ['▁'] + _characters()
    bytes_ = [f'<0x{b:02X}>' for b in range(256)]
    merges = [('▁', 'a'), ('▁', 't'), ('h', 'e'), ('▁t', 'he'), ('c', 'a'), ('ca', 't'), ('▁', 'cat'), ('o', 'f'), ('▁', 'of'), ('p', 'h'), ('o', 't'), ('ot', 'o'), ('ph', 'oto'), ('▁', 'photo')]
    tokens = specials + bytes_ + chars + [a + b for a, b in merges]
    tokenizer = Siglip2Tokenizer(vocab={t: i for i, t in enumerate(tokens)}, merges=merges, model_max_length=context, padding_side='right')
    tokenizer._tokenizer.post_processor = processors.TemplateProcessing(single='$A <eos>', special_tokens=[('<eos>', 1)])
    tokenizer.save_pretrained(directory)
    return tokenizer, len(tokens)


def write_siglip(directory, context):
    """SigLIP 1's pieces as a tokenizer.json: T5 style, </s> ends and fills."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocab = [('<unk>', 0.0), ('</s>', 0.0)] + [(p, s) for p, s in _pieces() if p == p.lower()]
    raw = Tokenizer(models.Unigram(vocab, unk_id=0))
    raw.normalizer = normalizers.Sequence([
        normalizers.Lowercase(), normalizers.Replace(Regex(r'[!-/:-@\[-`{-~]'), ''), normalizers.Replace(Regex(r'\s+'), ' '), normalizers.Strip()])
    raw.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme='always')
    raw.post_processor = processors.TemplateProcessing(single='$A </s>', special_tokens=[('</s>', 1)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token='</s>', pad_token='</s>', unk_token='<unk>', model_max_length=context)
    tokenizer.save_pretrained(directory)
    return tokenizer, len(vocab)


def write_tips(directory, context):
    """TIPS': a BPE over characters with bytes for the unknown, lower case, nothing before or after the text, <pad> is 0."""
    from transformers import Tipsv2Tokenizer

    merges = [('▁', 'a'), ('▁', 't'), ('h', 'e'), ('▁t', 'he'), ('c', 'a'), ('ca', 't'), ('▁', 'cat'), ('o', 'f'), ('▁', 'of'), ('p', 'h'), ('o', 't'), ('ot', 'o'), ('ph', 'oto'), ('▁', 'photo')]
    tokens = ['<pad>', '<unk>'] + [f'<0x{b:02X}>' for b in range(256)] + ['▁'] + _characters() + [a + b for a, b in merges]
    tokenizer = Tipsv2Tokenizer(vocab={t: i for i, t in enumerate(tokens)}, merges=merges, model_max_length=context)
    tokenizer.save_pretrained(directory)
    return tokenizer, len(tokens)


def write_t5(directory, context):
    """T5's and mT5's: Unigram pieces, <pad> 0, </s> 1 at the end."""
    from transformers import T5Tokenizer

    vocab = [('<pad>', 0.0), ('</s>', 0.0), ('<unk>', 0.0)] + _pieces()
    tokenizer = T5Tokenizer(vocab=vocab, extra_ids=0, model_max_length=context)
    tokenizer.save_pretrained(directory)
    return tokenizer, len(vocab)
