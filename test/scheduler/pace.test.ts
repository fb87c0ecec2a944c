/** maxWaitMs: how long an idle runner waits for company, by how the calls came lately. */
import { setUp } from './support'

/** A scheduler that has lately seen an item of kind 'text' every millisecond, several at a time, and is idle now. */
async function afterRush(options: Parameters<typeof setUp>[0]) {
  const all = setUp(options)
  const { clock, batches, submit } = all
  void submit('text', '-')
  await clock.turn()
  for (let i = 0; i < 28; i++) {
    void submit('text', '-')
    await clock.advance(1)
  }
  for (let done = 0; done < batches.length; done++) {
    batches[done]!.finish()
    await clock.turn()
  }
  return { ...all, earlier: batches.length }
}

describe('maxWaitMs', () => {
  test('idle: nothing waits, not even the first of many', async () => {
    const { clock, batches, submit } = setUp({ maxWaitMs: 10 })
    for (const item of 'abc') void submit('text', item)
    await clock.turn()
    expect(batches.map(({ items }) => items.join(''))).toEqual(['abc'])
    expect(clock.pendingTimers).toBe(0)
  })

  test.each([1, 5, 9, 50])('a caller with one call at a time never waits (%i ms a call)', async ms => {
    const { clock, batches, submit } = setUp({ maxWaitMs: 10 })
    for (let i = 0; i < 50; i++) {
      const result = submit('text', 'a')
      await clock.turn()
      expect(batches).toHaveLength(i + 1)
      await clock.advance(ms)
      batches[i]!.finish()
      expect(await result).toBe('A')
    }
  })

  test('under load an idle runner waits for the next ones, not longer than they usually take', async () => {
    const { clock, batches, submit, earlier } = await afterRush({ maxWaitMs: 50 })
    void submit('text', 'a')
    await clock.advance(1)
    void submit('text', 'b')
    await clock.advance(1)
    expect(batches).toHaveLength(earlier)
    // the third is overdue after two gaps of about a millisecond
    await clock.advance(2)
    expect(batches.at(-1)!.items).toEqual(['a', 'b'])
    expect(clock.pendingTimers).toBe(0)
  })

  test('a full batch does not wait', async () => {
    const { clock, batches, submit, earlier } = await afterRush({ maxWaitMs: 50 })
    for (const item of 'abcde') void submit('text', item)
    await clock.turn()
    expect(batches.slice(earlier).map(({ items }) => items.join(''))).toEqual(['abcd'])
  })

  test('at most maxWaitMs, however fast they come', async () => {
    const { clock, batches, submit, earlier } = await afterRush({ maxWaitMs: 10, maxBatch: 1000 })
    let waited = 0
    for (; batches.length === earlier; waited++) {
      void submit('text', 'a')
      await clock.advance(1)
    }
    expect(waited).toBe(10)
    expect(batches.at(-1)!.items).toHaveLength(10)
  })

  test('after a pause nothing waits', async () => {
    const { clock, batches, submit, earlier } = await afterRush({ maxWaitMs: 10 })
    await clock.advance(40)
    void submit('text', 'a')
    await clock.turn()
    expect(batches).toHaveLength(earlier + 1)
  })

  test('one kind that waits does not hold up another', async () => {
    const { clock, batches, submit, earlier } = await afterRush({ maxWaitMs: 50 })
    void submit('text', 'a')
    void submit('image', 'x')
    await clock.turn()
    expect(batches.slice(earlier).map(({ kind }) => kind)).toEqual(['image'])
    await clock.advance(5)
    batches.at(-1)!.finish()
    await clock.turn()
    expect(batches.at(-1)!.items).toEqual(['a'])
  })

  test('no timer is left when all that waited is cancelled', async () => {
    const { clock, submit } = await afterRush({ maxWaitMs: 50 })
    const controller = new AbortController()
    void submit('text', 'a', { signal: controller.signal })
    await clock.turn()
    expect(clock.pendingTimers).toBe(1)
    controller.abort()
    expect(clock.pendingTimers).toBe(0)
  })

  test('kinds without end are no memory without end', async () => {
    const { clock, batches, submit, scheduler } = setUp({ maxWaitMs: 10 })
    for (let i = 0; i < 1000; i++) {
      void submit(`image ${i}`, 'a')
      await clock.turn()
      batches.at(-1)!.finish()
      await clock.advance(1)
    }
    expect((scheduler as unknown as { paces: Map<string, unknown> }).paces.size).toBeLessThanOrEqual(64)
  })
})
