/**
 * Long computations on the event loop, in small steps. All of a process share one time budget per turn of the loop, so
 * that sockets and timers never wait longer than that, however many computations run.
 */
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers'

import { abortReason, throwIfAborted } from './abort.js'

/** Each `yield` ends a step of about a millisecond. */
export type Steps<T> = Generator<void, T, void>

/** The clock, replaceable in tests. */
export interface TurnsClock {
  now(): number
  /** Calls `action` after the loop has handled its sockets and timers. */
  nextTurn(action: () => void): void
}

const budgetMs = 8

interface Task {
  /** Runs one step; returns whether it was the last. */
  step(): boolean
}

export class Turns {
  readonly #clock: TurnsClock
  readonly #tasks: Task[] = []
  #pending = false

  constructor(clock: TurnsClock = { now: () => performance.now(), nextTurn: setImmediate }) {
    this.#clock = clock
  }

  /** The result of `steps`; rejects with their exception, or with the signal's reason before the next step. */
  run<T>(steps: Steps<T>, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#tasks.push({
        step: () => {
          try {
            throwIfAborted(signal)
            const { done, value } = steps.next()
            if (done !== true) return false
            resolve(value)
          } catch (error) {
            steps.return(undefined as T)
            reject(signal?.aborted === true ? abortReason(signal) : error)
          }
          return true
        },
      })
      this.#wake()
    })
  }

  #wake(): void {
    if (this.#pending || this.#tasks.length === 0) return
    this.#pending = true
    this.#clock.nextTurn(() => {
      this.#pending = false
      this.#turn()
    })
  }

  /**
   * Runs steps of all computations in rotation. A result also ends the turn: its receiver's immediate work belongs to
   * this turn.
   */
  #turn(): void {
    const end = this.#clock.now() + budgetMs
    do {
      const task = this.#tasks.shift()!
      if (task.step()) break
      this.#tasks.push(task)
    } while (this.#clock.now() < end)
    this.#wake()
  }
}

/** The process's only instance. */
export const turns = new Turns()

/** Applies `work` to each value, in order, one step each. */
export function* eachInSteps<T, R>(values: readonly T[], work: (value: T, index: number) => R): Steps<R[]> {
  const results: R[] = []
  for (const [i, value] of values.entries()) {
    if (i > 0) yield
    results.push(work(value, i))
  }
  return results
}
