/** A queue of pictures in Redis, by BullMQ: filled by one program, worked on by any number of others. */
import { setTimeout as sleep } from 'node:timers/promises'

import type { Queue } from 'bullmq'
import type { Redis } from 'ioredis'

import { throwIfAborted } from '../async/abort.js'
import { ClipError, outOfRange } from '../errors.js'
import { loadPeer } from '../peer.js'
import { checkBoolean, checkFunction, checkInteger, checkIterable, checkOptions, checkSignal,
  checkString } from '../validate.js'
import { addJobs, type JobData, type QueueParts } from './jobs.js'
import { Ledger } from './ledger.js'
import { checkSource } from './sources.js'
import type { AddOptions, DeadLetter, PictureQueue, PictureSource, QueueOptions, QueueStatus, WorkedJob,
  WorkOptions } from './types.js'

/** Jobs of one round trip to Redis. */
const jobsPerCall = 50
/** Milliseconds between two looks at a full queue. */
const fullMs = 200
/** Longest wait for Redis when a queue is opened. */
const openMs = 10_000

/**
 * Connects to a queue of pictures in Redis or Valkey, which comes into being with its first job. It needs the packages
 * `bullmq` and `ioredis`.
 *
 * @param redis `redis://user:password@host:port/database`, or `rediss://` for TLS
 * @throws {ClipError} ERR_CLIP_WORK_PARTS: the packages are not installed; ERR_CLIP_WORK_FAILED: Redis cannot be reached
 *
 * @example
 * const queue = await openPictureQueue('redis://127.0.0.1:1').catch(({ code }) => console.log(code)) // ERR_CLIP_WORK_FAILED
 * await queue?.add(pictureSources(['/photos']))
 * await queue?.close()
 */
