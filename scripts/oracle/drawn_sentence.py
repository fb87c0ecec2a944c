"""python drawn_sentence.py OUT: sentence-transformers' multilingual CLIP text model: DistilBERT, the mean of the tokens, a dense layer."""

import os
import sys

import torch
from drawn import in_double, write_expected, write_json, write_model
from transformers import BertTokenizer, DistilBertConfig, DistilBertModel

TEXTS = ['a photo of a cat', '', 'Zwei Hunde im Schnee', 'two dogs, a bird and a cat in the snow of the mountains']
CONTEXT = 12


def distilbert(out):
    directory = os.path.join(out, 'st-distilbert')
    for folder in ('1_Pooling', '2_Dense'):
        os.makedirs(os.path.join(directory, folder))
    letters = [chr(code) for code in range(ord('a'), ord('z') + 1)]
    words = ['photo', 'cat', 'dog', 'bird', 'Hund', 'Schnee', 'snow', 'the', 'and', 'of', 'in', 'im', 'two', '##s', '##e']
    vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ',', *letters, 'Z', *('##' + letter for letter in letters if letter not in 'se'), *words]
    with open(os.path.join(directory, 'vocab.txt'), 'w', encoding='utf-8') as file:
        file.write('\n'.join(vocab) + '\n')
    write_json(directory, 'tokenizer_config.json', {'tokenizer_class': 'DistilBertTokenizer', 'do_lower_case': False, 'model_max_length': 512})
    tokenizer = BertTokenizer.from_pretrained(directory, do_lower_case=False)
    config = DistilBertConfig(vocab_size=len(vocab), dim=48, n_layers=2, n_heads=3, hidden_dim=72, max_position_embeddings=24)
    model = write_model(directory, DistilBertModel(config), names=lambda name: None if name.endswith('position_ids') else name)
    write_json(directory, 'config.json', {**config.to_dict(), 'architectures': ['DistilBertModel']})
    dense = write_model(os.path.join(directory, '2_Dense'), torch.nn.ModuleDict({'linear': torch.nn.Linear(48, 40, bias=False)}), 'pytorch_model.bin')
    modules = [('', 'Transformer'), ('1_Pooling', 'Pooling'), ('2_Dense', 'Dense')]
    write_json(directory, 'modules.json', [{'idx': i, 'name': str(i), 'path': path, 'type': f'sentence_transformers.models.{kind}'} for i, (path, kind) in enumerate(modules)])
    write_json(directory, 'sentence_bert_config.json', {'max_seq_length': CONTEXT, 'do_lower_case': False})
    write_json(os.path.join(directory, '1_Pooling'), 'config.json', {'word_embedding_dimension': 48, 'pooling_mode_cls_token': False, 'pooling_mode_mean_tokens': True})
    identity = 'torch.nn.modules.linear.Identity'
    write_json(os.path.join(directory, '2_Dense'), 'config.json', {'in_features': 48, 'out_features': 40, 'bias': False, 'activation_function': identity})
    reference, layer = in_double(model), in_double(dense)

    def encode_text(ids):
        mask = (ids != 0).double()
        states = reference(ids, attention_mask=mask).last_hidden_state
        return layer['linear']((states * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True))

    ids = tokenizer(TEXTS, padding='max_length', truncation=True, max_length=CONTEXT, return_tensors='pt')['input_ids']
    write_expected(directory, encode_text=encode_text, texts=TEXTS, ids=ids)


if __name__ == '__main__':
    distilbert(sys.argv[1])
