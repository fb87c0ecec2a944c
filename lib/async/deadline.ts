/** Deadlines of calls with several stages. */
import { clearTimeout, setTimeout } from 'node:timers'

import { abortReason, onAbort } from './abort.js'
import { ClipError } from '../errors.js'
import type { CallOptions } from '../types.js'

/**
 * Runs `work` with `settings` whose deadline has become a signal: it aborts after `timeoutMs` with
 * ERR_CLIP_DEADLINE_EXCEEDED, or earlier with the caller's own signal.
 */
export async function withDeadline<S extends CallOptions, T>(
  settings: S,
  work: (settings: S) => Promise<T>,
): Promise<T> {
  const { timeoutMs, signal } = settings
  if (timeoutMs === undefined) return work(settings)
  const late = (): ClipError =>
    new ClipError('ERR_CLIP_DEADLINE_EXCEEDED', `the call took longer than timeoutMs (${timeoutMs})`)
  return withTimeLimit(timeoutMs, signal, late, stop => work({ ...settings, timeoutMs: undefined, signal: stop }))
}

/** Runs `work` with a signal that aborts after `ms` with the error of `late`, or earlier with `signal`. */
export async function withTimeLimit<T>(
  ms: number,
  signal: AbortSignal | undefined,
  late: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(late()), ms)
  const stopListening = signal && onAbort(signal, () => controller.abort(abortReason(signal)))
  if (signal?.aborted) controller.abort(abortReason(signal))
  try {
    return await work(controller.signal)
  } finally {
    clearTimeout(timer)
    stopListening?.()
  }
}
