/** Broken transfers: what is resumed, what is refused, and that nothing half-made is taken for whole. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import type { SeenRequest, Trouble } from '../helpers/fake-hub'
import { sha256 } from '../helpers/fake-hub'
import { where } from '../helpers/skips'
import { Bench, checkpoint, failure, needed, noise, weights } from './support'

const bench = new Bench()
const root = path.join(__dirname, '..', '..')
const compiled = path.join(root, 'dist', 'index.js')

beforeEach(() => bench.hub.add('owner/model', checkpoint))

/** Trouble for requests to the second server, which has the weights: one for each, then none. */
function onWeights(...troubles: Trouble[]): void {
  bench.hub.trouble = ({ server }: SeenRequest) => (server === 'cdn' ? troubles.shift() : undefined)
}

function ranges(): (string | undefined)[] {
  return bench.hub.requests.filter(({ server }) => server === 'cdn').map(({ headers }) => headers.range)
}

function partial(): string {
  return path.join(bench.cacheDir, 'models--owner--model', 'blobs', `${sha256(weights)}.incomplete`)
}

function leavePartial(content: Buffer): void {
  mkdirSync(path.dirname(partial()), { recursive: true })
  writeFileSync(partial(), content)
}

/** Waits until so many bytes of the weights are there. */
async function arrival(bytes: number): Promise<void> {
  while (!existsSync(partial()) || statSync(partial()).size < bytes) await new Promise(resolve => setTimeout(resolve, 10))
}

async function expectWhole(): Promise<void> {
  const { path: folder } = await bench.fetch('owner/model')
  expect(readFileSync(path.join(folder, 'model.safetensors')).equals(weights)).toBe(true)
  expect(bench.leftovers()).toEqual([])
}

