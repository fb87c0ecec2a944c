/** The time of a call that has several stages. */
import { abortReason, onAbort } from './abort.js'
import { ClipError } from './errors.js'
import type { CallOptions } from './types.js'

/**
 * Runs `work` with `settings` in which the deadline has become a signal: it aborts after `timeoutMs` with
 * ERR_CLIP_DEADLINE_EXCEEDED, and before that when the caller's own does.
 */
export async function withDeadline<S extends CallOptions, T>(settings: S, work: (settings: S) => Promise<T>): Promise<T> {
  const { timeoutMs, signal } = settings
  if (timeoutMs === undefined) return work(settings)
  const controller = new AbortController()
  const late = new ClipError('ERR_CLIP_DEADLINE_EXCEEDED', `the call took longer than timeoutMs (${timeoutMs})`)
  const timer = setTimeout(() => controller.abort(late), timeoutMs)
  const stopListening = signal && onAbort(signal, () => controller.abort(abortReason(signal)))
  try {
    return await work({ ...settings, timeoutMs: undefined, signal: controller.signal })
  } finally {
    clearTimeout(timer)
    stopListening?.()
  }
}
