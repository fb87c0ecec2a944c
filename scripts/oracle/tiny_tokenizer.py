"""CLIP's byte-level BPE with only its first merges: small files, and ids that need no vocabulary of 49,408."""

import gzip
import json
import os

SPECIALS = ('<|startoftext|>', '<|endoftext|>')


def _byte_chars():
    codes = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    chars = codes[:]
    for byte in range(256):
        if byte not in codes:
            codes.append(byte)
            chars.append(256 + len(chars) - 188)
    return [chr(char) for char in chars]


def first_merges(count):
    import open_clip.tokenizer as tokenizer

    with gzip.open(tokenizer.default_bpe()) as file:
        return file.read().decode('utf-8').split('\n')[1 : 1 + count]


def write_tokenizer(directory, merge_count=60, context_length=77, pad='<|endoftext|>'):
    """Writes vocab.json, merges.txt and the special tokens' names; returns transformers' tokenizer for them."""
    from transformers import CLIPTokenizer

    merges = first_merges(merge_count)
    base = _byte_chars()
    tokens = base + [char + '</w>' for char in base] + [''.join(line.split()) for line in merges] + list(SPECIALS)
    vocab = {token: i for i, token in enumerate(tokens)}
    with open(os.path.join(directory, 'vocab.json'), 'w', encoding='utf-8') as file:
        json.dump(vocab, file, ensure_ascii=False, separators=(',', ':'))
    with open(os.path.join(directory, 'merges.txt'), 'w', encoding='utf-8') as file:
        file.write('#version: 0.2\n' + '\n'.join(merges) + '\n')
    config = {
        'bos_token': SPECIALS[0],
        'eos_token': SPECIALS[1],
        'model_max_length': context_length,
        'pad_token': pad,
        'tokenizer_class': 'CLIPTokenizer',
        'unk_token': SPECIALS[1],
    }
    with open(os.path.join(directory, 'tokenizer_config.json'), 'w', encoding='utf-8') as file:
        json.dump(config, file, indent=1)
    return CLIPTokenizer(
        vocab=vocab, merges=[tuple(line.split()) for line in merges], pad_token=pad, model_max_length=context_length
    ), len(tokens)
