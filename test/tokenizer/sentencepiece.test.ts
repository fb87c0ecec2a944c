/** Vocabularies without a tokenizer.json: SentencePiece models and BERT's vocab.txt. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createTokenizer, readTokenizerSource } from '../../lib/tokenizer/tokenizer.js'
import { oracle } from '../helpers/oracle'

const fixture = join(__dirname, '..', 'fixtures', 'tokenizer', 'xlm-roberta')
const folder = mkdtempSync(join(tmpdir(), 'ggclip-pieces-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Vector {
  text: string
  ids: number[]
  tokenizer_json_ids?: number[]
}
const jsonOf = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T

/** Code of what reading and encoding fails with, or 'ok'. */
async function outcome(directory: string): Promise<string> {
  try {
    const { source } = await readTokenizerSource(directory)
    createTokenizer(source, { contextLength: 40, cleaning: 'none' }).encode('a photo of a cat')
    return 'ok'
  } catch (error) {
    return String((error as { code?: string }).code)
  }
}

test('XLM-RoBERTa from sentencepiece.bpe.model', async () => {
  const { source, files } = await readTokenizerSource(fixture)
  expect(files).toContain('sentencepiece.bpe.model')
  const tokenizer = createTokenizer(source, { contextLength: 40, cleaning: 'none' })
  for (const { text, ids } of jsonOf<Vector[]>(join(fixture, 'vectors.json')))
    expect([text, ...tokenizer.encode(text)]).toEqual([text, ...ids])
  expect(tokenizer.padId).toBe(1)
})

describe('TIPS', () => {
  const pieces = join(__dirname, '..', 'fixtures', 'tokenizer', 'tips')
  const beside = (name: string, file: string, text: string): string => {
    const copy = join(folder, name)
    mkdirSync(copy)
    copyFileSync(join(pieces, 'tokenizer.model'), join(copy, 'tokenizer.model'))
    writeFileSync(join(copy, file), text)
    return copy
  }

  test.each([
    ['config.json', '{"model_type":"tipsv2"}'],
    ['tokenizer_config.json', '{"tokenizer_class":"Tipsv2Tokenizer"}'],
  ])('from tokenizer.model, told by %s', async (file, text) => {
    const { source, files } = await readTokenizerSource(beside(`tips-${file}`, file, text))
    expect(files).toContain('tokenizer.model')
    const tokenizer = createTokenizer(source, { contextLength: 64, cleaning: 'none', padId: 0 })
    for (const { text, ids } of jsonOf<Vector[]>(join(pieces, 'vectors.json')))
      expect([text, ...tokenizer.encode(text)]).toEqual([text, ...ids])
  })

  test.each([
    ['another model', 'config.json', '{"model_type":"siglip"}'],
    ["another model's tokenizer", 'tokenizer_config.json', '{"tokenizer_class":"LlamaTokenizer"}'],
  ])('tokenizer.model of %s is not read', async (what, file, text) => {
    expect(await outcome(beside(what, file, text))).toBe('ERR_CLIP_TOKENIZER_MISSING')
  })

  test('a Unigram model is refused', async () => {
    const copy = beside('tips-unigram', 'config.json', '{"model_type":"tipsv2"}')
    copyFileSync(join(fixture, 'sentencepiece.bpe.model'), join(copy, 'tokenizer.model'))
    expect(await outcome(copy)).toBe('ERR_CLIP_TOKENIZER_INVALID')
  })
})

describe('SigLIP', () => {
  test('from spiece.model', async () => {
    const path = join(oracle, 'models/siglip-tiny')
    for (const name of ['spiece.model', 'tokenizer_config.json']) copyFileSync(join(path, name), join(folder, name))
    const { source } = await readTokenizerSource(folder)
    const tokenizer = createTokenizer(source, {
      contextLength: 64,
      cleaning: 'canonicalize',
      addBos: false,
      eosId: 1,
      padId: 1,
    })
    const { vectors } = jsonOf<{ vectors: Vector[] }>(join(path, 'tokenizer_vectors.json'))
    // literal special tokens differ from SentencePiece's, as they do in transformers' tokenizer.json
    const plain = vectors.filter(({ tokenizer_json_ids: other }) => other === undefined)
    expect(plain.length).toBeGreaterThan(25)
    for (const { text, ids } of plain) expect([text, ...tokenizer.encode(text)]).toEqual([text, ...ids])
  })
})

test('broken models fail by code', async () => {
  const broken = mkdtempSync(join(folder, 'broken-'))
  const whole = readFileSync(join(fixture, 'sentencepiece.bpe.model'))
  const codes = new Set<string>()
  for (let i = 0; i < 400; i++) {
    const bytes = Buffer.from(whole)
    bytes[(i * 7919) % bytes.length]! ^= 1 << (i % 8)
    writeFileSync(
      join(broken, 'sentencepiece.bpe.model'),
      i % 4 === 0 ? bytes.subarray(0, (i * 31) % bytes.length) : bytes,
    )
    codes.add(await outcome(broken))
  }
  codes.delete('ok')
  expect([...codes]).toEqual(['ERR_CLIP_TOKENIZER_INVALID'])
})

test('a BERT vocabulary without [CLS]', async () => {
  const directory = mkdtempSync(join(folder, 'bert-'))
  writeFileSync(join(directory, 'vocab.txt'), '[PAD]\n[UNK]\na\n')
  expect(await outcome(directory)).toBe('ERR_CLIP_TOKENIZER_INVALID')
  writeFileSync(join(directory, 'vocab.txt'), '[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\na\r\ncat\r\n##s\r\n')
  const { source } = await readTokenizerSource(directory)
  expect(createTokenizer(source, { contextLength: 9, cleaning: 'none' }).encode('A cats!')).toEqual([2, 4, 5, 6, 1, 3])
})
