import { readCharsmap } from '../../lib/tokenizer/stages/charsmap.js'
import { createTokenizer, type TokenizerSource } from '../../lib/tokenizer/tokenizer.js'
import { codeOf, tiny, vocab } from './support'

describe('wrong arguments', () => {
  const tokenizer = createTokenizer(tiny, { contextLength: 16 })
  const any = (value: unknown): never => value as never

  test.each([undefined, null, 3, ['a'], {}, Symbol('a')])('encode(%p)', text => {
    expect(codeOf(() => tokenizer.encode(any(text)))).toBe('ERR_CLIP_INVALID_ARGUMENT')
    expect(() => tokenizer.encode(any(text))).toThrow(TypeError)
    expect(() => tokenizer.encodePadded(any(['a', text]))).toThrow(/expected a string for texts\[1\] but received/)
  })

  test('encodePadded and decode', () => {
    expect(() => tokenizer.encodePadded(any('a'))).toThrow(/expected an array of strings for texts/)
    expect(codeOf(() => tokenizer.decode(any('ab')))).toBe('ERR_CLIP_INVALID_ARGUMENT')
    expect(codeOf(() => tokenizer.decode(any(['a'])))).toBe('ERR_CLIP_INVALID_ARGUMENT')
    for (const id of [-1, 1714, 0.5, NaN]) expect(codeOf(() => tokenizer.decode([id]))).toBe('ERR_CLIP_OUT_OF_RANGE')
  })

  test.each([
    [undefined, 'ERR_CLIP_INVALID_ARGUMENT'],
    [{}, 'ERR_CLIP_INVALID_ARGUMENT'],
    [{ contextLength: '77' }, 'ERR_CLIP_INVALID_ARGUMENT'],
    [{ contextLength: 1 }, 'ERR_CLIP_OUT_OF_RANGE'],
    [{ contextLength: 7.5 }, 'ERR_CLIP_OUT_OF_RANGE'],
    [{ contextLength: 77, padId: -1 }, 'ERR_CLIP_OUT_OF_RANGE'],
    [{ contextLength: 77, cleaning: 'upper' }, 'ERR_CLIP_OUT_OF_RANGE'],
    [{ contextLength: 77, cleaning: 1 }, 'ERR_CLIP_INVALID_ARGUMENT'],
    [{ contextLength: 77, addBos: 1 }, 'ERR_CLIP_INVALID_ARGUMENT'],
    [{ contextLength: 77, contextLenght: 1 }, 'ERR_CLIP_UNKNOWN_OPTION'],
  ])('settings %j', (settings, code) => {
    expect(codeOf(() => createTokenizer(tiny, any(settings)))).toBe(code)
  })

  test.each([
    undefined,
    null,
    'x',
    {},
    { json: {} },
    { vocab: {} },
    { vocab: 1, merges: [] },
    { tokens: 'a' },
    { tokens: [], merges: 1 },
  ])(
    'source %j',
    source => {
      expect(codeOf(() => createTokenizer(any(source), { contextLength: 77 }))).toBe('ERR_CLIP_INVALID_ARGUMENT')
      const late = createTokenizer(() => any(source), { contextLength: 77 })
      expect(codeOf(() => late.encode('a'))).toBe('ERR_CLIP_INVALID_ARGUMENT')
    },
  )
})

describe('broken sources', () => {
  const clip = (model: object, rest: object = {}): TokenizerSource => ({
    json: JSON.stringify({ added_tokens: [], model: { end_of_word_suffix: '</w>', ...model }, ...rest }),
  })

  test.each<[string, TokenizerSource, RegExp]>([
    ['no JSON', { json: 'x' }, /tokenizer\.json is not JSON/],
    ['a Git LFS pointer', { json: 'version https://git-lfs.github.com/spec/v1' }, /Git LFS pointer/],
    ['a list', { json: '[]' }, /expected an object, found \[\]/],
    ['no model', { json: '{}' }, /model: expected an object, found nothing/],
    ['no vocabulary', { json: '{"model":{}}' }, /model\.vocab: expected an object or an array/],
    ['an unknown model', { json: '{"model":{"type":"X","vocab":{}}}' }, /model\.type: expected one of BPE/],
    ['a model without tokens', { json: '{"model":{"type":"BPE","vocab":{}}}' }, /expected tokens with their ids/],
    ['an unknown normaliser', { json: '{"normalizer":{"type":"X"},"model":{"type":"BPE","vocab":{"a":0}}}' }, /X/],
    ['a vocabulary that is a list', clip({ vocab: [], merges: [] }), /model\.vocab: expected an object/],
    ['an id that is a string', clip({ vocab: { a: '1' }, merges: [] }), /"a": expected an id from 0/],
    ['an id that is too large', { vocab: { a: 1e9 }, merges: [] }, /"a": expected an id from 0/],
    ['an empty vocabulary', { vocab: {}, merges: [] }, /expected tokens with their ids/],
    ['a merge of one', { vocab, merges: ['ab'] }, /merges\[0\]: expected two pieces/],
    ['a merge of three', { vocab, merges: ['a b', 'a b c'] }, /merges\[1\]: expected two pieces/],
    ['a merge that is a number', clip({ vocab: { a: 1 }, merges: [1] }), /merges\[0\]: expected two pieces/],
    ['an added token without id', clip({ vocab: { a: 1 }, merges: [] }, { added_tokens: [{ content: 'a' }] }), /added/],
    ['no tokens', { tokens: [] }, /tokens: expected a list of strings/],
    ['a token that is a number', { tokens: ['a', 1 as never] }, /tokens\[1\]: expected a string, found 1/],
    ['no start token', { tokens: ['a'] }, /id|byte/],
  ])('%s', (_, source, message) => {
    const tokenizer = createTokenizer(source, { contextLength: 77 })
    expect(() => tokenizer.encode('a')).toThrow(message)
    expect(codeOf(() => tokenizer.encode('a'))).toBe('ERR_CLIP_TOKENIZER_INVALID')
  })

  test('bytes that the vocabulary lacks become the unknown token, or an error when there is none', () => {
    const few = { vocab: { '<|endoftext|>': 0, '<|startoftext|>': 1, 'a</w>': 2 }, merges: [] }
    expect(createTokenizer(few, { contextLength: 8 }).encode('a b')).toEqual([1, 2, 0, 0])
    const bare = { contextLength: 8, addBos: false, addEos: false, padId: 0 }
    const none = createTokenizer({ vocab: { a: 0 }, merges: [] }, bare)
    expect(() => none.encode('a')).toThrow(/lacks the byte token/)
  })

  test('a broken charsmap', () => {
    expect(() => readCharsmap('')).toThrow(/precompiled_charsmap/)
    expect(() => readCharsmap(Buffer.from([255, 255, 255, 255]).toString('base64'))).toThrow(/precompiled_charsmap/)
  })
})
