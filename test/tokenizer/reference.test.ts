import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { defaultModelPath } from '../../lib/models/model-path.js'

import { createTokenizer, readTokenizerSource, type TokenizerSettings,
  type TokenizerSource } from '../../lib/tokenizer/tokenizer.js'
import { cleanText } from '../../lib/tokenizer/text/clean.js'
import { oracle } from '../helpers/oracle'
import { bos, eos, jsonOf, merges, recoverMerges, specials, textOf, tiny, tokensOf, vectors, vocab } from './support'

describe('the tiny vocabulary', () => {
  const tokenizer = createTokenizer(tiny, { contextLength: 77 })

  test.each(vectors.map(vector => [vector.text, vector.ids] as const))('transformers ids of %j', (text, ids) => {
    expect(tokenizer.encode(text)).toEqual(ids)
  })

  test('a token list in id order gives the same ids, with and without merges', () => {
    const tokens = tokensOf(vocab)
    const alone = createTokenizer({ tokens, specials }, { contextLength: 77 })
    const lines = merges.trim().split('\n').slice(1)
    const both = createTokenizer({ tokens, merges: lines, specials }, { contextLength: 77 })
    for (const { text, ids } of vectors) {
      expect(alone.encode(text)).toEqual(ids)
      expect(both.encode(text)).toEqual(ids)
    }
    expect(recoverMerges(tokens)).toEqual(lines)
  })

  test('an object vocabulary and a merge list do as well as the text of their files', () => {
    const parsed = createTokenizer(
      { vocab: JSON.parse(vocab) as Record<string, number>, merges: merges.trim().split('\n').slice(1), specials },
      { contextLength: 77 },
    )
    for (const { text, ids } of vectors) expect(parsed.encode(text)).toEqual(ids)
  })

  test('ids of the special tokens and size', () => {
    expect([tokenizer.bosId, tokenizer.eosId, tokenizer.padId, tokenizer.tokenCount]).toEqual([bos, eos, 0, 1714])
    expect(createTokenizer({ vocab, merges }, { contextLength: 77 }).padId).toBe(eos)
    expect(createTokenizer(tiny, { contextLength: 77, padId: 5 }).padId).toBe(5)
  })

  test('names that every object has are no tokens', () => {
    const ids = tokenizer.encode('constructor __proto__ toString')
    expect(tokenizer.decode(ids)).toBe('constructor __ proto __ tostring')
  })
})

// ---- the whole of the reference ----

const { parseGguf } = require('../fixtures/bad-input/model-files.cjs') as {
  parseGguf(file: Buffer): { keys: { key: string; value: Buffer }[] }
}

/** A tensor of int32 in a safetensors file. */
function int32Tensor(path: string, name: string): { shape: number[]; values: number[] } {
  const file = readFileSync(path)
  const headerLength = Number(file.readBigUInt64LE(0))
  interface Entry {
    shape: number[]
    data_offsets: [number, number]
  }
  const header = JSON.parse(file.toString('utf8', 8, 8 + headerLength)) as Record<string, Entry>
  const { shape, data_offsets: [from, to] } = header[name]!
  const data = file.subarray(8 + headerLength + from, 8 + headerLength + to)
  return { shape, values: Array.from({ length: data.length / 4 }, (_, index) => data.readInt32LE(4 * index)) }
}

