import { promises, setUp } from './support'

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

describe('aimMs', () => {
  /** Submits many, and lets the batches run one after the other; an item takes `itemMs`. Returns their sizes. */
  async function sizes(
    { clock, batches, submit }: ReturnType<typeof setUp>,
    kind: string,
    count: number,
    itemMs: number,
  ): Promise<number[]> {
    const first = batches.length
    for (let i = 0; i < count; i++) void submit(kind, 'a')
    await clock.turn()
    for (let i = first; i < batches.length; i++) {
      clock.pass(batches[i]!.items.length * itemMs)
      batches[i]!.finish()
      await clock.turn()
    }
    return batches.slice(first).map(({ items }) => items.length)
  }

  test('of items that take long, fewer go together, but at least 4; each kind has its own', async () => {
    const world = setUp({ maxBatch: 32, aimMs: 200, maxQueue: 1000 })
    expect(await sizes(world, 'image', 64, 20)).toEqual([32, 10, 10, 10, 2])
    expect(await sizes(world, 'text', 64, 1)).toEqual([32, 32])
    expect(await sizes(world, 'huge', 40, 500)).toEqual([32, 4, 4])
    expect(await sizes(world, 'image', 20, 20)).toEqual([10, 10])
  })

  test('sizes grow again when items take less', async () => {
    const world = setUp({ maxBatch: 32, aimMs: 200, maxQueue: 1000 })
    expect(await sizes(world, 'image', 36, 100)).toEqual([32, 4])
    const later = await sizes(world, 'image', 600, 5)
    expect(later[0]).toBe(4)
    expect(later).toEqual([...later.slice(0, -1)].sort((a, b) => a - b).concat(later.at(-1)!))
    expect(later).toContain(32)
  })

  test('without it, batches are full whatever they take', async () => {
    expect(await sizes(setUp({ maxBatch: 32, maxQueue: 1000 }), 'image', 64, 1000)).toEqual([32, 32])
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
