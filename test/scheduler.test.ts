import { getEventListeners } from 'node:events'

import { onAbort, withAbort } from '../lib/abort'
import { ClipError } from '../lib/errors'
import { type BatchRunner, type Clock, Scheduler, type SchedulerOptions } from '../lib/scheduler'

/** Time that stands still until a test moves it. */
class FakeClock implements Clock {
  private time = 0
  private turns: (() => void)[] = []
  private timers = new Set<{ at: number; action: () => void }>()

  now(): number {
    return this.time
  }

  nextTurn(action: () => void): void {
    this.turns.push(action)
  }

  after(ms: number, action: () => void): () => void {
    const timer = { at: this.time + ms, action }
    this.timers.add(timer)
    return () => this.timers.delete(timer)
  }

  get pendingTimers(): number {
    return this.timers.size
  }

  get pendingTurns(): number {
    return this.turns.length
  }

  /** Ends the turn of the event loop: promises first, then what waits for the next turn. */
  async turn(): Promise<void> {
    await promises()
    for (const action of this.turns.splice(0)) action()
    await promises()
  }

  /** Time goes by without anything happening. */
  pass(ms: number): void {
    this.time += ms
  }

  async advance(ms: number): Promise<void> {
    this.pass(ms)
    for (const timer of [...this.timers]) {
      if (timer.at > this.time) continue
      this.timers.delete(timer)
      timer.action()
    }
    await this.turn()
  }
}

