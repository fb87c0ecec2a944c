/** How many items of a kind a batch may have. */
import { LruMap } from '../lru-map.js'

/** Below this, a smaller batch could take more time per item than it saves in waiting. */
const leastLimit = 4
/** Weight of the latest observation. */
const weight = 0.2
/** Callers may invent any number of kinds: only the latest are remembered. */
export const maxKinds = 64

/**
 * At most `maxBatch`, and fewer if the batch would run longer than `aimMs`: large items keep all cores busy on their
 * own, and smaller batches shorten the wait for the running one.
 */
export class BatchSize {
  private readonly itemMs = new LruMap<string, number>(maxKinds)

  constructor(private readonly maxBatch: number, private readonly aimMs: number) {}

  limit(kind: string): number {
    const itemMs = this.itemMs.get(kind) ?? 0
    return Math.min(this.maxBatch, Math.max(leastLimit, Math.floor(this.aimMs / itemMs)))
  }

  /** Records that a batch of `size` items ran for `runMs`. */
  measured(kind: string, size: number, runMs: number): void {
    const itemMs = this.itemMs.get(kind) ?? runMs / size
    this.itemMs.set(kind, itemMs + weight * (runMs / size - itemMs))
  }
}
