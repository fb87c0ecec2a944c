/** Making a failed request again: which failures are worth it, and how long to wait. */
import { abortReason, onAbort, throwIfAborted } from '../async/abort.js'
import type { ClipError } from '../errors.js'
import type { RetryPolicy } from './hub-settings.js'

/** A failure that another try may mend; `error` is what the caller sees when none did. */
export class RetryableFailure {
  constructor(
    readonly error: ClipError,
    /** How long the server asks to wait. */
    readonly pauseMs?: number,
    /** Something was received before it failed. */
    readonly progressed = false,
  ) {}
}

/** Calls `work` until it succeeds, fails for good, or has failed too often in a row. */
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
      // many clients that failed together shall not come back together
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

/** How long a busy server asks to wait: Retry-After (seconds or a date), or the reset time of RateLimit. */
export function serverPauseMs(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim()
  if (value !== undefined && /^\d+$/.test(value)) return 1000 * Number(value)
  const date = value === undefined ? NaN : Date.parse(value)
  if (!Number.isNaN(date)) return Math.max(0, date - Date.now())
  const [, seconds] = /;\s*t\s*=\s*(\d+)/.exec(headers.get('ratelimit') ?? '') ?? []
  return seconds === undefined ? undefined : 1000 * Number(seconds)
}
