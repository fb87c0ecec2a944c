/** The conformance suite with every engine. Those that are not in memory: npm run test:stores. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { openVectorStore } from '../../lib/index.js'
import { where } from '../helpers/skips'
import { conformance } from './conformance'

const { startPostgres } = require('../helpers/engines.cjs')

describe('in memory', () => conformance(() => 'memory:', { shared: false }))

where('engines', describe)('LanceDB', () => {
  const scratch = mkdtempSync(path.join(tmpdir(), "ggclip lance'-"))
  afterAll(() => rmSync(scratch, { recursive: true }))
  conformance(() => `lance:${scratch}`)

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
  await expect(openVectorStore('postgres://127.0.0.1:1/x', { dim: 2 })).rejects.toMatchObject({
    code: 'ERR_CLIP_STORE_FAILED',
    message: expect.stringContaining('ECONNREFUSED'),
  })
})
