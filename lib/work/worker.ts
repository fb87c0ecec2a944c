/** A worker: takes jobs, embeds their pictures, writes the vectors. Whatever it is interrupted by may be done again. */
import { createHash, randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Job } from 'bullmq'

import { onAbort, untilAborted } from '../async/abort.js'
import { Gate } from '../async/gate.js'
import { mapInOrder } from '../async/pipeline.js'
import { ClipError, errorCodeOf, invalidArgument, outOfRange } from '../errors.js'
import { checkKey, isKey } from '../stores/checks.js'
import type { StoredRecord, VectorRecord } from '../stores/types.js'
import { checkBoolean, checkFunction, checkInteger, checkNumber, checkOptions, checkSignal,
  checkString } from '../validate.js'
import { bindStore } from './bind-store.js'
import { addJobs, type JobData, type QueueParts } from './jobs.js'
import { serveMetrics } from './metrics.js'
import { type JobReader, type PictureReader, pictureReader } from './read-picture.js'
import { checkRemote } from './remote.js'
import { keyOf } from './address.js'
import type { PictureSource, WorkedJob, WorkOptions } from './types.js'

/** Pictures of a job that are read and embedded at the same time. */
const inFlight = 32
/** Ends of workers with a job, until its pictures are tried alone; then with one of these in work, until it is a dead letter. */
const [crashesOfBatch, crashesOfPicture] = [2, 5]
/** Milliseconds that a job waits, and its worker, when the store is out of reach. */
const [storeDelayMs, storePauseMs] = [5000, 1000]
/** Milliseconds between two looks at what is left, and two signs of life. */
const [lookMs, aliveMs] = [200, 5000]

/** Nothing about the picture would change these. */
const endsAll = new Set(['ERR_CLIP_DISPOSED', 'ERR_CLIP_TOWER_MISSING', 'ERR_CLIP_ADDON_MISSING',
  'ERR_CLIP_WORK_PARTS'])
/** Nothing about a later attempt would change these. */
const isFinal = (code: string | undefined): boolean =>
  code !== undefined && (/^ERR_CLIP_(?:IMAGE|INPUT)_/.test(code) || finalCodes.has(code))
const finalCodes = new Set(['ERR_CLIP_URL_REFUSED', 'ERR_CLIP_S3_NOT_FOUND', 'ERR_CLIP_NOT_FINITE',
  'ERR_CLIP_OUT_OF_RANGE', 'ERR_CLIP_INVALID_ARGUMENT', 'ERR_CLIP_WORK_CRASHED'])

type Settings = ReturnType<typeof checkWork>

type Outcome =
  | { source: PictureSource; record: VectorRecord }
  | { source: PictureSource; known: true }
  | { source: PictureSource; error: Error }

export async function runWorker(parts: QueueParts, options: WorkOptions): Promise<WorkedJob & { jobs: number }> {
  const settings = checkWork(options)
  await bindStore(settings.store, settings.clip)
  const worker = new QueueWorker(parts, settings)
  return worker.run()
}

class QueueWorker {
  readonly #parts: QueueParts
  readonly #settings: Settings
  readonly #reader: PictureReader
  readonly #total = { embedded: 0, known: 0, failed: 0, readMs: 0, embedMs: 0, storeMs: 0, jobs: 0 }
  /** For pictures that may end the worker: at such an end one alone is to blame. */
  readonly #alone = new Gate(1)
  /** Aborts running jobs, which are then given back. */
  readonly #hurry = new AbortController()
  /** Aborts taking jobs: the caller's signal, or a failure that no job escapes. */
  readonly #end = new AbortController()
  #failure: { reason: unknown } | undefined
  #observe: ((job: WorkedJob) => void) | undefined

  constructor(parts: QueueParts, settings: Settings) {
    this.#parts = parts
    this.#settings = settings
    this.#reader = pictureReader(settings)
  }

