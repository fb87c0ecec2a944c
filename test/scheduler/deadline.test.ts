import { ClipError } from '../../lib/errors'
import { listeners, setUp, withCode } from './support'

describe('deadlines', () => {
  test('a call that waits too long leaves the queue', async () => {
    const { scheduler, clock, batches, submit } = setUp({ maxBatch: 1 })
    void submit('text', 'a')
    await clock.turn()
    const { signal } = new AbortController()
    const late = submit('text', 'b', { timeoutMs: 50, signal })
    void submit('text', 'c')
    await clock.advance(49)
    expect(scheduler.stats()).toMatchObject({ queued: 2, expired: 0 })
    await clock.advance(1)
    await expect(late).rejects.toEqual(withCode('ERR_CLIP_DEADLINE_EXCEEDED'))
    await expect(late).rejects.toThrow('timeoutMs (50)')
    expect(scheduler.stats()).toMatchObject({ queued: 1, expired: 1, aborted: 0, failed: 0 })
    expect(listeners(signal)).toBe(0)
    batches[0]!.finish()
    await clock.turn()
    expect(batches[1]!.items).toEqual(['c'])
  })

  test('running alone: the runner is told to stop', async () => {
    const { clock, batches, submit } = setUp()
    const late = submit('text', 'a', { timeoutMs: 10 })
    await clock.turn()
    await clock.advance(10)
    await expect(late).rejects.toEqual(withCode('ERR_CLIP_DEADLINE_EXCEEDED'))
    expect(batches[0]!.signal.aborted).toBe(true)
    batches[0]!.fail(new ClipError('ERR_CLIP_ABORTED', 'aborted'))
    await clock.turn()
  })

  test('in a shared batch: the others finish', async () => {
    const { clock, batches, submit } = setUp()
    const late = submit('text', 'a', { timeoutMs: 10 })
    const other = submit('text', 'b')
    await clock.turn()
    await clock.advance(10)
    await expect(late).rejects.toEqual(withCode('ERR_CLIP_DEADLINE_EXCEEDED'))
    expect(batches[0]!.signal.aborted).toBe(false)
    batches[0]!.finish()
    expect(await other).toBe('B')
  })

  test('a call in time leaves no timer, nor does one that fails or is cancelled', async () => {
    const { clock, batches, submit } = setUp({ maxBatch: 3 })
    const controller = new AbortController()
    const calls = ['a', 'b', 'c'].map(item =>
      submit('text', item, { timeoutMs: 1000, ...(item === 'c' ? { signal: controller.signal } : {}) })
    )
    await clock.turn()
    controller.abort(new Error('enough'))
    batches[0]!.finish(['A', new Error('bad'), 'C'])
    expect(await calls[0]).toBe('A')
    await expect(calls[1]).rejects.toThrow('bad')
    await expect(calls[2]).rejects.toThrow('enough')
    expect(clock.pendingTimers).toBe(0)
  })

  test('an array has one deadline', async () => {
    const { scheduler, clock, batches } = setUp({ maxBatch: 2 })
    const many = scheduler.submitMany('text', [...'abcd'], { timeoutMs: 30 })
    many.catch(() => {})
    await clock.turn()
    batches[0]!.finish()
    await clock.turn()
    await clock.advance(30)
    await expect(many).rejects.toEqual(withCode('ERR_CLIP_DEADLINE_EXCEEDED'))
    expect(scheduler.stats()).toMatchObject({ expired: 2, queued: 0 })
  })
})
