import type { Call, Entry, Holder } from './call.js'
import { before, ClientQueue } from './client-queue.js'

/**
 * The queued items of one kind. Clients get equal shares, item by item (start-time fair queueing, Goyal et al. 1996,
 * with items of equal cost), however much each has queued; within a client the most urgent item goes first.
 *
 * A new or returning client starts level with the least served of the waiting ones: absence earns nothing. One step of
 * priority is worth one item, so a high priority gains a few places, never all of them.
 */
export class KindQueue<I, R> implements Holder<I, R> {
  /** When its latest batch started. */
  servedAt = -Infinity
  /** No waiting item was submitted before this. */
  private oldest = Infinity
  private count = 0
  private readonly clients = new Map<string | undefined, ClientQueue<I, R>>()
  /** Smallest turn of the waiting clients; it never decreases. */
  private floor = 0

  /** `servedTurn`: number of that batch, to distinguish batches of the same millisecond. */
  constructor(readonly kind: string, private readonly agingMs: number, public servedTurn: number) {}

  get size(): number {
    return this.count
  }

  /**
   * Submission time of the item that has waited longest, or an earlier time if that item has left; Infinity when empty.
   */
  get waitingSince(): number {
    return this.count === 0 ? Infinity : this.oldest
  }

  /** Since when this kind has waited for a runner: its latest batch or its first item, whichever is later. */
  get claim(): number {
    let claim = Infinity
    for (const client of this.clients.values()) {
      if (client.size === 0) continue
      const { submittedAt, priority } = client.head.call
      claim = Math.min(claim, Math.max(this.servedAt, submittedAt) - priority * this.agingMs)
    }
    return claim
  }

  push(entry: Entry<I, R>): void {
    const { submittedAt, client: name } = entry.call
    this.oldest = this.count === 0 ? submittedAt : Math.min(this.oldest, submittedAt)
    let client = this.clients.get(name)
    if (!client) {
      client = new ClientQueue(this.agingMs, this.floor)
      this.clients.set(name, client)
    } else if (client.size === 0) {
      client.turn = Math.max(client.turn, this.floor)
    }
    client.push(entry)
    entry.holder = this
    this.count += 1
  }

  /** Removes the next `count` items, in order. */
  take(count: number, now: number, turn: number): Entry<I, R>[] {
    const taken: Entry<I, R>[] = []
    while (taken.length < count && this.count > 0) {
      const client = this.nextClient()
      const entry = client.head
      this.drop(entry)
      client.turn += 1
      taken.push(entry)
    }
    this.raiseFloor()
    this.servedAt = now
    this.servedTurn = turn
    return taken
  }

  drop(entry: Entry<I, R>): void {
    this.clients.get(entry.call.client)!.remove(entry)
    entry.holder = undefined
    this.count -= 1
  }

  /** Updates `waitingSince` after items have left. */
  refresh(): void {
    this.oldest = Infinity
    for (const { items } of this.clients.values()) {
      for (const { call } of items) this.oldest = Math.min(this.oldest, call.submittedAt)
    }
  }

  /** The calls with items here. */
  calls(): Set<Call<I, R>> {
    const calls = new Set<Call<I, R>>()
    for (const { items } of this.clients.values()) for (const { call } of items) calls.add(call)
    return calls
  }

  private nextClient(): ClientQueue<I, R> {
    let best: ClientQueue<I, R> | undefined
    for (const client of this.clients.values()) {
      if (client.size > 0 && (!best || this.goesBefore(client, best))) best = client
    }
    return best!
  }

  private goesBefore(a: ClientQueue<I, R>, b: ClientQueue<I, R>): boolean {
    const difference = a.turn - a.head.call.priority - (b.turn - b.head.call.priority)
    return difference === 0 ? before(a.head, b.head, this.agingMs) : difference < 0
  }

  /** Also forgets clients without any state worth keeping. */
  private raiseFloor(): void {
    let least = Infinity
    for (const { size, turn } of this.clients.values()) if (size > 0) least = Math.min(least, turn)
    if (least !== Infinity) this.floor = Math.max(this.floor, least)
    for (const [name, { size, turn }] of this.clients) if (size === 0 && turn <= this.floor) this.clients.delete(name)
  }
}
