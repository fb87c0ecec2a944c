/**
 * Long computations on the event loop, in small steps. All of a process share one budget for each turn of the loop, so that
 * however many go on at a time, sockets and timers wait no longer than that.
 */
import { abortReason, throwIfAborted } from './abort.js'

/** Each `yield` ends a step: a piece of work of a millisecond or so that cannot be cut further. */
export type Steps<T> = Generator<void, T, void>

/** What turns need of the world; tests bring their own. */
export interface TurnsWorld {
  now(): number
  /** Calls `action` once the loop has looked at its sockets and timers. */
  nextTurn(action: () => void): void
}

const budgetMs = 8

interface Task {
  /** One step; whether it was the last. */
  step(): boolean
}

export class Turns {
  readonly #world: TurnsWorld
  readonly #tasks: Task[] = []
  #pending = false

  constructor(world: TurnsWorld = { now: () => performance.now(), nextTurn: setImmediate }) {
    this.#world = world
  }

  /** The result of `steps`; rejects with what they throw, or with the signal's reason before the next step. */
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
    this.#world.nextTurn(() => {
      this.#pending = false
      this.#turn()
    })
  }

  /** Step by step, in turn. Ends with a result, too: what its receiver does at once is work of this turn. */
  #turn(): void {
    const end = this.#world.now() + budgetMs
    do {
      const task = this.#tasks.shift()!
      if (task.step()) break
      this.#tasks.push(task)
    } while (this.#world.now() < end)
    this.#wake()
  }
}

/** The process's. */
export const turns = new Turns()

/** What `work` makes of each value, in order, a step each. */
export function* eachInSteps<T, R>(values: readonly T[], work: (value: T, index: number) => R): Steps<R[]> {
  const results: R[] = []
  for (const [i, value] of values.entries()) {
    if (i > 0) yield
    results.push(work(value, i))
  }
  return results
}
