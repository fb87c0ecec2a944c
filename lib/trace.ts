/** Tells whoever measures of each stage of the work. */
import type { BatchReport } from './scheduler/index.js'

/** One image decoded (`ms`), or one batch computed. Times in milliseconds. */
export type TraceEvent =
  | { type: 'decode'; ms: number }
  | {
    type: 'batch'
    kind: 'image' | 'text'
    size: number
    /** From call to start, of the input that waited longest. */
    waitMs: number
    runMs: number
  }

export class Tracer {
  readonly #listener: ((event: TraceEvent) => void) | undefined
  /** For the scheduler. */
  readonly onBatch: ((report: BatchReport) => void) | undefined

  constructor(listener: ((event: TraceEvent) => void) | undefined) {
    this.#listener = listener
    this.onBatch = listener && (({ kind, size, waitMs, runMs }) => {
      this.#tell({ type: 'batch', kind: kind.startsWith('image') ? 'image' : 'text', size, waitMs, runMs })
    })
  }

  /** Runs `work`, and tells what it took when it went well. */
  async decode<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#listener) return work()
    const began = performance.now()
    const result = await work()
    this.#tell({ type: 'decode', ms: performance.now() - began })
    return result
  }

  /** A listener that throws must not fail somebody's call: its error is the process's, like that of an event handler. */
  #tell(event: TraceEvent): void {
    try {
      this.#listener!(event)
    } catch (error) {
      queueMicrotask(() => { throw error })
    }
  }
}
