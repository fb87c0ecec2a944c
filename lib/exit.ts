/** Ends a process without waiting for blocked threads. */
import { isMainThread } from 'node:worker_threads'

import { loadAddon } from './native/load.js'

/**
 * Ends the process with `status` as `process.exit` does, and without ceremony after `withinMs` (0: at once): `process.exit` waits for
 * what Node's pool threads do at that moment (reading a file system that hangs, looking up a name, decoding), which
 * nothing can stop. For programs, in their main thread, when they are done.
 *
 * @param status exit code
 * @param withinMs milliseconds after which the process ends whatever it does
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
