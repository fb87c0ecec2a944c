/** The conformance suite with every engine. Those that are not in memory: npm run test:stores. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, cosineSimilarity, openVectorStore } from '../../lib/index.js'
import { ggclip, root } from '../cli/support'
import { where } from '../helpers/skips'
import { conformance } from './conformance'

const { startPostgres } = require('../helpers/engines.cjs')
const samples = path.join(root, 'models', 'samples')

describe('in memory', () => {
  conformance(() => 'memory:', { shared: false })

  test('all pages of a list compare keys no more often than one sort does', async () => {
    const store = await openVectorStore('memory:', { dim: 1 })
    const count = 4096
    const vector = Float32Array.of(1)
    // in no order
    await store.upsert(Array.from({ length: count }, (_, i) => ({ key: `k${(i * 2654435761) % 2 ** 32}`, vector })))
    const compare = jest.spyOn(Buffer, 'compare')
    let rows = 0
    for (let after: string | undefined;;) {
      const page = await store.list({ after, limit: 10 })
      if (page.length === 0) break
      rows += page.length
      after = page.at(-1)!.key
    }
    const comparisons = compare.mock.calls.length
    compare.mockRestore()
    expect(rows).toBe(count)
    expect(comparisons).toBeGreaterThan(0)
    expect(comparisons).toBeLessThan(2 * count * Math.log2(count))
    // what comes between two pages is in its place
    await store.upsert([{ key: 'k0a', vector }])
    expect((await store.list({ after: 'k0', limit: 1 }))[0]!.key).toBe('k0a')
    await store.delete(['k0a'])
    expect((await store.list({ after: 'k0', limit: 1 }))[0]!.key).not.toBe('k0a')
    await store.close()
  })
})

where('engines', describe)('LanceDB', () => {
  const scratch = mkdtempSync(path.join(tmpdir(), "ggclip lance'-"))
  afterAll(() => rmSync(scratch, { recursive: true }))
  conformance(() => `lance:${scratch}`)

  test('one that is not there is not made without its length', async () => {
    const folder = path.join(scratch, 'none')
    await expect(openVectorStore(`lance:${folder}`)).rejects.toMatchObject({ code: 'ERR_CLIP_STORE_FORMAT' })
    expect(existsSync(folder)).toBe(false)
    mkdirSync(folder) // somebody's
    await expect(openVectorStore(`lance:${folder}`)).rejects.toMatchObject({ code: 'ERR_CLIP_STORE_FORMAT' })
    expect(readdirSync(folder)).toEqual([])
  })

  test('one whose first opener was killed before it wrote the length is made by the next', async () => {
    const folder = path.join(scratch, 'killed')
    const { connect } = require('@lancedb/lancedb') as {
      connect(folder: string): Promise<{ createEmptyTable(name: string, schema: unknown): Promise<unknown> }>
    }
    const { Field, Schema, Utf8 } = require('apache-arrow') as Record<string, new(...values: unknown[]) => object>
    const notes = ['name', 'value'].map(name => new Field!(name, new Utf8!(), false))
    await (await connect(folder)).createEmptyTable('ggclip_pictures_notes', new Schema!(notes))
    await expect(openVectorStore(`lance:${folder}`)).rejects.toMatchObject({ code: 'ERR_CLIP_STORE_FORMAT' })
    const store = await openVectorStore(`lance:${folder}`, { dim: 2 })
    expect(store.dim).toBe(2)
    await store.close()
  })

  test('ggclip export and import: out of it, and into another', async () => {
    const [from, to] = ['from', 'to'].map(name => `lance:${path.join(scratch, name)}`) as [string, string]
    const clip = await Clip.load(undefined, { threads: 1 })
    const vectors = await clip.encodeImage(['rocket.png', 'pizza.webp'].map(name => path.join(samples, name)))
    const rows = vectors.map((vector, i) => ({ key: `https://example.com/${i}`, vector, fields: { year: 2026 + i } }))
    const options = { dim: clip.info.dim, table: 'mine' }
    const store = await openVectorStore(from, { ...options, fields: { year: 'number' } })
    await store.upsert(rows)
    await store.close()
    await clip.dispose()
    const out = path.join(scratch, 'out')
    expect(await ggclip(['export', out, '--store', from, '--table', 'mine'])).toEqual({
      status: 0,
      stdout: '',
      stderr: `2 rows in 1 part: ${out}\n`,
    })
    expect(await ggclip(['import', out, '--store', to, '--table', 'mine', '--field', 'year:number'])).toMatchObject({
      status: 0,
      stderr: '2 of 2 rows imported\n',
    })
    const other = await openVectorStore(to, { table: 'mine' })
    const found = await other.list({ vectors: true })
    expect(found.map(({ key, fields }) => ({ key, fields }))).toEqual(rows.map(({ key, fields }) => ({ key, fields })))
    found.forEach(({ vector }, i) => expect(cosineSimilarity(vector, vectors[i]!)).toBeCloseTo(1, 5))
    await other.close()
    const absent = await ggclip(['export', `${out}2`, '--store', from, '--table', 'other'])
    expect(absent).toMatchObject({ status: 1, stderr: expect.stringContaining('ERR_CLIP_STORE_FORMAT') })
  })

  test('after many writes the pieces are put together, and nothing is lost', async () => {
    const store = await openVectorStore(`lance:${path.join(scratch, 'many')}`, { dim: 2 })
    for (let i = 0; i < 210; i++)
      await store.upsert([{ key: `k${i % 150}`, vector: Float32Array.of(1, i) }, {
        key: `l${i}`,
        vector: Float32Array.of(i, 1),
      }])
    expect(await store.count()).toBe(150 + 210)
    expect(await store.get(['k59'], { vectors: true })).toEqual([{ key: 'k59', vector: Float32Array.of(1, 209) }])
    await store.close()
  })
})

where('engines', describe)('PostgreSQL with pgvector', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  beforeAll(async () => void (server = await startPostgres()))
  afterAll(() => server?.stop())
  conformance(() => server.url)
})

test('what cannot be opened is said by its reason', async () => {
  await expect(openVectorStore('mysql://x', { dim: 2 })).rejects.toThrow("expected 'postgres://...', 'lance:<folder>'")
  await expect(openVectorStore('memory:')).rejects.toMatchObject({ code: 'ERR_CLIP_OUT_OF_RANGE' })
  await expect(openVectorStore('memory:', { dim: 2, fields: { key: 'string' } })).rejects.toThrow('none of key')
  for (const name of ['constructor', '__proto__', '_distance', '_rowid', 'ctid']) {
    const fields = JSON.parse(`{ "${name}": "string" }`) as Record<string, 'string'>
    await expect(openVectorStore('memory:', { dim: 2, fields })).rejects.toMatchObject({
      code: 'ERR_CLIP_OUT_OF_RANGE',
      argument: 'options.fields',
    })
  }
  await expect(openVectorStore('postgres://127.0.0.1:1/x', { dim: 2 })).rejects.toMatchObject({
    code: 'ERR_CLIP_STORE_FAILED',
    message: expect.stringContaining('ECONNREFUSED'),
  })
})
