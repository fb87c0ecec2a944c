import { setUp } from './support'

describe('statistics and options', () => {
  test('counts and times', async () => {
    const { scheduler, clock, batches, submit } = setUp({ maxBatch: 2 })
    const none = { mean: 0, max: 0, p50: 0, p99: 0 }
    expect(scheduler.stats()).toEqual({
      queued: 0,
      running: 0,
      batches: 0,
      items: 0,
      meanBatchSize: 0,
      waitMs: none,
      runMs: none,
      failed: 0,
      rejected: 0,
      aborted: 0,
      expired: 0,
      itemMs: 0,
    })
    for (const item of 'abc') void submit('text', item)
    await clock.turn()
    expect(scheduler.stats()).toMatchObject({ queued: 1, running: 2, batches: 1, items: 2, meanBatchSize: 2 })
    await clock.advance(30)
    batches[0]!.finish()
    await clock.turn()
    await clock.advance(10)
    batches[1]!.finish()
    await clock.turn()
    expect(scheduler.stats()).toMatchObject({
      queued: 0,
      running: 0,
      batches: 2,
      items: 3,
      meanBatchSize: 1.5,
      waitMs: { mean: 10, max: 30, p50: 0, p99: 30 },
      runMs: { mean: 20, max: 30, p50: 10, p99: 30 },
      itemMs: 14, // 30 ms for two, then 10 ms for one, with a weight of a fifth
    })
  })

  test('tells of each batch', async () => {
    const reports: unknown[] = []
    const { clock, batches, submit } = setUp({ maxBatch: 2, onBatch: report => reports.push(report) })
    void submit('text', 'a')
    clock.pass(5)
    void submit('text', 'b')
    await clock.turn()
    await clock.advance(7)
    batches[0]!.finish()
    await clock.turn()
    expect(reports).toEqual([{ kind: 'text', batch: 1, size: 2, waitMs: 5, runMs: 7 }])
  })

  test('tells a call of its batches, with its own wait, and nobody who has left', async () => {
    const told: [string, unknown][] = []
    const tell = (name: string) => (report: unknown): void => void told.push([name, report])
    const controller = new AbortController()
    const { clock, batches, submit, scheduler } = setUp({ maxBatch: 3 })
    void submit('text', 'a', { onBatch: tell('a') })
    clock.pass(5)
    void scheduler.submitMany('text', ['b', 'c', 'd'], { onBatch: tell('b') })
    submit('text', 'e', { onBatch: tell('e'), signal: controller.signal }).catch(() => undefined)
    await clock.turn()
    await clock.advance(7)
    batches[0]!.finish()
    await clock.turn()
    controller.abort()
    await clock.advance(1)
    batches[1]!.finish()
    await clock.turn()
    const first = { kind: 'text', batch: 1, size: 3, runMs: 7 }
    expect(told).toEqual([
      ['a', { ...first, waitMs: 5 }],
      ['b', { ...first, waitMs: 0 }],
      ['b', { kind: 'text', batch: 2, size: 2, waitMs: 7, runMs: 1 }],
    ])
  })

  test.each([
    { runners: [] },
    { maxBatch: 0 },
    { maxBatch: 1.5 },
    { maxWaitMs: -1 },
    { maxWaitMs: NaN },
    { maxQueue: 0 },
    { agingMs: -1 },
  ])('rejects %p', options => {
    expect(() => setUp(options)).toThrow(expect.objectContaining({ name: 'RangeError', code: 'ERR_CLIP_OUT_OF_RANGE' }))
  })

  test('rejects bad options of a call', async () => {
    const { submit } = setUp()
    await expect(submit('text', 'a', { priority: NaN })).rejects.toMatchObject({ code: 'ERR_CLIP_OUT_OF_RANGE' })
    await expect(submit('text', 'a', { client: '' })).rejects.toMatchObject({ code: 'ERR_CLIP_OUT_OF_RANGE' })
    await expect(submit('text', 'a', { timeoutMs: -1 })).rejects.toMatchObject({ code: 'ERR_CLIP_OUT_OF_RANGE' })
    await expect(submit('text', 'a', { priority: 101 })).rejects.toMatchObject({ code: 'ERR_CLIP_OUT_OF_RANGE' })
  })
})
