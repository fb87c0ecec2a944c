/** Where hyparquet and its writer are not installed: lib/embeddings/parquet.ts. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { pictureSources, readEmbeddings, writeEmbeddings } from '../../lib/index.js'

for (const name of ['hyparquet', 'hyparquet-writer', 'hyparquet-compressors']) {
  jest.doMock(name, () => {
    throw Object.assign(new Error(`Cannot find package '${name}' imported from here`), { code: 'ERR_MODULE_NOT_FOUND' })
  })
}

const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-packages-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const missing = {
  name: 'ClipError',
  code: 'ERR_CLIP_INDEX_PARTS',
  message: 'a parquet table needs a package that ggclip does not bring: npm install hyparquet hyparquet-writer',
}
const fixture = path.join(__dirname, '..', 'fixtures', 'embeddings')

test('one sentence says what to install, and nothing is written', async () => {
  const target = path.join(scratch, 'out')
  await expect(writeEmbeddings(target, [], { dim: 2 })).rejects.toMatchObject(missing)
  expect(existsSync(target)).toBe(false)
  await expect(readEmbeddings(fixture).next()).rejects.toMatchObject(missing)
  await expect(pictureSources([path.join(fixture, 'metadata', 'metadata_00.parquet')]).next()).rejects.toMatchObject(
    missing,
  )
})

test('a table whose packing needs another package says which', async () => {
  await jest.isolateModulesAsync(async () => {
    jest.dontMock('hyparquet')
    const { pictureSources: sources } = require('../../lib/index.js') as { pictureSources: typeof pictureSources }
    await expect(sources([path.join(fixture, 'packed_lz4.parquet')]).next()).rejects.toMatchObject({
      code: 'ERR_CLIP_INDEX_PARTS',
      message: expect.stringMatching(/packed by LZ4_RAW needs a package .*: npm install hyparquet-compressors$/),
    })
  })
})