  async run(): Promise<WorkedJob & { jobs: number }> {
    const { bullmq: { Worker }, redis, ledger, name, prefix } = this.#parts
    const { concurrency, lockMs, maxPerSecond, drainMs, signal } = this.#settings
    const metrics = this.#settings.metrics && await serveMetrics(this.#parts, this.#settings.metrics)
    this.#observe = metrics?.observe
    const stopListening = signal && onAbort(signal, () => this.#end.abort())
    const worker = new Worker<JobData>(name, (job, token) => this.#process(job, token!), {
      connection: redis,
      prefix,
      concurrency,
      lockDuration: lockMs,
      stalledInterval: lockMs,
      maxStalledCount: 1_000_000, // counted here, by picture
      ...(maxPerSecond === undefined
        ? {}
        : { limiter: { max: 1, duration: Math.ceil(1000 * (await ledger.batch()) / maxPerSecond) } }),
    })
    worker.on('error', () => undefined) // of the connection, which comes back by itself
    const identity = `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`
    const heart = setInterval(() => void ledger.alive(identity).catch(() => undefined), aliveMs)
    heart.unref()
    try {
      await untilAborted(ledger.alive(identity), this.#end.signal).catch(() => undefined)
      await this.#untilDone()
      const closed = worker.close()
      closed.catch(() => undefined)
      if (!await within(drainMs, closed)) {
        this.#hurry.abort(new DOMException('the worker ends', 'AbortError'))
        // Redis may be away: others take the jobs when their locks have ended
        if (!await within(2000, closed)) void worker.close(true).catch(() => undefined)
      }
    } finally {
      stopListening?.()
      clearInterval(heart)
      metrics?.close()
      this.#reader.close()
      await within(1000, ledger.gone(identity).catch(() => undefined))
    }
    if (this.#failure) throw this.#failure.reason
    return this.#total
  }

  /** Resolves when no more jobs are to be taken. */
  async #untilDone(): Promise<void> {
    const { queue } = this.#parts
    while (!this.#end.signal.aborted) {
      try {
        const counts = await untilAborted(
          queue.getJobCounts('waiting', 'active', 'delayed', 'failed'),
          this.#end.signal,
        )
        if (counts.failed) await untilAborted(this.#sweep(), this.#end.signal)
        if (this.#settings.untilEmpty && Object.values(counts).every(count => count === 0)) return
      } catch {
        // ended, or the connection is away: look again
      }
      await sleep(lookMs, undefined, { signal: this.#end.signal }).catch(() => undefined)
    }
  }

  async #process(job: Job<JobData>, token: string): Promise<void> {
    try {
      await this.#attempt(job, token)
    } catch (error) {
      if (error instanceof this.#parts.bullmq.DelayedError) throw error
      const code = errorCodeOf(error)
      if (code !== undefined && endsAll.has(code)) {
        this.#stop(error)
      } else if (code === 'ERR_CLIP_STORE_FAILED') {
        await sleep(storePauseMs, undefined, { signal: this.#hurry.signal }).catch(() => undefined)
        await this.#later(job, token, storeDelayMs)
      } else if (!this.#hurry.signal.aborted) {
        throw error // BullMQ keeps it as failed, until the sweep
      }
      await this.#later(job, token, 0)
    }
  }

  /** Ends the work; the call fails with the first reason. */
  #stop(reason: unknown): void {
    this.#failure ??= { reason }
    this.#end.abort()
  }

  async #attempt(job: Job<JobData>, token: string): Promise<void> {
    const { queue, ledger } = this.#parts
    const { store, attempts, backoffMs, onJob } = this.#settings
    const { refresh = false, attempt = 1, suspect = false } = job.data
    const items = [...new Map(job.data.items.map(source => [keyOf(source), source])).values()]
    const round = `${job.id} ${job.timestamp} ${attempt}`
    // all of it was done, and the worker ended before it could say so
    if (job.stalledCounter > 0 && await ledger.isCounted(round)) return
    if (!suspect && job.stalledCounter >= crashesOfBatch)
      return addJobs(queue, items.map(source => ({ ...job.data, items: [source], suspect: true })))

    const done: WorkedJob = { embedded: 0, known: 0, failed: 0, readMs: 0, embedMs: 0, storeMs: 0 }
    const began = performance.now()
    const rows = new Map((await store.get(items.map(keyOf).filter(isKey))).map(row => [row.key, row]))
    done.storeMs = performance.now() - began
    const embed = (): Promise<Outcome[]> => this.#pictures(items, refresh ? new Map() : rows, done)
    const outcomes = suspect ? await this.#suspected(items[0]!, job.id!, embed) : await embed()

    const records = outcomes.flatMap(outcome => ('record' in outcome ? [outcome.record] : []))
    const failures = outcomes.flatMap(outcome => ('error' in outcome ? [outcome] : []))
    const last = attempt >= attempts
    const again = failures.filter(({ error }) => !last && !isFinal(errorCodeOf(error)))
    const dead = failures.filter(failure => !again.includes(failure))
    const writing = performance.now()
    await store.upsert(records)
    done.storeMs += performance.now() - writing
    Object.assign(done, {
      embedded: records.length,
      known: outcomes.filter(outcome => 'known' in outcome).length,
      failed: dead.length,
    })
    await ledger.bury(dead.map(({ source, error }) => ({
      source,
      code: errorCodeOf(error) ?? 'ERR_CLIP_INTERNAL',
      message: error.message,
    })))
    await ledger.unbury(outcomes.filter(outcome => !('error' in outcome)).map(({ source }) => keyOf(source)))
    // before the job counts as done, so that what is to be tried again is not lost
    if (again.length > 0)
      await job.updateData({ ...job.data, items: again.map(({ source }) => source), attempt: attempt + 1 })
    await ledger.count(round, done)
    this.#total.jobs++
    for (const key of Object.keys(done) as (keyof WorkedJob)[]) this.#total[key] += done[key]
    this.#observe?.(done)
    try {
      onJob?.(done)
    } catch (error) {
      this.#stop(error) // the caller's: what was done is done
    }
    if (again.length > 0) await this.#later(job, token, backoffMs * 2 ** (attempt - 1))
  }

  /** Of a picture that may end its worker: only ends while it is read, decoded or embedded count. */
  async #suspected(source: PictureSource, job: string, embed: () => Promise<Outcome[]>): Promise<Outcome[]> {
    const { ledger } = this.#parts
    return this.#alone.run(async () => {
      const ends = await ledger.begin(job) - 1
      try {
        if (ends < crashesOfPicture) return await embed()
        const message = `${ends} workers ended while they worked on it`
        return [{ source, error: new ClipError('ERR_CLIP_WORK_CRASHED', message) }]
      } finally {
        await ledger.end(job)
      }
    }, this.#hurry.signal)
  }

  async #pictures(
    items: readonly PictureSource[],
    rows: ReadonlyMap<string, StoredRecord>,
    done: WorkedJob,
  ): Promise<Outcome[]> {
    const outcomes: Outcome[] = []
    const reader = this.#reader.ofJob()
    try {
      for await (
        const outcome of mapInOrder(
          items,
          { limit: inFlight, signal: this.#hurry.signal },
          (source, _, stop) => this.#picture(reader, source, rows.get(keyOf(source)), done, stop),
        )
      ) outcomes.push(outcome)
    } finally {
      reader.close()
    }
    return outcomes
  }

  async #picture(
    reader: JobReader,
    source: PictureSource,
    row: StoredRecord | undefined,
    done: WorkedJob,
    signal: AbortSignal,
  ): Promise<Outcome> {
    try {
      checkKey('its key', keyOf(source)) // of one picture: the others of its job are stored
      if (row && await reader.isKnown(source, row)) return { source, known: true }
      const began = performance.now()
      const { bytes, modified } = await reader.read(source, signal)
      const content = createHash('sha256').update(bytes).digest('hex')
      const read = performance.now()
      done.readMs += read - began
      if (row?.content === content) return { source, known: true }
      const vector = await this.#settings.clip.encodeImage(bytes, { signal })
      done.embedMs += performance.now() - read
      return { source, record: { key: keyOf(source), vector, content, modified, size: bytes.length } }
    } catch (error) {
      if (signal.aborted || endsAll.has(errorCodeOf(error) ?? '')) throw error
      return { source, error: error as Error }
    }
  }

  /** Gives a job back. */
  async #later(job: Job<JobData>, token: string, ms: number): Promise<never> {
    await job.moveToDelayed(Date.now() + ms, token)
    throw new this.#parts.bullmq.DelayedError()
  }

  /** Jobs that BullMQ itself has given up, for a failure that nobody expected: their pictures become dead letters. */
  async #sweep(): Promise<void> {
    const { queue, ledger } = this.#parts
    for (const job of await queue.getFailed(0, 99)) {
      const { items } = job.data
      const message = `its job failed: ${job.failedReason}`
      await ledger.bury(items.map(source => ({ source, code: 'ERR_CLIP_INTERNAL', message })))
      await ledger.count(`${job.id} ${job.timestamp} failed`, { embedded: 0, known: 0, failed: items.length })
      await job.remove().catch(() => undefined) // another worker was faster
    }
  }
}

