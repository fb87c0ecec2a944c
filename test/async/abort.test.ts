import { onAbort, withAbort } from '../../lib/async/abort'
import { listeners, promises, withCode } from '../scheduler/support'

describe('abort helpers', () => {
  function task() {
    let resolve!: (value: string) => void
    let reject!: (reason: unknown) => void
    const promise = new Promise<string>((...both) => {
      ;[resolve, reject] = both
    })
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
    await expect(withAbort(signal, () => {
      throw new Error('odd')
    })).rejects.toEqual(withCode('ERR_CLIP_INTERNAL'))
    expect(listeners(signal)).toBe(0)
  })

  test('withAbort stops the task and rejects with the reason once it has stopped', async () => {
    const controller = new AbortController()
    const stopped = task()
    let settled = false
    const result = withAbort(controller.signal, () => stopped).finally(() => {
      settled = true
    })
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
    onAbort(controller.signal, () => {
      calls.push('b')
      removeC()
    })
    const removeC = onAbort(controller.signal, () => calls.push('c'))
    removeA()
    removeA()
    controller.abort()
    expect(calls).toEqual(['b'])
    expect(listeners(controller.signal)).toBe(0)
  })
})
