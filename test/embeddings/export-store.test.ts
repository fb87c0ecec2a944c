/** From a store to a folder of embeddings and back: lib/embeddings/export-store.ts. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, type EmbeddingBatch, exportStore, importToStore, openVectorStore, readEmbeddings, type VectorRecord,
  type VectorStore } from '../../lib/index.js'
import { bindStore } from '../../lib/work/bind-store'
import { tinyModel } from '../lifecycle/support'

const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-export-store-'))
const at = (name: string): string => path.join(scratch, name)
const fields = { album: 'string', year: 'number', kept: 'boolean' } as const

let clip: Clip
let store: VectorStore
beforeAll(async () => {
  clip = await Clip.load(undefined, { threads: 1 })
  store = await openVectorStore('memory:', { dim: clip.info.dim, fields })
})
afterAll(async () => {
  await store.close()
  await clip.dispose()
  rmSync(scratch, { recursive: true, force: true })
})

test('all rows go out in parts, with what the store knows of them, and come back the same', async () => {
  await bindStore(store, clip)
  const rows = Array.from({ length: 1203 }, (_, i): VectorRecord => ({
    key: `https://example.com/${String(i).padStart(4, '0')}.jpg`,
    vector: Float32Array.from({ length: clip.info.dim }, (_value, at) => (at === i % clip.info.dim ? 1 : 0)),
    ...(i % 3 === 0 ? { content: 'ab'.repeat(32), modified: new Date(1_700_000_000_123), size: 2 ** 40 + i } : {}),
    ...(i % 3 === 1 ? { content: 'no hash', fields: { album: 'a "b"', year: -2.5, kept: false } } : {}),
  }))
  await store.upsert(rows)
  const seen: number[] = []
  const result = await exportStore(store, at('out'), { rowsPerPart: 500, onProgress: n => void seen.push(n) })
  expect(result).toEqual({ rows: 1203, parts: 3 })
  expect(seen.at(-1)).toBe(1203)
  const batches: EmbeddingBatch[] = []
  for await (const batch of readEmbeddings(at('out'))) batches.push(batch)
  const [first] = batches
  expect(Object.keys(first!.columns)).toEqual(['image_path', 'file_size', 'modified', 'sha256', 'content', 'album',
    'kept', 'year'])
  expect([first!.columns.sha256![0], first!.columns.content![1], first!.columns.sha256![1]]).toEqual(['ab'.repeat(32),
    'no hash', null])
  const back = await openVectorStore('memory:', { dim: clip.info.dim, fields })
  expect(await importToStore(at('out'), back, { clip })).toEqual({ rows: 1203, imported: 1203, unusable: 0 })
  expect(await back.list({ limit: 10_000, vectors: true })).toEqual(rows)
  expect(await back.recall('model')).toBe(await store.recall('model'))
  await back.close()
  // the folder says which model its vectors are of
  const other = await Clip.load(tinyModel)
  const wrong = await openVectorStore('memory:', { dim: other.info.dim })
  await expect(importToStore(at('out'), wrong, { clip: other })).rejects.toMatchObject({ code: 'ERR_CLIP_INDEX_MODEL' })
  await wrong.close()
  await other.dispose()
})

test('vectors get unit length; a store that knows no model says so; an ended export leaves nothing', async () => {
  const plain = await openVectorStore('memory:', { dim: 2 })
  await plain.upsert([{ key: 'a', vector: Float32Array.of(3, 4) }])
  expect(await exportStore(plain, at('plain'))).toEqual({ rows: 1, parts: 1 })
  expect(await plain.recall('model')).toBeUndefined()
  for await (const { vectors } of readEmbeddings(at('plain'))) {
    expect(vectors[0]).toBeCloseTo(0.6, 3)
    expect(vectors[1]).toBeCloseTo(0.8, 3)
  }
  await expect(exportStore(plain, at('plain'))).rejects.toMatchObject({ code: 'ERR_CLIP_FILE_WRITE' })
  await expect(exportStore(plain, at('ended'), { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
    'enough',
  )
  expect(existsSync(at('ended'))).toBe(false)
  await plain.close()
  await expect(exportStore(plain, at('closed'))).rejects.toMatchObject({ code: 'ERR_CLIP_DISPOSED' })
  const taken = await openVectorStore('memory:', { dim: 2, fields: { sha256: 'string' } })
  await expect(exportStore(taken, at('taken'))).rejects.toThrow(/store\.fields.*sha256/)
  await taken.close()
  await expect(exportStore({} as VectorStore, at('none'))).rejects.toThrow('a VectorStore')
})
