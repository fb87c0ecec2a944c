/** Many calls at a time: same numbers, and the event loop and libuv's threads stay free. */
import { readFile } from 'node:fs/promises'

import { Clip } from '../../lib/index.js'
import { load, maxDifference, picture, report, runChild, sample, tinyModel, until } from './support'

describe('concurrency', () => {
  it.each([1, 3])('64 concurrent calls on %d session(s) give what sequential calls give', async sessions => {
    const clip = await Clip.load(tinyModel, { ...load, sessions, maxBatch: 16 })
    const images = Array.from({ length: 32 }, (_, i) => picture(i))
    const texts = Array.from({ length: 32 }, (_, i) => `text number ${i} ${'and more '.repeat(i % 9)}`)
    const sequential = await Clip.load(tinyModel, { ...load, maxBatch: 1 })
    const expected: Float32Array[] = []
    for (const image of images) expected.push(await sequential.encodeImage(image))
    for (const text of texts) expected.push(await sequential.encodeText(text))
    const results = await Promise.all([...images.map(image => clip.encodeImage(image)), ...texts.map(text =>
      clip.encodeText(text)
    )])
    for (const [i, vector] of results.entries()) expect(maxDifference(vector, expected[i]!)).toBeLessThan(1e-5)
    expect(clip.stats().batches).toBeLessThan(40)
    await Promise.all([clip.dispose(), sequential.dispose()])
  })

  it('the event loop and file reads go on while a batch runs', async () => {
    const clip = await Clip.load(tinyModel, { ...load, maxBatch: 1024, maxQueue: 4096 })
    const tensor = await clip.preprocess(picture(1))
    const batch = clip.encodeImage(Array.from({ length: 2000 }, () => ({ tensor })))
    await until(() => clip.stats().running > 0)
    const began = performance.now()
    let ended = 0
    const settled = batch.finally(() => {
      ended = performance.now()
    })
    const lags: number[] = []
    const reads: number[] = []
    let batches = clip.stats().batches
    for (let last = performance.now(); ended === 0; last = performance.now()) {
      await new Promise(resolve => void setTimeout(resolve, 5))
      const now = performance.now()
      // a new batch was being gathered on this thread: not what is measured
      if (clip.stats().batches === batches && ended === 0) lags.push(now - last)
      batches = clip.stats().batches
      await readFile(sample('rocket.png'))
      reads.push(performance.now() - now)
    }
    expect(await settled).toHaveLength(2000)
    const whole = ended - began
    expect(whole).toBeGreaterThan(100)
    lags.sort((a, b) => a - b)
    expect(lags[Math.floor(lags.length * 0.9)]).toBeLessThan(Math.max(60, whole / 5))
    expect(Math.max(...reads)).toBeLessThan(Math.max(60, whole / 3))
    await clip.dispose()
  })

  it('computes on its own threads even where libuv has only one', async () => {
    const ended = await runChild('lifecycle/one-pool-thread.cjs', [tinyModel], { env: { UV_THREADPOOL_SIZE: '1' } })
    const { computeMs, slowestReadMs } = report<{ computeMs: number; slowestReadMs: number }>(ended)
    expect(computeMs).toBeGreaterThan(100)
    expect(slowestReadMs).toBeLessThan(Math.max(60, computeMs / 3))
  })
})
