/** Broken transfers: what is resumed, what is refused, and that nothing incomplete is taken for whole. */
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'

import type { SeenRequest, Trouble } from '../helpers/fake-hub'
import { sha256 } from '../helpers/fake-hub'
import { checkpoint, failure, needed, noise, weights } from './support'
import { abandoned, arrival, bench, expectWhole, leave, onWeights, parked, ranges } from './transfer-support'

const { randomFrom } = require('../helpers/random.cjs') as { randomFrom(seed: number): (limit: number) => number }

describe('resuming', () => {
  test("within a call: a dropped connection goes on where it broke, under the server's own ETag", async () => {
    onWeights({ cutAfter: 100_000 }, { cutAfter: 70_000 })
    await expectWhole()
    const [, second, third] = bench.hub.requests.filter(({ server }) => server === 'cdn')
    const at = (request?: SeenRequest): number => Number(/^bytes=(\d+)-$/.exec(request?.headers.range ?? '')?.[1])
    expect(at(second)).toBeGreaterThan(0)
    expect(at(second)).toBeLessThanOrEqual(100_000)
    expect(at(third)).toBeGreaterThanOrEqual(at(second))
    expect(second!.headers['if-range']).toBe(`"cdn-${sha256(weights).slice(0, 12)}"`)
  })

  test('progress resets the count of failures', async () => {
    onWeights(...Array.from({ length: 8 }, () => ({ cutAfter: 30_000 })))
    await expectWhole()
  })

  test('a body that ends early in good order is not the end', async () => {
    onWeights({ endAfter: 120_000 })
    await expectWhole()
    expect(ranges()).toEqual([undefined, 'bytes=120000-'])
  })

  test('silence is a broken connection', async () => {
    onWeights({ stallAfter: 90_000 })
    const { path: folder } = await bench.fetch('owner/model', {}, { idleMs: 150 })
    expect(readFileSync(path.join(folder, 'model.safetensors')).equals(weights)).toBe(true)
    expect(ranges()).toEqual([undefined, 'bytes=90000-'])
  })

  test('a trickle is a broken connection', async () => {
    onWeights({ pace: [40, 20] }, { pace: [40, 20] })
    const { path: folder } = await bench.fetch('owner/model', {}, { idleMs: 200 })
    expect(readFileSync(path.join(folder, 'model.safetensors')).equals(weights)).toBe(true)
    expect(ranges()).toHaveLength(3)
  })

  test('a trickle without an end is given up', async () => {
    bench.hub.trouble = ({ server }) => (server === 'cdn' ? { pace: [10, 20] } : undefined)
    const error = await failure(bench.fetch('owner/model', {}, { idleMs: 150 }))
    expect(error).toMatchObject({
      code: 'ERR_CLIP_HUB_UNREACHABLE',
      message: expect.stringMatching(/no more than \d+ bytes came for 0.15 s/),
    })
    expect(ranges()).toHaveLength(3)
  })

  test.each([['gzip', gzipSync], ['br', brotliCompressSync], ['deflate', deflateSync]])(
    'a body that comes as %s',
    async (encoding, compress) => {
      const content = compress(weights)
      onWeights({ content, headers: { 'content-encoding': encoding } })
      await expectWhole()
    },
  )

  test('a compressed body that breaks is asked for again from the start where ranges count compressed bytes', async () => {
    const content = gzipSync(weights)
    const headers = { 'content-encoding': 'gzip' }
    onWeights({ content, headers, cutAfter: 150_000 }, { content, headers })
    await expectWhole()
    expect(ranges().at(-1)).toBeUndefined()
  })

  test.each([['ended', parked], ['was killed', abandoned]])(
    'in a later call: what one that %s left is used',
    async (_, file) => {
      leave(file(), weights.subarray(0, 123_456))
      const result = await bench.fetch('owner/model')
      expect(ranges()).toEqual(['bytes=123456-'])
      expect(result.files.find(file => file.path === 'model.safetensors')).toMatchObject({ cached: false })
      expect(result.downloadedBytes).toBe(result.bytes - 123_456)
      await expectWhole()
    },
  )

  test('a whole file that only lacks its name is checked and named', async () => {
    leave(parked(), weights)
    await expectWhole()
    expect(ranges()).toEqual([])
  })

  test('of several left over the longest is used, and none stays', async () => {
    leave(abandoned('a'), weights.subarray(0, 1000))
    leave(abandoned('b'), weights.subarray(0, 200_000))
    leave(abandoned('c'), weights.subarray(0, 3000))
    await expectWhole()
    expect(ranges()).toEqual(['bytes=200000-'])
  })

  test.each([
    ['of another content', noise(50_000, 'other')],
    ['longer than the file', noise(400_000, 'long')],
    ["of the file's length, but damaged", Buffer.concat([weights.subarray(0, -1), Buffer.from([weights.at(-1)! ^ 1])])],
  ])('a partial file %s is given up', async (_, content) => {
    leave(parked(), content)
    await expectWhole()
    expect(ranges().at(-1)).toBeUndefined()
  })

  test('a server without ranges starts over', async () => {
    leave(parked(), weights.subarray(0, 5000))
    onWeights({ ignoreRange: true })
    await expectWhole()
  })

  test('a server without ranges that always breaks off is given up', async () => {
    bench.hub.trouble = ({ server }) => (server === 'cdn' ? { ignoreRange: true, cutAfter: 30_000 } : undefined)
    expect(await failure(bench.fetch('owner/model'))).toMatchObject({ code: 'ERR_CLIP_HUB_UNREACHABLE' })
    expect(ranges()).toHaveLength(3)
  })

  test('a range that is refused, or answered with another, starts over', async () => {
    leave(parked(), weights.subarray(0, 5000))
    onWeights({ status: 416, headers: { 'content-range': 'bytes */300000' } })
    await expectWhole()
    expect(ranges()).toEqual(['bytes=5000-', undefined])
  })
})

