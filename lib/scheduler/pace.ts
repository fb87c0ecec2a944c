/** How fast the items of a kind arrive, and therefore how long to wait for more. */

/** Weight of the latest observation. */
const weight = 0.25
/** A longer pause, in units of the longest wait, counts as this much: after it no further items are expected. */
const longestGap = 1 / weight

export class Pace {
  private last = -Infinity
  /** Milliseconds between arrivals, smoothed. */
  private gapMs: number
  /** How many others of its kind an item found queued or running, smoothed. */
  private company = 0

  constructor(private readonly maxWaitMs: number) {
    this.gapMs = longestGap * maxWaitMs
  }

  /** Records an item that arrives at `now` and finds `others` of its kind queued or running. */
  arrive(now: number, others: number): void {
    this.company += weight * (others - this.company)
    // items of the same moment are a burst: they say nothing about the next
    if (now <= this.last) return
    this.gapMs += weight * (Math.min(now - this.last, longestGap * this.maxWaitMs) - this.gapMs)
    this.last = now
  }

  /**
   * Until when an idle runner should wait for items to join those queued since `since`. Returns `since` itself (do not
   * wait) if no items are expected: after a pause, and for a caller who makes one call at a time. Otherwise until the
   * next items are overdue, at most `maxWaitMs`.
   */
  waitUntil(since: number): number {
    if (this.gapMs >= this.maxWaitMs || this.company < 0.5) return since
    return Math.min(since + this.maxWaitMs, this.last + 2 * this.gapMs)
  }
}
