import type { Entry } from './call.js'

/**
 * The queued items of one client, most urgent first: a binary heap in which each item knows its index, so that a
 * cancelled one can be removed at once.
 *
 * Urgency is `submittedAt - priority * agingMs`, least first. Waiting raises all urgencies equally, so the order of two
 * items never changes while they wait. Yet none starves: only items submitted within `agingMs` per step of priority can
 * overtake it.
 */
export class ClientQueue<I, R> {
  private readonly heap: Entry<I, R>[] = []

  /** `turn`: how many items it has been served, in units comparable between clients. */
  constructor(private readonly agingMs: number, public turn: number) {}

  get size(): number {
    return this.heap.length
  }

  /** The most urgent item; there must be one. */
  get head(): Entry<I, R> {
    return this.heap[0]!
  }

  get items(): readonly Entry<I, R>[] {
    return this.heap
  }

  push(entry: Entry<I, R>): void {
    this.heap.push(entry)
    this.rise(entry, this.heap.length - 1)
  }

  remove(entry: Entry<I, R>): void {
    const slot = entry.slot
    const last = this.heap.pop()!
    entry.slot = -1
    if (last === entry) return
    this.rise(last, slot)
    this.sink(last, last.slot)
  }

  private rise(entry: Entry<I, R>, slot: number): void {
    while (slot > 0) {
      const parentSlot = (slot - 1) >> 1
      const parent = this.heap[parentSlot]!
      if (!before(entry, parent, this.agingMs)) break
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
      if (sibling && before(sibling, this.heap[childSlot]!, this.agingMs)) childSlot += 1
      const child = this.heap[childSlot]!
      if (!before(child, entry, this.agingMs)) break
      this.put(child, slot)
      slot = childSlot
    }
    this.put(entry, slot)
  }

  private put(entry: Entry<I, R>, slot: number): void {
    this.heap[slot] = entry
    entry.slot = slot
  }
}

/** Whether `a` is more urgent than `b`. */
export function before<I, R>(a: Entry<I, R>, b: Entry<I, R>, agingMs: number): boolean {
  if (a.call === b.call) return a.index < b.index
  const difference = a.call.submittedAt - b.call.submittedAt - (a.call.priority - b.call.priority) * agingMs
  return difference === 0 ? a.call.number < b.call.number : difference < 0
}
