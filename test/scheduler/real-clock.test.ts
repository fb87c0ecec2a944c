import { Scheduler } from '../../lib/scheduler/scheduler'
import type { BatchRunner } from '../../lib/scheduler/types'
import { listeners } from './support'

describe('on the real clock', () => {
  const echo: BatchRunner<number, number> = {
    run: (_, items) => new Promise(resolve => setImmediate(resolve, items)),
  }

  test('64 callers, one item each at a time, fill batches of 32 and cost little per item', async () => {
    const scheduler = new Scheduler({ runners: [echo], maxBatch: 32, maxWaitMs: 0, maxQueue: 64 })
    const started = performance.now()
    let right = 0
    const caller = async (id: number): Promise<void> => {
      for (let i = 0; i < 200; i++) {
        const result = await scheduler.submit('image', id + i)
        if (result === id + i) right += 1
      }
    }
    await Promise.all(Array.from({ length: 64 }, (_, id) => caller(id)))
    expect(right).toBe(12_800)
    expect(scheduler.stats()).toMatchObject({ items: 12_800, meanBatchSize: 32 })
    // about 0.005 ms; the limit leaves room for a busy machine
    expect((performance.now() - started) / 12_800).toBeLessThan(0.5)
  })

  test('maxWaitMs costs a lone caller nothing, and under load a wait is as short as it says', async () => {
    const scheduler = new Scheduler({ runners: [echo], maxBatch: 1000, maxWaitMs: 2000, maxQueue: 64 })
    const started = performance.now()
    for (let i = 0; i < 20; i++) expect(await scheduler.submit('image', i)).toBe(i)
    expect(performance.now() - started).toBeLessThan(1500)
    expect(scheduler.stats().batches).toBe(20)
  })

  test("calls end where a test runner's clock stands in the place of the global one", async () => {
    const { setImmediate } = jest.requireActual<typeof import('node:timers')>('node:timers')
    const runner: BatchRunner<number, number> = { run: (_, items) => new Promise(end => setImmediate(end, items)) }
    jest.useFakeTimers()
    try {
      const scheduler = new Scheduler({ runners: [runner], maxBatch: 2, maxWaitMs: 20, maxQueue: 64 })
      expect(await Promise.all([1, 2, 3].map(item => scheduler.submit('image', item)))).toEqual([1, 2, 3])
      await scheduler.dispose()
    } finally {
      jest.useRealTimers()
    }
  })

  test('a deadline rejects on time, whatever the runner does', async () => {
    let finish: (() => void) | undefined
    const stuck: BatchRunner<number, number> = {
      run: (_, items) =>
        new Promise(resolve => {
          finish = () => resolve(items)
        }),
    }
    const scheduler = new Scheduler({ runners: [stuck], maxBatch: 1, maxWaitMs: 0, maxQueue: 64 })
    const calls = [1, 2].map(item => scheduler.submit('image', item, { timeoutMs: 30 }))
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'ERR_CLIP_DEADLINE_EXCEEDED' })
    expect(scheduler.stats()).toMatchObject({ expired: 2, queued: 0 })
    finish!()
    await scheduler.dispose()
  })

  test('mixed calls, aborts and failures at random: every call ends, once, rightly', async () => {
    let seed = 1
    const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647
    const bad = new Error('bad')
    const make = (): BatchRunner<number, number> => {
      let busy = false
      return {
        async run(_, items) {
          expect(busy).toBe(false)
          busy = true
          await new Promise(resolve => setTimeout(resolve, random() * 2))
          busy = false
          return items.map(item => (item % 50 === 0 ? bad : item * 2) as number)
        },
      }
    }
    const scheduler = new Scheduler({ runners: [make(), make(), make()], maxBatch: 8, maxWaitMs: 0, maxQueue: 10_000 })
    const shared = new AbortController()
    const call = async (id: number): Promise<string> => {
      const controller = random() < 0.1 ? shared : new AbortController()
      if (random() < 0.2) setTimeout(() => controller === shared || controller.abort('stop'), random() * 30)
      const count = random() < 0.2 ? Math.floor(random() * 30) + 1 : 1
      const items = Array.from({ length: count }, (_, i) => id * 7 + i)
      const options = { signal: controller.signal, priority: Math.floor(random() * 5) }
      try {
        const results = await scheduler.submitMany(`kind ${id % 3}`, items, options)
        expect(results).toEqual(items.map(item => item * 2))
        return 'done'
      } catch (error) {
        if (error === bad) expect(items.some(item => item % 50 === 0)).toBe(true)
        else expect(error).toBe('stop')
        return error === bad ? 'bad' : 'stop'
      } finally {
        if (controller !== shared) expect(listeners(controller.signal)).toBe(0)
      }
    }
    const calls = Array.from({ length: 1000 }, (_, id) => call(id))
    setTimeout(() => shared.abort('stop'), 25)
    const ends = new Set(await Promise.all(calls))
    expect(ends).toEqual(new Set(['done', 'bad', 'stop']))
    expect(listeners(shared.signal)).toBe(0)
    await scheduler.dispose()
    expect(scheduler.stats()).toMatchObject({ queued: 0, running: 0, rejected: 0 })
  })
})
