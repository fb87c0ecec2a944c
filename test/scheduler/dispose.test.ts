import { ClipError } from '../../lib/errors'
import { listeners, setUp, withCode } from './support'

describe('dispose', () => {
  test('refuses new work, rejects what waits, waits for what runs', async () => {
    const { scheduler, clock, batches, submit } = setUp({ maxBatch: 1 })
    const running = submit('text', 'a')
    await clock.turn()
    const { signal } = new AbortController()
    const waiting = submit('text', 'b', { signal })
    let disposed = false
    const disposal = scheduler.dispose().then(() => {
      disposed = true
    })
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
    const { scheduler, clock, submit, batches } = setUp()
    void submit('text', 'a', { timeoutMs: 1000 })
    await clock.turn()
    void submit('text', 'b', { timeoutMs: 1000 })
    batches[0]!.finish()
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
