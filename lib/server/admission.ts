/**
 * How many inputs may be in work or wait at the same time: what bounds waiting, and memory. Beyond that a request is
 * refused at once, which costs next to nothing.
 *
 * No client can keep the others out: what one may hold shrinks as the whole fills up, to `share` times what is left
 * (dynamic thresholds, Choudhury and Hahne 1998). A lone client can use eight ninths.
 */
import { ClipError } from '../errors.js'

const share = 8

export class Admission {
  #held = 0
  readonly #byClient = new Map<string, number>()

  /** `itemMs`: how long an input takes at present, for the hint when to come again. */
  constructor(readonly limit: number, private readonly itemMs: () => number) {}

  get held(): number {
    return this.#held
  }

  /**
   * `arriving`: inputs that are about to come, and those of this client among them.
   *
   * @throws {ClipError} ERR_CLIP_QUEUE_FULL when not even one more input of this client has a place
   */
  checkRoom(client: string, arriving = { all: 0, own: 0 }): void {
    const own = this.#byClient.get(client) ?? 0
    const held = this.#held + arriving.all
    if (held > 0 && !this.#fits(held, own + arriving.own, 1)) throw this.#full(held, own + arriving.own)
  }

  /** Returns the function that gives the places back. @throws {ClipError} ERR_CLIP_QUEUE_FULL with `retryAfterMs` */
  enter(client: string, count: number): () => void {
    const own = this.#byClient.get(client) ?? 0
    if (this.#held > 0 && !this.#fits(this.#held, own, count)) throw this.#full(this.#held, own)
    this.#held += count
    this.#byClient.set(client, own + count)
    let left = false
    return () => {
      if (left) return
      left = true
      this.#held -= count
      const rest = this.#byClient.get(client)! - count
      if (rest > 0) this.#byClient.set(client, rest)
      else this.#byClient.delete(client)
    }
  }

  #fits(held: number, own: number, count: number): boolean {
    return held + count <= this.limit && (own === 0 || own + count <= share * (this.limit - held))
  }

  #full(held: number, own: number): ClipError {
    const message =
      `${held} inputs are in work or wait (${own} of this client) and maxQueue is ${this.limit}: try again later`
    return new ClipError('ERR_CLIP_QUEUE_FULL', message, { retryAfterMs: Math.round(held * this.itemMs()) })
  }
}
