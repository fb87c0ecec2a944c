import type { BatchReport } from './types.js'

/** The current holder of an entry: a queue, or a job on a runner. */
export interface Holder<I, R> {
  /** The call of `entry` was rejected with `reason`: drop the entry. */
  drop(entry: Entry<I, R>, reason: unknown): void
}

/** One item of a call: held first by a queue, then by a job, then by nothing. */
export interface Entry<I, R> {
  readonly call: Call<I, R>
  readonly item: I
  /** Position in the call's results. */
  readonly index: number
  holder: Holder<I, R> | undefined
  /** Index in its queue's heap. */
  slot: number
}

/** One `submit` or `submitMany`: a promise that settles once, and its items. */
export class Call<I, R> {
  readonly entries: Entry<I, R>[]
  readonly results: R[]
  /** Resolves to one result per item. */
  readonly promise: Promise<R[]>
  /** Items in the queue. */
  queued = 0
  /** Called when no item is queued any more. */
  leave: () => void = () => undefined
  /** Items without a result. */
  missing: number
  settled = false
  /** Called once the call has settled: removes listeners and timers. */
  readonly cleanups: (() => void)[] = []
  private accept!: (results: R[]) => void
  private refuse!: (reason: unknown) => void

  /**
   * `number`: orders calls submitted at the same moment. `client`: the client whose share it uses. `onBatch`: called
   * with the batches that contained its items.
   */
  constructor(
    items: readonly I[],
    readonly priority: number,
    readonly submittedAt: number,
    readonly number: number,
    readonly client: string | undefined,
    readonly onBatch?: (report: BatchReport) => void,
  ) {
    this.entries = items.map((item, index) => ({ call: this, item, index, holder: undefined, slot: -1 }))
    this.results = new Array<R>(items.length)
    this.missing = items.length
    this.promise = new Promise<R[]>((accept, refuse) => {
      this.accept = accept
      this.refuse = refuse
    })
  }

  /** Records one result; the last one resolves the promise. */
  deliver(index: number, result: R): void {
    this.results[index] = result
    this.missing -= 1
    if (this.missing > 0) return
    this.settle()
    this.accept(this.results)
  }

  reject(reason: unknown): void {
    this.settle()
    this.refuse(reason)
  }

  private settle(): void {
    this.settled = true
    for (const cleanUp of this.cleanups.splice(0)) cleanUp()
  }
}
