/** A queue in a real Redis, with a store in memory and workers in this process. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, openPictureQueue, openVectorStore, type PictureQueue, pictureSources,
  type VectorStore } from '../../lib/index.js'
import { tinyModel } from '../lifecycle/support'
import { where } from '../helpers/skips'
import { bucket, keys } from './support'

const { freePort, startRedis } = require('../helpers/engines.cjs')
const samples = path.join(__dirname, '..', '..', 'models', 'samples')

where('redis', describe)('a queue of pictures', () => {
  const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-queue-'))
  let redis: { url: string; kill(): Promise<void>; start(): Promise<void>; stop(): Promise<void> }
  let clip: Clip
  let queue: PictureQueue
  let store: VectorStore
  let count = 0

  beforeAll(async () => {
    redis = await startRedis()
    clip = await Clip.load(undefined, { threads: 1 })
  })
  afterAll(async () => {
    await clip.dispose()
    await redis.stop()
    rmSync(scratch, { recursive: true })
  })
  beforeEach(async () => {
    queue = await openPictureQueue(redis.url, { name: `q${count++}` })
    store = await openVectorStore('memory:', { dim: clip.info.dim })
  })
  afterEach(async () => {
    await queue.close()
    await store.close()
  })

  const work = (options = {}) => queue.work({ clip, store, untilEmpty: true, backoffMs: 1, ...options })

  test('what is added is embedded once; what is known, unchanged or queued already is not done again', async () => {
    const file = path.join(scratch, 'changes.png')
    copyFileSync(path.join(samples, 'rocket.png'), file)
    const add = () => queue.add(pictureSources([samples, file]), { batch: 5 })
    expect(await add()).toEqual({ pictures: 19, jobs: 4 })
    await add()
    expect(await queue.status()).toMatchObject({ waiting: 4, active: 0, workers: 0 })
    expect(await work()).toMatchObject({ jobs: 4, embedded: 19, known: 0, failed: 0 })
    const rocket = path.join(samples, 'rocket.png')
    const [row] = await store.get([rocket], { vectors: true })
    expect(row).toMatchObject({
      vector: await clip.encodeImage(rocket),
      content: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    copyFileSync(path.join(samples, 'pizza.webp'), file)
    await add()
    expect(await work()).toMatchObject({ embedded: 1, known: 18 })
    await queue.add(pictureSources([samples]), { refresh: true })
    expect(await work()).toMatchObject({ embedded: 18, known: 0 })
    expect(await store.count()).toBe(19)
    expect(await queue.status()).toMatchObject({ waiting: 0, delayed: 0, embedded: 38, known: 18, dead: 0 })
  })

  test('a callback that throws ends its worker with that, and no job is done twice', async () => {
    for (const thrown of [new Error('full'), undefined]) {
      await queue.add(pictureSources([samples]), { batch: 3, refresh: true })
      const onJob = () => {
        throw thrown
      }
      await expect(work({ concurrency: 1, onJob })).rejects.toBe(thrown)
      await work()
    }
    expect(await queue.status()).toMatchObject({ waiting: 0, delayed: 0, embedded: 36, known: 0, dead: 0 })
  })

  test('bad pictures are listed with their reason, the others of their job are stored; mended ones succeed', async () => {
    const bad = path.join(scratch, 'bad.png')
    const late = path.join(scratch, 'late.png')
    writeFileSync(bad, 'no picture')
    const url = 'http://127.0.0.1:9/a.png'
    const long = `https://h.example/${'x'.repeat(2048)}` // no key of a store
    await queue.add([bad, late, path.join(samples, 'pizza.webp'), url, long])
    expect(await work({ attempts: 3 })).toMatchObject({ jobs: 3, embedded: 1, failed: 4 })
    const letters = []
    for await (const { source, code, at } of queue.dead()) letters.push([source, code, at instanceof Date])
    expect(letters.sort()).toEqual(
      [[bad, 'ERR_CLIP_IMAGE_DECODE', true], [late, 'ERR_CLIP_FILE_NOT_FOUND', true], [url, 'ERR_CLIP_URL_REFUSED',
        true], [long, 'ERR_CLIP_OUT_OF_RANGE', true]].sort(),
    )
    for (const file of [bad, late]) copyFileSync(path.join(samples, 'rocket.png'), file)
    expect(await queue.requeue()).toBe(4)
    expect(await work({ attempts: 1 })).toMatchObject({ jobs: 4, embedded: 2, failed: 2 })
    expect([await store.count(), (await queue.status()).dead]).toEqual([3, 2])
  })

  test('objects of S3 and entries of a tar file there: known ones are not read again, absent ones are dead', async () => {
    const tar = path.join(scratch, 'shard.tar')
    execFileSync('tar', ['-cf', tar, '-C', samples, 'rocket.png', 'pizza.webp'])
    const objects = { 'a/rocket.png': readFileSync(path.join(samples, 'rocket.png')), 'shard.tar': readFileSync(tar) }
    const server = await bucket(objects)
    const s3 = { endpoint: server.endpoint, ...keys }
    const add = () => queue.add(pictureSources(['s3://pics/a/', 's3://pics/shard.tar', 's3://pics/absent.png'], { s3 }))
    expect(await add()).toEqual({ pictures: 4, jobs: 1 })
    expect(await work({ s3 })).toMatchObject({ embedded: 3, failed: 1 })
    const rocket = await clip.encodeImage(path.join(samples, 'rocket.png'))
    const rows = await store.get(['s3://pics/a/rocket.png', 's3://pics/shard.tar#rocket.png'], { vectors: true })
    expect(rows.map(({ vector, size }) => [vector, size])).toEqual(
      Array(2).fill([rocket, objects['a/rocket.png'].length]),
    )
    const letters = []
    for await (const { source, code } of queue.dead()) letters.push([source, code])
    expect(letters).toEqual([['s3://pics/absent.png', 'ERR_CLIP_S3_NOT_FOUND']])
    await add()
    server.requests.length = 0
    expect(await work({ s3 })).toMatchObject({ embedded: 0, known: 3, failed: 1 })
    expect(server.requests).toEqual(['/pics/absent.png'])
    // what fails for a while is tried again, by another attempt at the job
    let failures = 3
    server.trouble = (_, response) => failures-- > 0 && !!response.writeHead(503).end()
    await queue.add(['s3://pics/a/rocket.png'], { refresh: true })
    expect(await work({ s3 })).toMatchObject({ jobs: 4, embedded: 1, failed: 0 })
  })

  test('adding pauses while jobs wait, and goes on as they are taken', async () => {
    let most = 0
    const adding = queue.add(pictureSources([samples]), {
      batch: 1,
      maxWaiting: 3,
      onProgress: ({ waiting }) => void (most = Math.max(most, waiting)),
    })
    while (most < 3) await new Promise(resolve => setTimeout(resolve, 5))
    expect((await queue.status()).waiting).toBe(3)
    const end = new AbortController()
    const working = queue.work({ clip, store, signal: end.signal })
    expect(await adding).toEqual({ pictures: 18, jobs: 18 })
    while (await store.count() < 18) await new Promise(resolve => setTimeout(resolve, 5))
    end.abort()
    expect(await working).toMatchObject({ embedded: 18 })
    expect(most).toBe(3)
  })

  test('Redis killed and started again: the work goes on', async () => {
    await queue.add(pictureSources([samples]), { batch: 1 })
    let jobs = 0
    let reached!: () => void
    const half = new Promise<void>(resolve => void (reached = resolve))
    const working = work({ concurrency: 1, lockMs: 500, onJob: () => ++jobs === 6 && reached() })
    await half
    await redis.kill()
    await new Promise(resolve => setTimeout(resolve, 300))
    await redis.start()
    await working
    expect(await store.count()).toBe(18)
    expect(await queue.status()).toMatchObject({ waiting: 0, active: 0, delayed: 0, failed: 0 })
  })

  test('while the store fails jobs wait; another model is refused; metrics are answered', async () => {
    await queue.add([path.join(samples, 'pizza.webp')])
    let failures = 0
    const failing = Object.assign(Object.create(store) as VectorStore, {
      dim: store.dim,
      remember: (name: string, value: string) => store.remember(name, value),
      get: (keys: string[]) => store.get(keys),
      upsert: (records: never) =>
        failures++ === 0
          ? Promise.reject(Object.assign(new Error('away'), { code: 'ERR_CLIP_STORE_FAILED' }))
          : store.upsert(records),
    })
    expect(await work({ store: failing })).toMatchObject({ jobs: 1, embedded: 1, failed: 0 })
    expect(failures).toBe(2)
    const other = await Clip.load(tinyModel, { threads: 1 })
    const ofOther = await openVectorStore('memory:', { dim: other.info.dim })
    await ofOther.remember(
      'model',
      JSON.stringify({ name: 'x', probe: Array.from({ length: other.info.dim }, () => 1) }),
    )
    await expect(work({ clip: other, store: ofOther })).rejects.toMatchObject({ code: 'ERR_CLIP_INDEX_MODEL' })
    await expect(work({ clip: other })).rejects.toMatchObject({ code: 'ERR_CLIP_OUT_OF_RANGE' })
    await other.dispose()

    const port = await freePort()
    const end = new AbortController()
    const working = queue.work({ clip, store, signal: end.signal, metrics: { port } })
    const answered = async (): Promise<string> => {
      for (;;) {
        try {
          return await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
        } catch {
          await new Promise(resolve => setTimeout(resolve, 20))
        }
      }
    }
    const text = await answered()
    end.abort()
    await working
    expect(text).toMatch(/^ggclip_work_queue_jobs\{state="waiting",queue="q\d+"\} 0$/m)
    expect(text).toMatch(/^ggclip_work_pictures_total\{outcome="embedded",queue="q\d+"\} 0$/m)
  }, 120_000)
})

test('a queue that cannot be reached is said at once', async () => {
  await expect(openPictureQueue('redis://127.0.0.1:1')).rejects.toMatchObject({ code: 'ERR_CLIP_WORK_FAILED' })
  await expect(openPictureQueue('http://x')).rejects.toMatchObject({ code: 'ERR_CLIP_OUT_OF_RANGE' })
})
