/** One model of a server: loaded at first use, unloaded after a time without use. */
import { untilAborted } from '../../async/abort.js'
import { Admission } from '../../async/admission.js'
import { ClipError } from '../../errors.js'
import type { Clip } from '../../library.js'
import { closingError } from '../requests.js'
import type { ServedModel } from '../types.js'

/** The environment of a slot, replaceable in tests. */
export interface SlotEnvironment {
  load(served: ServedModel, signal: AbortSignal): Promise<Clip>
  /** Calls `action` after `ms`; returns a function that cancels it. */
  after(ms: number, action: () => void): () => void
  /** Reports a load or an unload, for logs and metrics. */
  report(event: SlotEvent): void
}

export type SlotEvent =
  | { type: 'loaded'; model: string; ms: number }
  | { type: 'failed'; model: string; error: unknown }
  | { type: 'unloaded'; model: string }

export class ModelSlot {
  /** Its inputs that are running or waiting. */
  readonly admission: Admission
  #users = 0
  #opening: Promise<Clip> | undefined
  #clip: Clip | undefined
  #closing: Promise<void> | undefined
  #cancelUnload: (() => void) | undefined
  readonly #abort = new AbortController()

  constructor(
    readonly name: string,
    readonly served: ServedModel,
    private readonly environment: SlotEnvironment,
    private readonly limits: { unloadAfterMs: number; maxQueue: number },
  ) {
    this.admission = new Admission(limits.maxQueue, {
      describe: (held, own) => `${held} inputs are running or waiting (${own} of this client)`,
      retryAfterMs: held => Math.round(held * (this.#clip?.stats().itemMs ?? 0)),
    })
  }

  /** The loaded model, if any. */
  get clip(): Clip | undefined {
    return this.#clip
  }

  /**
   * Runs `work` with the model, which stays loaded meanwhile.
   *
   * @throws {ClipError} ERR_CLIP_MODEL_UNAVAILABLE if it cannot be loaded; the next call tries again
   */
  async use<T>(signal: AbortSignal, work: (clip: Clip) => Promise<T>): Promise<T> {
    this.#users += 1
    this.#cancelUnload?.()
    try {
      return await work(await untilAborted(this.#open(), signal))
    } finally {
      this.#users -= 1
      if (this.#users === 0) this.#scheduleUnload()
    }
  }

  /** Cancels loading for good. A loaded model stays. */
  stopLoading(): void {
    this.#abort.abort(closingError())
  }

  /** Unloads for good, once all its users have finished or been stopped. */
  async close(): Promise<void> {
    this.stopLoading()
    this.#cancelUnload?.()
    await this.#opening?.catch(() => undefined)
    await this.#unload()
  }

  #open(): Promise<Clip> {
    this.#opening ??= this.#load()
    return this.#opening
  }

  async #load(): Promise<Clip> {
    const began = performance.now()
    try {
      await this.#closing
      const { signal } = this.#abort
      signal.throwIfAborted()
      const clip = await this.environment.load(this.served, signal)
      this.#clip = clip
      this.environment.report({ type: 'loaded', model: this.name, ms: performance.now() - began })
      // all callers may have left meanwhile
      if (this.#users === 0) this.#scheduleUnload()
      return clip
    } catch (error) {
      this.#opening = undefined
      if (this.#abort.signal.aborted) throw this.#abort.signal.reason
      this.environment.report({ type: 'failed', model: this.name, error })
      // the reason contains the server's paths: it is for the log and for `cause`
      throw new ClipError('ERR_CLIP_MODEL_UNAVAILABLE', `model '${this.name}' cannot be loaded`, { cause: error })
    }
  }

  #scheduleUnload(): void {
    if (this.limits.unloadAfterMs === 0 || this.#clip === undefined) return
    this.#cancelUnload = this.environment.after(this.limits.unloadAfterMs, () => void this.#unload())
  }

  async #unload(): Promise<void> {
    const clip = this.#clip
    if (clip === undefined) return this.#closing
    this.#clip = undefined
    this.#opening = undefined
    this.#closing = clip.dispose()
    await this.#closing
    this.environment.report({ type: 'unloaded', model: this.name })
  }
}
