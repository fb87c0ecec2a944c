import { ClipError } from '../../lib/errors'
import { listeners, setUp } from './support'

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
