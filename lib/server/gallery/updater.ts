/** Keeps the index true to its folders, after everybody who waits for an answer. */
import { setTimeout as sleep } from 'node:timers/promises'

import { errorCodeOf } from '../../errors.js'
import type { IndexProgress, IndexResult, SearchIndex } from '../../library.js'
import type { Progress } from './progress.js'
import type { GalleryOptions } from './types.js'

/** After those of all requests. */
const priority = -50
const longestTimer = 2 ** 31 - 1
/** A regular look comes after so many times what the last one took, so that looking is a small part of what is done. */
const pauseTimes = 20

type Options = Pick<GalleryOptions, 'folders' | 'watch' | 'rescanMs' | 'report'>

export class Updater {
  /** Somebody waits for what this look finds; at first whoever started the server. */
  #asked = true
  /** Somebody has asked for another one meanwhile. */
  #again = false
  #look: IndexProgress | undefined
  #counts = { files: 0, pictures: 0, failed: 0 }
  #unreadable = 0
  #failure: string | undefined
  #round = new AbortController()
  #stopped = false
  #running: Promise<void> | undefined

  constructor(private readonly index: SearchIndex, private readonly options: Options) {
    this.#count()
  }

  get progress(): Progress {
    const { readOnly } = this.index
    if (readOnly) this.#count() // what its owner has written
    const updating = !readOnly && this.#asked || (this.#look?.embedded ?? 0) > 0
    const { done = 0, total = 0, secondsLeft } = this.#look ?? {}
    return {
      state: this.#failure !== undefined ? 'failed' : updating ? 'updating' : 'ready',
      ...this.#counts,
      unreadable: this.#unreadable,
      done: updating ? done : 0,
      total: updating ? total : 0,
      ...(updating && secondsLeft !== undefined ? { secondsLeft } : {}),
      ...(this.#failure === undefined ? {} : { message: this.#failure }),
    }
  }

  /** Begins; returns at once. */
  start(): void {
    this.#running ??= this.#run()
  }

  /** Looks now; once more afterwards if somebody waits for a look already. */
  refresh(): void {
    if (this.index.readOnly) return
    if (this.#asked) this.#again = true
    else {
      this.#asked = true
      this.#round.abort() // what a look in between has done stays
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#round.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#round = new AbortController()
      const { signal } = this.#round
      try {
        for await (const result of this.#results(signal)) {
          this.#finished(result)
          if (this.#asked) break // again
        }
      } catch (error) {
        if (signal.aborted) continue
        this.#failed(error)
        await sleep(this.options.rescanMs || longestTimer, undefined, { signal, ref: false }).catch(() => undefined)
      }
    }
  }

  /** Of each look, until the signal aborts. */
  async *#results(signal: AbortSignal): AsyncGenerator<IndexResult, void, undefined> {
    const { folders, watch, rescanMs } = this.options
    const roots = folders.length > 0 ? folders : undefined
    const options = { priority, signal, onProgress: (progress: IndexProgress) => this.#progressed(progress) }
    if (watch) return yield* this.index.watch(roots, { ...options, onUnwatched: () => undefined })
    for (;;) {
      const began = performance.now()
      yield await this.index.update(roots, options)
      const pause = rescanMs === 0 ? longestTimer : Math.max(rescanMs, pauseTimes * (performance.now() - began))
      await sleep(Math.min(pause, longestTimer), undefined, { signal, ref: false })
    }
  }

  #progressed(progress: IndexProgress): void {
    this.#look = progress
    this.#count()
  }

  #finished({ embedded, known, removed, failed, unreadable }: IndexResult): void {
    this.#ended(undefined)
    this.#unreadable = unreadable.length
    if (embedded + known + removed > 0)
      this.options.report({ type: 'updated', embedded, known, removed, failed, unreadable: unreadable.length })
  }

  /** Another process that updates the index does this one's work: that is no failure. */
  #failed(error: unknown): void {
    const code = errorCodeOf(error)
    this.#ended(code === 'ERR_CLIP_INDEX_BUSY' ? undefined : failureText(error))
    if (code !== 'ERR_CLIP_INDEX_BUSY') this.options.report({ type: 'failed', error })
  }

  #ended(failure: string | undefined): void {
    this.#failure = failure
    this.#look = undefined
    this.#asked = this.#again
    this.#again = false
    this.#count()
  }

  #count(): void {
    const { files, pictures, failed } = this.index.info()
    this.#counts = { files, pictures, failed }
  }
}

/** For clients: the server's paths are for its log. */
export function failureText(error: unknown): string {
  return `${errorCodeOf(error) ?? 'an unexpected error'}: the server's log says more`
}
