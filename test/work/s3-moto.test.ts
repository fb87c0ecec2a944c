/** Objects of a bucket in moto, an S3 server that is not ours: sources, tar files, queue, flags of the command. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, openVectorStore, type S3Options } from '../../lib/index.js'
import { ggclip } from '../cli/support'
import { where } from '../helpers/skips'
import { list, never, reader, refusal, rocket, samples } from './support'

const { startRedis, startS3 } = require('../helpers/engines.cjs')

interface Moto {
  s3: S3Options
  environment: Record<string, string>
  stop(): Promise<void>
}

const odd = ['a b+c.png', 'ü&<é>.png', "'(x)!*~#%41?=.png", 'deep/er/z.png']

where('engines', describe)('S3 by moto', () => {
  const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-moto-'))
  let moto: Moto
  let redis: { url: string; stop(): Promise<void> }
  beforeAll(async () => {
    const folder = path.join(scratch, 'pics')
    for (const name of [...odd.map(one => `odd/${one}`), 'odd/notes.txt']) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
      copyFileSync(path.join(samples, 'rocket.png'), path.join(folder, name))
    }
    mkdirSync(path.join(folder, 'many'))
    // more than a page of a list
    for (let i = 0; i < 1005; i++) writeFileSync(path.join(folder, 'many', `${i}.png`), `picture ${i}`)
    execFileSync('tar', ['-cf', path.join(folder, 'shard.tar'), '-C', samples, 'rocket.png', 'pizza.webp'])
    moto = await startS3(folder)
    redis = await startRedis()
  }, 180_000) // moto makes a thousand objects, beside other tests
  afterAll(async () => {
    await moto?.stop()
    await redis?.stop()
    rmSync(scratch, { recursive: true })
  })

  test('objects are listed, whatever their names are, over more than a page, and read', async () => {
    const found = await list(['s3://pics/odd/'], { s3: moto.s3 })
    expect(found.map(source => (source as { key: string }).key).sort())
      .toEqual(odd.map(name => `s3://pics/odd/${name}`).sort())
    const { read, isKnown } = reader({ s3: moto.s3 })
    for (const source of found) {
      const { bytes, modified } = await read(source, never)
      expect(bytes).toEqual(rocket)
      const row = { key: (source as { key: string }).key, size: bytes.length, modified }
      expect(await isKnown(source, row)).toBe(true)
    }
    const many = await list(['s3://pics/many'], { s3: moto.s3 })
    expect(new Set(many.map(source => (source as { key: string }).key)).size).toBe(1005)
    expect(many).toHaveLength(1005)
  })

  test('entries of a tar file are read in place', async () => {
    const found = await list(['s3://pics/shard.tar'], { s3: moto.s3 })
    expect(found).toHaveLength(2)
    const { read, close } = reader({ s3: moto.s3 })
    for (const [i, name] of ['rocket.png', 'pizza.webp'].entries())
      expect((await read(found[i]!, never)).bytes).toEqual(readFileSync(path.join(samples, name)))
    close()
  })

  test('what is refused is said by code; a public bucket needs no keys', async () => {
    const { endpoint } = moto.s3
    const wrong = { ...moto.s3, secretAccessKey: 'x' }
    expect(await refusal(list(['s3://pics/odd'], { s3: wrong })))
      .toEqual(['ERR_CLIP_S3_DENIED', expect.stringContaining('SignatureDoesNotMatch')])
    expect((await refusal(list(['s3://absent'], { s3: moto.s3 })))[0]).toBe('ERR_CLIP_S3_NOT_FOUND')
    expect((await refusal(reader({ s3: moto.s3 }).read('s3://pics/absent.png', never)))[0])
      .toBe('ERR_CLIP_S3_NOT_FOUND')
    expect((await refusal(list(['s3://pics/odd'], { s3: { endpoint, anonymous: true } })))[0]).toMatch(/^ERR_CLIP_S3_/)
    const open: Moto = await startS3(path.join(scratch, 'pics', 'odd'), { open: true })
    const s3 = { endpoint: open.s3.endpoint, anonymous: true }
    expect(await list(['s3://pics'], { s3 })).toHaveLength(4)
    await open.stop()
  })

  test('ggclip enqueue and work: pictures from S3 by flags, vectors into S3 by the environment', async () => {
    const env = { ...moto.environment, GGCLIP_REDIS: redis.url }
    const elsewhere = { ...env, AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }
    const flags = ['--s3-endpoint', moto.s3.endpoint!, '--s3-region', 'us-east-1', '--s3-style', 'path']
    const store = 'lance:s3://vectors/by-work'
    const sources = ['s3://pics/odd', 's3://pics/shard.tar']
    expect(await ggclip(['enqueue', ...sources, ...flags], { env: elsewhere })).toMatchObject({ status: 0 })
    const work = ['work', '--store', store, '--until-empty', ...flags]
    expect(await ggclip(work, { env })).toMatchObject({ status: 0 })
    const clip = await Clip.load(undefined, { threads: 1 })
    const opened = await openVectorStore(store, { s3: moto.s3 })
    expect(await opened.count()).toBe(6)
    const [row] = await opened.get(['s3://pics/odd/deep/er/z.png'], { vectors: true })
    expect(row!.vector).toEqual(await clip.encodeImage(rocket))
    await opened.close()
    await clip.dispose()
    const out = path.join(scratch, 'out')
    expect(await ggclip(['export', out, '--store', store], { env })).toMatchObject({ status: 0 })
    expect(readFileSync(path.join(out, 'img_emb', 'img_emb_0.npy')).length).toBeGreaterThan(6 * 256 * 2)
  })
})
