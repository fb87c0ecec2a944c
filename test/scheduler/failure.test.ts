import { ClipError } from '../../lib/errors'
import { promises, setUp } from './support'

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
    const results: unknown[] = [() => {
      throw new Error('sync')
    }, () => Promise.resolve([]), () => Promise.resolve()]
    const run = (): Promise<string[]> => (results.shift() as () => Promise<string[]>)()
    const { clock, submit } = setUp({ runners: [{ run }] })
    for (const expected of ['sync', 'received 0', 'received no array']) {
      const call = submit('text', 'a')
      await clock.turn()
      await expect(call).rejects.toThrow(expected)
    }
  })
})
