/**
 * Micro-batching over a set of runners. docs/scheduler.md describes the policy; in short: queued items of one kind run
 * together, an idle runner does not wait, a full queue refuses, and no call starves.
 */
import { performance } from 'node:perf_hooks'
import { clearTimeout, setImmediate, setTimeout } from 'node:timers'

import { abortReason, onAbort } from '../async/abort.js'
import { Admission } from '../async/admission.js'
import { ClipError, errorCodeOf } from '../errors.js'
import { LruMap } from '../lru-map.js'
import { checkInteger, checkNonEmptyArray, checkNumber, checkString } from '../validate.js'
import { BatchSize, maxKinds } from './batch-size.js'
import { Call, type Entry } from './call.js'
import { Failure, Job, type Outcome } from './job.js'
import { KindQueue } from './kind-queue.js'
import { Meter } from './meter.js'
import { Pace } from './pace.js'
import type { BatchReport, BatchRunner, Clock, SchedulerOptions, SchedulerStats, SubmitOptions } from './types.js'

/**
 * The process's clock, whatever a test runner puts in the place of its globals. Pending turns and timers keep the process
 * alive, since callers wait for them.
 */
const systemClock: Clock = {
  now: () => performance.now(),
  nextTurn: action => void setImmediate(action),
  after: (ms, action) => {
    const timer = setTimeout(action, ms)
    return () => clearTimeout(timer)
  },
}

export class Scheduler<I, R> {
  private readonly batchSize: BatchSize
  private readonly maxWaitMs: number
  private readonly agingMs: number
  private readonly clock: Clock
  private readonly onBatch: ((report: BatchReport) => void) | undefined
  private readonly runnerCount: number

  private readonly idle: BatchRunner<I, R>[]
  private readonly jobs = new Set<Promise<void>>()
  private readonly queues = new Map<string, KindQueue<I, R>>()
  private readonly paces = new LruMap<string, Pace>(maxKinds)
  /** The calls with at least one item in a queue. */
  private readonly waiting: Admission
  private calls = 0
  private turnPending = false
  private cancelTimer: (() => void) | undefined
  private disposal: Promise<void> | undefined

  private readonly waitMs = new Meter()
  private readonly runMs = new Meter()
  private readonly counts = { running: 0, batches: 0, items: 0, failed: 0, rejected: 0, aborted: 0, expired: 0 }
  /** Run time of an item on one runner, smoothed. */
  private itemMs = 0

  /** @throws TypeError / RangeError for bad options */
  constructor(options: SchedulerOptions<I, R>) {
    this.idle = [...checkNonEmptyArray('runners', options.runners)]
    this.batchSize = new BatchSize(
      checkInteger('maxBatch', options.maxBatch, { min: 1 }),
      checkNumber('aimMs', options.aimMs ?? Infinity, { min: 1, max: Infinity }),
    )
    this.maxWaitMs = checkNumber('maxWaitMs', options.maxWaitMs, { min: 0, max: 60_000 })
    this.waiting = new Admission(checkInteger('maxQueue', options.maxQueue, { min: 1 }), {
      describe: (held, own, client) =>
        `${held} calls are waiting${own === 0 ? '' : `, ${own} of them of client '${client}',`}`,
      retryAfterMs: () => this.drainMs(),
    })
    this.agingMs = checkNumber('agingMs', options.agingMs ?? 1000, { min: 0, max: 3_600_000 })
    this.clock = options.clock ?? systemClock
    this.onBatch = options.onBatch
    this.runnerCount = options.runners.length
  }

  /**
   * Submits one item; resolves to its result.
   *
   * Rejects with the runner's error for the item; with the signal's reason when cancelled; with
   * ERR_CLIP_DEADLINE_EXCEEDED after `timeoutMs`; with ERR_CLIP_QUEUE_FULL and `retryAfterMs` if `maxQueue` calls are
   * already waiting; with ERR_CLIP_DISPOSED.
   */
  async submit(kind: string, item: I, options?: SubmitOptions): Promise<R> {
    const results = await this.enqueue(kind, [item], options)
    return results[0]!
  }

  /**
   * Submits any number of items as one call; resolves to their results in order. If one fails, the call rejects with
   * its error and the call's queued items are dropped. Otherwise rejects like `submit`.
   */
  async submitMany(kind: string, items: readonly I[], options?: SubmitOptions): Promise<R[]> {
    return this.enqueue(kind, items, options)
  }

