/** How fast the items of a kind come, and so how long it pays to wait for more of them. */

/** Weight of the latest observation. */
const weight = 0.25
/** A longer pause, in units of the longest wait, counts as this much: after it nothing is expected. */
const longestGap = 1 / weight

export class Pace {
  private last = -Infinity
  /** Milliseconds between arrivals, smoothed. */
  private gapMs: number
  /** How many others of its kind an item found waiting or running, smoothed. */
  private company = 0

  constructor(private readonly maxWaitMs: number) {
    this.gapMs = longestGap * maxWaitMs
  }

  /** An item comes at `now` and finds `others` of its kind waiting or running. */
  arrive(now: number, others: number): void {
    this.company += weight * (others - this.company)
    // what comes in the same moment is a burst: it says nothing of what comes next
    if (now <= this.last) return
    this.gapMs += weight * (Math.min(now - this.last, longestGap * this.maxWaitMs) - this.gapMs)
    this.last = now
  }

  /**
   * Until when an idle runner should wait for items to join those that wait since `since`. `since` itself, so not at
   * all, where no items are expected: after a pause, and for a caller who has one call at a time. Else until the next ones
   * are overdue, at most `maxWaitMs`.
   */
  waitUntil(since: number): number {
    if (this.gapMs >= this.maxWaitMs || this.company < 0.5) return since
    return Math.min(since + this.maxWaitMs, this.last + 2 * this.gapMs)
  }
}
