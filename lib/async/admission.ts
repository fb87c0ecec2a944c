/**
 * Limits how many calls or inputs may wait or run at the same time, which bounds waiting time and memory. Further ones
 * are refused at once, at almost no cost.
 *
 * No client can keep the others out: the fuller the whole, the less one client may hold, namely `share` times the free
 * places (dynamic thresholds, Choudhury and Hahne 1998). A single client can use eight ninths, and there is always room
 * for another. Calls without a client are subject only to the common limit.
 */
import { ClipError } from '../errors.js'

const share = 8

/** How a refusal is put. */
interface Wording {
  /** `held` in all, `own` of them of `client`. */
  describe(held: number, own: number, client: string | undefined): string
  /** When to come again. */
  retryAfterMs(held: number): number
}

export class Admission {
  private count = 0
  private readonly byClient = new Map<string, number>()

  constructor(readonly limit: number, private readonly wording: Wording) {}

  get held(): number {
    return this.count
  }

  /**
   * Why `count` more of the client have no place: ERR_CLIP_QUEUE_FULL with `retryAfterMs`; undefined where they have one.
   * Whatever comes alone has one. `arriving`: what is about to come besides, and what of that is the client's.
   */
  refusal(client: string | undefined, count = 1, arriving = { all: 0, own: 0 }): ClipError | undefined {
    const held = this.count + arriving.all
    const own = this.ownOf(client) + arriving.own
    const free = this.limit - held
    if (held === 0 || (count <= free && (own === 0 || own + count <= share * free))) return undefined
    const message = `${this.wording.describe(held, own, client)} and maxQueue is ${this.limit}: try again later`
    return new ClipError('ERR_CLIP_QUEUE_FULL', message, { retryAfterMs: this.wording.retryAfterMs(held) })
  }

  /** Returns the function that gives the places back. @throws {ClipError} as `refusal` says */
  enter(client: string | undefined, count = 1): () => void {
    const refusal = this.refusal(client, count)
    if (refusal) throw refusal
    this.add(client, count)
    let left = false
    return () => {
      if (!left) this.add(client, -count)
      left = true
    }
  }

  private ownOf(client: string | undefined): number {
    return client === undefined ? 0 : this.byClient.get(client) ?? 0
  }

  private add(client: string | undefined, count: number): void {
    this.count += count
    if (client === undefined) return
    const own = this.ownOf(client) + count
    if (own > 0) this.byClient.set(client, own)
    else this.byClient.delete(client)
  }
}
