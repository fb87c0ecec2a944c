import type { Entry } from './call.js'

/**
 * The waiting items of one kind, most urgent first: a binary heap in which each item knows its place, so that a
 * cancelled one leaves at once.
 *
 * Urgency is `submittedAt - priority * agingMs`, least first. It grows with waiting as fast for all, so the order of
 * two items never changes while they wait, yet none starves: only what is submitted within `agingMs` per step of
 * priority can pass an item.
 */
export class KindQueue<I, R> {
  /** When its latest batch began, or the queue came to be. */
  servedAt: number
  /** Number of that turn, to tell turns of the same millisecond apart. */
  servedTurn: number
  /** No waiting item was submitted before this. */
  private oldest = Infinity
  private readonly heap: Entry<I, R>[] = []

  constructor(readonly kind: string, private readonly agingMs: number, servedTurn: number) {
    this.servedAt = -Infinity
    this.servedTurn = servedTurn
  }

  get size(): number {
    return this.heap.length
  }

  /** Submission time of the longest waiting item, or earlier when that one has left; Infinity when empty. */
  get waitingSince(): number {
    return this.heap.length === 0 ? Infinity : this.oldest
  }

  /** When this kind's claim to the next runner dates from: its latest turn or its first item, whichever is later. */
  get claim(): number {
    const { call } = this.heap[0]!
    return Math.max(this.servedAt, call.submittedAt) - call.priority * this.agingMs
  }

  push(entry: Entry<I, R>): void {
    this.oldest = this.heap.length === 0 ? entry.call.submittedAt : Math.min(this.oldest, entry.call.submittedAt)
    entry.queue = this
    this.heap.push(entry)
    this.rise(entry, this.heap.length - 1)
  }

  /** Takes the `count` most urgent items out, in order. */
  take(count: number, now: number, turn: number): Entry<I, R>[] {
    const taken: Entry<I, R>[] = []
    while (taken.length < count && this.heap.length > 0) {
      const entry = this.heap[0]!
      this.remove(entry)
      taken.push(entry)
    }
    this.servedAt = now
    this.servedTurn = turn
    return taken
  }

  remove(entry: Entry<I, R>): void {
    const slot = entry.slot
    const last = this.heap.pop()!
    entry.queue = undefined
    entry.slot = -1
    if (last === entry) return
    this.rise(last, slot)
    this.sink(last, last.slot)
  }

  /** Brings `waitingSince` up to date after items have left. */
  refresh(): void {
    this.oldest = Infinity
    for (const entry of this.heap) this.oldest = Math.min(this.oldest, entry.call.submittedAt)
  }

  /** The calls that have items here. */
  calls(): Set<Entry<I, R>['call']> {
    return new Set(this.heap.map(entry => entry.call))
  }

  private rise(entry: Entry<I, R>, slot: number): void {
    while (slot > 0) {
      const parentSlot = (slot - 1) >> 1
      const parent = this.heap[parentSlot]!
      if (!this.before(entry, parent)) break
      this.put(parent, slot)
      slot = parentSlot
    }
    this.put(entry, slot)
  }

  private sink(entry: Entry<I, R>, slot: number): void {
    for (;;) {
      let childSlot = 2 * slot + 1
      if (childSlot >= this.heap.length) break
      const sibling = this.heap[childSlot + 1]
      if (sibling && this.before(sibling, this.heap[childSlot]!)) childSlot += 1
      const child = this.heap[childSlot]!
      if (!this.before(child, entry)) break
      this.put(child, slot)
      slot = childSlot
    }
    this.put(entry, slot)
  }

  private put(entry: Entry<I, R>, slot: number): void {
    this.heap[slot] = entry
    entry.slot = slot
  }

  private before(a: Entry<I, R>, b: Entry<I, R>): boolean {
    if (a.call === b.call) return a.index < b.index
    const difference = a.call.submittedAt - b.call.submittedAt - (a.call.priority - b.call.priority) * this.agingMs
    return difference === 0 ? a.call.number < b.call.number : difference < 0
  }
}
