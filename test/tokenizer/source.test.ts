import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { errorCodeOf } from '../../lib/errors.js'
import { createTokenizer, readTokenizerSource } from '../../lib/tokenizer/tokenizer.js'
import { fixtures, merges, specials, vectors, vocab } from './support'

describe('readTokenizerSource', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ggclip-tokenizer-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  async function folderWith(files: Record<string, string>): Promise<string> {
    const path = await mkdtemp(join(folder, 'x'))
    for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text)
    return path
  }

  async function failure(path: unknown): Promise<[string | undefined, string]> {
    return readTokenizerSource(path as string).then(
      () => ['nothing thrown', ''],
      (error: unknown) => [errorCodeOf(error), (error as Error).message],
    )
  }

  test('vocab.json with merges.txt and the names of special tokens', async () => {
    const { source, files, contextLength } = await readTokenizerSource(fixtures)
    expect(files).toEqual(['tokenizer_config.json', 'vocab.json', 'merges.txt', 'special_tokens_map.json'])
    expect(contextLength).toBe(77)
    expect(source.specials).toEqual(specials)
    const tokenizer = createTokenizer(source, { contextLength: 77 })
    expect(tokenizer.padId).toBe(0)
    for (const { text, ids } of vectors) expect(tokenizer.encode(text)).toEqual(ids)
  })

  test('failures', async () => {
    expect((await failure(1))[0]).toBe('ERR_CLIP_INVALID_ARGUMENT')
    expect((await failure(join(folder, 'absent')))[0]).toBe('ERR_CLIP_FILE_NOT_FOUND')
    const [code, message] = await failure(await folderWith({}))
    expect(code).toBe('ERR_CLIP_TOKENIZER_MISSING')
    expect(message).toContain('found neither')
    expect((await failure(await folderWith({ 'tokenizer.model': '' })))[1]).toContain('only tokenizer.model')
    const half = await failure(await folderWith({ 'vocab.json': vocab }))
    expect(half).toEqual(['ERR_CLIP_FILE_NOT_FOUND', expect.stringContaining('merges.txt')])
    const broken = await folderWith({ 'vocab.json': vocab, 'merges.txt': merges, 'tokenizer_config.json': '{' })
    expect((await failure(broken))[0]).toBe('ERR_CLIP_TOKENIZER_INVALID')
    const list = await folderWith({ 'tokenizer.json': '{}', 'special_tokens_map.json': '[]' })
    expect((await failure(list))[0]).toBe('ERR_CLIP_TOKENIZER_INVALID')
    const directory = await folderWith({})
    await mkdir(join(directory, 'tokenizer.json'))
    expect((await failure(directory))[0]).toBe('ERR_CLIP_FILE_NOT_FOUND')
  })

  test('no limit of the length is no length', async () => {
    const path = await folderWith({ 'tokenizer.json': '{}', 'tokenizer_config.json': '{"model_max_length":1e30}' })
    expect((await readTokenizerSource(path)).contextLength).toBeUndefined()
  })
})
