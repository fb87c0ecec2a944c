import { types } from 'node:util'

import { ClipError } from '../errors.js'
import type { Entry, Holder } from './call.js'
import type { BatchRunner } from './types.js'

/** Why an item has no result. */
export class Failure {
  constructor(readonly reason: unknown) {}
}

export type Outcome<R> = R | Failure

/** One batch on its runner. */
export class Job<I, R> implements Holder<I, R> {
  private readonly controller = new AbortController()
  /** Items of calls that still wait. */
  private wanted: number

  constructor(
    readonly runner: BatchRunner<I, R>,
    readonly kind: string,
    readonly number: number,
    readonly entries: readonly Entry<I, R>[],
    readonly startedAt: number,
  ) {
    this.wanted = entries.length
    for (const entry of entries) entry.holder = this
  }

  /** Stops the runner when all calls of its items have been cancelled. */
  drop(entry: Entry<I, R>, reason: unknown): void {
    entry.holder = undefined
    this.wanted -= 1
    if (this.wanted === 0) this.controller.abort(reason)
  }

  /**
   * Runs the batch. If it fails as a whole with an error that `isItemFault` attributes to a single item, the items are
   * run once more, one by one, so that the good ones get their results.
   */
  async run(isItemFault: (error: unknown) => boolean): Promise<Outcome<R>[]> {
    try {
      return await this.attempt(this.entries)
    } catch (error) {
      if (this.entries.length > 1 && isItemFault(error)) return await this.runEachAlone()
      return this.entries.map(() => new Failure(error))
    }
  }

  private async runEachAlone(): Promise<Outcome<R>[]> {
    const outcomes: Outcome<R>[] = []
    for (const entry of this.entries) outcomes.push(await this.runAlone(entry))
    return outcomes
  }

  private async runAlone(entry: Entry<I, R>): Promise<Outcome<R>> {
    // its call was cancelled: drop the outcome
    if (entry.holder !== this) return new Failure(undefined)
    try {
      return (await this.attempt([entry]))[0]!
    } catch (error) {
      return new Failure(error)
    }
  }

  private async attempt(entries: readonly Entry<I, R>[]): Promise<Outcome<R>[]> {
    const items = entries.map(entry => entry.item)
    const results = await this.runner.run(this.kind, items, this.controller.signal)
    if (!Array.isArray(results) || results.length !== items.length) {
      throw wrongCount(this.kind, items.length, results)
    }
    return results.map(result => (isError(result) ? new Failure(result) : result as R))
  }
}

function isError(value: unknown): boolean {
  return types.isNativeError(value) || value instanceof Error
}

function wrongCount(kind: string, expected: number, results: unknown): ClipError {
  const found = Array.isArray(results) ? `${results.length}` : 'no array'
  const message = `expected ${expected} results of a batch of kind '${kind}' but received ${found}`
  return new ClipError('ERR_CLIP_INTERNAL', message)
}
