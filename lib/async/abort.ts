/** AbortSignal helpers: listeners that always go away, and cancellable native tasks. */
import { fromNative } from '../errors.js'

/** Work that can be asked to stop, in which case `promise` rejects (the addon's `NativeTask` is one). */
interface AbortableTask<T> {
  promise: Promise<T>
  abort(): void
}

/** What an aborted call rejects with: the signal's own reason, or an AbortError for signals that have none. */
export function abortReason(signal: AbortSignal): unknown {
  return signal.reason ?? new DOMException('This operation was aborted', 'AbortError')
}

/** Throws the signal's reason when it is aborted already. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortReason(signal)
}

/** Who waits for a signal: all of them behind one event listener. */
const waiters = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls `listener` once when `signal` aborts; at once when it has aborted already, since its event will not come again.
 * Returns the function that takes the listener away again; calling it more than once does no harm.
 *
 * However many wait for one signal, it has a single event listener from here: a signal shared by hundreds of calls
 * would otherwise make Node warn of a leak (it does from the eleventh on).
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener()
    return () => undefined
  }
  // a function of its own, so that the same listener may wait twice
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
 * - Already aborted: rejects with the signal's reason, `start` is not called.
 * - Aborted while running: the task is asked to stop; once it has stopped the call rejects with the signal's reason,
 *   so that nothing of the task (threads, half-written files) is left when the caller goes on. A result that came
 *   nevertheless is handed to `discard` (to dispose of a loaded model, say).
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

/** Runs `work` with a signal that aborts when one of the two does, with its reason. */
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

/** `promise`, or the signal's reason as soon as it aborts: for work that cannot be stopped and may go on unwatched. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const stopListening = onAbort(signal, () => reject(abortReason(signal)))
    promise.then(resolve, reject).finally(stopListening)
  })
}
