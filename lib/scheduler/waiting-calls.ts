import { ClipError } from '../errors.js'

/** A named client may have this many times as many calls waiting as there are places left. */
const share = 8

/**
 * The calls with at least one item in a queue, counted: `limit` in all, and of each named client no more than `share`
 * times what is left (dynamic thresholds, Choudhury and Hahne 1998). A lone one can use eight ninths of the queue, and
 * there is always room for the next.
 */
export class WaitingCalls {
  private count = 0
  private readonly byClient = new Map<string, number>()

  constructor(private readonly limit: number) {}

  admits(client: string | undefined): boolean {
    const free = this.limit - this.count
    const own = client === undefined ? 0 : this.byClient.get(client) ?? 0
    return free > 0 && (own === 0 || own < share * free)
  }

  enter(client: string | undefined): void {
    this.count += 1
    if (client !== undefined) this.byClient.set(client, (this.byClient.get(client) ?? 0) + 1)
  }

  leave(client: string | undefined): void {
    this.count -= 1
    if (client === undefined) return
    const rest = this.byClient.get(client)! - 1
    if (rest > 0) this.byClient.set(client, rest)
    else this.byClient.delete(client)
  }

  full(client: string | undefined, retryAfterMs: number): ClipError {
    const own = client === undefined ? undefined : this.byClient.get(client)
    const whose = own === undefined ? '' : `, ${own} of them of client '${client}',`
    const message = `${this.count} calls are waiting${whose} and maxQueue is ${this.limit}: try again later`
    return new ClipError('ERR_CLIP_QUEUE_FULL', message, { retryAfterMs })
  }
}
