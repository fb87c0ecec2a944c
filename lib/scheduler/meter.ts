import type { DurationStats } from './types.js'

const windowSize = 512

/** Collects durations: mean and max of all, quantiles of the latest. */
export class Meter {
  private count = 0
  private sum = 0
  private max = 0
  private readonly latest = new Float64Array(windowSize)
  private stats: DurationStats | undefined // cached until the next duration

  record(duration: number): void {
    this.stats = undefined
    this.latest[this.count % windowSize] = duration
    this.count += 1
    this.sum += duration
    if (duration > this.max) this.max = duration
  }

  read(): DurationStats {
    this.stats ??= this.compute()
    return { ...this.stats }
  }

  private compute(): DurationStats {
    if (this.count === 0) return { mean: 0, max: 0, p50: 0, p99: 0 }
    const sorted = this.latest.slice(0, Math.min(this.count, windowSize)).sort()
    // nearest-rank quantile
    const quantile = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1]!
    return { mean: this.sum / this.count, max: this.max, p50: quantile(0.5), p99: quantile(0.99) }
  }
}