describe('resuming', () => {
  test('within a call: a dropped connection goes on where it broke, under the server\'s own ETag', async () => {
    onWeights({ cutAfter: 100_000 }, { cutAfter: 70_000 })
    await expectWhole()
    const [, second, third] = bench.hub.requests.filter(({ server }) => server === 'cdn')
    const at = (request?: SeenRequest): number => Number(/^bytes=(\d+)-$/.exec(request?.headers.range ?? '')?.[1])
    expect(at(second)).toBeGreaterThan(0)
    expect(at(second)).toBeLessThanOrEqual(100_000)
    expect(at(third)).toBeGreaterThanOrEqual(at(second))
    expect(second!.headers['if-range']).toBe(`"cdn-${sha256(weights).slice(0, 12)}"`)
  })

  test('progress made starts the count of failures anew', async () => {
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

  test('in a later call: what an earlier one, or the hub\'s own client, left is used', async () => {
    leavePartial(weights.subarray(0, 123_456))
    const result = await bench.fetch('owner/model')
    expect(ranges()).toEqual(['bytes=123456-'])
    expect(result.files.find(file => file.path === 'model.safetensors')).toMatchObject({ cached: false })
    expect(result.downloadedBytes).toBe(result.bytes - 123_456)
    await expectWhole()
  })

  test('a whole file that only lacks its name is checked and named', async () => {
    leavePartial(weights)
    await expectWhole()
    expect(ranges()).toEqual([])
  })

  test.each([
    ['of another content', noise(50_000, 'other')],
    ['longer than the file', noise(400_000, 'long')],
    ['of the file\'s length, but damaged', Buffer.concat([weights.subarray(0, -1), Buffer.from([weights.at(-1)! ^ 1])])],
  ])('a partial file %s is given up', async (_, content) => {
    leavePartial(content)
    await expectWhole()
    expect(ranges().at(-1)).toBeUndefined()
  })

  test('a server without ranges starts over', async () => {
    leavePartial(weights.subarray(0, 5000))
    onWeights({ ignoreRange: true })
    await expectWhole()
  })

  test('a range that is refused, or answered with another, starts over', async () => {
    leavePartial(weights.subarray(0, 5000))
    onWeights({ status: 416, headers: { 'content-range': 'bytes */300000' } })
    await expectWhole()
    expect(ranges()).toEqual(['bytes=5000-', undefined])
  })
})

describe('content that is not what the list promised', () => {
  const other = noise(weights.length, 'other')

  test.each<[string, Trouble, RegExp]>([
    ['wrong hash', { content: other }, new RegExp(`expected 300000 bytes with hash ${sha256(weights)}, found hash ${sha256(other)}`)],
    ['shorter', { content: other.subarray(0, 200_000) }, /expected 300000 bytes, 127\.0\.0\.1:\d+ announces 200000/],
    ['longer', { content: noise(300_001), endAfter: 300_001 }, /expected 300000 bytes, 127\.0\.0\.1:\d+ sends more/],
  ])('%s: refused, nothing kept', async (_, trouble, message) => {
    bench.hub.trouble = ({ server }) => (server === 'cdn' ? trouble : undefined)
    const error = await failure(bench.fetch('owner/model'))
    expect(error.code).toBe('ERR_CLIP_HUB_CORRUPT')
    expect(error.message).toMatch(message)
    expect(bench.leftovers()).toEqual([])
    expect(await failure(bench.fetch('owner/model', {}, { offline: true }))).toMatchObject({ code: 'ERR_CLIP_HUB_OFFLINE' })
  })

  test('a small file is checked by git\'s hash', async () => {
    bench.hub.trouble = ({ url }) => (url.endsWith('config.json') ? { content: Buffer.from('{"model_type":"clap"}') } : undefined)
    expect(await failure(bench.fetch('owner/model'))).toMatchObject({ code: 'ERR_CLIP_HUB_CORRUPT' })
  })

  test('another size in the hub\'s own headers is noticed before the download', async () => {
    bench.hub.trouble = ({ url }) => (url.endsWith('model.safetensors') ? { headers: { 'x-linked-size': '17' } } : undefined)
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

  test('cancelled: the signal\'s reason, and the next call goes on', async () => {
    onWeights({ stallAfter: 150_000 })
    const abort = new AbortController()
    const reason = new Error('changed my mind')
    void arrival(150_000).then(() => abort.abort(reason))
    expect(await failure(bench.fetch('owner/model', { signal: abort.signal }))).toBe(reason)
    expect(statSync(partial()).size).toBe(150_000)
    expect(bench.leftovers()).toEqual([path.basename(partial())])
    await expectWhole()
    expect(ranges()).toEqual([undefined, 'bytes=150000-'])
  })

  test('cancelled before it began: nothing is asked', async () => {
    expect(await failure(bench.fetch('owner/model', { signal: AbortSignal.abort('no') }).catch((reason: unknown) => { throw new Error(String(reason)) }))).toMatchObject({ message: 'no' })
    expect(bench.hub.requests).toEqual([])
  })

  test('the first failure stops the other downloads', async () => {
    bench.hub.trouble = ({ url }) => (url.includes('tokenizer.json') ? { stallAfter: 1 } : url.includes('/config.json') ? { status: 404 } : undefined)
    const started = Date.now()
    expect(await failure(bench.fetch('owner/model', {}, { idleMs: 20_000 }))).toMatchObject({ code: 'ERR_CLIP_HUB_NOT_FOUND' })
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
    bench.hub.trouble = ({ url, method }) => (method === 'HEAD' && url.endsWith('model.safetensors') ? { headers: { 'x-linked-size': String(2 ** 52) } } : undefined)
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
    random => ({ status: [400, 403, 404, 416, 429, 500, 503][Math.floor(random() * 7)]!, headers: { 'retry-after': '0' } }),
    () => ({ ignoreRange: true }),
    random => ({ ignoreRange: true, cutAfter: Math.floor(random() * 300_000) }),
    random => ({ headers: { 'content-range': `bytes ${Math.floor(random() * 1000)}-299999/300000` } }),
  ]

  test.each(Array.from({ length: 25 }, (_, i) => i + 1))('ends with the true files or a coded error, and then with the true files (%d)', async seed => {
    const random = generator(seed)
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
    for (const file of needed) expect(readFileSync(path.join(folder, file)).equals(Buffer.from(checkpoint[file]!))).toBe(true)
  })
})

/** Numbers from 0 to 1, the same for a seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

describe('many at once', () => {
  test('pulls of one model in one process: each file comes once', async () => {
    const results = await Promise.all(Array.from({ length: 6 }, () => bench.fetch('owner/model')))
    for (const { path: folder } of results) expect(readFileSync(path.join(folder, 'model.safetensors')).equals(weights)).toBe(true)
    expect(ranges()).toEqual([undefined])
    expect(bench.leftovers()).toEqual([])
  })

  test('who waits takes over when the first one is cancelled', async () => {
    onWeights({ stallAfter: 200_000 })
    const abort = new AbortController()
    const first = failure(bench.fetch('owner/model', { signal: abort.signal }))
    await arrival(200_000)
    const second = expectWhole()
    setTimeout(() => abort.abort(new Error('first')), 200)
    await second
    expect(await first).toMatchObject({ message: 'first' })
    expect(ranges()).toEqual([undefined, 'bytes=200000-'])
  })

  describe('processes', () => {
    const script = `const { pull } = require(${JSON.stringify(compiled)})
      pull('owner/model').then(r => console.log(r.downloadedBytes), e => { console.log(e.code, e.message); process.exitCode = 1 })`
    const environment = (): NodeJS.ProcessEnv => ({ ...process.env, HF_ENDPOINT: bench.hub.endpoint, HF_HUB_CACHE: bench.cacheDir, HF_TOKEN_PATH: '/nowhere' })
    const run = (command: string, args: string[]) => {
      const child = spawn(command, args, { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] })
      let stdout = ''
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
      return { child, ended: new Promise<{ code: number | null; stdout: string }>(resolve => child.on('close', code => resolve({ code, stdout }))) }
    }
    const blobs = (): string => path.join(bench.cacheDir, 'models--owner--model', 'blobs', sha256(weights))

    test('share one download', async () => {
      const all = await Promise.all(Array.from({ length: 3 }, () => run(process.execPath, ['-e', script]).ended))
      expect(all.map(({ code }) => code)).toEqual([0, 0, 0])
      expect(ranges()).toEqual([undefined])
      expect(sha256(readFileSync(blobs()))).toBe(sha256(weights))
      expect(bench.leftovers()).toEqual([])
    })

    test('one that is killed leaves nothing that stops the next', async () => {
      onWeights({ stallAfter: 180_000 })
      const { child, ended } = run(process.execPath, ['-e', script])
      await arrival(180_000)
      child.kill('SIGKILL')
      await ended
      expect(existsSync(blobs())).toBe(false)
      await expectWhole()
      expect(ranges()).toEqual([undefined, 'bytes=180000-'])
    })

    where('posix', test)('a write that fails is an error with a code, and the next call goes on', async () => {
      // 100 blocks of 1024 bytes are the most that a file of this process may have
      const limited = run('bash', ['-c', `ulimit -f 100; exec "$0" -e "$1"`, process.execPath, script])
      const { code, stdout } = await limited.ended
      expect([code, stdout]).toEqual([1, expect.stringMatching(/^ERR_CLIP_FILE_WRITE cannot write .*\.incomplete: EFBIG/)])
      expect(existsSync(blobs())).toBe(false)
      expect(statSync(partial()).size).toBeGreaterThan(0)
      await expectWhole()
      expect(ranges().at(-1)).toMatch(/^bytes=\d+-$/)
    })
  })
})
