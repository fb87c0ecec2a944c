import { availableParallelism } from 'node:os'

import { abortReason, onAbort, throwIfAborted, untilAborted } from './abort.js'

/**
 * How many images are decoded at the same time.
 *
 * sharp decodes on libuv's thread pool, which file reads also need: one of its threads stays free. Within an image
 * libvips could use `sharp.concurrency()` more threads, but decoders are sequential, so they would hardly help, and
 * that setting is global and the user's. This number alone bounds the load.
 */
export function decodeSlots(): number {
  const pool = Number.parseInt(process.env.UV_THREADPOOL_SIZE ?? '', 10)
  return Math.max(1, Math.min(availableParallelism(), (pool > 0 ? pool : 4) - 1))
}

/** Lets at most `slots` tasks run at a time, in the order of arrival. */
export class Gate {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor(slots: number) {
    this.#free = slots
  }

  /** How many pieces of work have no slot yet. */
  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Rejects with the signal's reason as soon as it aborts. Running work then ends in the background and keeps its slot
   * until it has ended.
   */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    throwIfAborted(signal)
    if (this.#free > 0) this.#free--
    else await this.#turn(signal)
    return untilAborted(work().finally(() => this.#leave()), signal)
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!signal) {
        this.#waiting.add(resolve)
        return
      }
      const enter = (): void => {
        stopListening()
        resolve()
      }
      this.#waiting.add(enter)
      const stopListening = onAbort(signal, () => {
        this.#waiting.delete(enter)
        stopListening()
        reject(abortReason(signal))
      })
    })
  }

  /** The slot goes to the task that has waited longest. */
  #leave(): void {
    for (const enter of this.#waiting) {
      this.#waiting.delete(enter)
      enter()
      return
    }
    this.#free++
  }
}