/** Lets every promise that can settle do so. */
async function promises(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

interface Batch {
  kind: string
  items: string[]
  signal: AbortSignal
  finish(results?: (string | Error)[]): void
  fail(reason: unknown): void
}

/** Runs batches when the test says so; the result of 'a' is 'A'. */
class FakeRunner implements BatchRunner<string, string> {
  running = 0
  mostRunning = 0

  constructor(private readonly batches: Batch[]) {}

  async run(kind: string, items: string[], signal: AbortSignal): Promise<(string | Error)[]> {
    this.running += 1
    this.mostRunning = Math.max(this.mostRunning, this.running)
    try {
      return await new Promise((resolve, fail) => {
        const finish = (results = items.map(item => item.toUpperCase())): void => resolve(results)
        this.batches.push({ kind, items, signal, finish, fail })
      })
    } finally {
      this.running -= 1
    }
  }
}

function setUp(options: Partial<SchedulerOptions<string, string>> & { runnerCount?: number } = {}) {
  const { runnerCount = 1, ...others } = options
  const clock = new FakeClock()
  const batches: Batch[] = []
  const runners = Array.from({ length: runnerCount }, () => new FakeRunner(batches))
  const scheduler = new Scheduler({ runners, maxBatch: 4, maxWaitMs: 0, maxQueue: 100, clock, ...others })
  /** Submits without waiting; a rejection is no unhandled one. */
  const submit = (kind: string, item: string, opts?: Parameters<typeof scheduler.submit>[2]): Promise<string> => {
    const promise = scheduler.submit(kind, item, opts)
    promise.catch(() => {})
    return promise
  }
  /** Finishes batch after batch; what ran, in order. */
  const drain = async (): Promise<string[]> => {
    for (let done = 0; ; done++) {
      await clock.turn()
      const batch = batches[done]
      if (!batch) return batches.map(({ items }) => items.join(''))
      batch.finish()
    }
  }
  return { clock, batches, runners, scheduler, submit, drain }
}

const withCode = (code: string): unknown => expect.objectContaining({ name: 'ClipError', code })
const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

describe('batches', () => {
  test('calls of one turn and one kind go together and get their own results', async () => {
    const { clock, batches, submit } = setUp()
    const results = ['a', 'b', 'c'].map(item => submit('text', item))
    expect(batches).toHaveLength(0)
    await clock.turn()
    expect(batches.map(({ kind, items }) => [kind, items])).toEqual([['text', ['a', 'b', 'c']]])
    batches[0]!.finish()
    expect(await Promise.all(results)).toEqual(['A', 'B', 'C'])
  })

  test('never more than maxBatch', async () => {
    const { submit, drain } = setUp()
    for (const item of 'abcdefghij') void submit('text', item)
    expect(await drain()).toEqual(['abcd', 'efgh', 'ij'])
  })

  test('kinds are never mixed', async () => {
    const { clock, batches, submit } = setUp({ runnerCount: 2 })
    void submit('text', 'a')
    void submit('image', 'b')
    void submit('text', 'c')
    await clock.turn()
    expect(batches.map(({ kind, items }) => [kind, items])).toEqual([['text', ['a', 'c']], ['image', ['b']]])
  })

  test('what comes while a runner is busy gathers', async () => {
    const { clock, batches, submit } = setUp()
    void submit('text', 'a')
    await clock.turn()
    for (const item of 'bcd') {
      void submit('text', item)
      await clock.turn()
    }
    expect(batches).toHaveLength(1)
    batches[0]!.finish()
    await clock.turn()
    expect(batches[1]!.items).toEqual(['b', 'c', 'd'])
  })

  test('no more jobs than runners; what needs several batches is spread evenly', async () => {
    const { clock, batches, runners, submit } = setUp({ runnerCount: 2 })
    for (const item of 'abcdefghijkl') void submit('text', item)
    await clock.turn()
    expect(batches.map(({ items }) => items.join(''))).toEqual(['abcd', 'efgh'])
    batches[0]!.finish()
    await clock.turn()
    expect(batches).toHaveLength(3)
    for (const runner of runners) expect(runner.mostRunning).toBe(1)

    const other = setUp({ runnerCount: 2 })
    for (const item of 'abcdef') void other.submit('text', item)
    await other.clock.turn()
    expect(other.batches.map(({ items }) => items.join(''))).toEqual(['abc', 'def'])
  })

  test('a waiting full batch starts before results are handed out, less waits for the callers', async () => {
    const { clock, batches, submit } = setUp()
    const order: string[] = []
    for (const item of 'abcdefgh') {
      void submit('text', item).then(result => {
        order.push(`${result} done, ${batches.length} started`)
        if (item === 'h') void submit('text', 'x')
      })
    }
    void submit('text', 'i')
    await clock.turn()
    batches[0]!.finish()
    await promises()
    expect(order[0]).toBe('A done, 2 started')
    batches[1]!.finish()
    await clock.turn()
    expect(batches[2]!.items).toEqual(['i', 'x'])
  })
})

describe('maxWaitMs', () => {
  test('0: an idle runner starts in the next turn, without a timer', async () => {
    const { clock, batches, submit } = setUp()
    void submit('text', 'a')
    await clock.turn()
    expect(batches).toHaveLength(1)
    expect(clock.pendingTimers).toBe(0)
  })

  test('an idle runner waits for company that long, counted from the first', async () => {
    const { clock, batches, submit } = setUp({ maxWaitMs: 10 })
    void submit('text', 'a')
    await clock.advance(6)
    void submit('text', 'b')
    await clock.advance(3)
    expect(batches).toHaveLength(0)
    await clock.advance(1)
    expect(batches[0]!.items).toEqual(['a', 'b'])
    expect(clock.pendingTimers).toBe(0)
  })

  test('a full batch does not wait', async () => {
    const { clock, batches, submit } = setUp({ maxWaitMs: 10 })
    for (const item of 'abcde') void submit('text', item)
    await clock.turn()
    // spread evenly is only over idle runners, and there is one
    expect(batches[0]!.items).toHaveLength(4)
    batches[0]!.finish()
    await clock.advance(9)
    expect(batches).toHaveLength(1)
    await clock.advance(1)
    expect(batches[1]!.items).toEqual(['e'])
  })

  test('what a full batch leaves behind waits from its own time on', async () => {
    const { clock, batches, submit } = setUp({ maxWaitMs: 10 })
    for (const item of 'wxyzabcd') void submit('text', item)
    await clock.advance(8)
    void submit('text', 'e')
    await clock.advance(1)
    batches[0]!.finish()
    await clock.turn()
    batches[1]!.finish()
    expect(batches[1]!.items).toEqual(['a', 'b', 'c', 'd'])
    await clock.advance(8)
    expect(batches).toHaveLength(2)
    await clock.advance(1)
    expect(batches[2]!.items).toEqual(['e'])
  })

  test('one kind that waits does not hold up another', async () => {
    const { clock, batches, submit } = setUp({ maxWaitMs: 10 })
    void submit('image', 'x')
    await clock.advance(5)
    for (const item of 'abcd') void submit('text', item)
    await clock.turn()
    expect(batches.map(({ kind }) => kind)).toEqual(['text'])
    batches[0]!.finish()
    await clock.advance(5)
    expect(batches[1]!.items).toEqual(['x'])
  })

  test('no timer is left when all that waited is cancelled', async () => {
    const { clock, submit } = setUp({ maxWaitMs: 10 })
    const controller = new AbortController()
    void submit('text', 'a', { signal: controller.signal })
    await clock.turn()
    expect(clock.pendingTimers).toBe(1)
    controller.abort()
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('order', () => {
  test('first come, first served among equals', async () => {
    const { clock, submit, drain } = setUp({ maxBatch: 1 })
    for (const item of 'abcdefghijklmnop') {
      void submit('text', item)
      await clock.advance(Number(item === 'f'))
    }
    expect((await drain()).join('')).toBe('abcdefghijklmnop')
  })

  test('higher priority first', async () => {
    const { submit, drain } = setUp({ maxBatch: 2 })
    for (const [i, item] of [...'abcdefgh'].entries()) void submit('text', item, { priority: i % 3 })
    expect(await drain()).toEqual(['cf', 'be', 'ha', 'dg'])
  })

  test('waiting makes up for priority: nothing starves', async () => {
    const { clock, batches, submit } = setUp({ maxBatch: 1, agingMs: 100 })
    void submit('text', 'x')
    await clock.turn()
    void submit('text', 'low')
    let passed = 0
    for (; batches.at(-1)!.items[0] !== 'low' && passed < 100; passed++) {
      void submit('text', 'high', { priority: 5 })
      await clock.advance(50)
      batches.at(-1)!.finish()
      await clock.turn()
    }
    // 5 steps of 100 ms, one 'high' per 50 ms
    expect(passed).toBe(11)
  })

  test('kinds alternate, however long their queues', async () => {
    const { submit, batches, drain } = setUp({ maxBatch: 2 })
    for (const item of 'abcdefgh') void submit('text', item)
    for (const item of 'xyz') void submit('image', item)
    await drain()
    expect(batches.map(({ kind }) => kind)).toEqual(['text', 'image', 'text', 'image', 'text', 'text'])
  })

  test.each([0, 1])('a kind that comes again and again does not keep another waiting (%i ms)', async ms => {
    const { clock, batches, submit } = setUp({ maxBatch: 1 })
    void submit('text', 'x')
    await clock.turn()
    for (const item of 'abcdef') void submit('image', item)
    for (let i = 0; i < 4; i++) {
      void submit('text', 'y')
      await clock.advance(ms)
      batches.at(-1)!.finish()
      await clock.turn()
    }
    expect(batches.map(({ kind }) => kind)).toEqual(['text', 'image', 'text', 'image', 'text'])
  })

  test('priority counts between kinds, and ageing too', async () => {
    const { clock, batches, submit, drain } = setUp({ maxBatch: 1, agingMs: 100 })
    void submit('text', 'a')
    await clock.turn()
    void submit('text', 'b')
    void submit('image', 'x', { priority: 1 })
    void submit('image', 'y', { priority: 1 })
    await drain()
    expect(batches.map(({ items }) => items[0])).toEqual(['a', 'x', 'y', 'b'])

    const aged = setUp({ maxBatch: 1, agingMs: 100 })
    void aged.submit('text', 'a')
    await aged.clock.turn()
    void aged.submit('text', 'b')
    await aged.clock.advance(101)
    void aged.submit('image', 'x', { priority: 1 })
    expect(await aged.drain()).toEqual(['a', 'b', 'x'])
  })
})

describe('submitMany', () => {
  test('results in order, over several batches that others share', async () => {
    const { scheduler, submit, drain } = setUp()
    const many = scheduler.submitMany('text', [...'abcdef'])
    const one = submit('text', 'x')
    expect(await drain()).toEqual(['abcd', 'efx'])
    expect(await many).toEqual([...'ABCDEF'])
    expect(await one).toBe('X')
  })

  test('nothing in, nothing out', async () => {
    const { scheduler, clock } = setUp()
    expect(await scheduler.submitMany('text', [])).toEqual([])
    expect(clock.pendingTurns).toBe(0)
  })

  test('one bad item rejects the call and drops what waits of it', async () => {
    const { scheduler, clock, batches, submit } = setUp()
    const many = scheduler.submitMany('text', [...'abcdef'])
    many.catch(() => {})
    const other = submit('text', 'x')
    await clock.turn()
    const bad = new Error('bad')
    batches[0]!.finish(['A', bad, 'C', 'D'])
    await expect(many).rejects.toBe(bad)
    await clock.turn()
    expect(batches[1]!.items).toEqual(['x'])
    batches[1]!.finish()
    expect(await other).toBe('X')
    expect(scheduler.stats()).toMatchObject({ failed: 1, queued: 0, running: 0 })
  })

  test('a failed call stops its other batches when nobody else is in them', async () => {
    const { scheduler, clock, batches } = setUp({ runnerCount: 2, maxBatch: 2 })
    const many = scheduler.submitMany('text', [...'abcd'])
    many.catch(() => {})
    await clock.turn()
    batches[0]!.finish(['A', new Error('bad')])
    await expect(many).rejects.toThrow('bad')
    expect(batches[0]!.signal.aborted).toBe(false)
    expect(batches[1]!.signal.aborted).toBe(true)
  })

  test('a caller may change the array afterwards', async () => {
    const { scheduler, drain } = setUp()
    const items = [...'abc']
    void scheduler.submitMany('text', items)
    items.length = 0
    expect(await drain()).toEqual(['abc'])
  })
})

describe('bounded queue', () => {
  test('one call over maxQueue is refused, running ones do not count', async () => {
    const { scheduler, clock, batches, submit, drain } = setUp({ maxBatch: 2, maxQueue: 2 })
    void submit('text', 'a')
    void submit('text', 'b')
    await expect(submit('text', 'c')).rejects.toEqual(withCode('ERR_CLIP_QUEUE_FULL'))
    await clock.turn()
    expect(batches).toHaveLength(1)
    void submit('text', 'd')
    void submit('image', 'e')
    await expect(submit('text', 'f')).rejects.toThrow('2 calls are waiting and maxQueue is 2')
    expect(scheduler.stats().rejected).toBe(2)
    expect(await drain()).toEqual(['ab', 'd', 'e'])
  })

  test('an array is one call, whatever its length', async () => {
    const { scheduler, clock, submit } = setUp({ maxBatch: 2, maxQueue: 2 })
    const first = scheduler.submitMany('text', [...'abcdefgh'])
    void submit('text', 'x')
    await expect(scheduler.submitMany('text', ['y', 'z'])).rejects.toEqual(withCode('ERR_CLIP_QUEUE_FULL'))
    expect(scheduler.stats()).toMatchObject({ queued: 9, rejected: 2 })
    await clock.turn()
    // still two calls wait: the array has items left
    await expect(submit('text', 'y')).rejects.toEqual(withCode('ERR_CLIP_QUEUE_FULL'))
    void first
  })

  test('cancelling makes room', async () => {
    const { submit } = setUp({ maxQueue: 1 })
    const controller = new AbortController()
    void submit('text', 'a', { signal: controller.signal })
    controller.abort()
    let refused = false
    submit('text', 'b').catch(() => { refused = true })
    await promises()
    expect(refused).toBe(false)
  })
})

describe('AbortSignal', () => {
  test('aborted before: not queued', async () => {
    const { scheduler, clock, submit } = setUp()
    const reason = new Error('early')
    await expect(submit('text', 'a', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await expect(submit('text', 'a', { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
    expect(clock.pendingTurns).toBe(0)
    expect(scheduler.stats()).toMatchObject({ queued: 0, aborted: 2 })
  })

  test('queued: removed at once, the reason comes back', async () => {
    const { scheduler, batches, submit, drain } = setUp()
    const controller = new AbortController()
    void submit('text', 'a')
    const cancelled = submit('text', 'b', { signal: controller.signal })
    void submit('text', 'c')
    controller.abort('stop')
    expect(scheduler.stats()).toMatchObject({ queued: 2, aborted: 1 })
    await expect(cancelled).rejects.toBe('stop')
    expect(await drain()).toEqual(['ac'])
    expect(batches[0]!.signal.aborted).toBe(false)
    expect(listeners(controller.signal)).toBe(0)
  })

  test('removal anywhere in the queue leaves the order of the others', async () => {
    const letters = [...'abcdefghijklmnopqrstuvwxyz']
    for (let step = 2; step < 8; step++) {
      const { submit, drain } = setUp({ maxBatch: 100 })
      const controller = new AbortController()
      for (const [i, item] of letters.entries()) {
        void submit('text', item, { signal: i % step === 1 ? controller.signal : undefined, priority: (i * 7) % 5 })
      }
      controller.abort()
      const kept = letters.map((item, i) => ({ item, i, priority: (i * 7) % 5 })).filter(({ i }) => i % step !== 1)
      kept.sort((a, b) => b.priority - a.priority || a.i - b.i)
      expect(await drain()).toEqual([kept.map(({ item }) => item).join('')])
    }
  })

  test('removal at random, with priorities and times at random, too', async () => {
    let seed = 7
    const random = (limit: number): number => (seed = (seed * 16807) % 2147483647) % limit
    for (let round = 0; round < 20; round++) {
      const { clock, submit, drain } = setUp({ maxBatch: 100, agingMs: 10 })
      const calls = []
      for (let i = 0; i < 60; i++) {
        const controller = new AbortController()
        const priority = random(20)
        // a turn of the event loop would start the batch
        if (i > 0) clock.pass(random(3))
        calls.push({ item: `${i} `, i, controller, urgency: clock.now() - priority * 10 })
        void submit('text', `${i} `, { priority, signal: controller.signal })
      }
      const kept = calls.filter(() => random(3) > 0)
      for (const call of calls) if (!kept.includes(call)) call.controller.abort()
      kept.sort((a, b) => a.urgency - b.urgency || a.i - b.i)
      expect(await drain()).toEqual([kept.map(({ item }) => item).join('')])
    }
  })

  test('running alone: runner told, caller rejected at once, runner busy until it stops', async () => {
    const { scheduler, clock, batches, submit } = setUp()
    const controller = new AbortController()
    const cancelled = submit('text', 'a', { signal: controller.signal })
    await clock.turn()
    void submit('text', 'b')
    const reason = new Error('stop')
    controller.abort(reason)
    await expect(cancelled).rejects.toBe(reason)
    expect(batches[0]!.signal.aborted).toBe(true)
    expect(batches[0]!.signal.reason).toBe(reason)
    await clock.turn()
    expect(batches).toHaveLength(1)
    batches[0]!.fail(new ClipError('ERR_CLIP_ABORTED', 'aborted'))
    await clock.turn()
    expect(batches[1]!.items).toEqual(['b'])
    expect(scheduler.stats()).toMatchObject({ aborted: 1, failed: 0 })
    expect(listeners(controller.signal)).toBe(0)
  })

  test('running in a shared batch: the others finish; when all have gone the runner is told', async () => {
    const { clock, batches, submit } = setUp()
    const controllers = [new AbortController(), new AbortController()] as const
    const calls = controllers.map(({ signal }, i) => submit('text', 'ab'[i]!, { signal }))
    await clock.turn()
    controllers[0].abort('one')
    await expect(calls[0]).rejects.toBe('one')
    expect(batches[0]!.signal.aborted).toBe(false)
    controllers[1].abort('two')
    await expect(calls[1]).rejects.toBe('two')
    expect(batches[0]!.signal.aborted).toBe(true)

    const other = setUp()
    const controller = new AbortController()
    void other.submit('text', 'a', { signal: controller.signal })
    const kept = other.submit('text', 'b')
    await other.clock.turn()
    controller.abort()
    other.batches[0]!.finish()
    expect(await kept).toBe('B')
  })

  test('an array: queued items leave, running ones are stopped', async () => {
    const { scheduler, clock, batches } = setUp({ maxBatch: 2 })
    const controller = new AbortController()
    const many = scheduler.submitMany('text', [...'abcde'], { signal: controller.signal })
    many.catch(() => {})
    await clock.turn()
    expect(listeners(controller.signal)).toBe(1)
    controller.abort('stop')
    await expect(many).rejects.toBe('stop')
    expect(batches[0]!.signal.aborted).toBe(true)
    expect(scheduler.stats()).toMatchObject({ queued: 0, aborted: 5 })
  })

  test('after the end it has no effect', async () => {
    const { scheduler, clock, batches, submit } = setUp()
    const controller = new AbortController()
    const call = submit('text', 'a', { signal: controller.signal })
    await clock.turn()
    batches[0]!.finish()
    expect(await call).toBe('A')
    expect(listeners(controller.signal)).toBe(0)
    controller.abort()
    expect(batches[0]!.signal.aborted).toBe(false)
    expect(scheduler.stats().aborted).toBe(0)
  })

  test('hundreds of calls share one listener on one signal; none is left', async () => {
    const warned = jest.fn()
    process.on('warning', warned)
    const { submit, drain } = setUp({ maxQueue: 1000 })
    const { signal } = new AbortController()
    const calls = Array.from({ length: 300 }, () => submit('text', 'a', { signal }))
    expect(listeners(signal)).toBe(1)
    await drain()
    await Promise.all(calls)
    expect(listeners(signal)).toBe(0)
    await new Promise(setImmediate)
    process.off('warning', warned)
    expect(warned).not.toHaveBeenCalled()
  })
})

describe('failure', () => {
  test('an Error among the outcomes fails its item only', async () => {
    const { clock, batches, submit } = setUp()
    const calls = ['a', 'b', 'c'].map(item => submit('text', item))
    await clock.turn()
    const bad = new TypeError('bad')
    batches[0]!.finish(['A', bad, 'C'])
    expect(await calls[0]).toBe('A')
    await expect(calls[1]).rejects.toBe(bad)
    expect(await calls[2]).toBe('C')
  })

  test('a rejection fails the batch, and only this one', async () => {
    const { scheduler, clock, batches, submit } = setUp({ maxBatch: 2 })
    const calls = ['a', 'b', 'c'].map(item => submit('text', item))
    await clock.turn()
    const broken = new ClipError('ERR_CLIP_OUT_OF_MEMORY', 'no memory')
    batches[0]!.fail(broken)
    await expect(calls[0]).rejects.toBe(broken)
    await expect(calls[1]).rejects.toBe(broken)
    await clock.turn()
    batches[1]!.finish()
    expect(await calls[2]).toBe('C')
    expect(scheduler.stats()).toMatchObject({ failed: 2, running: 0 })
  })

  test('a rejection with the fault of one item: each runs alone once, the cancelled one does not', async () => {
    const { clock, batches, runners, submit } = setUp()
    const controller = new AbortController()
    const signals = [undefined, undefined, controller.signal]
    const calls = ['a', 'b', 'c'].map((item, i) => submit('text', item, { signal: signals[i] }))
    await clock.turn()
    const poisoned = new ClipError('ERR_CLIP_INPUT_SHAPE', 'b is bad')
    batches[0]!.fail(poisoned)
    await promises()
    batches[1]!.finish()
    await promises()
    controller.abort('gone')
    batches[2]!.fail(poisoned)
    await promises()
    expect(batches.map(({ items }) => items.join(''))).toEqual(['abc', 'a', 'b'])
    expect(await calls[0]).toBe('A')
    await expect(calls[1]).rejects.toBe(poisoned)
    await expect(calls[2]).rejects.toBe('gone')
    expect(runners[0]!.mostRunning).toBe(1)
  })

  test('a runner that throws or returns nonsense gives errors, not hangs', async () => {
    const results: unknown[] = [() => { throw new Error('sync') }, () => Promise.resolve([]), () => Promise.resolve()]
    const run = (): Promise<string[]> => (results.shift() as () => Promise<string[]>)()
    const { clock, submit } = setUp({ runners: [{ run }] })
    for (const expected of ['sync', 'received 0', 'received no array']) {
      const call = submit('text', 'a')
      await clock.turn()
      await expect(call).rejects.toThrow(expected)
    }
  })
})

describe('dispose', () => {
  test('refuses new work, rejects what waits, waits for what runs', async () => {
    const { scheduler, clock, batches, submit } = setUp({ maxBatch: 1 })
    const running = submit('text', 'a')
    await clock.turn()
    const { signal } = new AbortController()
    const waiting = submit('text', 'b', { signal })
    let disposed = false
    const disposal = scheduler.dispose().then(() => { disposed = true })
    await expect(waiting).rejects.toEqual(withCode('ERR_CLIP_DISPOSED'))
    await expect(submit('text', 'c')).rejects.toEqual(withCode('ERR_CLIP_DISPOSED'))
    await expect(scheduler.submitMany('text', [])).rejects.toEqual(withCode('ERR_CLIP_DISPOSED'))
    expect(listeners(signal)).toBe(0)
    await clock.turn()
    expect(disposed).toBe(false)
    batches[0]!.finish()
    expect(await running).toBe('A')
    await disposal
    expect(batches).toHaveLength(1)
    expect(clock.pendingTurns).toBe(0)
    expect(scheduler.stats()).toMatchObject({ queued: 0, running: 0 })
  })

  test('is idempotent, while running and after, and leaves no timer', async () => {
    const { scheduler, clock, submit } = setUp({ maxWaitMs: 10 })
    void submit('text', 'a')
    await clock.turn()
    const disposal = scheduler.dispose()
    expect(scheduler.dispose()).toBe(disposal)
    await disposal
    expect(clock.pendingTimers).toBe(0)
    await scheduler.dispose()
  })

  test('an array that waits in part is rejected, its running part stopped and waited for', async () => {
    const { scheduler, clock, batches } = setUp({ maxBatch: 2 })
    const many = scheduler.submitMany('text', [...'abc'])
    many.catch(() => {})
    await clock.turn()
    const disposal = scheduler.dispose()
    await expect(many).rejects.toEqual(withCode('ERR_CLIP_DISPOSED'))
    expect(batches[0]!.signal.aborted).toBe(true)
    batches[0]!.fail(new ClipError('ERR_CLIP_ABORTED', 'aborted'))
    await disposal
  })
})

describe('statistics and options', () => {
  test('counts and times', async () => {
    const { scheduler, clock, batches, submit } = setUp({ maxBatch: 2 })
    const none = { mean: 0, max: 0, p50: 0, p99: 0 }
    expect(scheduler.stats()).toEqual({
      queued: 0, running: 0, batches: 0, items: 0, meanBatchSize: 0, waitMs: none, runMs: none,
      failed: 0, rejected: 0, aborted: 0,
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
      queued: 0, running: 0, batches: 2, items: 3, meanBatchSize: 1.5,
      waitMs: { mean: 10, max: 30, p50: 0, p99: 30 }, runMs: { mean: 20, max: 30, p50: 10, p99: 30 },
    })
  })

  test.each([
    { runners: [] }, { maxBatch: 0 }, { maxBatch: 1.5 }, { maxWaitMs: -1 }, { maxWaitMs: NaN }, { maxQueue: 0 },
    { agingMs: -1 },
  ])('rejects %p', options => {
    expect(() => setUp(options)).toThrow(expect.objectContaining({ name: 'RangeError', code: 'ERR_CLIP_OUT_OF_RANGE' }))
  })

  test('rejects a priority that is none', async () => {
    const { submit } = setUp()
    await expect(submit('text', 'a', { priority: NaN })).rejects.toMatchObject({ code: 'ERR_CLIP_OUT_OF_RANGE' })
    await expect(submit('text', 'a', { priority: 101 })).rejects.toMatchObject({ code: 'ERR_CLIP_OUT_OF_RANGE' })
  })
})

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

  test('maxWaitMs is kept', async () => {
    const scheduler = new Scheduler({ runners: [echo], maxBatch: 32, maxWaitMs: 20, maxQueue: 64 })
    const started = performance.now()
    expect(await scheduler.submit('image', 1)).toBe(1)
    expect(performance.now() - started).toBeGreaterThan(18)
    expect(scheduler.stats().batches).toBe(1)
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

describe('abort helpers', () => {
  function task() {
    let resolve!: (value: string) => void
    let reject!: (reason: unknown) => void
    const promise = new Promise<string>((...both) => { [resolve, reject] = both })
    return { promise, abort: jest.fn(), resolve, reject }
  }

  test('withAbort hands on results and errors and leaves no listener', async () => {
    const { signal } = new AbortController()
    const good = task()
    const result = withAbort(signal, () => good)
    expect(listeners(signal)).toBe(1)
    good.resolve('x')
    expect(await result).toBe('x')
    expect(await withAbort(undefined, () => ({ promise: Promise.resolve(1), abort() {} }))).toBe(1)

    const failing = task()
    const failure = withAbort(signal, () => failing)
    failing.reject(Object.assign(new Error('gone'), { code: 'ERR_CLIP_FILE_NOT_FOUND' }))
    await expect(failure).rejects.toEqual(withCode('ERR_CLIP_FILE_NOT_FOUND'))
    await expect(withAbort(signal, () => { throw new Error('odd') })).rejects.toEqual(withCode('ERR_CLIP_INTERNAL'))
    expect(listeners(signal)).toBe(0)
  })

  test('withAbort stops the task and rejects with the reason once it has stopped', async () => {
    const controller = new AbortController()
    const stopped = task()
    let settled = false
    const result = withAbort(controller.signal, () => stopped).finally(() => { settled = true })
    controller.abort('stop')
    expect(stopped.abort).toHaveBeenCalledTimes(1)
    await promises()
    expect(settled).toBe(false)
    stopped.reject(Object.assign(new Error('x'), { code: 'ERR_CLIP_ABORTED' }))
    await expect(result).rejects.toBe('stop')
    expect(listeners(controller.signal)).toBe(0)
  })

  test('withAbort discards a result that came too late, and does not start when aborted', async () => {
    const controller = new AbortController()
    const late = task()
    const discard = jest.fn()
    const result = withAbort(controller.signal, () => late, discard)
    controller.abort('stop')
    late.resolve('x')
    await expect(result).rejects.toBe('stop')
    expect(discard).toHaveBeenCalledWith('x')
    const start = jest.fn()
    await expect(withAbort(controller.signal, start)).rejects.toBe('stop')
    expect(start).not.toHaveBeenCalled()
  })

  test('onAbort: each waiter once, removable, also from within another', () => {
    const controller = new AbortController()
    const calls: string[] = []
    const removeA = onAbort(controller.signal, () => calls.push('a'))
    onAbort(controller.signal, () => { calls.push('b'); removeC() })
    const removeC = onAbort(controller.signal, () => calls.push('c'))
    removeA()
    removeA()
    controller.abort()
    expect(calls).toEqual(['b'])
    expect(listeners(controller.signal)).toBe(0)
  })
})
