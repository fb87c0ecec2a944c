/**
 * Ids of generated texts by small tokenizers of every kind, and with generated added tokens, against those of the real
 * tokenizers: scripts/tokenizers/compare.cjs --keep has written down digests of them.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createTokenizer, readTokenizerSource, type TextCleaning } from '../../lib/tokenizer/tokenizer.js'
import { fileTokenizer } from '../../lib/tokenizer/files/for-file.js'
import { fixtures, jsonOf } from './support'

interface Folder {
  name: string
  files: Record<string, string | Buffer>
  cleaning?: TextCleaning
  texts: string[]
}
interface Expected {
  size: number
  seed: number
  added: number
  perGroup: number
  /** Of each folder: texts that the reference fails on, and four characters for each group of texts. */
  kept: Record<string, { without: number[]; digests: string }>
}

const { folders } = require('../../scripts/tokenizers/folders.cjs') as { folders(options: object): Folder[] }
const { kept, perGroup, ...options } = jsonOf<Expected>(join(fixtures, 'expected.json'))
const all = folders(options)
const root = mkdtempSync(join(tmpdir(), 'ggclip-generated-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const digest = (rows: number[][]): string =>
  createHash('sha256').update(rows.map(ids => ids.join(' ')).join()).digest('base64').slice(0, 4)

test('there is an answer for every folder', () => {
  expect(all.map(({ name }) => name).sort()).toEqual(Object.keys(kept).sort())
})

test.each(all.map(folder => [folder.name, folder] as const))('%s', async (name, { files, cleaning, texts }) => {
  const folder = join(root, name)
  mkdirSync(folder)
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content)
  const { source } = await readTokenizerSource(folder)
  const settings = { contextLength: 2 ** 20, ...(cleaning ? { cleaning } : {}) }
  const tokenizer = createTokenizer(source, settings)
  const { without, digests } = kept[name]!
  const wrong: string[] = []
  for (let start = 0; start < texts.length; start += perGroup) {
    const group = texts.slice(start, start + perGroup).filter((_, index) => !without.includes(start + index))
    const at = start / perGroup * 4
    if (digest(group.map(text => tokenizer.encode(text))) !== digests.slice(at, at + 4))
      wrong.push(JSON.stringify(group))
  }
  expect(wrong).toEqual([])

  // what a GGUF file keeps of the folder gives the same ids
  const { json, tokens, merges, padId } = await fileTokenizer(folder)
  const stored = createTokenizer(json === '' ? { tokens, merges } : { json }, settings)
  for (const text of texts.slice(0, 400)) expect([text, stored.encode(text)]).toEqual([text, tokenizer.encode(text)])
  expect(padId < 0 || padId === tokenizer.padId).toBe(true)
})
