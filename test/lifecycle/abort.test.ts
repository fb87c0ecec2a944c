/** AbortSignal in each state of a call: what it rejects with, what goes on, and that no listener is left. */
import { getEventListeners } from 'node:events'

import { Clip } from '../../lib/index.js'
import { collect, failureOf, load, longText, maxDifference, picture, sample, sleep, tinyModel, until } from './support'

const reason = new Error('the user went away')
const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

describe('abort', () => {
  let clip: Clip
  beforeAll(async () => {
    clip = await Clip.load(tinyModel, { ...load, maxBatch: 512 })
  })
  afterAll(() => clip.dispose())
  afterEach(async () => {
    expect(await clip.encodeText('still alive')).toHaveLength(64)
    await until(() => clip.stats().running === 0)
    expect(clip.stats()).toMatchObject({ queued: 0, running: 0 })
  })

  it('rejects every call when it was aborted before', async () => {
    const signal = AbortSignal.abort(reason)
    const calls: (() => unknown)[] = [
      () => Clip.load(tinyModel, { signal }),
      () => clip.encodeImage(picture(1), { signal }),
      () => clip.encodeImage([picture(1)], { signal }),
      () => clip.encodeText('never', { signal }),
      () => clip.encodeText('still alive', { signal }), // known
      () => collect(clip.encodeImages([picture(1)], { signal })),
      () => collect(clip.encodeTexts(['never'], { signal })),
      () => clip.classify(picture(1), ['never'], { signal }),
      () => clip.classifier(['never'], { signal }),
      () => clip.similarity(picture(1), 'never', { signal }),
      () => clip.preprocess(picture(1), { signal }),
      () => clip.preprocess(sample('rocket.png'), { signal }),
      () => clip.hiddenStates('never', { tower: 'text', signal }),
    ]
    const before = clip.stats().items
    for (const call of calls) expect(await failureOf(call)).toBe(reason)
    expect(listeners(signal)).toBe(0)
    expect(clip.stats().items).toBe(before)
  })

  it('rejects with an AbortError when the signal gives no reason, and with a TimeoutError', async () => {
    expect((await failureOf(() => clip.encodeText('never', { signal: AbortSignal.abort() }))).name).toBe('AbortError')
    const texts = Array.from({ length: 400 }, (_, i) => longText(i + 1000))
    expect((await failureOf(() => clip.encodeText(texts, { signal: AbortSignal.timeout(20) }))).name).toBe(
      'TimeoutError',
    )
    await until(() => clip.stats().running === 0)
  })

  it('while loading: stops, leaves nothing, and loads the next time', async () => {
    for (const delay of [0, 1, 3, 6]) {
      const controller = new AbortController()
      const loading = Clip.load(tinyModel, { ...load, signal: controller.signal }).then(
        loaded => loaded,
        (error: unknown) => error,
      )
      if (delay > 0) await sleep(delay)
      controller.abort(reason)
      const outcome = await loading
      expect(listeners(controller.signal)).toBe(0)
      if (outcome instanceof Clip) await outcome.dispose() // had been faster
      else expect(outcome).toBe(reason)
    }
    const again = await Clip.load(tinyModel, load)
    expect(await again.encodeText('fine')).toHaveLength(64)
    await again.dispose()
  })

  it('while decoding and waiting for a decoder', async () => {
    const controller = new AbortController()
    const { signal } = controller
    const calls = Array.from(
      { length: 40 },
      () => failureOf(() => clip.encodeImage(sample('airplane.png'), { signal })),
    )
    expect(listeners(signal)).toBeLessThanOrEqual(2) // one for all
    controller.abort(reason)
    expect(new Set(await Promise.all(calls))).toEqual(new Set([reason]))
    expect(listeners(signal)).toBe(0)
  })

  it('while queued: rejects at once, before the batch ahead is done', async () => {
    const narrow = await Clip.load(tinyModel, { ...load, maxBatch: 64 })
    const ahead = narrow.encodeText(Array.from({ length: 64 }, (_, i) => longText(i)))
    await until(() => narrow.stats().running === 64)
    const controller = new AbortController()
    const waiting = failureOf(() => narrow.encodeText('waiting', { signal: controller.signal }))
    await sleep(1)
    expect(narrow.stats()).toMatchObject({ queued: 1, running: 64 })
    controller.abort(reason)
    expect(await waiting).toBe(reason)
    expect(narrow.stats()).toMatchObject({ queued: 0, running: 64, aborted: 1 })
    expect(listeners(controller.signal)).toBe(0)
    expect(await ahead).toHaveLength(64)
    await narrow.dispose()
  })

  it('while running alone: stops the computation', async () => {
    const texts = (seed: number) => Array.from({ length: 512 }, (_, i) => longText(seed + i))
    await clip.encodeText(texts(2000).slice(0, 4))
    let began = performance.now()
    await clip.encodeText(texts(2000))
    const whole = performance.now() - began
    const controller = new AbortController()
    const call = failureOf(() => clip.encodeText(texts(5000), { signal: controller.signal }))
    await until(() => clip.stats().running > 0 && clip.stats().running + clip.stats().queued === 512)
    await sleep(10)
    began = performance.now()
    controller.abort(reason)
    expect(await call).toBe(reason)
    expect(performance.now() - began).toBeLessThan(50)
    await until(() => clip.stats().running === 0)
    expect(performance.now() - began).toBeLessThan(whole / 2)
    expect(listeners(controller.signal)).toBe(0)
  })

  it('in a shared batch: only that caller rejects', async () => {
    const expected = await clip.encodeText(longText(1))
    const controller = new AbortController()
    const texts = Array.from({ length: 200 }, (_, i) => longText(i + 9000))
    const aborted = failureOf(() => clip.encodeText(texts, { signal: controller.signal }))
    const shared = clip.encodeImage(picture(7))
    const fresh = clip.encodeText(`${longText(1)} `)
    await until(() => clip.stats().running > 0)
    controller.abort(reason)
    expect(await aborted).toBe(reason)
    expect(maxDifference(await fresh, expected)).toBeLessThan(1e-5)
    expect(await shared).toHaveLength(64)
    expect(listeners(controller.signal)).toBe(0)
  })

  it('after the end it does nothing, and no listener is left', async () => {
    const controller = new AbortController()
    const { signal } = controller
    await clip.encodeText('in time', { signal })
    await clip.encodeImage([picture(1), sample('rocket.png')], { signal })
    await clip.classify(picture(1), ['a', 'b'], { signal })
    await clip.similarity(picture(1), ['c', 'd'], { signal })
    await clip.preprocess(sample('rocket.png'), { signal })
    await collect(clip.encodeTexts(['e', 'f'], { signal }))
    await failureOf(() => clip.encodeImage(Buffer.from('no image'), { signal }))
    expect(listeners(signal)).toBe(0)
    controller.abort(reason)
  })

  it('ends generators and the preparation of pixels', async () => {
    const controller = new AbortController()
    const { signal } = controller
    let taken = 0
    function* endless() {
      for (let i = 0;; i++) yield `generated ${i}`
    }
    const error = await failureOf(async () => {
      for await (const _ of clip.encodeTexts(endless(), { signal })) if (++taken === 2) controller.abort(reason)
    })
    expect(error).toBe(reason)
    expect(listeners(signal)).toBe(0)
    const second = new AbortController()
    const pixels = failureOf(() => clip.preprocess(picture(1, 3000, 2000), { signal: second.signal }))
    second.abort(reason)
    expect(await pixels).toBe(reason)
  })

  it('one signal for a hundred calls warns of no leak', async () => {
    const warnings: string[] = []
    const note = (warning: Error): void => {
      warnings.push(warning.name)
    }
    process.on('warning', note)
    const controller = new AbortController()
    const { signal } = controller
    const calls = Array.from({ length: 100 }, (_, i) => clip.encodeText(`shared ${i}`, { signal }))
    await Promise.all(calls)
    await sleep(10)
    process.off('warning', note)
    expect(warnings).toEqual([])
    expect(listeners(signal)).toBe(0)
  })

  it('random aborts: each call has its own right result or its own reason', async () => {
    const expected = await Promise.all(Array.from({ length: 8 }, (_, i) => clip.encodeImage(picture(i))))
    let state = 12345
    const random = (limit: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      return (state >>> 8) % limit
    }
    const calls = Array.from({ length: 200 }, async (_, i) => {
      const controller = new AbortController()
      const own = new Error(`reason ${i}`)
      await sleep(random(30))
      if (random(2) === 0) setTimeout(() => controller.abort(own), random(12))
      const seed = random(8)
      const outcome = await clip.encodeImage(picture(seed), { signal: controller.signal }).catch((error: unknown) =>
        error
      )
      if (outcome instanceof Error) expect(outcome).toBe(own)
      else expect(maxDifference(outcome as Float32Array, expected[seed]!)).toBeLessThan(1e-5)
      expect(listeners(controller.signal)).toBe(0)
    })
    await Promise.all(calls)
  })
})
