/** Work on many elements, some at a time. How lists and streams of calls use it: test/api/encode.test.ts. */
import { forEachAtOnce } from '../../lib/async/pipeline'
import { LruMap } from '../../lib/lru-map'

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('forEachAtOnce', () => {
  it('has at most so many in work, and ends with the last', async () => {
    let [running, most] = [0, 0]
    const seen: number[] = []
    await forEachAtOnce([0, 1, 2, 3, 4], { limit: 2 }, async element => {
      most = Math.max(most, ++running)
      await turn()
      running--
      seen.push(element)
    })
    expect(most).toBe(2)
    expect(seen.sort()).toEqual([0, 1, 2, 3, 4])
  })

  it('a failure stops the others and is thrown when they have ended', async () => {
    const ended: number[] = []
    const run = forEachAtOnce([0, 1, 2, 3], { limit: 2 }, async (element, signal) => {
      if (element === 0) throw new Error('the first')
      while (!signal.aborted) await turn()
      await turn()
      ended.push(element)
    })
    await expect(run).rejects.toThrow('the first')
    expect(ended).toEqual([1])
  })

  it('rejects with the reason of its signal', async () => {
    const controller = new AbortController()
    const run = forEachAtOnce([0, 1], { limit: 1, signal: controller.signal }, async (_, signal) => {
      controller.abort(new Error('enough'))
      expect(signal.aborted).toBe(true)
    })
    await expect(run).rejects.toThrow('enough')
  })
})

describe('LruMap', () => {
  it('forgets what was used least recently', () => {
    const map = new LruMap<string, number>(2)
    map.set('a', 1)
    map.set('b', 2)
    expect(map.get('a')).toBe(1)
    map.set('c', 3)
    expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([1, undefined, 3, 2])
    expect(map.getOrMake('c', () => 4)).toBe(3)
    expect(map.getOrMake('d', () => 4)).toBe(4)
    expect(map.get('a')).toBeUndefined()
  })

  it('counts weights, also of a value that is replaced, and keeps nothing that is too heavy', () => {
    const map = new LruMap<string, string>(5, text => text.length)
    map.set('a', 'xxxx')
    map.set('a', 'x')
    map.set('b', 'xxxx')
    expect([map.get('a'), map.get('b')]).toEqual(['x', 'xxxx'])
    map.set('c', 'xxxxxx')
    expect(map.size).toBe(0)
    map.set('a', 'x')
    map.clear()
    expect(map.size).toBe(0)
  })
})
