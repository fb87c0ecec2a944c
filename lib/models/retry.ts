/** Retries of failed requests: which failures to retry, and after what pause. */
import { abortReason, onAbort, throwIfAborted } from '../async/abort.js'
import type { ClipError } from '../errors.js'
import type { RetryPolicy } from './hub-settings.js'

/** A failure that a retry may fix; `error` is thrown if none does. */
export class RetryableFailure {
  constructor(
    readonly error: ClipError,
    /** The pause that the server requests. */
    readonly pauseMs?: number,
    /** Whether anything was received before the failure. */
    readonly progressed = false,
  ) {}
}

/** Calls `work` until it succeeds, fails permanently, or has failed too often in a row. */
export async function withRetries<T>(
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  let failures = 0
  for (;;) {
    throwIfAborted(signal)
    try {
      return await work()
    } catch (failure) {
      throwIfAborted(signal)
      if (!(failure instanceof RetryableFailure)) throw failure
      failures = failure.progressed ? 1 : failures + 1
      const serverMs = failure.pauseMs ?? 0
      if (failures >= policy.attempts || serverMs > policy.maxServerPauseMs) throw failure.error
      const backoff = Math.min(policy.maxPauseMs, policy.pauseMs * 2 ** (failures - 1))
      // spread the retries of clients that failed together
      await pause(Math.max(serverMs, backoff * (0.75 + Math.random() / 2)), signal)
    }
  }
}

/** @throws the signal's reason as soon as it aborts */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stopListening = signal && onAbort(signal, () => {
      clearTimeout(timer)
      reject(abortReason(signal))
    })
    const timer = setTimeout(() => {
      stopListening?.()
      resolve()
    }, ms)
  })
}

/** The pause that a busy server requests: Retry-After (seconds or a date), or the reset time of RateLimit. */
export function serverPauseMs(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim()
  if (value !== undefined && /^\d+$/.test(value)) return 1000 * Number(value)
  const date = value === undefined ? NaN : Date.parse(value)
  if (!Number.isNaN(date)) return Math.max(0, date - Date.now())
  const [, seconds] = /;\s*t\s*=\s*(\d+)/.exec(headers.get('ratelimit') ?? '') ?? []
  return seconds === undefined ? undefined : 1000 * Number(seconds)
}
