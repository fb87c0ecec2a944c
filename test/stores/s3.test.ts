/** LanceDB in S3 (moto): the conformance suite, and several processes that write at a time, with no lock between them. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

import { openVectorStore, type S3Options } from '../../lib/index.js'
import { root } from '../cli/support'
import { where } from '../helpers/skips'
import { conformance } from './conformance'

const { startS3 } = require('../helpers/engines.cjs')

where('engines', describe)('LanceDB in S3', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ggclip-s3-store-'))
  const before = { ...process.env }
  let moto: { s3: S3Options; environment: Record<string, string>; stop(): Promise<void> }
  beforeAll(async () => {
    moto = await startS3(folder)
    Object.assign(process.env, moto.environment)
  }, 180_000)
  afterAll(async () => {
    await moto.stop()
    process.env = before
    rmSync(folder, { recursive: true })
  })

  conformance(() => 'lance:s3://vectors/conformance')

  test('processes that open it, write the same new keys and tidy at the same time leave one row of each', async () => {
    const place = 'lance:s3://vectors/shared'
    const program = `
      const { openVectorStore } = require(${JSON.stringify(root)})
      const main = async () => {
        const store = await openVectorStore('${place}', { dim: 2, fields: { by: 'string' } })
        const kept = await store.remember('first', process.argv[1])
        for (let i = 0; i < 45; i++) {
          const rows = [0, 1, 2].map(j => ({ key: 'k' + (i + j), vector: Float32Array.of(1, i), fields: { by: process.argv[1] } }))
          await store.upsert(rows)
          if (i % 10 === 9) await store.delete(['k' + i])
        }
        await store.close()
        console.log(kept)
      }
      void main()`
    const run = promisify(execFile)
    const env = { ...process.env, ...moto.environment }
    const said = await Promise.all(['a', 'b', 'c'].map(name => run(process.execPath, ['-e', program, name], { env })))
    // the first note wins, for all of them
    expect(new Set(said.map(({ stdout }) => stdout)).size).toBe(1)
    const store = await openVectorStore(place)
    const rows = await store.list({ limit: 1000 })
    expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length)
    expect(await store.count()).toBe(rows.length)
    const keys = Array.from({ length: 47 }, (_, i) => `k${i}`).filter(key => !/^k\d*9$/.test(key))
    expect(rows.map(({ key }) => key)).toEqual(expect.arrayContaining(keys))
    await store.close()
  }, 240_000)

  test('what is no store is said', async () => {
    const open = (location: string, options = {}) => openVectorStore(location, options)
    await expect(open('lance:s3://vectors/none')).rejects.toMatchObject({ code: 'ERR_CLIP_STORE_FORMAT' })
    const wrong = { s3: { ...moto.s3, secretAccessKey: 'x' }, dim: 2 }
    await expect(open('lance:s3://vectors/x', wrong)).rejects.toMatchObject({ code: 'ERR_CLIP_STORE_FAILED' })
    await expect(open('lance:s3://absent/x', { dim: 2 })).rejects.toMatchObject({ code: 'ERR_CLIP_STORE_FAILED' })
    for (
      const location of ['lance:s3://', 'lance:s3://a b/x', 'lance:s3://a..b/x', 'lance:s3://vectors/x?y',
        'lance:gs://b/x']
    )
      await expect(open(location, { dim: 2 })).rejects.toMatchObject({ code: 'ERR_CLIP_OUT_OF_RANGE' })
    await expect(open('memory:', { dim: 2, s3: { endpoint: 'ftp://x' } })).rejects.toMatchObject({
      code: 'ERR_CLIP_OUT_OF_RANGE',
    })
  })
})
