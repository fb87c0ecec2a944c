/** AbortSignal helpers: listeners that are always removed, and cancellable native tasks. */
import { fromNative } from '../errors.js'

/** Work that can be asked to stop, after which `promise` rejects (such as the addon's `NativeTask`). */
interface AbortableTask<T> {
  promise: Promise<T>
  abort(): void
}

/** The reason for an aborted call: the signal's own, or an AbortError for signals without one. */
export function abortReason(signal: AbortSignal): unknown {
  return signal.reason ?? new DOMException('This operation was aborted', 'AbortError')
}

/** Throws the signal's reason if it has already aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortReason(signal)
}

/** The listeners of a signal, behind a single event listener. */
const waiters = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls `listener` once when `signal` aborts; at once if it has already aborted, since its event will not come again.
 * Returns an idempotent function that removes the listener.
 *
 * All listeners of a signal share one event listener: otherwise Node would warn of a leak (from the eleventh on) when
 * hundreds of calls share a signal.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener()
    return () => undefined
  }
  // a separate function, so that the same listener may be added twice
  const waiter = (): void => listener()
  const group = waiters.get(signal) ?? listen(signal)
  group.add(waiter)
  return () => {
    if (!group.delete(waiter) || group.size > 0 || waiters.get(signal) !== group) return
    waiters.delete(signal)
    signal.removeEventListener('abort', fire)
  }
}

function listen(signal: AbortSignal): Set<() => void> {
  const group = new Set<() => void>()
  waiters.set(signal, group)
  signal.addEventListener('abort', fire, { once: true })
  return group
}

function fire(this: AbortSignal): void {
  const group = waiters.get(this)
  waiters.delete(this)
  if (!group) return
  for (const waiter of group) waiter()
}

/**
 * Runs a cancellable native task under `signal`.
 *
 * - Already aborted: rejects with the signal's reason without calling `start`.
 * - Aborted while running: asks the task to stop; once it has stopped, rejects with the signal's reason, so that
 *   nothing of the task (threads, half-written files) remains. A result that arrives anyway is passed to `discard` (to
 *   dispose of a loaded model, for instance).
 * - Errors of the task, thrown or rejected, become `ClipError`s.
 *
 * The listener is removed in every case.
 */
export async function withAbort<T>(
  signal: AbortSignal | undefined,
  start: () => AbortableTask<T>,
  discard?: (value: T) => void,
): Promise<T> {
  throwIfAborted(signal)
  let stopListening: (() => void) | undefined
  try {
    const task = start()
    if (signal) stopListening = onAbort(signal, () => task.abort())
    const value = await task.promise
    if (!signal?.aborted) return value
    discard?.(value)
  } catch (error) {
    if (!signal?.aborted) throw fromNative(error)
  } finally {
    stopListening?.()
  }
  throw abortReason(signal)
}

/** Runs `work` with a signal that aborts when either of the two does, with its reason. */
export async function underBoth<T>(
  one: AbortSignal | undefined,
  other: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (!one) return work(other)
  const controller = new AbortController()
  const stop = (signal: AbortSignal) => (): void => controller.abort(abortReason(signal))
  const listeners = [one, other].map(signal => onAbort(signal, stop(signal)))
  try {
    return await work(controller.signal)
  } finally {
    for (const stopListening of listeners) stopListening()
  }
}

/**
 * `promise`, or the signal's reason as soon as it aborts: for work that cannot be stopped and may continue in the
 * background.
 */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const stopListening = onAbort(signal, () => reject(abortReason(signal)))
    promise.then(resolve, reject).finally(stopListening)
  })
}
