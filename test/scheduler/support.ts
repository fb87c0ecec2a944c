/** A scheduler on a clock and on runners that move only when a test says so. */
import { getEventListeners } from 'node:events'

import { Scheduler } from '../../lib/scheduler/scheduler'
import type { BatchRunner, Clock, SchedulerOptions } from '../../lib/scheduler/types'

/** Time that stands still until a test moves it. */
class FakeClock implements Clock {
  private time = 0
  private turns: (() => void)[] = []
  private timers = new Set<{ at: number; action: () => void }>()

  now(): number {
    return this.time
  }

  nextTurn(action: () => void): void {
    this.turns.push(action)
  }

  after(ms: number, action: () => void): () => void {
    const timer = { at: this.time + ms, action }
    this.timers.add(timer)
    return () => this.timers.delete(timer)
  }

  get pendingTimers(): number {
    return this.timers.size
  }

  get pendingTurns(): number {
    return this.turns.length
  }

  /** Ends the turn of the event loop: promises first, then what waits for the next turn. */
  async turn(): Promise<void> {
    await promises()
    for (const action of this.turns.splice(0)) action()
    await promises()
  }

  /** Time goes by without anything happening. */
  pass(ms: number): void {
    this.time += ms
  }

  async advance(ms: number): Promise<void> {
    this.pass(ms)
    for (const timer of [...this.timers]) {
      if (timer.at > this.time) continue
      this.timers.delete(timer)
      timer.action()
    }
    await this.turn()
  }
}

/** Lets every promise that can settle do so. */
export async function promises(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

interface Batch {
  kind: string
  items: string[]
  signal: AbortSignal
  finish(results?: (string | Error)[]): void
  fail(reason: unknown): void
}

/** Runs batches when the test says so; the result of 'a' is 'A'. */
class FakeRunner implements BatchRunner<string, string> {
  running = 0
  mostRunning = 0

  constructor(private readonly batches: Batch[]) {}

  async run(kind: string, items: string[], signal: AbortSignal): Promise<(string | Error)[]> {
    this.running += 1
    this.mostRunning = Math.max(this.mostRunning, this.running)
    try {
      return await new Promise((resolve, fail) => {
        const finish = (results = items.map(item => item.toUpperCase())): void => resolve(results)
        this.batches.push({ kind, items, signal, finish, fail })
      })
    } finally {
      this.running -= 1
    }
  }
}

export function setUp(options: Partial<SchedulerOptions<string, string>> & { runnerCount?: number } = {}) {
  const { runnerCount = 1, ...others } = options
  const clock = new FakeClock()
  const batches: Batch[] = []
  const runners = Array.from({ length: runnerCount }, () => new FakeRunner(batches))
  const scheduler = new Scheduler({ runners, maxBatch: 4, maxWaitMs: 0, maxQueue: 100, clock, ...others })
  /** Submits without waiting; a rejection is no unhandled one. */
  const submit = (kind: string, item: string, opts?: Parameters<typeof scheduler.submit>[2]): Promise<string> => {
    const promise = scheduler.submit(kind, item, opts)
    promise.catch(() => {})
    return promise
  }
  /** Finishes batch after batch; what ran, in order. */
  const drain = async (): Promise<string[]> => {
    for (let done = 0;; done++) {
      await clock.turn()
      const batch = batches[done]
      if (!batch) return batches.map(({ items }) => items.join(''))
      batch.finish()
    }
  }
  return { clock, batches, runners, scheduler, submit, drain }
}

export const withCode = (code: string): unknown => expect.objectContaining({ name: 'ClipError', code })
export const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length
