"""test/fixtures/tokenizer/decoders.json: what the tokenizers library 0.23.3 makes of tokens. usage: decoders.py > decoders.json"""

import json

from tokenizers import decoders

CASES = [
    ({'type': 'WordPiece', 'prefix': '##', 'cleanup': True}, [
        ['hello', '##ing', ',', 'world', 'do', "n't", 'it', "'s"], ['a', "' ", 'b'], ['##x', 'y']]),
    ({'type': 'WordPiece', 'prefix': '##', 'cleanup': False}, [['hello', '##ing', ',', 'world']]),
    ({'type': 'ByteFallback'}, [
        ['<0x61>', 'b'], ['<0xE5>'], ['<0xE5>', '<0x8f>', 'a'], ['<0xE5>', '<0x8f>', '<0xab>', 'a'], ['<0x6>', '<0xZZ>']]),
    ({'type': 'Fuse'}, [['a', 'b', ' c']]),
    ({'type': 'Strip', 'content': ' ', 'start': 1, 'stop': 2}, [['  a   ', ' b', 'c  '], ['   ']]),
    ({'type': 'Replace', 'pattern': {'String': '_'}, 'content': ' '}, [['a_b_', '_']]),
    ({'type': 'Metaspace', 'replacement': '▁', 'prepend_scheme': 'always', 'split': True}, [
        ['▁a', '▁b▁'], ['▁▁▁', '▁c'], ['a▁b', '▁']]),
    ({'type': 'Metaspace', 'replacement': '▁', 'prepend_scheme': 'never', 'split': True}, [['▁a', '▁b']]),
    ({'type': 'BPEDecoder', 'suffix': '</w>'}, [['a</w>', 'b', 'c</w>'], ['a</w>']]),
    ({'type': 'Sequence', 'decoders': [
        {'type': 'Replace', 'pattern': {'String': '▁'}, 'content': ' '}, {'type': 'ByteFallback'}, {'type': 'Fuse'},
        {'type': 'Strip', 'content': ' ', 'start': 1, 'stop': 0}]}, [['▁a', '<0xC3>', '<0xA9>', '▁b'], ['▁▁x']]),
]


def make(part):
    options = {name: value for name, value in part.items() if name != 'type'}
    if part['type'] == 'Sequence':
        return decoders.Sequence([make(one) for one in part['decoders']])
    if part['type'] == 'Replace':
        return decoders.Replace(part['pattern']['String'], part['content'])
    if part['type'] == 'Strip':
        return decoders.Strip(part['content'], part['start'], part['stop'])
    return getattr(decoders, part['type'])(**options)


lines = [json.dumps({'part': part, 'tokens': tokens, 'text': make(part).decode(tokens)}, ensure_ascii=False)
         for part, lists in CASES for tokens in lists]
print('[\n  ' + ',\n  '.join(lines) + '\n]')