  stats(): SchedulerStats {
    const { batches, items } = this.counts
    return {
      queued: this.queuedItems(),
      ...this.counts,
      meanBatchSize: batches === 0 ? 0 : items / batches,
      itemMs: this.itemMs / this.runnerCount,
      waitMs: this.waitMs.read(),
      runMs: this.runMs.read(),
    }
  }

  /**
   * Refuses new work, rejects waiting calls with ERR_CLIP_DISPOSED and resolves when the running batches are done.
   * Idempotent. The runners remain their owner's.
   */
  dispose(): Promise<void> {
    this.disposal ??= this.close()
    return this.disposal
  }

  private enqueue(kind: string, items: readonly I[], options: SubmitOptions = {}): Promise<R[]> {
    const { signal, priority = 0, client, timeoutMs, onBatch } = options
    checkInteger('priority', priority, { min: -100, max: 100 })
    if (client !== undefined) checkString('client', client)
    if (timeoutMs !== undefined) checkNumber('timeoutMs', timeoutMs, { min: 0, max: 2 ** 31 - 1 })
    if (this.disposal) throw disposed()
    if (signal?.aborted) {
      this.counts.aborted += items.length
      throw abortReason(signal)
    }
    if (items.length === 0) return Promise.resolve([])
    const refusal = this.waiting.refusal(client)
    if (refusal) {
      this.counts.rejected += items.length
      throw refusal
    }
    const call = new Call<I, R>(items, priority, this.clock.now(), this.calls++, client, onBatch)
    if (signal) call.cleanups.push(onAbort(signal, () => this.abort(call, abortReason(signal))))
    if (timeoutMs !== undefined) call.cleanups.push(this.clock.after(timeoutMs, () => this.expire(call, timeoutMs)))
    const queue = this.queueOf(kind)
    if (this.maxWaitMs > 0) this.paceOf(kind).arrive(call.submittedAt, queue.size + this.counts.running)
    for (const entry of call.entries) queue.push(entry)
    call.queued = items.length
    call.leave = this.waiting.enter(client)
    this.wake()
    return call.promise
  }

  private queuedItems(): number {
    let queued = 0
    for (const queue of this.queues.values()) queued += queue.size
    return queued
  }

  /** Milliseconds until the current items will be done; a guess before anything has run. */
  private drainMs(): number {
    if (this.itemMs === 0) return 1000
    return Math.max(1, Math.round((this.queuedItems() + this.counts.running) * (this.itemMs / this.runnerCount)))
  }

  private paceOf(kind: string): Pace {
    return this.paces.getOrMake(kind, () => new Pace(this.maxWaitMs))
  }

  /** Until when a kind's items wait for more. */
  private waitUntil(queue: KindQueue<I, R>): number {
    return this.maxWaitMs === 0 ? -Infinity : this.paceOf(queue.kind).waitUntil(queue.waitingSince)
  }

  private queueOf(kind: string): KindQueue<I, R> {
    let queue = this.queues.get(kind)
    if (!queue) {
      queue = new KindQueue(kind, this.agingMs, this.counts.batches)
      this.queues.set(kind, queue)
    }
    return queue
  }

  /** Starts batches in the next turn of the event loop, so that calls made in this turn are included. */
  private wake(): void {
    if (this.turnPending || this.idle.length === 0 || this.queues.size === 0) return
    this.turnPending = true
    this.clock.nextTurn(() => {
      this.turnPending = false
      this.startBatches()
    })
  }

  /** Gives batches to idle runners as long as there are both; sets the timer for items that may wait a little. */
  private startBatches(): void {
    this.stopTimer()
    const now = this.clock.now()
    while (this.idle.length > 0) {
      const queue = this.nextQueue(now)
      if (!queue) break
      this.startBatch(queue, now)
    }
    if (this.idle.length === 0 || this.queues.size === 0) return
    let until = Infinity
    for (const queue of this.queues.values()) until = Math.min(until, this.waitUntil(queue))
    this.cancelTimer = this.clock.after(Math.max(0, until - now), () => this.startBatches())
  }

  /** The next kind to run, among those that need not wait for more items. */
  private nextQueue(now: number): KindQueue<I, R> | undefined {
    let best: KindQueue<I, R> | undefined
    for (const queue of this.queues.values()) {
      if (queue.size < this.batchSize.limit(queue.kind) && this.waitUntil(queue) > now) continue
      if (!best || queue.claim < best.claim || (queue.claim === best.claim && queue.servedTurn < best.servedTurn)) {
        best = queue
      }
    }
    return best
  }

