/** Metrics for Prometheus. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

import type { TraceEvent } from '../../library.js'
import type { Progress } from '../gallery/progress.js'
import type { ModelPool } from '../models/model-pool.js'
import type { SlotEvent } from '../models/model-slot.js'
import type { Requests } from '../requests.js'
import { stderrLog } from './log-stream.js'

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]

/** The process's own metrics: once for all servers of a process, because their collectors cannot be removed. */
let processRegistry: Registry | undefined

function ofProcess(): Registry {
  if (!processRegistry) {
    processRegistry = new Registry()
    collectDefaultMetrics({ register: processRegistry })
    new Counter({
      name: 'ggclip_log_lines_lost_total',
      help: 'Log lines that could not be written',
      registers: [processRegistry],
      collect() {
        this.reset()
        this.inc(stderrLog().lost)
      },
    })
  }
  return processRegistry
}

export class Metrics {
  readonly #registry = new Registry()
  readonly #requests = new Counter({
    name: 'ggclip_http_requests_total',
    help: 'Requests answered',
    labelNames: ['route', 'status', 'client'] as const,
    registers: [this.#registry],
  })
  readonly #duration = new Histogram({
    name: 'ggclip_http_request_duration_seconds',
    help: 'From the first byte of a request to the last of its answer',
    labelNames: ['route'] as const,
    buckets: seconds,
    registers: [this.#registry],
  })
  readonly #errors = new Counter({
    name: 'ggclip_errors_total',
    help: 'Requests that failed, by code',
    labelNames: ['code'] as const,
    registers: [this.#registry],
  })
  readonly #stage = new Histogram({
    name: 'ggclip_stage_seconds',
    help:
      'Latency by stage: read (request), fetch (remote image), decode (image), wait (for a batch, longest of it), run (batch)',
    labelNames: ['stage'] as const,
    buckets: seconds,
    registers: [this.#registry],
  })
  readonly #batch = new Histogram({
    name: 'ggclip_batch_size',
    help: 'Inputs of a batch',
    labelNames: ['model', 'kind'] as const,
    buckets: sizes,
    registers: [this.#registry],
  })
  readonly #inputs = new Counter({
    name: 'ggclip_inputs_total',
    help: 'Inputs computed',
    labelNames: ['model', 'kind'] as const,
    registers: [this.#registry],
  })
  readonly #loads = new Counter({
    name: 'ggclip_model_events_total',
    help: 'Loads, failed loads and unloads',
    labelNames: ['model', 'event'] as const,
    registers: [this.#registry],
  })
  readonly #loadSeconds = new Gauge({
    name: 'ggclip_model_load_seconds',
    help: 'What the latest load took',
    labelNames: ['model'] as const,
    registers: [this.#registry],
  })

  /** Gauges are read on each scrape. */
  watch(pool: ModelPool, requests: Requests): void {
    const registers = [this.#registry]
    new Gauge({
      name: 'ggclip_http_requests_in_progress',
      help: 'Requests in progress',
      registers,
      collect() {
        this.set(requests.count)
      },
    })
    const ofModels = (name: string, help: string, read: (slot: ReturnType<ModelPool['get']>) => number): void => {
      new Gauge({
        name,
        help,
        labelNames: ['model'] as const,
        registers,
        collect() {
          for (const slot of pool.slots.values()) this.set({ model: slot.name }, read(slot))
        },
      })
    }
    ofModels('ggclip_model_loaded', '1 when the model is loaded', ({ clip }) => Number(clip !== undefined))
    ofModels('ggclip_admitted_inputs', 'Inputs running or waiting, at most maxQueue', ({ admission }) => admission.held)
    ofModels('ggclip_queue_items', 'Inputs waiting for a batch', ({ clip }) => clip?.stats().queued ?? 0)
    ofModels('ggclip_running_items', 'Inputs in running batches', ({ clip }) => clip?.stats().running ?? 0)
    ofModels('ggclip_model_bytes', 'Bytes of the weights', ({ clip }) => clip?.info.bytes ?? 0)
  }

  /** The same of the index of a gallery. */
  watchIndex(progress: () => Progress): void {
    const ofIndex = (name: string, help: string, read: (progress: Progress) => number): void => {
      new Gauge({
        name,
        help,
        registers: [this.#registry],
        collect() {
          this.set(read(progress()))
        },
      })
    }
    ofIndex('ggclip_index_files', 'Files of the index that can be found', ({ files }) => files)
    ofIndex('ggclip_index_failed_files', 'Files of the folders that cannot be read', ({ failed }) => failed)
    ofIndex(
      'ggclip_index_updating',
      '1 while the folders are looked through',
      ({ state }) => Number(state === 'updating'),
    )
    ofIndex('ggclip_index_looked_at', 'Files looked at while updating', ({ done }) => done)
    ofIndex(
      'ggclip_index_broken',
      '1 when the index cannot be opened or updated',
      ({ state }) => Number(state === 'failed'),
    )
  }

  answered(route: string, status: number, client: string, ms: number): void {
    this.#requests.inc({ route, status, client })
    this.#duration.observe({ route }, ms / 1000)
  }

  failed(code: string): void {
    this.#errors.inc({ code })
  }

  stage(stage: 'read' | 'fetch' | 'decode' | 'wait' | 'run', ms: number): void {
    this.#stage.observe({ stage }, ms / 1000)
  }

  trace(model: string, event: TraceEvent): void {
    if (event.type === 'decode') return this.stage('decode', event.ms)
    const { kind, size } = event
    this.#batch.observe({ model, kind }, size)
    this.#inputs.inc({ model, kind }, size)
    this.stage('wait', event.waitMs)
    this.stage('run', event.runMs)
  }

  model(event: SlotEvent): void {
    this.#loads.inc({ model: event.model, event: event.type })
    if (event.type === 'loaded') this.#loadSeconds.set({ model: event.model }, event.ms / 1000)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  render(): Promise<string> {
    return Registry.merge([ofProcess(), this.#registry]).metrics()
  }
}
