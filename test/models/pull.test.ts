/** What is downloaded, where it goes, and when nothing needs to be. */
import { lstatSync, readFileSync, readlinkSync, rmSync, statSync, unlinkSync } from 'node:fs'
import promises from 'node:fs/promises'
import path from 'node:path'

import { pull } from '../../lib/models/pull'
import type { PullProgress } from '../../lib/models/progress'
import { gitHash, sha256 } from '../helpers/fake-hub'
import { Bench, checkpoint, failure, needed, noise, weights } from './support'

const bench = new Bench()

test("only what is needed comes, into the layout of the hub's own cache", async () => {
  const commit = bench.hub.add('owner/model', checkpoint)
  const result = await bench.fetch('hf:owner/model')
  const folder = path.join(bench.cacheDir, 'models--owner--model')
  expect(result).toEqual({
    id: 'owner/model',
    revision: commit,
    path: path.join(folder, 'snapshots', commit),
    stale: false,
    files: needed.map(file => ({ path: file, bytes: checkpoint[file]!.length, cached: false })),
    bytes: needed.reduce((sum, file) => sum + checkpoint[file]!.length, 0),
    downloadedBytes: needed.reduce((sum, file) => sum + checkpoint[file]!.length, 0),
  })
  expect(readFileSync(path.join(folder, 'refs', 'main'), 'utf8')).toBe(commit)
  for (const file of needed) {
    const content = Buffer.from(checkpoint[file]!)
    const link = path.join(result.path, file)
    // git's hash names small files, SHA-256 large ones
    const etag = content.length < 10_000 ? gitHash(content) : sha256(content)
    expect(readlinkSync(link)).toBe(path.join('..', '..', 'blobs', etag))
    expect(readFileSync(link).equals(content)).toBe(true)
  }
  expect(bench.leftovers()).toEqual([])
  const requests = bench.hub.takeLog()
  expect(requests[0]).toBe('hub GET /api/models/owner/model/revision/main')
  expect(requests.slice(1, -2).sort()).toEqual(needed.slice(0, 3).map(file => `hub GET ${file}`))
  expect(requests.slice(-2)).toEqual(['hub GET model.safetensors', `cdn GET /${sha256(weights)}`])
})

test('what is there is not asked for again: one question for a branch, none for a commit', async () => {
  const commit = bench.hub.add('owner/model', checkpoint)
  await bench.fetch('owner/model')
  bench.hub.takeLog()
  expect(await bench.fetch('owner/model@main')).toMatchObject({
    downloadedBytes: 0,
    files: needed.map(() => ({ cached: true })),
  })
  expect(bench.hub.takeLog()).toEqual(['hub GET /api/models/owner/model/revision/main'])
  expect(await bench.fetch(`owner/model@${commit}`)).toMatchObject({ revision: commit, downloadedBytes: 0 })
  expect(bench.hub.takeLog()).toEqual([])
})

test('a new commit brings only the files that changed', async () => {
  const first = bench.hub.add('owner/model', checkpoint)
  await bench.fetch('owner/model')
  bench.hub.takeLog()
  const second = bench.hub.add('owner/model', { ...checkpoint, 'preprocessor_config.json': '{"size":336}' })
  const result = await bench.fetch('owner/model')
  expect(result.revision).toBe(second)
  expect(second).not.toBe(first)
  expect(result.files.filter(file => !file.cached).map(file => file.path)).toEqual(['preprocessor_config.json'])
  expect(bench.hub.takeLog().slice(1)).toEqual(['hub GET preprocessor_config.json'])
  // the old one is still whole
  expect(await bench.fetch(`owner/model@${first}`, {}, { offline: true })).toMatchObject({ revision: first })
})

test('a missing or broken link, a damaged size: mended', async () => {
  bench.hub.add('owner/model', checkpoint)
  const { path: folder } = await bench.fetch('owner/model')
  unlinkSync(path.join(folder, 'config.json'))
  rmSync(path.join(bench.cacheDir, 'models--owner--model', 'blobs', sha256(weights)))
  const again = await bench.fetch('owner/model')
  expect(again.downloadedBytes).toBe(weights.length)
  expect(readFileSync(path.join(folder, 'model.safetensors')).equals(weights)).toBe(true)
  expect(lstatSync(path.join(folder, 'config.json')).isSymbolicLink()).toBe(true)
})

