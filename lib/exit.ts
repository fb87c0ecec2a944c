/** Ends a process without waiting for blocked threads. */
import { isMainThread } from 'node:worker_threads'

import { loadAddon } from './native/load.js'

/**
 * Ends the process with `status` as `process.exit` does, but forcibly after `withinMs` (0: at once): `process.exit`
 * waits for operations on Node's pool threads that cannot be stopped (reading a hanging file system, looking up a name,
 * decoding). For a program's main thread, when the program has finished.
 *
 * @param status exit code
 * @param withinMs milliseconds after which the process ends in any case
 *
 * @example
 * process.once('SIGTERM', () => endProcess(0, 500))
 */
export function endProcess(status: number, withinMs = 1000): never {
  if (isMainThread) {
    try {
      loadAddon().exitWithin(status, withinMs)
    } catch { /* without the addon no native thread runs */ }
  }
  process.exit(status)
}
