import type { Call, Entry, Holder } from './call.js'
import { before, ClientQueue } from './client-queue.js'

/**
 * The waiting items of one kind. Clients take turns, an item each (start-time fair queueing, Goyal et al. 1996, with
 * items of equal cost), however much each of them has waiting; within a client the most urgent item goes first.
 *
 * A client that comes, or comes back, begins where the least served of the waiting ones stands: having been away earns
 * nothing. One step of priority is worth one turn, so a high priority wins a few turns, never all of them.
 */
export class KindQueue<I, R> implements Holder<I, R> {
  /** When its latest batch began. */
  servedAt = -Infinity
  /** No waiting item was submitted before this. */
  private oldest = Infinity
  private count = 0
  private readonly clients = new Map<string | undefined, ClientQueue<I, R>>()
  /** Least turn of the clients that wait; it never goes back. */
  private floor = 0

  /** `servedTurn`: number of that batch, to tell batches of the same millisecond apart. */
  constructor(readonly kind: string, private readonly agingMs: number, public servedTurn: number) {}

  get size(): number {
    return this.count
  }

  /** Submission time of the longest waiting item, or earlier when that one has left; Infinity when empty. */
  get waitingSince(): number {
    return this.count === 0 ? Infinity : this.oldest
  }

  /** When this kind's claim to the next runner dates from: its latest turn or its first item, whichever is later. */
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

  /** Takes `count` items out, in order. */
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

  /** Brings `waitingSince` up to date after items have left. */
  refresh(): void {
    this.oldest = Infinity
    for (const { items } of this.clients.values()) {
      for (const { call } of items) this.oldest = Math.min(this.oldest, call.submittedAt)
    }
  }

  /** The calls that have items here. */
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

  /** And forgets the clients of whom nothing is left to remember. */
  private raiseFloor(): void {
    let least = Infinity
    for (const { size, turn } of this.clients.values()) if (size > 0) least = Math.min(least, turn)
    if (least !== Infinity) this.floor = Math.max(this.floor, least)
    for (const [name, { size, turn }] of this.clients) if (size === 0 && turn <= this.floor) this.clients.delete(name)
  }
}
