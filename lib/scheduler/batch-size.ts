/** How many items of a kind a batch may have. */
import { LruMap } from '../lru-map.js'

/** Below this, a smaller batch could cost more for each item than it saves in waiting. */
const leastLimit = 4
/** Weight of the latest observation. */
const weight = 0.2
/** Callers may make up kinds without end: only the latest are remembered. */
export const maxKinds = 64

/**
 * At most `maxBatch`, and fewer where so many would run longer than `aimMs`: large items fill a processor by themselves,
 * and smaller batches shorten the wait for the one that runs.
 */
export class BatchSize {
  private readonly itemMs = new LruMap<string, number>(maxKinds)

  constructor(private readonly maxBatch: number, private readonly aimMs: number) {}

  limit(kind: string): number {
    const itemMs = this.itemMs.get(kind) ?? 0
    return Math.min(this.maxBatch, Math.max(leastLimit, Math.floor(this.aimMs / itemMs)))
  }

  /** A batch of `size` items has run for `runMs`. */
  measured(kind: string, size: number, runMs: number): void {
    const itemMs = this.itemMs.get(kind) ?? runMs / size
    this.itemMs.set(kind, itemMs + weight * (runMs / size - itemMs))
  }
}
