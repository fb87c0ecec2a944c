/** Clients share runners and queue. */
import { setUp, withCode } from './support'

const order = (batches: { items: string[] }[]): string => batches.map(({ items }) => items.join('')).join('')

describe('fair share', () => {
  test('a client with one call is not kept waiting by one with a hundred', async () => {
    const { submit, drain, batches } = setUp({ maxBatch: 2, maxQueue: 1000 })
    for (let i = 0; i < 100; i++) void submit('text', 'a', { client: 'flood' })
    void submit('text', 'b', { client: 'small' })
    await drain()
    expect(order(batches).indexOf('b')).toBeLessThan(2)
  })

  test('clients take turns, item by item, each in its own order', async () => {
    const { scheduler, submit, drain, batches } = setUp({ maxBatch: 3 })
    void scheduler.submitMany('text', [...'abcdef'], { client: 'x' })
    for (const item of 'ABC') void submit('text', item, { client: 'y' })
    for (const item of '12') void submit('text', item, { client: 'z' })
    await drain()
    expect(order(batches)).toBe('aA1bB2cCdef')
  })

  test('calls without a client are one client', async () => {
    const { submit, drain, batches } = setUp({ maxBatch: 1 })
    for (const item of 'abc') void submit('text', item)
    for (const item of 'xyz') void submit('text', item, { client: 'x' })
    await drain()
    expect(order(batches)).toBe('axbycz')
  })

  test('having been away earns nothing', async () => {
    const { clock, batches, submit } = setUp({ maxBatch: 1 })
    const next = async (): Promise<void> => {
      batches.at(-1)!.finish()
      await clock.turn()
    }
    for (let i = 0; i < 40; i++) void submit('text', 'a', { client: 'steady' })
    void submit('text', 'b', { client: 'visitor' })
    await clock.turn()
    for (let i = 0; i < 20; i++) await next()
    for (let i = 0; i < 10; i++) void submit('text', 'b', { client: 'visitor' })
    for (let i = 0; i < 20; i++) await next()
    // turn about, not ten in a row to make up for the time away
    expect(order(batches).slice(21)).toMatch(/^a?(?:ba){9}/)
  })

  test('coming back at once does not forget what one has had', async () => {
    const { clock, batches, submit } = setUp({ maxBatch: 1 })
    void submit('text', 'a', { client: 'steady' })
    for (let i = 0; i < 30; i++) void submit('text', 'a', { client: 'steady' })
    let fromQuick = 0
    for (let i = 0; i < 20; i++) {
      // one call at a time, a new one as soon as the last is taken
      if (!batches.slice(i).some(({ items }) => items[0] === 'q')) void submit('text', 'q', { client: 'quick' })
      await clock.turn()
      if (batches.at(-1)!.items[0] === 'q') fromQuick += 1
      batches.at(-1)!.finish()
    }
    expect(fromQuick).toBeLessThanOrEqual(11)
    expect(fromQuick).toBeGreaterThanOrEqual(9)
  })

  test('a step of priority is worth a turn, so no priority keeps others waiting for ever', async () => {
    const { submit, drain, batches } = setUp({ maxBatch: 1, maxQueue: 1000 })
    for (let i = 0; i < 200; i++) void submit('text', 'h', { client: 'high', priority: 10 })
    for (let i = 0; i < 20; i++) void submit('text', 'l', { client: 'low' })
    await drain()
    expect(order(batches)).toMatch(/^h{10,11}l/)
    expect(order(batches).slice(0, 60)).toMatch(/(?:hl|lh){19}/)
  })

  test('a client that fills the queue leaves room for the next', async () => {
    const { submit, scheduler } = setUp({ maxQueue: 90 })
    let refused = 0
    for (let i = 0; i < 200; i++) submit('text', 'a', { client: 'flood' }).catch(() => (refused += 1))
    await expect(submit('text', 'a', { client: 'flood' })).rejects.toEqual(withCode('ERR_CLIP_QUEUE_FULL'))
    expect(scheduler.stats().queued).toBe(80)
    for (const client of ['b', 'c', 'd']) void submit('text', client, { client })
    expect(scheduler.stats().queued).toBe(83)
    expect(refused).toBe(120)
    await expect(submit('text', 'a', { client: 'flood' })).rejects.toThrow("80 of them of client 'flood'")
  })

  test('clients without end are no memory without end', async () => {
    const { clock, batches, submit, scheduler } = setUp({ maxBatch: 2, maxQueue: 10_000 })
    for (let i = 0; i < 3; i++) void submit('text', 'a', { client: 'always' })
    for (let i = 0; i < 2000; i++) {
      void submit('text', 'a', { client: `client ${i}` })
      void submit('text', 'a', { client: 'always' })
      await clock.turn()
      batches.at(-1)!.finish()
    }
    const queues = (scheduler as unknown as { queues: Map<string, { clients: Map<string, unknown> }> }).queues
    expect(queues.get('text')!.clients.size).toBeLessThan(50)
  })
})

describe('retry hint', () => {
  test('of a full queue: about when what is there will be done', async () => {
    const { clock, batches, submit } = setUp({ maxBatch: 2, maxQueue: 3, runnerCount: 1 })
    void submit('text', 'a')
    void submit('text', 'b')
    await clock.turn()
    await clock.advance(100)
    batches[0]!.finish()
    await clock.turn()
    for (const item of 'cd') void submit('text', item)
    await clock.turn()
    for (const item of 'efg') void submit('text', item)
    // two run, three wait, 50 ms each
    await expect(submit('text', 'h')).rejects.toMatchObject({ code: 'ERR_CLIP_QUEUE_FULL', retryAfterMs: 250 })
  })

  test('before anything has run, a second', async () => {
    const { submit } = setUp({ maxQueue: 1 })
    void submit('text', 'a')
    await expect(submit('text', 'b')).rejects.toMatchObject({ retryAfterMs: 1000 })
  })
})
