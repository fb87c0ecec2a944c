import { performance } from 'node:perf_hooks'

import type { Clock } from './types.js'

/** The process's clock. Pending turns and timers keep the process alive: somebody waits for them. */
export const systemClock: Clock = {
  now: () => performance.now(),
  nextTurn: action => void setImmediate(action),
  after: (ms, action) => {
    const timer = setTimeout(action, ms)
    return () => clearTimeout(timer)
  },
}
