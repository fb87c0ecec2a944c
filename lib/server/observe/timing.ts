/** What a request's time went to, for the `Server-Timing` header: browsers show it, and the web page. */
import type { TraceEvent } from '../../library.js'

export class Timing {
  #readMs: number | undefined
  #fetchMs: number | undefined
  #decodeMs: number | undefined
  #queueMs: number | undefined
  #modelMs: number | undefined
  readonly #batches = new Set<number>()

  /** The request is in. */
  read(ms: number): void {
    this.#readMs = ms
  }

  /** A picture was fetched; they are fetched side by side, so the slowest counts. */
  fetched(ms: number): void {
    this.#fetchMs = Math.max(this.#fetchMs ?? 0, ms)
  }

  /** For the calls to the model. Pictures are decoded side by side and batches run in turn. */
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

  /** `totalMs`: since the request's first byte. Stages that there were not are left out. */
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
