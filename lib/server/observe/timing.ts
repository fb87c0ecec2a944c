/** Durations of a request's stages for the `Server-Timing` header, shown by browsers and the web page. */
import type { TraceEvent } from '../../library.js'

export class Timing {
  #readMs: number | undefined
  #fetchMs: number | undefined
  #decodeMs: number | undefined
  #queueMs: number | undefined
  #modelMs: number | undefined
  readonly #batches = new Set<number>()

  /** The request has arrived. */
  read(ms: number): void {
    this.#readMs = ms
  }

  /** An image was fetched; images are fetched concurrently, so the slowest counts. */
  fetched(ms: number): void {
    this.#fetchMs = Math.max(this.#fetchMs ?? 0, ms)
  }

  /** For the calls to the model. Images are decoded concurrently, batches run one after another. */
  readonly onTrace = (event: TraceEvent): void => {
    if (event.type === 'decode') {
      this.#decodeMs = Math.max(this.#decodeMs ?? 0, event.ms)
      return
    }
    this.#queueMs = Math.max(this.#queueMs ?? 0, event.waitMs)
    if (this.#batches.has(event.batch)) return
    this.#batches.add(event.batch)
    this.#modelMs = (this.#modelMs ?? 0) + event.runMs
  }

  /** `totalMs`: since the request's first byte. Stages that did not happen are omitted. */
  header(totalMs: number): string {
    const stages = {
      read: this.#readMs,
      fetch: this.#fetchMs,
      decode: this.#decodeMs,
      queue: this.#queueMs,
      model: this.#modelMs,
      total: totalMs,
    }
    return Object.entries(stages).flatMap(([name, ms]) => (ms === undefined ? [] : [`${name};dur=${ms.toFixed(2)}`]))
      .join(', ')
  }
}