test('shards: the index says which', async () => {
  const index = {
    weight_map: {
      a: 'model-00001-of-00002.safetensors',
      b: 'model-00002-of-00002.safetensors',
      c: 'model-00001-of-00002.safetensors',
    },
  }
  bench.hub.add('owner/sharded', {
    'config.json': '{"model_type":"clip"}',
    'model.safetensors.index.json': JSON.stringify(index),
    'tokenizer.json': '{}',
    'model-00001-of-00002.safetensors': noise(50_000, '1'),
    'model-00002-of-00002.safetensors': noise(40_000, '2'),
    'model-00003-of-00003.safetensors': noise(40_000, 'of another set'),
  })
  const result = await bench.fetch('owner/sharded')
  expect(result.files.map(file => file.path)).toEqual([
    'config.json',
    'tokenizer.json',
    'model.safetensors.index.json',
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
  ])
  // without a shard the snapshot is not whole
  rmSync(path.join(result.path, 'model-00002-of-00002.safetensors'))
  expect(await failure(bench.fetch('owner/sharded', {}, { offline: true }))).toMatchObject({
    code: 'ERR_CLIP_HUB_OFFLINE',
  })
})

test('a GGUF file is chosen by its name or a part of it', async () => {
  const files = { 'm-f16.gguf': noise(30_000, 'f16'), 'sub/m-Q8_0.gguf': noise(20_000, 'q8') }
  const commit = bench.hub.add('owner/gguf', files)
  const result = await bench.fetch('hf:owner/gguf:q8_0')
  expect(result.path).toBe(path.join(bench.cacheDir, 'models--owner--gguf', 'snapshots', commit, 'sub', 'm-Q8_0.gguf'))
  expect(readFileSync(result.path).equals(files['sub/m-Q8_0.gguf'])).toBe(true)
  expect((await bench.fetch('hf:owner/gguf@main:m-f16.gguf')).files.map(file => file.path)).toEqual(['m-f16.gguf'])
  const error = await failure(bench.fetch('owner/gguf'))
  expect(error.code).toBe('ERR_CLIP_HUB_FILES')
  expect(error.message).toMatch(/'m-f16\.gguf', 'sub\/m-Q8_0\.gguf': choose one/)
})

test('a server whose list has names only is asked about each file', async () => {
  bench.hub.add('owner/model', checkpoint, { bare: true })
  const result = await bench.fetch('owner/model')
  expect(result.downloadedBytes).toBe(result.bytes)
  expect(bench.hub.takeLog().filter(line => line.includes('HEAD')).sort()).toEqual(
    needed.map(file => `hub HEAD ${file}`).sort(),
  )
  expect(readlinkSync(path.join(result.path, 'model.safetensors'))).toContain(sha256(weights))
})

test('a mirror that tells sizes only where the file is, and no hash', async () => {
  bench.hub.add('owner/model', checkpoint, { bare: true, silent: true })
  const result = await bench.fetch('owner/model')
  expect(result.downloadedBytes).toBe(result.bytes)
  expect(readFileSync(path.join(result.path, 'model.safetensors')).equals(weights)).toBe(true)
  expect(readlinkSync(path.join(result.path, 'model.safetensors'))).toContain(`cdn-${sha256(weights).slice(0, 12)}`)
  bench.hub.trouble = (
    { server, method },
  ) => (server === 'cdn' && method === 'GET' ? { content: noise(299_999) } : undefined)
  rmSync(bench.cacheDir, { recursive: true })
  expect(await failure(bench.fetch('owner/model'))).toMatchObject({ code: 'ERR_CLIP_HUB_CORRUPT' })
})

test('progress adds up to the whole', async () => {
  bench.hub.add('owner/model', checkpoint)
  const seen: PullProgress[] = []
  const result = await bench.fetch('owner/model', { onProgress: progress => seen.push(progress) })
  expect(seen.length).toBeGreaterThanOrEqual(needed.length)
  for (const [i, { source, fileLoaded, fileTotal, loaded, total }] of seen.entries()) {
    expect(source).toBe('hf:owner/model')
    expect(fileLoaded).toBeLessThanOrEqual(fileTotal)
    expect(loaded).toBeGreaterThanOrEqual(seen[i - 1]?.loaded ?? 0)
    expect(total).toBe(result.bytes)
  }
  expect(seen.at(-1)).toMatchObject({ loaded: result.bytes, file: 'model.safetensors', fileLoaded: weights.length })
})

test('a listener that throws ends the download with its error', async () => {
  bench.hub.add('owner/model', checkpoint)
  const refusal = new Error('enough')
  expect(
    await failure(bench.fetch('owner/model', {
      onProgress: () => {
        throw refusal
      },
    })),
  ).toBe(refusal)
  expect(bench.leftovers().filter(name => !name.endsWith('.incomplete'))).toEqual([])
})

