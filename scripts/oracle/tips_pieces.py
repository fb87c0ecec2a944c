"""A small BPE of SentencePiece with its ids, as transformers' Tipsv2Tokenizer gives them: test/fixtures/tokenizer/tips.

python tips_pieces.py OUT
"""

import json
import os
import sys

import sentencepiece
from family_tokenizers import CORPUS
from transformers import Tipsv2Tokenizer

TEXTS = CORPUS + ['', 'Zwei  Hunde ', 'xyz 😀', 'photo photo of', '狗狗', 'A\tB\nC', 'İstanbul ΣΑΣ', '▁a', 'x </s> y', 'photoPHOTO42,boats']


def main(out):
    os.makedirs(out, exist_ok=True)
    prefix = os.path.join(out, 'tokenizer')
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line.lower() for line in CORPUS] * 4), model_prefix=prefix, vocab_size=360, model_type='bpe', normalization_rule_name='identity',
        character_coverage=1.0, pad_id=0, unk_id=1, bos_id=-1, eos_id=2, byte_fallback=True, hard_vocab_limit=False, num_threads=1, minloglevel=2)
    os.remove(prefix + '.vocab')
    tokenizer = Tipsv2Tokenizer.from_pretrained(out)
    vectors = [{'text': text, 'ids': tokenizer(text)['input_ids']} for text in TEXTS]
    with open(os.path.join(out, 'vectors.json'), 'w', encoding='utf-8') as file:
        json.dump(vectors, file, ensure_ascii=False, indent=1)
        file.write('\n')


if __name__ == '__main__':
    main(sys.argv[1])
