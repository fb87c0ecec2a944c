/** What all handlers of a server share. */
import type { Logger } from 'pino'

import type { ModelPool } from './models/model-pool.js'
import type { Metrics } from './observe/metrics.js'
import type { ServerSettings } from './options.js'
import type { Requests } from './requests.js'

export interface Context {
  settings: ServerSettings
  pool: ModelPool
  requests: Requests
  metrics: Metrics
  log: Logger
  /** Fetches an image; undefined unless the server may. */
  fetch: ((url: string, signal: AbortSignal) => Promise<Buffer>) | undefined
  /** Whether the preloaded models are ready. */
  ready: boolean
  /** Seconds since 1970. */
  startedAt: number
}
