/** Every call that takes a signal or a deadline, cancelled at every moment: before, right after, while it runs, and after. */
import path from 'node:path'

import { Clip, topK, similarityMatrix } from '../../lib/index.js'
import { loadAddon } from '../../lib/native/load.js'
import { collect, failureOf, picture, sleep } from './support'

const model = path.join(__dirname, '..', 'fixtures', 'overflow')
const file = path.join(model, 'picture.png')
const reason = new Error('the user went away')

const matrix = { data: new Float32Array(800), dim: 8 }

type Options = { signal?: AbortSignal; timeoutMs?: number }
type Call = (clip: Clip, options: Options, seed: number) => Promise<unknown>

const timed: [string, Call][] = [
  ['encodeImage', (clip, options, seed) => clip.encodeImage(picture(seed), options)],
  ['encodeImage of a file', (clip, options) => clip.encodeImage(file, options)],
  ['encodeImage of several', (clip, options, seed) => clip.encodeImage([picture(seed), picture(seed + 1)], options)],
  ['encodeImages', (clip, options, seed) => collect(clip.encodeImages([picture(seed)], options))],
  ['encodeText', (clip, options, seed) => clip.encodeText(`text ${seed}`, options)],
  ['encodeTexts', (clip, options, seed) => collect(clip.encodeTexts([`text ${seed}`], options))],
  ['classifier', (clip, options, seed) => clip.classifier([`label ${seed}`], options)],
  ['classify', (clip, options, seed) => clip.classify(picture(seed), [`label ${seed}`], options)],
  ['classify of a classifier',
    async (clip, options, seed) => (await clip.classifier(['a'])).classify(picture(seed), options)],
  ['similarity', (clip, options, seed) => clip.similarity(picture(seed), `text ${seed}`, options)],
  ['preprocess', (clip, options, seed) => clip.preprocess(picture(seed), options)],
]
const signalled: [string, Call][] = [
  ...timed,
  ['hiddenStates', (clip, { signal }, seed) => clip.hiddenStates(picture(seed), { tower: 'image', signal })],
  ['intermediates', (clip, { signal }, seed) => clip.intermediates(`text ${seed}`, { tower: 'text', signal })],
  ['load', async (_, { signal }) => (await Clip.load(model, { threads: 1, signal })).dispose()],
  ['topK', (_, { signal }) => topK(new Float32Array(8), matrix, 8, { signal })],
  ['similarityMatrix', (_, { signal }) => similarityMatrix(matrix, matrix, { signal })],
]

let clip: Clip
beforeAll(async () => {
  clip = await Clip.load(model, { threads: 1 })
})
afterAll(() => clip.dispose())

describe.each(signalled)('%s', (_name, call) => {
  it('with an aborted signal rejects with its reason', async () => {
    const signal = AbortSignal.abort(reason)
    expect(await failureOf(() => call(clip, { signal }, 1))).toBe(reason)
  })

  it('aborted at any later moment either rejects with the reason or had been done', async () => {
    await call(clip, {}, 2)
    for (const [i, wait] of [undefined, 0, 0, 1, 2, 5].entries()) {
      const controller = new AbortController()
      const outcome = call(clip, { signal: controller.signal }, 10 + i).then(() => 'done', (error: unknown) => error)
      if (wait === undefined) controller.abort(reason)
      else await sleep(wait).then(() => controller.abort(reason))
      expect([reason, ...(wait === undefined ? [] : ['done'])]).toContain(await outcome)
    }
    await call(clip, {}, 3)
  })
})

describe.each(timed)('%s', (_name, call) => {
  it("with an aborted signal and a deadline rejects with the signal's reason", async () => {
    expect(await failureOf(() => call(clip, { signal: AbortSignal.abort(reason), timeoutMs: 60_000 }, 4))).toBe(reason)
  })

  it('with a signal that never aborts and a deadline far away resolves', async () => {
    await call(clip, { signal: new AbortController().signal, timeoutMs: 60_000 }, 5)
  })
})

it('preprocess honours its deadline and tells of its decoding', async () => {
  const busy = Promise.all(Array.from({ length: 300 }, (_, i) => clip.encodeImage(picture(i))))
  expect((await failureOf(() => clip.preprocess(picture(1), { timeoutMs: 0, priority: -100 }))).code).toBe(
    'ERR_CLIP_DEADLINE_EXCEEDED',
  )
  await busy
  const events: string[] = []
  await clip.preprocess(file, { onTrace: ({ type }) => events.push(type), client: 'me', priority: 1 })
  expect(events).toEqual(['decode'])
})

describe('a native session', () => {
  const ids = Int32Array.from({ length: 18 }, (_, i) => i + 3)
  const texts = (
    n: number,
  ): [Int32Array, Int32Array] => [Int32Array.from({ length: n * ids.length }, (_, i) => ids[i % ids.length]!),
    new Int32Array(n).fill(ids.length)]

  it('stops each job whose abort() was called, begun or not, and no other', async () => {
    const loading = loadAddon().loadModel(model, {
      device: 'cpu',
      towers: 'both',
      dtype: '',
      precision: 'default',
      kernels: '',
      threads: 1,
    })
    const native = await loading.promise
    const session = native.createSession(1, 64)
    const long = texts(40_000) // made before, and a second of work: no pause of this thread is as long
    for (let round = 0; round < 20; round++) {
      const jobs = [session.encodeTexts(...long), session.encodeTexts(...texts(1)), session.textStates(ids, [])]
      const between = session.encodeTexts(...texts(1))
      const last = session.textStates(ids, [])
      const stopped = [...jobs, last].map(job =>
        (job.promise as Promise<unknown>).then(() => 'done', (error: { code?: string }) => error.code)
      )
      if (round % 2 === 1) await sleep(round % 5) // some may be done by then
      for (const job of [...jobs, last]) job.abort()
      const after = session.encodeTexts(...texts(1))
      const outcomes = await Promise.all(stopped)
      if (round % 2 === 0) expect(outcomes).toEqual(new Array(4).fill('ERR_CLIP_ABORTED'))
      else for (const outcome of outcomes) expect(['ERR_CLIP_ABORTED', 'done']).toContain(outcome)
      expect(await between.promise).toHaveLength(8)
      expect(await after.promise).toHaveLength(8)
      jobs[0]!.abort() // it has ended: no effect on what comes
    }
    await session.dispose()
    native.dispose()
  })
})
