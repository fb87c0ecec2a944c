import { Clip } from '../../lib/index.js'
import type { NativeNodeProfile, NativeProfile } from '../../lib/native/contract.js'
import { summarise } from '../../lib/clip/profile.js'

const node = (partial: Partial<NativeNodeProfile>): NativeNodeProfile => ({
  kind: 'linear',
  layer: 'v.blk.0.attn_q.weight',
  type: 'q8_0',
  nOut: 8,
  nIn: 4,
  rows: 10,
  operations: 640,
  wallMs: Float32Array.of(3, 1, 2),
  busyMs: Float32Array.of(4, 2, 3),
  ...partial,
})
const facts = { tower: 'image', batch: 1, threads: 2, kernels: 'avx2' } as const
const native = (nodes: NativeNodeProfile[], peaks = {}): NativeProfile => ({
  nodes,
  totalMs: Float32Array.of(9, 7, 8),
  peaks,
})

test('operations that differ in their block only are one', () => {
  const { operations } = summarise(
    native([node({}), node({ layer: 'v.blk.11.attn_q.weight' }), node({ layer: 'v.blk.11.attn_k.weight' })]),
    facts,
  )
  expect(operations.map(({ layer, count, ms }) => [layer, count, ms])).toEqual([['v.blk.*.attn_q', 2, 4], [
    'v.blk.*.attn_k',
    1,
    2,
  ]])
})

test('other shapes and types are others, and most time comes first', () => {
  const { operations } = summarise(
    native([node({}), node({ rows: 1, wallMs: Float32Array.of(5, 5, 5) }), node({ type: 'f16' })]),
    facts,
  )
  expect(operations.map(({ shape, type }) => [shape[2], type])).toEqual([[1, 'q8_0'], [10, 'q8_0'], [10, 'f16']])
})

test('medians of the runs, share of waiting, rate and share of the peak', () => {
  const { operations: [linear, pack], totalMs, otherMs, measuredMs, runs, peaks } = summarise(
    native([node({}), node({
      kind: 'pack',
      layer: '',
      operations: 0,
      wallMs: Float32Array.of(1, 1, 1),
      busyMs: Float32Array.of(2, 2, 2),
    })], { q8_0: 640e3 }),
    facts,
  )
  // beside the operations the runs took 9 - 3 - 1, 7 - 1 - 1 and 8 - 2 - 1
  expect({ totalMs, otherMs, measuredMs, runs, peaks }).toEqual({
    totalMs: 2 + 1 + 5,
    otherMs: 5,
    measuredMs: 8,
    runs: 3,
    peaks: { q8_0: 640e3 / 1e9 },
  })
  expect(linear).toMatchObject({ ms: 2, waiting: 1 - 3 / 4, operations: 640, gops: 640 / 0.002 / 1e9, ofPeak: 0.5 })
  expect(pack).toMatchObject({ ms: 1, waiting: 0, operations: 0 })
  expect(pack).not.toHaveProperty('gops')
})

test('a graph that plain ggml runs has a total only', () => {
  expect(summarise(native([]), facts)).toMatchObject({ operations: [], totalMs: 8, otherMs: 8 })
})

describe('Clip.profile', () => {
  let clip: Clip
  beforeAll(async () => {
    clip = await Clip.load(undefined, { threads: 2 })
  })
  afterAll(() => clip.dispose())

  test('embeddings are the same before and after', async () => {
    const before = await clip.encodeText('a cat')
    await clip.profile('a cat', { tower: 'text', batch: 4, runs: 2 })
    const other = await Clip.load(undefined, { threads: 2, towers: 'text' })
    expect(await other.encodeText('a cat')).toEqual(before)
    await other.dispose()
  })

  test.each([
    [{ tower: 'image', batch: 0, runs: 1 }, 'ERR_CLIP_OUT_OF_RANGE'],
    [{ tower: 'image', batch: 1, runs: 0 }, 'ERR_CLIP_OUT_OF_RANGE'],
    [{ tower: 'both', batch: 1, runs: 1 }, 'ERR_CLIP_OUT_OF_RANGE'],
    [{ tower: 'text', batch: 1, runs: 1, speed: 2 }, 'ERR_CLIP_UNKNOWN_OPTION'],
  ])('refuses %j', async (options, code) => {
    await expect(clip.profile('a cat', options as never)).rejects.toMatchObject({ code })
  })

  test('is refused after dispose', async () => {
    const gone = await Clip.load(undefined, { towers: 'text' })
    await gone.dispose()
    await expect(gone.profile('a cat', { tower: 'text', batch: 1, runs: 1 })).rejects.toMatchObject({
      code: 'ERR_CLIP_DISPOSED',
    })
  })
})