export async function openPictureQueue(redis: string, options?: QueueOptions): Promise<PictureQueue> {
  checkString('redis', redis)
  if (!/^(?:rediss?|valkeys?):\/\//.test(redis)) throw outOfRange('redis', "'redis://...' or 'rediss://...'", redis)
  const { name = 'pictures', prefix = '{ggclip}' } = checkOptions('options', options, ['name', 'prefix'])
  if (!/^[\w-]{1,100}$/.test(checkString('options.name', name)))
    throw outOfRange('options.name', "letters, digits, '-' and '_'", name)
  checkString('options.prefix', prefix)
  const load = <T>(peer: string): T => loadPeer<T>(peer, 'ERR_CLIP_WORK_PARTS', 'distributed work', 'bullmq ioredis')
  const bullmq = load<typeof import('bullmq')>('bullmq')
  const { Redis: Client } = load<typeof import('ioredis')>('ioredis')
  // null: while Redis restarts, calls wait
  const client = new Client(redis.replace(/^valkey/, 'redis'), { maxRetriesPerRequest: null })
  await reach(client)
  const queue = new bullmq.Queue<JobData>(name, { connection: client, prefix })
  queue.on('error', () => undefined) // the connection comes back by itself; calls wait for it
  return new RedisQueue({
    bullmq,
    redis: client,
    queue,
    ledger: new Ledger(client, `${prefix}:ggclip:${name}`),
    name,
    prefix,
  })
}

class RedisQueue implements PictureQueue {
  readonly #parts: QueueParts
  #closing: Promise<void> | undefined

  constructor(parts: QueueParts) {
    this.#parts = parts
  }

  async add(
    sources: Iterable<PictureSource> | AsyncIterable<PictureSource>,
    options?: AddOptions,
  ): Promise<{ pictures: number; jobs: number }> {
    this.#needOpen()
    checkIterable('sources', sources)
    const { batch = 64, maxWaiting = 1000, refresh = false, signal, onProgress } = checkOptions('options', options, [
      'batch',
      'maxWaiting',
      'refresh',
      'signal',
      'onProgress',
    ])
    checkInteger('options.batch', batch, { min: 1, max: 10_000 })
    checkInteger('options.maxWaiting', maxWaiting, { min: 1 })
    checkBoolean('options.refresh', refresh)
    checkSignal('options.signal', signal)
    if (onProgress !== undefined) checkFunction('options.onProgress', onProgress)
    const { queue, ledger } = this.#parts
    await ledger.noteBatch(batch)
    const added = { pictures: 0, jobs: 0 }
    let items: PictureSource[] = []
    const jobs: JobData[] = []
    const send = async (): Promise<void> => {
      while (jobs.length > 0) {
        const waiting = await waitingJobs(queue)
        const some = jobs.splice(0, Math.max(0, maxWaiting - waiting))
        if (some.length > 0) {
          await addJobs(queue, some)
          added.jobs += some.length
          added.pictures += some.reduce((sum, job) => sum + job.items.length, 0)
        } else {
          await sleep(fullMs, undefined, { signal }).catch(() => undefined)
        }
        throwIfAborted(signal)
        onProgress?.({ ...added, waiting })
      }
    }
    for await (const source of sources) {
      throwIfAborted(signal)
      items.push(checkSource(`sources[${added.pictures + jobs.length * batch + items.length}]`, source))
      if (items.length < batch) continue
      jobs.push({ items, refresh })
      items = []
      if (jobs.length >= Math.min(jobsPerCall, maxWaiting)) await send()
    }
    if (items.length > 0) jobs.push({ items, refresh })
    await send()
    return added
  }

  async work(options: WorkOptions): Promise<WorkedJob & { jobs: number }> {
    this.#needOpen()
    const { runWorker } = await import('./worker.js') // with the guards of remote images: loading ggclip takes less
    return runWorker(this.#parts, options)
  }

  async status(): Promise<QueueStatus> {
    this.#needOpen()
    const { queue, ledger } = this.#parts
    const [{ waiting = 0, active = 0, delayed = 0 }, counts, dead, workers] = await Promise.all([
      queue.getJobCounts('waiting', 'active', 'delayed'),
      ledger.counts(),
      ledger.deadCount(),
      ledger.workers(),
    ])
    return { waiting, active, delayed, dead, workers, ...counts }
  }

  async *dead(): AsyncGenerator<DeadLetter, void, undefined> {
    this.#needOpen()
    yield* this.#parts.ledger.dead()
  }

  async requeue(): Promise<number> {
    this.#needOpen()
    let jobs: JobData[] = []
    let requeued = 0
    const send = async (): Promise<void> => {
      await addJobs(this.#parts.queue, jobs)
      requeued += jobs.length
      jobs = []
    }
    for await (const { source } of this.#parts.ledger.dead()) {
      jobs.push({ items: [source] })
      if (jobs.length >= jobsPerCall) await send()
    }
    if (jobs.length > 0) await send()
    return requeued
  }

  close(): Promise<void> {
    return this.#closing ??= (async () => {
      const { queue, redis } = this.#parts
      await queue.close()
      redis.disconnect()
    })()
  }

  #needOpen(): void {
    if (this.#closing) throw new ClipError('ERR_CLIP_DISPOSED', 'the queue has been closed')
  }
}

async function waitingJobs(queue: Queue<JobData>): Promise<number> {
  const { waiting = 0, delayed = 0 } = await queue.getJobCounts('waiting', 'delayed')
  return waiting + delayed
}

async function reach(client: Redis): Promise<void> {
  let why = `no answer within ${openMs / 1000} s`
  const failed = new Promise<never>((_, reject) => {
    client.on('error', (error: Error) => {
      why = error.message || (error as NodeJS.ErrnoException).code || why
      reject(error)
    })
  })
  failed.catch(() => undefined)
  const late = new AbortController()
  try {
    await Promise.race([client.ping(), failed, sleep(openMs, undefined, { signal: late.signal }).then(() => {
      throw new Error(why)
    })])
  } catch (error) {
    client.disconnect()
    throw new ClipError('ERR_CLIP_WORK_FAILED', `Redis cannot be reached: ${why}`, { cause: error })
  } finally {
    late.abort()
  }
}
