/** Bounded concurrency over any iterable, results in order. */

/**
 * Calls `work` on each element of `source`, at most `limit` at a time, and yields the results in the source's order.
 * The source is read only as fast as results are taken. A failure is thrown at its place in the order; leaving the
 * loop early closes the source, lets what is running end, and drops its results.
 */
export async function* mapInOrder<T, R>(
  source: Iterable<T> | AsyncIterable<T>, limit: number, work: (element: T, index: number) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  const running: Promise<R>[] = []
  let index = 0
  let ended = false
  try {
    for (;;) {
      while (!ended && running.length < limit) {
        const next = await iterator.next()
        if (next.done === true) {
          ended = true
          break
        }
        const result = work(next.value, index++)
        result.catch(() => undefined) // thrown when its turn comes, if it comes
        running.push(result)
      }
      const first = running.shift()
      if (first === undefined) return
      yield await first
    }
  } finally {
    if (!ended) await iterator.return?.()
  }
}
