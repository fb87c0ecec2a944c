/** Bounded concurrency over any iterable, with results in order. */
import { abortReason, onAbort, throwIfAborted } from './abort.js'

export interface MapOptions {
  /** Most elements processed at a time. */
  limit: number
  /** Ends everything with the signal's reason, even while waiting for the source. */
  signal?: AbortSignal
}

/**
 * Calls `work` on each element of `source` and yields the results in order, each as soon as it is available, however
 * slow the source. The source is read only as fast as results are taken. A failure, also of the source, is thrown at
 * its place in the order. However the loop ends, the source is closed and the signal passed to `work` aborts, so that
 * no work continues without a reader.
 */
export async function* mapInOrder<T, R>(
  source: Iterable<T> | AsyncIterable<T>,
  { limit, signal }: MapOptions,
  work: (element: T, index: number, signal: AbortSignal) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  throwIfAborted(signal)
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  const running: Promise<R>[] = []
  const stop = new AbortController()
  const stopped = new Promise<never>((_, reject) => onAbort(stop.signal, () => reject(abortReason(stop.signal))))
  stopped.catch(() => undefined)
  const stopListening = signal && onAbort(signal, () => stop.abort(abortReason(signal)))
  let index = 0
  let ended = false
  let reading: Promise<void> | undefined

  const read = async (): Promise<void> => {
    try {
      const next = await iterator.next()
      if (next.done === true) ended = true
      else if (!stop.signal.aborted) running.push(work(next.value, index++, stop.signal))
    } catch (error) {
      ended = true
      running.push(Promise.reject(error))
    }
    running.at(-1)?.catch(() => undefined) // thrown in order, if the loop gets there
    reading = undefined
  }

  try {
    for (;;) {
      if (!ended && running.length < limit) reading ??= read()
      const first = running[0]
      if (reading !== undefined) {
        await Promise.race([stopped, reading, ...(first === undefined ? [] : [first.catch(() => undefined)])])
        if (reading === undefined) continue // read ahead before yielding: keeps the sessions busy
      }
      if (running.length === 0) return
      yield await running.shift()!
    }
  } finally {
    stopListening?.()
    stop.abort(new DOMException('the results are no longer needed', 'AbortError'))
    const closing = ended ? undefined : iterator.return?.()
    // a source that is still being read closes later: do not wait for it
    if (reading === undefined) await closing
    else Promise.resolve(closing).catch(() => undefined)
  }
}

/**
 * Calls `work` on each element, several at a time, for its effect. The first failure aborts the signal that the others
 * have, and is thrown when all of them have ended.
 */
export async function forEachAtOnce<T>(
  elements: readonly T[],
  { limit, signal }: MapOptions,
  work: (element: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController()
  const stopListening = signal && onAbort(signal, () => stop.abort(abortReason(signal)))
  const queue = elements.values()
  const failures: unknown[] = []
  const worker = async (): Promise<void> => {
    for (const element of queue) {
      if (stop.signal.aborted) return
      try {
        await work(element, stop.signal)
      } catch (error) {
        failures.push(error)
        stop.abort(error)
      }
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(limit, elements.length) }, worker))
  } finally {
    stopListening?.()
  }
  throwIfAborted(signal)
  if (failures.length > 0) throw failures[0]
}
