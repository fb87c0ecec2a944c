/** Events for metrics: each decoded image, each batch. */
import type { BatchReport } from '../scheduler/types.js'

/** One image decoded (`ms`), or one batch computed. Times in milliseconds. */
export type TraceEvent =
  | {
    type: 'decode'
    ms: number
    /**
     * Pixels, orientation applied; undefined for a tensor without them. Large images may be decoded at reduced scale.
     */
    width: number | undefined
    height: number | undefined
  }
  | {
    type: 'batch'
    kind: 'image' | 'text'
    /** Sequence number of the batch in this model; images of one call may share a batch. */
    batch: number
    size: number
    /** From call to start. In the model's events: that of the input that waited longest. */
    waitMs: number
    runMs: number
  }

type TraceListener = (event: TraceEvent) => void

export class Tracer {
  readonly #listener: TraceListener | undefined
  /** Callback for the scheduler. */
  readonly onBatch: ((report: BatchReport) => void) | undefined

  constructor(listener: TraceListener | undefined) {
    this.#listener = listener
    this.onBatch = batchListener(listener)
  }

  /** Runs `work`; if it succeeds, reports its time to the model's listener and to the call's. */
  async decode<T extends { width?: number; height?: number }>(
    work: () => Promise<T>,
    ofCall?: TraceListener,
  ): Promise<T> {
    if (!this.#listener && !ofCall) return work()
    const began = performance.now()
    const result = await work()
    const event = { type: 'decode' as const, ms: performance.now() - began, width: result.width, height: result.height }
    if (this.#listener) emit(this.#listener, event)
    if (ofCall) emit(ofCall, event)
    return result
  }
}

/** The scheduler's reports as public events. */
export function batchListener(listener: TraceListener | undefined): ((report: BatchReport) => void) | undefined {
  return listener && (({ kind, ...report }) => {
    if (kind.startsWith('preprocess')) return // no tower has run
    emit(listener, { type: 'batch', kind: kind.startsWith('image') ? 'image' : 'text', ...report })
  })
}

/** A listener's exception must not fail the call: it becomes an uncaught exception, as with event handlers. */
function emit(listener: TraceListener, event: TraceEvent): void {
  try {
    listener(event)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