describe('a file system without', () => {
  afterEach(() => jest.restoreAllMocks())
  const refuse = (name: 'symlink' | 'link') =>
    jest.spyOn(promises, name).mockRejectedValue(Object.assign(new Error('not here'), { code: 'EPERM' }))

  test.each([['symbolic links', ['symlink']], ['any links', ['symlink', 'link']]] as const)(
    '%s: the files are whole, and found again',
    async (_, names) => {
      names.forEach(refuse)
      const { path: folder } = await bench.fetch('owner/model')
      for (const name of needed) {
        expect(lstatSync(path.join(folder, name)).isFile()).toBe(true)
        expect(readFileSync(path.join(folder, name)).equals(Buffer.from(checkpoint[name]!))).toBe(true)
      }
      expect(await bench.fetch('owner/model')).toMatchObject({ downloadedBytes: 0, path: folder })
      expect(await bench.fetch('owner/model', {}, { offline: true })).toMatchObject({ path: folder })
      rmSync(path.join(folder, 'model.safetensors'))
      expect(await bench.fetch('owner/model')).toMatchObject({ downloadedBytes: 0 })
      expect(readFileSync(path.join(folder, 'model.safetensors')).equals(weights)).toBe(true)
    },
  )
})

test('an empty file is a file', async () => {
  bench.hub.add('owner/model', { ...checkpoint, 'special_tokens_map.json': '' })
  const { path: folder } = await bench.fetch('owner/model')
  expect(statSync(path.join(folder, 'special_tokens_map.json')).size).toBe(0)
})

describe('pull()', () => {
  const before = { ...process.env }
  beforeEach(() =>
    Object.assign(process.env, {
      HF_ENDPOINT: bench.hub.endpoint,
      HF_HUB_CACHE: bench.cacheDir,
      HF_TOKEN_PATH: path.join(bench.cacheDir, 'none'),
    })
  )
  afterEach(() => {
    for (const name of ['HF_ENDPOINT', 'HF_HUB_CACHE', 'HF_TOKEN_PATH', 'HF_HUB_OFFLINE']) delete process.env[name]
    Object.assign(process.env, before)
  })

  test('takes hub ids with and without hf:, and names of the registry', async () => {
    bench.hub.add('openai/clip-vit-base-patch32', checkpoint)
    expect((await pull('clip-vit-b-32')).id).toBe('openai/clip-vit-base-patch32')
    expect(await pull('openai/clip-vit-base-patch32')).toMatchObject({ downloadedBytes: 0 })
    expect(await pull('hf:openai/clip-vit-base-patch32@main')).toMatchObject({ downloadedBytes: 0 })
  })

  test('takes the cache folder and offline from its options before the environment', async () => {
    bench.hub.add('owner/model', checkpoint)
    const cacheDir = path.join(bench.cacheDir, 'elsewhere')
    expect((await pull('owner/model', { cacheDir })).path).toContain(cacheDir)
    process.env.HF_HUB_OFFLINE = '1'
    expect(await failure(pull('owner/model'))).toMatchObject({ code: 'ERR_CLIP_HUB_OFFLINE' })
    expect((await pull('owner/model', { offline: false })).downloadedBytes).toBeGreaterThan(0)
  })

  test.each([
    ['nonsense', {}, 'ERR_CLIP_MODEL_UNKNOWN'],
    ['hf:owner', {}, 'ERR_CLIP_OUT_OF_RANGE'],
    ['', {}, 'ERR_CLIP_OUT_OF_RANGE'],
    [7, {}, 'ERR_CLIP_INVALID_ARGUMENT'],
    ['owner/model', { cache: 'x' }, 'ERR_CLIP_UNKNOWN_OPTION'],
    ['owner/model', { offline: 'yes' }, 'ERR_CLIP_INVALID_ARGUMENT'],
    ['owner/model', { cacheDir: '' }, 'ERR_CLIP_OUT_OF_RANGE'],
    ['owner/model', { onProgress: 1 }, 'ERR_CLIP_INVALID_ARGUMENT'],
    ['owner/model', { signal: {} }, 'ERR_CLIP_INVALID_ARGUMENT'],
  ])('refuses %j with %j', async (id, options, code) => {
    expect((await failure(pull(id as string, options as object))).code).toBe(code)
    expect(bench.hub.requests).toEqual([])
  })
})