function checkWork(options: WorkOptions) {
  const keys = ['clip', 'store', 'concurrency', 'maxPerSecond', 'attempts', 'backoffMs', 'remoteImages', 's3',
    'maxImageBytes', 'lockMs', 'drainMs', 'untilEmpty', 'metrics', 'signal', 'onJob'] as const
  const {
    clip,
    store,
    concurrency = 2,
    maxPerSecond,
    attempts = 5,
    backoffMs = 2000,
    remoteImages,
    s3,
    maxImageBytes = 64 * 2 ** 20,
    lockMs = 30_000,
    drainMs = 30_000,
    untilEmpty = false,
    metrics,
    signal,
    onJob,
  } = checkOptions(
    'options',
    options,
    keys,
  )
  if (typeof clip?.encodeImage !== 'function') throw invalidArgument('options.clip', 'a Clip', clip)
  if (typeof store?.upsert !== 'function') throw invalidArgument('options.store', 'a VectorStore', store)
  if (store.dim !== clip.info.dim)
    throw outOfRange('options.store.dim', `${clip.info.dim}, as of the model,`, store.dim)
  if (maxPerSecond !== undefined) checkNumber('options.maxPerSecond', maxPerSecond, { min: 1e-3 })
  if (onJob !== undefined) checkFunction('options.onJob', onJob)
  return {
    clip,
    store,
    concurrency: checkInteger('options.concurrency', concurrency, { min: 1, max: 1000 }),
    maxPerSecond,
    attempts: checkInteger('options.attempts', attempts, { min: 1, max: 100 }),
    backoffMs: checkInteger('options.backoffMs', backoffMs, { min: 0, max: 86_400_000 }),
    ...checkRemote('options', { remoteImages, s3 }),
    maxImageBytes: checkInteger('options.maxImageBytes', maxImageBytes, { min: 1 }),
    lockMs: checkInteger('options.lockMs', lockMs, { min: 100, max: 86_400_000 }),
    drainMs: checkInteger('options.drainMs', drainMs, { min: 0, max: 86_400_000 }),
    untilEmpty: checkBoolean('options.untilEmpty', untilEmpty),
    metrics: metrics && checkMetrics(metrics),
    signal: checkSignal('options.signal', signal),
    onJob,
  }
}

function checkMetrics(metrics: NonNullable<WorkOptions['metrics']>): { port: number; host: string } {
  const { port, host = '127.0.0.1' } = checkOptions('options.metrics', metrics, ['port', 'host'])
  return {
    port: checkInteger('options.metrics.port', port, { min: 1, max: 65_535 }),
    host: checkString('options.metrics.host', host),
  }
}

/** Whether the promise settles in time. */
async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const timer = new AbortController()
  try {
    return await Promise.race([
      promise.then(() => true, () => true),
      sleep(ms, false, { signal: timer.signal }),
    ])
  } finally {
    timer.abort()
  }
}
