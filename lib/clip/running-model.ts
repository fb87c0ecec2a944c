/** A loaded model at work: its sessions and their queue, what is loaded of it, and its end. */
import { ClipError } from '../errors.js'
import type { MapOptions } from '../async/pipeline.js'
import type { NativeModel, NativeSession, NativeTask } from '../native/contract.js'
import { Scheduler } from '../scheduler/scheduler.js'
import type { SchedulerStats } from '../scheduler/types.js'
import type { CallOptions, ClipInfo } from '../types.js'
import { computesOnCpu } from './faster-device.js'
import type { LoadedModel } from './load-model.js'
import type { LoadSettings } from './load-options.js'
import { type EncodeItem, onOwnSession, SessionRunner } from './session-runner.js'
import { TextTower } from './text-tower.js'
import { Tracer } from './trace.js'

/**
 * On a CPU, batches that run longer than this are no faster. A GPU gets full ones: those are faster, its first runs tell
 * nothing, since it compiles programs meanwhile, and the numbers of a call must not depend on how long others took.
 */
const batchAimMs = 200

/** What a model has done since it was loaded, and its queue: {@link Clip.stats}. */
export interface ClipStats extends SchedulerStats {
  /** Number of texts whose embedding is cached. */
  cachedTexts: number
}

export class RunningModel {
  readonly info: Readonly<ClipInfo>
  readonly scheduler: Scheduler<EncodeItem, Float32Array>
  readonly tracer: Tracer
  readonly #native: NativeModel
  readonly #runners: SessionRunner[]
  /** Undefined if the model has no tokenizer or it is not loaded. */
  readonly #textTower: TextTower | undefined
  readonly #inFlight: number
  readonly #closing = new AbortController()
  #disposal: Promise<void> | undefined

  constructor({ model, tokenizer, info }: LoadedModel, settings: LoadSettings) {
    this.#native = model
    this.info = info
    const { threads, sessions } = info
    const { maxBatch, maxWaitMs, maxQueue } = settings
    this.#runners = Array.from(
      { length: sessions },
      () => new SessionRunner(model, model.createSession(threads, maxBatch), info.dim, this.name),
    )
    this.tracer = new Tracer(settings.onTrace)
    this.scheduler = new Scheduler({
      runners: this.#runners,
      maxBatch,
      aimMs: computesOnCpu(model.info()) ? batchAimMs : undefined,
      maxWaitMs,
      maxQueue,
      onBatch: this.tracer.onBatch,
    })
    this.#inFlight = Math.min(2 * maxBatch * sessions, maxQueue)
    this.#textTower = tokenizer && new TextTower(tokenizer, info.text!.seesPadding, this.scheduler, maxBatch)
  }

  /** The model's name in messages. */
  get name(): string {
    return this.info.name || this.info.path
  }

  /** Aborts when the model is disposed of, which also stops decoding. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  /** @throws {ClipError} ERR_CLIP_DISPOSED */
  needOpen(): void {
    if (this.#disposal) throw disposed()
  }

  /** @throws {ClipError} ERR_CLIP_TOWER_MISSING */
  needTower<T extends 'vision' | 'text'>(tower: T): NonNullable<ClipInfo[T]> {
    const info = this.info[tower]
    if (info === null) {
      const name = tower === 'vision' ? 'image' : 'text'
      throw new ClipError(
        'ERR_CLIP_TOWER_MISSING',
        `${this.info.path}: the ${name} tower is not loaded or not in the file`,
      )
    }
    return info
  }

  /** @throws {ClipError} ERR_CLIP_TOWER_MISSING */
  needTextTower(): TextTower {
    this.needTower('text')
    return this.#textTower!
  }

  /** How far a stream reads ahead. */
  streaming({ signal }: CallOptions): MapOptions {
    return { limit: this.#inFlight, signal }
  }

  onOwnSession<T>(run: (session: NativeSession) => NativeTask<T>, signal?: AbortSignal, maxBatch = 1): Promise<T> {
    this.needOpen()
    return onOwnSession(this.#native, { threads: this.info.threads, maxBatch, signal }, run)
  }

  stats(): ClipStats {
    return { ...this.scheduler.stats(), cachedTexts: this.#textTower?.cached ?? 0 }
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#dispose()
    return this.#disposal
  }

  async #dispose(): Promise<void> {
    this.#closing.abort(disposed())
    await this.scheduler.dispose()
    await Promise.all(this.#runners.map(runner => runner.session.dispose()))
    this.#native.dispose()
    this.#textTower?.clear()
  }
}

function disposed(): ClipError {
  return new ClipError('ERR_CLIP_DISPOSED', 'this Clip has been disposed')
}
