import { promises, setUp, withCode } from './support'

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
    submit('text', 'b').catch(() => {
      refused = true
    })
    await promises()
    expect(refused).toBe(false)
  })
})
