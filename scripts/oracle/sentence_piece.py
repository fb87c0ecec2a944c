"""A small SentencePiece model with its ids, as transformers' XLMRobertaTokenizer gives them: test/fixtures/tokenizer/xlm-roberta.

python sentence_piece.py OUT
"""

import json
import os
import sys

import sentencepiece
from family_tokenizers import CORPUS

# no whitespace but spaces: transformers splits at it before SentencePiece, which takes it for a character here
TEXTS = CORPUS + ['', 'Zwei  Hunde ', 'xyz 😀', 'photo photo of', '狗狗']


def main(out):
    os.makedirs(out, exist_ok=True)
    sentences = (CORPUS * 4)[:]
    prefix = os.path.join(out, 'sentencepiece.bpe')
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_prefix=prefix, vocab_size=120, model_type='unigram', normalization_rule_name='identity',
        character_coverage=1.0, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, hard_vocab_limit=False, num_threads=1, minloglevel=2)
    os.remove(prefix + '.vocab')
    processor = sentencepiece.SentencePieceProcessor(model_file=prefix + '.model')
    # fairseq: <s> 0, <pad> 1, </s> 2, <unk> 3, every other piece one later
    vectors = [{'text': text, 'ids': [0] + [i + 1 if i else 3 for i in processor.encode(text)] + [2]} for text in TEXTS]
    with open(os.path.join(out, 'vectors.json'), 'w', encoding='utf-8') as file:
        json.dump(vectors, file, ensure_ascii=False, indent=1)
        file.write('\n')
    with open(os.path.join(out, 'tokenizer_config.json'), 'w', encoding='utf-8') as file:
        json.dump({'tokenizer_class': 'XLMRobertaTokenizer', 'model_max_length': 40, 'pad_token': '<pad>', 'bos_token': '<s>', 'eos_token': '</s>'}, file)
        file.write('\n')


if __name__ == '__main__':
    main(sys.argv[1])
