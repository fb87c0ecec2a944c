/** Models of the hub through Clip.load: the same embeddings as from the folder. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, convert, type PullProgress, quantize } from '../../lib/index'
import { FakeHub } from '../helpers/fake-hub'
import { oracle } from '../helpers/oracle'

const root = path.join(__dirname, '..', '..')
const embedded = path.join(root, 'models', 'emoji-clip.gguf')
const picture = path.join(root, 'models', 'samples', 'rocket.png')
const tiny = path.join(oracle, 'models', 'hf-clip-tiny')
const openClip = path.join(root, 'test', 'fixtures', 'reference', 'small-open-clip')
const torch = path.join(root, 'test', 'fixtures', 'torch', 'open-clip-epoch')
const sharded = path.join(root, 'test', 'fixtures', 'reference', 'small-sharded')
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-hub-'))
const names = ['HF_ENDPOINT', 'HF_HUB_CACHE', 'HF_TOKEN_PATH', 'HF_TOKEN', 'HF_HUB_OFFLINE']
const before = names.map(name => process.env[name])
let hub: FakeHub

beforeAll(async () => {
  hub = await FakeHub.start()
  names.forEach(name => delete process.env[name])
  Object.assign(process.env, {
    HF_ENDPOINT: hub.endpoint,
    HF_HUB_CACHE: path.join(scratch, 'cache'),
    HF_TOKEN_PATH: path.join(scratch, 'none'),
  })
})
afterAll(async () => {
  await hub.stop()
  for (const [i, name] of names.entries()) {
    if (before[i] === undefined) delete process.env[name]
    else process.env[name] = before[i]
  }
  rmSync(scratch, { recursive: true, force: true })
})

async function embeddings(clip: Clip): Promise<number[][]> {
  const [image, text] = await Promise.all([clip.encodeImage(picture), clip.encodeText('a photo of a rocket')])
  await clip.dispose()
  return [Array.from(image), Array.from(text)]
}

async function expectSame(id: string, local: string): Promise<void> {
  const [here, there] = await Promise.all([Clip.load(local, { threads: 1 }), Clip.load(id, { threads: 1 })])
  expect(await embeddings(there)).toEqual(await embeddings(here))
}

describe('a GGUF file of the hub', () => {
  test('gives the embeddings of the file', async () => {
    const commit = hub.add('ggclip/emoji', { 'emoji-clip.gguf': readFileSync(embedded), 'README.md': 'x' })
    await expectSame('hf:ggclip/emoji', embedded)
    const clip = await Clip.load('hf:ggclip/emoji:emoji', { threads: 1, offline: true })
    expect(clip.info.path).toContain(path.join('snapshots', commit, 'emoji-clip.gguf'))
    await clip.dispose()
  })
})

describe('checkpoints of the hub', () => {
  test("OpenCLIP's layout", async () => {
    hub.addFolder('ggclip/open-clip', openClip)
    await expectSame('hf:ggclip/open-clip', openClip)
  })

  test('a PyTorch checkpoint, where there is nothing else', async () => {
    hub.addFolder('ggclip/torch', torch)
    const [here, there] = await Promise.all([Clip.load(torch, { threads: 1 }),
      Clip.load('hf:ggclip/torch', { threads: 1 })])
    expect(await there.encodeImage(picture)).toEqual(await here.encodeImage(picture))
    await Promise.all([here.dispose(), there.dispose()])
  })

  test('shards', async () => {
    hub.addFolder('ggclip/sharded', sharded)
    await expectSame('hf:ggclip/sharded@main', sharded)
  })

  test('a name of the registry; info says where it came from; options reach the download', async () => {
    const commit = hub.addFolder('openai/clip-vit-base-patch32', sharded)
    const seen: PullProgress[] = []
    const cacheDir = path.join(scratch, 'other')
    const clip = await Clip.load('clip-vit-b-32', { threads: 1, cacheDir, onProgress: progress => seen.push(progress) })
    expect(clip.info).toMatchObject({ source: 'hf:openai/clip-vit-base-patch32', revision: commit })
    expect(clip.info.path).toContain(cacheDir)
    expect(seen.at(-1)).toMatchObject({ source: 'hf:openai/clip-vit-base-patch32', loaded: seen.at(-1)!.total })
    await clip.dispose()
    await expect(Clip.load('clip-vit-b-32', { offline: true })).rejects.toMatchObject({ code: 'ERR_CLIP_HUB_OFFLINE' })
  })

  test('convert and quantize take them too, and write down where they came from', async () => {
    const commit = hub.addFolder('ggclip/to-convert', sharded)
    const file = path.join(scratch, 'converted.gguf')
    const stages = new Map<string, number>()
    await convert('hf:ggclip/to-convert', file, {
      cacheDir: path.join(scratch, 'fourth'),
      onProgress: ({ stage, done, total }) => void stages.set(stage, done / total),
    })
    expect(Object.fromEntries(stages)).toEqual({ download: 1, write: 1 })
    const clip = await Clip.load(file, { threads: 1 })
    expect(clip.info).toMatchObject({ source: 'hf:ggclip/to-convert', revision: commit })
    await clip.dispose()
    await expect(quantize('hf:ggclip/to-convert', file, { offline: true })).rejects.toMatchObject({
      code: 'ERR_CLIP_HUB_OFFLINE',
    })
    await quantize('hf:ggclip/to-convert', file, {
      offline: true,
      cacheDir: path.join(scratch, 'fourth'),
      revision: 'mine',
    })
    const small = await Clip.load(file, { threads: 1 })
    expect(small.info).toMatchObject({ source: 'hf:ggclip/to-convert', revision: 'mine' })
    await small.dispose()
  })

  test("cancelled while downloading: the signal's reason", async () => {
    hub.addFolder('ggclip/cancelled', openClip)
    hub.trouble = ({ url, server }) => (server === 'cdn' && url.includes('cancelled') ? { stallAfter: 100 } : undefined)
    const abort = new AbortController()
    const reason = new Error('enough')
    setTimeout(() => abort.abort(reason), 300)
    await expect(Clip.load('hf:ggclip/cancelled', { signal: abort.signal, cacheDir: path.join(scratch, 'third') }))
      .rejects.toBe(reason)
    hub.trouble = () => undefined
  })

  test.each([
    ['hf:nonsense', 'ERR_CLIP_OUT_OF_RANGE', /'hf:owner\/name\[@revision\]\[:file\]' for source/],
    ['hf:owner/absent', 'ERR_CLIP_HUB_DENIED', /does not exist, or is private/],
    ['clip-vit-b32', 'ERR_CLIP_MODEL_UNKNOWN', /did you mean 'clip-vit-b-32'/],
    ['openai/clip-rn50', 'ERR_CLIP_MODEL_UNKNOWN', /'hf:openai\/clip-rn50' if it is on the hub/],
    ['absent.gguf', 'ERR_CLIP_MODEL_UNKNOWN', /no model at 'absent\.gguf'/],
  ])('%s', async (source, code, message) => {
    const error = await Clip.load(source).then(() => undefined, (reason: unknown) => reason)
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
  })

  test('nothing but this machine was asked', () => {
    expect(existsSync(path.join(scratch, 'cache'))).toBe(true)
    expect(new URL(hub.endpoint).hostname).toBe('127.0.0.1')
    expect(hub.requests.every(({ headers }) => headers.host?.startsWith('127.0.0.1:'))).toBe(true)
  })
})

describe('a checkpoint of transformers', () => {
  test('gives the embeddings of its folder, and loads without a server afterwards', async () => {
    hub.addFolder('ggclip/tiny', tiny)
    await expectSame('hf:ggclip/tiny', tiny)
    const clip = await Clip.load('hf:ggclip/tiny', { threads: 1, offline: true })
    expect((await embeddings(clip))[0]).toHaveLength(clip.info.dim)
  })
})