describe('content that is not what the list promised', () => {
  const other = noise(weights.length, 'other')

  test.each<[string, Trouble, RegExp]>([
    ['wrong hash', { content: other },
      new RegExp(`expected 300000 bytes with hash ${sha256(weights)}, found hash ${sha256(other)}`)],
    ['shorter', { content: other.subarray(0, 200_000) }, /expected 300000 bytes, 127\.0\.0\.1:\d+ announces 200000/],
    ['longer', { content: noise(300_001), endAfter: 300_001 }, /expected 300000 bytes, 127\.0\.0\.1:\d+ sends more/],
  ])('%s: refused, nothing kept', async (_, trouble, message) => {
    bench.hub.trouble = ({ server }) => (server === 'cdn' ? trouble : undefined)
    const error = await failure(bench.fetch('owner/model'))
    expect(error.code).toBe('ERR_CLIP_HUB_CORRUPT')
    expect(error.message).toMatch(message)
    expect(bench.leftovers()).toEqual([])
    expect(await failure(bench.fetch('owner/model', {}, { offline: true }))).toMatchObject({
      code: 'ERR_CLIP_HUB_OFFLINE',
    })
  })

  test('a login page in the place of a file is named', async () => {
    bench.hub.trouble = (
      { server },
    ) => (server === 'cdn' ? { content: Buffer.from('<html>'), headers: { 'content-type': 'text/html' } } : undefined)
    expect((await failure(bench.fetch('owner/model'))).message).toMatch(
      /announces 6 \(a web page: does this network want a login\?\)$/,
    )
  })

  test("a small file is checked by git's hash", async () => {
    bench.hub.trouble = (
      { url },
    ) => (url.endsWith('config.json') ? { content: Buffer.from('{"model_type":"clap"}') } : undefined)
    expect(await failure(bench.fetch('owner/model'))).toMatchObject({ code: 'ERR_CLIP_HUB_CORRUPT' })
  })

  test("another size in the hub's own headers is noticed before the download", async () => {
    bench.hub.trouble = (
      { url },
    ) => (url.endsWith('model.safetensors') ? { headers: { 'x-linked-size': '17' } } : undefined)
    expect((await failure(bench.fetch('owner/model'))).message).toMatch(/announces 17/)
  })
})

