/** The scheduler's options, runners, reports and statistics. */

/** Computes batches, one at a time: a session, or a fake in tests. */
export interface BatchRunner<I, R> {
  /**
   * Runs `items`, all of one `kind`. Resolves to as many outcomes in the same order; an `Error` among them is the
   * outcome of its item only. A rejection is the failure of the whole batch.
   *
   * `signal` aborts when all calls of the items have been cancelled: stop soon then. The runner counts as busy until
   * the promise has settled.
   */
  run(kind: string, items: I[], signal: AbortSignal): Promise<(R | Error)[]>
}

/** Time, replaceable in tests. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number
  /** Calls `action` once, at the end of the current turn of the event loop. */
  nextTurn(action: () => void): void
  /** Calls `action` once, after `ms`. Returns a function that cancels it. */
  after(ms: number, action: () => void): () => void
}

export interface SchedulerOptions<I, R> {
  /** At least one. Each gets one batch at a time. */
  runners: readonly BatchRunner<I, R>[]
  /** Most items of a batch. */
  maxBatch: number
  /** How long a batch should run at most, milliseconds; batches of slow items get fewer of them. Default Infinity. */
  aimMs?: number
  /**
   * The longest that an idle runner waits for a batch to fill, milliseconds, at most 60000. 0: not at all. It waits
   * only while more items are likely, judged by recent arrivals.
   */
  maxWaitMs: number
  /** Most waiting calls; an array given to `submitMany` is one call. */
  maxQueue: number
  /**
   * Waiting time that is worth one step of priority, milliseconds. From 0 (priorities do not count) to 3600000. Default
   * 1000.
   */
  agingMs?: number
  /** Called after each batch. Must not throw. */
  onBatch?: (report: BatchReport) => void
  /** Default: the process's clock. */
  clock?: Clock
}

export interface BatchReport {
  kind: string
  /** Batches are numbered from 1 in the order in which they start. */
  batch: number
  /** Items. */
  size: number
  /** From submission to start, of the item that waited longest, milliseconds. */
  waitMs: number
  /** From start to end, milliseconds. */
  runMs: number
}

export interface SubmitOptions {
  /** Cancels the call: it rejects with the signal's reason at once. */
  signal?: AbortSignal
  /** Integer from -100 to 100, higher goes first. Default 0. */
  priority?: number
  /**
   * Name of the client: clients share the runners and the queue fairly. Default: calls without a name count as one
   * client's.
   */
  client?: string
  /** Milliseconds after which the call rejects with ERR_CLIP_DEADLINE_EXCEEDED. Default: none. */
  timeoutMs?: number
  /** Called after each batch that contained items of this call; `waitMs` is the call's. Must not throw. */
  onBatch?: (report: BatchReport) => void
}

/** Durations in milliseconds: mean and max of all, p50 and p99 of the latest 512. All 0 before the first. */
export interface DurationStats {
  /** Mean of all. */
  mean: number
  /** The longest. */
  max: number
  /** Median of the latest 512. */
  p50: number
  /** 99 of 100 of the latest 512 are shorter. */
  p99: number
}

export interface SchedulerStats {
  /** Items waiting now. */
  queued: number
  /** Items in running batches now. */
  running: number
  /** Batches started so far. */
  batches: number
  /** Items started so far. */
  items: number
  /** items / batches; 0 before the first. */
  meanBatchSize: number
  /** From submission to the start of the batch, per item. */
  waitMs: DurationStats
  /** From start to end, per batch. */
  runMs: DurationStats
  /** Items whose error rejected a call (cancellations do not count). */
  failed: number
  /** Items refused because the queue was full. */
  rejected: number
  /** Items whose call was cancelled. */
  aborted: number
  /** Items whose call timed out. */
  expired: number
  /** Recent time per item, milliseconds: run time divided by batch size and runners, smoothed. 0 before the first. */
  itemMs: number
}
