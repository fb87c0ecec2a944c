/**
 * One writer at a time, among processes of a machine: a lock of SQLite's, which the system releases however its holder ends.
 * Without a folder: among the callers of one object.
 */
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { ClipError, errorCodeOf } from '../errors.js'
import { Database } from '../search/storage/database.js'

/** Milliseconds between two looks at a lock that another process holds. */
const [firstWaitMs, mostWaitMs] = [2, 50]

export class WriterLock {
  readonly #database: Database | undefined
  /** Writers of this process, in the order of their calls. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(folder: string | undefined) {
    if (folder === undefined) return
    try {
      this.#database = new Database(path.join(folder, 'writer.db'), { waitMs: 0 })
    } catch (error) {
      if (errorCodeOf(error) !== 'ERR_CLIP_INDEX_PARTS') throw error
      throw new ClipError('ERR_CLIP_STORE_PARTS', `the lock of a LanceDB store: ${(error as Error).message}`, {
        cause: error,
      })
    }
  }

  /** Runs `work` when all earlier writers are done. */
  run<R>(work: () => Promise<R>): Promise<R> {
    const result = this.#last.then(() => this.#alone(work))
    this.#last = result.catch(() => undefined)
    return result
  }

  async close(): Promise<void> {
    await this.#last
    this.#database?.close()
  }

  async #alone<R>(work: () => Promise<R>): Promise<R> {
    const database = this.#database
    if (database === undefined) return work()
    for (let waitMs = firstWaitMs;; waitMs = Math.min(mostWaitMs, 1.5 * waitMs)) {
      try {
        database.exec('BEGIN EXCLUSIVE')
        break
      } catch (error) {
        if (errorCodeOf(error) !== 'ERR_CLIP_INDEX_BUSY') throw error
        // not always the same, so that waiting processes do not look together
        await sleep(waitMs * (0.5 + Math.random()))
      }
    }
    try {
      return await work()
    } finally {
      database.exec('ROLLBACK')
    }
  }
}