describe('the reference', () => {
  interface Reference {
    id: number
    text: string
    open_clip: number[]
    hf?: number[]
    cleaned?: string
  }
  const textIn = (name: string): string => textOf(join(oracle, 'tokenizer', name))
  const full = { vocab: textIn('clip/vocab.json'), merges: textIn('clip/merges.txt') }
  const references = (JSON.parse(textIn('vectors.json')) as { vectors: Reference[] }).vectors
  const sources: [string, TokenizerSource][] = [
    ['vocab.json with merges.txt', full],
    ['a token list', { tokens: tokensOf(full.vocab) }],
  ]

  test.each(sources)('all 419 vectors, from %s', (_, source) => {
    const transformers = createTokenizer(source, { contextLength: 77 })
    const openClip = createTokenizer(source, { contextLength: 77, cleaning: 'open_clip' })
    expect(references).toHaveLength(419)
    for (const vector of references) {
      expect([vector.id, transformers.encode(vector.text)]).toEqual([vector.id, vector.hf ?? vector.open_clip])
      expect([vector.id, openClip.encode(vector.text)]).toEqual([vector.id, vector.open_clip])
      if (vector.cleaned !== undefined) expect(cleanText(vector.text, 'open_clip')).toBe(vector.cleaned)
    }
  })

  test('canonicalize', () => {
    interface Variant {
      text: string
      canonicalize: number[]
      canonicalize_text: string
    }
    const tokenizer = createTokenizer(full, { contextLength: 77, cleaning: 'canonicalize' })
    for (const variant of jsonOf<Variant[]>(join(oracle, 'tokenizer/clean_variants.json'))) {
      expect(cleanText(variant.text, 'canonicalize')).toBe(variant.canonicalize_text)
      expect(tokenizer.encode(variant.text)).toEqual(variant.canonicalize)
    }
  })

  test('merges recovered from the order of the ids are merges.txt', () => {
    expect(recoverMerges(tokensOf(full.vocab))).toEqual(full.merges.trim().split('\n').slice(1))
  })

  test.each<[string, Partial<TokenizerSettings>]>([
    ['hf-clip-tiny', {}],
    ['hf-clip-gelu-tiny', {}],
    ['openclip-tiny', { cleaning: 'open_clip', padId: 0 }],
    ['siglip-tiny', { cleaning: 'canonicalize', addBos: false }],
  ])('input_ids of %s', async (name, settings) => {
    const path = join(oracle, 'models', name)
    const { texts } = jsonOf<{ texts: string[] }>(join(path, 'expected.json'))
    const { shape, values } = int32Tensor(join(path, 'expected.safetensors'), 'input_ids')
    const { source, contextLength } = await readTokenizerSource(path)
    expect(contextLength).toBe(shape[1])
    const tokenizer = createTokenizer(source, { contextLength: shape[1]!, ...settings })
    expect([...tokenizer.encodePadded(texts)]).toEqual(values)
    if ('json' in source && name !== 'siglip-tiny') {
      interface Model {
        vocab: Record<string, number>
        merges: [string, string][]
      }
      const { model } = JSON.parse(source.json) as { model: Model }
      expect(recoverMerges(tokensOf(JSON.stringify(model.vocab)))).toEqual(model.merges.map(pair => pair.join(' ')))
    }
  })

  test('SentencePiece vectors, special tokens written out among them', async () => {
    interface Piece {
      text: string
      ids: number[]
    }
    const path = join(oracle, 'models/siglip-tiny')
    const { source } = await readTokenizerSource(path)
    const tokenizer = createTokenizer(source, { contextLength: 64, cleaning: 'canonicalize', addBos: false })
    const pieces = jsonOf<{ vectors: Piece[] }>(join(path, 'tokenizer_vectors.json')).vectors
    for (const piece of pieces) expect(tokenizer.encode(piece.text)).toEqual(piece.ids)
    expect(tokenizer.decode(tokenizer.encode('A photo of a cat'))).toBe('a photo of a cat')
    for (const text of ['a photo '.repeat(1e5), 'a'.repeat(1e6), '\u3042'.repeat(3e5)]) {
      const ids = tokenizer.encode(text)
      const start40 = tokenizer.encode(text.slice(0, 800)).slice(0, 40)
      if (ids.length > 40) expect(ids.slice(0, 40)).toEqual(start40)
      else expect(ids).toEqual(start40)
    }
  })
})

test('the embedded model is read, and 32 ids long', async () => {
  // its checkpoint's folder: what training writes, and the tokenizer that the GGUF file carries
  const { keys } = parseGguf(readFileSync(defaultModelPath))
  const carried = keys.find(({ key }) => key === 'tokenizer.huggingface.json')!.value.subarray(8)
  const folder = mkdtempSync(join(tmpdir(), 'ggclip-embedded-'))
  try {
    cpSync(resolve(__dirname, '../../models/training'), folder, { recursive: true })
    writeFileSync(join(folder, 'tokenizer.json'), carried)
    const { source, contextLength } = await readTokenizerSource(folder)
    const tokenizer = createTokenizer(source, { contextLength: contextLength! })
    const { tokenCount, bosId, padId } = tokenizer
    expect([contextLength, tokenCount, bosId, padId]).toEqual([32, 4096, 4094, 4095])
    expect(tokenizer.decode(tokenizer.encode('Smiling Face'))).toBe('smiling face')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