describe('giving up', () => {
  test('a connection that always breaks', async () => {
    bench.hub.trouble = ({ server }) => (server === 'cdn' ? { cutAfter: 0 } : undefined)
    const error = await failure(bench.fetch('owner/model'))
    expect(error.code).toBe('ERR_CLIP_HUB_UNREACHABLE')
    expect(ranges()).toHaveLength(3)
  })

  test("cancelled: the signal's reason, and the next call goes on", async () => {
    onWeights({ stallAfter: 150_000 })
    const abort = new AbortController()
    const reason = new Error('changed my mind')
    void arrival(150_000).then(() => abort.abort(reason))
    expect(await failure(bench.fetch('owner/model', { signal: abort.signal }))).toBe(reason)
    expect(statSync(parked()).size).toBe(150_000)
    expect(bench.leftovers()).toEqual([path.basename(parked())])
    await expectWhole()
    expect(ranges()).toEqual([undefined, 'bytes=150000-'])
  })

  test('cancelled before it began: nothing is asked', async () => {
    expect(
      await failure(
        bench.fetch('owner/model', { signal: AbortSignal.abort('no') }).catch((reason: unknown) => {
          throw new Error(String(reason))
        }),
      ),
    ).toMatchObject({ message: 'no' })
    expect(bench.hub.requests).toEqual([])
  })

  test('the first failure stops the other downloads', async () => {
    bench.hub.trouble = (
      { url },
    ) => (url.includes('tokenizer.json')
      ? { stallAfter: 1 }
      : url.includes('/config.json')
      ? { status: 404 }
      : undefined)
    const started = Date.now()
    expect(await failure(bench.fetch('owner/model', {}, { idleMs: 20_000 }))).toMatchObject({
      code: 'ERR_CLIP_HUB_NOT_FOUND',
    })
    expect(Date.now() - started).toBeLessThan(5000)
  })

  test('a cache that cannot be written', async () => {
    writeFileSync(bench.cacheDir, 'a file where the folder should be')
    const error = await failure(bench.fetch('owner/model'))
    expect(error.code).toBe('ERR_CLIP_FILE_WRITE')
    expect(error.message).toContain(bench.cacheDir)
  })

  test('more than the disk can hold: not even begun', async () => {
    bench.hub.add('owner/huge', checkpoint, { bare: true })
    bench.hub.trouble = (
      { url, method },
    ) => (method === 'HEAD' && url.endsWith('model.safetensors')
      ? { headers: { 'x-linked-size': String(2 ** 52) } }
      : undefined)
    const error = await failure(bench.fetch('owner/huge'))
    expect(error.code).toBe('ERR_CLIP_FILE_WRITE')
    expect(error.message).toMatch(/bytes free, and 'owner\/huge' needs 45035996\d+/)
    expect(bench.hub.takeLog().filter(line => line.includes(' GET ') && !line.includes('/api/'))).toEqual([])
  })
})

describe('any trouble', () => {
  const kinds: ((random: () => number) => Trouble | undefined)[] = [
    () => undefined,
    random => ({ cutAfter: Math.floor(random() * 300_000) }),
    random => ({ endAfter: Math.floor(random() * 300_000) }),
    random => ({ content: noise(Math.floor(random() * 400_000), String(random())) }),
    random => ({
      status: [400, 403, 404, 416, 429, 500, 503][Math.floor(random() * 7)]!,
      headers: { 'retry-after': '0' },
    }),
    () => ({ ignoreRange: true }),
    random => ({ ignoreRange: true, cutAfter: Math.floor(random() * 300_000) }),
    random => ({ headers: { 'content-range': `bytes ${Math.floor(random() * 1000)}-299999/300000` } }),
  ]

  test.each(Array.from({ length: 25 }, (_, i) => i + 1))(
    'ends with the true files or a coded error, and then with the true files (%d)',
    async seed => {
      const draw = randomFrom(seed)
      const random = (): number => draw(2 ** 32) / 2 ** 32
      bench.hub.trouble = () => kinds[Math.floor(random() * kinds.length * 1.5)]?.(random)
      for (let call = 0; call < 3; call++) {
        try {
          await bench.fetch('owner/model')
        } catch (error) {
          expect((error as { code?: string }).code).toMatch(/^ERR_CLIP_HUB_/)
        }
      }
      bench.hub.trouble = () => undefined
      await expectWhole()
      const { path: folder } = await bench.fetch('owner/model', {}, { offline: true })
      for (const file of needed)
        expect(readFileSync(path.join(folder, file)).equals(Buffer.from(checkpoint[file]!)))
          .toBe(true)
    },
  )
})
