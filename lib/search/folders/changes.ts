/** Says when something changed below folders. */
import { type FSWatcher, watch } from 'node:fs'
import path from 'node:path'

import { abortReason, onAbort, throwIfAborted } from '../../async/abort.js'
import { textOf } from '../storage/catalog.js'

export interface ChangesOptions {
  /** A folder whose changes do not count: that of the index. */
  ignore: string
  /** Called for a folder that the system does not watch; its changes are found by the next regular look. */
  onUnwatched?: (folder: string, error: Error) => void
}

export interface WaitOptions {
  /** Quiet milliseconds after a change; under steady changes the wait ends after ten times as many. */
  settleMs: number
  /** Milliseconds after which to look in any case: not every file system tells of changes. */
  lookMs: number
  signal?: AbortSignal
}

/** Notices of the system, which may be too many or too few: they only say that it is time to look. */
export class Changes {
  readonly #watchers: FSWatcher[] = []
  #last: number | undefined // when the latest unanswered notice came
  #wake: () => void = () => undefined

  constructor(roots: readonly Buffer[], { ignore, onUnwatched }: ChangesOptions) {
    for (const root of roots.map(textOf)) {
      const unwatched = (error: Error): void => onUnwatched?.(root, error)
      try {
        const watcher = watch(root, { recursive: true }, (_, name) => {
          if (name === null || counts(path.join(root, name), root, ignore)) this.notice()
        })
        watcher.on('error', unwatched)
        this.#watchers.push(watcher)
      } catch (error) {
        unwatched(error as Error)
      }
    }
  }

  /** Something changed. */
  notice(): void {
    this.#last = performance.now()
    this.#wake()
  }

  /** Returns when it is time to look. Rejects with the signal's reason. */
  async next({ settleMs, lookMs, signal }: WaitOptions): Promise<void> {
    const began = performance.now()
    let first: number | undefined
    for (;;) {
      throwIfAborted(signal)
      const now = performance.now()
      if (this.#last !== undefined) first ??= now
      const until = this.#last === undefined ? began + lookMs : Math.min(this.#last + settleMs, first! + 10 * settleMs)
      if (now >= until) break
      await this.#noticeWithin(until - now, signal)
    }
    this.#last = undefined
  }

  #noticeWithin(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => (): void => {
        clearTimeout(timer)
        stopListening()
        settle()
      }
      const timer = setTimeout(end(resolve), ms)
      this.#wake = end(resolve)
      let stopListening: () => void = () => undefined
      if (signal) stopListening = onAbort(signal, end(() => reject(abortReason(signal))))
    })
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close()
  }
}

/** Whether an index could hold it: names with a dot in front are left out of every index. */
function counts(file: string, root: string, ignore: string): boolean {
  const inIgnored = path.relative(ignore, file)
  if (inIgnored === '' || !(inIgnored.startsWith('..') || path.isAbsolute(inIgnored))) return false
  return !path.relative(root, file).split(path.sep).some(part => part.startsWith('.') && part !== '..')
}
