/** How many items of a kind a batch may have. */
import { byKind } from './by-kind.js'

/** Below this, a smaller batch could cost more for each item than it saves in waiting. */
const leastLimit = 4
/** Weight of the latest observation. */
const weight = 0.2

/**
 * At most `maxBatch`, and fewer where so many would run longer than `aimMs`: large items fill a processor by themselves,
 * and who waits for the batch before, or in it, waits for less.
 */
export class BatchSize {
  private readonly itemMs = new Map<string, number>()

  constructor(private readonly maxBatch: number, private readonly aimMs: number) {}

  limit(kind: string): number {
    const itemMs = this.itemMs.get(kind) ?? 0
    return Math.min(this.maxBatch, Math.max(leastLimit, Math.floor(this.aimMs / itemMs)))
  }

  /** A batch of `size` items has run for `runMs`. */
  measured(kind: string, size: number, runMs: number): void {
    const itemMs = byKind(this.itemMs, kind, () => runMs / size)
    this.itemMs.set(kind, itemMs + weight * (runMs / size - itemMs))
  }
}