  private startBatch(queue: KindQueue<I, R>, now: number): void {
    // spread items that need several batches evenly over the idle runners: 40 items on two runners are 20 + 20, not 32
    // + 8
    const limit = this.batchSize.limit(queue.kind)
    const batches = Math.min(this.idle.length, Math.ceil(queue.size / limit))
    const size = Math.min(limit, Math.ceil(queue.size / batches))
    this.counts.batches += 1
    const entries = queue.take(size, now, this.counts.batches)
    if (queue.size === 0) this.queues.delete(queue.kind)
    else if (queue.size < limit) queue.refresh()
    for (const entry of entries) {
      this.leaveQueue(entry.call, 1)
      this.waitMs.record(now - entry.call.submittedAt)
    }
    this.counts.items += entries.length
    this.counts.running += entries.length
    const running = this.runJob(new Job(this.idle.pop()!, queue.kind, this.counts.batches, entries, now))
    this.jobs.add(running)
    void running.then(() => this.jobs.delete(running))
  }

  private async runJob(job: Job<I, R>): Promise<void> {
    const outcomes = await job.run(isItemFault)
    this.measure(job)
    this.counts.running -= job.entries.length
    this.idle.push(job.runner)
    // a full batch starts before the results are handed out; a smaller one waits for what the callers submit next
    if (this.fullBatchWaits()) this.startBatches()
    else this.wake()
    for (const [i, entry] of job.entries.entries()) this.settle(entry, outcomes[i]!)
  }

  private measure({ kind, number, entries, startedAt }: Job<I, R>): void {
    const runMs = this.clock.now() - startedAt
    this.runMs.record(runMs)
    const itemMs = runMs / entries.length
    this.batchSize.measured(kind, entries.length, runMs)
    this.itemMs = this.itemMs === 0 ? itemMs : this.itemMs + 0.2 * (itemMs - this.itemMs)
    const report = (since: number): BatchReport => ({
      kind,
      batch: number,
      size: entries.length,
      waitMs: startedAt - since,
      runMs,
    })
    let oldest = startedAt
    for (const call of new Set(entries.map(entry => entry.call))) {
      oldest = Math.min(oldest, call.submittedAt)
      if (!call.settled) call.onBatch?.(report(call.submittedAt))
    }
    this.onBatch?.(report(oldest))
  }

  private fullBatchWaits(): boolean {
    for (const queue of this.queues.values()) if (queue.size >= this.batchSize.limit(queue.kind)) return true
    return false
  }

  private settle(entry: Entry<I, R>, outcome: Outcome<R>): void {
    const { call } = entry
    if (call.settled) return
    entry.holder = undefined
    if (!(outcome instanceof Failure)) return call.deliver(entry.index, outcome)
    this.counts.failed += 1
    this.reject(call, outcome.reason)
  }

  private abort(call: Call<I, R>, reason: unknown): void {
    this.counts.aborted += call.missing
    this.reject(call, reason)
  }

  private expire(call: Call<I, R>, timeoutMs: number): void {
    this.counts.expired += call.missing
    this.reject(call, new ClipError('ERR_CLIP_DEADLINE_EXCEEDED', `the call took longer than timeoutMs (${timeoutMs})`))
  }

  /** Rejects a call, removes its items from the queue, and stops batches without other calls. */
  private reject(call: Call<I, R>, reason: unknown): void {
    call.reject(reason)
    for (const entry of call.entries) entry.holder?.drop(entry, reason)
    this.leaveQueue(call, call.queued)
    for (const [kind, queue] of this.queues) if (queue.size === 0) this.queues.delete(kind)
    if (this.queues.size === 0) this.stopTimer()
  }

  private leaveQueue(call: Call<I, R>, items: number): void {
    if (items === 0) return
    call.queued -= items
    if (call.queued === 0) call.leave()
  }

  private stopTimer(): void {
    this.cancelTimer?.()
    this.cancelTimer = undefined
  }

  private async close(): Promise<void> {
    for (const queue of [...this.queues.values()]) {
      for (const call of queue.calls()) this.reject(call, disposed())
    }
    await Promise.all(this.jobs)
  }
}

/** Errors that the native side raises for one bad item of a batch; any other error is the batch's own failure. */
function isItemFault(error: unknown): boolean {
  const code = errorCodeOf(error)
  return code === 'ERR_CLIP_INPUT_SHAPE' || code === 'ERR_CLIP_INPUT_RANGE'
}

function disposed(): ClipError {
  return new ClipError('ERR_CLIP_DISPOSED', 'this instance has been disposed of')
}
