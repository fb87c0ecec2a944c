/** Options and results of {@link PictureQueue}. */
import type { Clip } from '../clip/clip.js'
import type { RemoteImageOptions } from '../remote/remote-image.js'
import type { S3Options } from '../remote/s3-settings.js'
import type { VectorStore } from '../stores/types.js'

/**
 * Where a picture is, which is also its key in the store: the path of a file, an http or https URL, an object of S3
 * (`s3://bucket/key`), or an entry of a tar file at any of these with its place there (`key` is then `<file>#<name>`). An
 * object of a listed bucket comes with its bytes and its time of change, milliseconds since 1970.
 */
export type PictureSource =
  | string
  | { key: string; file: string; offset: number; size: number }
  | { key: string; size: number; modified: number }

/** Options of {@link pictureSources}. */
export interface PictureSourcesOptions {
  /** Globs of paths relative to each folder that are left out. Default: none. */
  exclude?: readonly string[]
  /**
   * Column of tables (CSV, parquet) that holds the path or URL. Default: the first of url, path, image, image_path and file
   * that there is.
   */
  column?: string
  /** Rules for tar files at URLs. Default: public addresses only. */
  remoteImages?: RemoteImageOptions
  /** Where objects of S3 are. Default: what the environment says. */
  s3?: S3Options
  /** Ends the listing with its reason. */
  signal?: AbortSignal
}

/** Options of {@link openPictureQueue}. */
export interface QueueOptions {
  /** Name of the queue, for several in one Redis: letters, digits, `-` and `_`. Default 'pictures'. */
  name?: string
  /** How keys in Redis begin. The braces keep a queue on one node of a cluster. Default '{ggclip}'. */
  prefix?: string
}

/** Options of {@link PictureQueue.add}. */
export interface AddOptions {
  /** Pictures of one job. Default 64. */
  batch?: number
  /** Jobs that may wait before adding pauses; bounds Redis's memory. Default 1000. */
  maxWaiting?: number
  /** Embed pictures again that the store has, even if nothing says that they have changed. Default false. */
  refresh?: boolean
  /** Ends adding with its reason; what was added stays. */
  signal?: AbortSignal
  /** Called after each round of jobs. */
  onProgress?: (progress: { pictures: number; jobs: number; waiting: number }) => void
}

/** Options of {@link PictureQueue.work}. */
export interface WorkOptions {
  /** The model. All workers of a store need the same, in any weight type. */
  clip: Clip
  /** Where the vectors go, opened with the model's `dim`. */
  store: VectorStore
  /** Jobs at the same time: while one is embedded, others read and decode. Default 2. */
  concurrency?: number
  /** Most pictures a second of all workers together, by this worker's measure. Default: no limit. */
  maxPerSecond?: number
  /** Attempts at a picture that cannot be read for a reason that may pass, before it counts as dead. Default 5. */
  attempts?: number
  /** Milliseconds before the second attempt; each later one waits twice as long. Default 2000. */
  backoffMs?: number
  /** Rules for pictures and tar files at URLs. Default: public addresses only. */
  remoteImages?: RemoteImageOptions
  /** Where objects of S3 are. Default: what the environment says. */
  s3?: S3Options
  /** Most bytes of an encoded picture. Default 64 MiB. */
  maxImageBytes?: number
  /** Milliseconds after which the jobs of a worker that is gone are given to others. Default 30000. */
  lockMs?: number
  /** Longest wait for running jobs when the signal aborts, milliseconds; others do them then. Default 30000. */
  drainMs?: number
  /** Return when no job is left, also none that waits for its next attempt. Default false. */
  untilEmpty?: boolean
  /** Answer `GET /metrics` for Prometheus; needs `prom-client`. Default: do not. */
  metrics?: WorkMetricsOptions
  /** Ends the work: no more jobs are taken, running ones are finished, the call resolves. */
  signal?: AbortSignal
  /** Called after every job. If it throws, the worker ends as `signal` ends it, and the call rejects with what was thrown. */
  onJob?: (job: WorkedJob) => void
}

/** Where a worker's metrics are. */
export interface WorkMetricsOptions {
  /** From 1. */
  port: number
  /** Default '127.0.0.1': this machine only. */
  host?: string
}

/** Numbers of pictures. */
export interface WorkCounts {
  /** Embedded and written. */
  embedded: number
  /** In the store already, with nothing that says they have changed. */
  known: number
  /** Given up: see {@link PictureQueue.dead}. */
  failed: number
}

/** One attempt at a job. Pictures that are tried again are in none of the counts. */
export interface WorkedJob extends WorkCounts {
  /** Milliseconds of reading, summed over its pictures. */
  readMs: number
  /** Milliseconds of decoding and embedding, with waiting for a batch, summed over its pictures. */
  embedMs: number
  /** Milliseconds of asking and writing the store. */
  storeMs: number
}

/** State of a queue and its workers. */
export interface QueueStatus extends WorkCounts {
  /** Jobs that nobody has taken. */
  waiting: number
  /** Jobs that workers have. */
  active: number
  /** Jobs that wait for their next attempt. */
  delayed: number
  /** Pictures that are listed as dead now. */
  dead: number
  /** Workers that have been heard of in the last 15 seconds. */
  workers: number
  /** Pictures a second, over the last whole minute. */
  perSecond: number
}

/** A picture that was given up. */
export interface DeadLetter {
  /** Where it is. */
  source: PictureSource
  /** Code of the last error. */
  code: string
  /** The last error in words. */
  message: string
  /** When it was given up. */
  at: Date
}

/**
 * Pictures to embed, in Redis or Valkey. `add` fills it, `work` embeds what is in it and writes to a store; both may run in
 * many processes on many machines, be stopped or killed at any point, and run again. [scale-out.md](../scale-out.md)
 * explains it.
 *
 * Made by {@link openPictureQueue}.
 */
export interface PictureQueue {
  /**
   * Adds pictures as jobs. A job that is in the queue already is not added again, so that the same sources may be added
   * twice. Pauses while `maxWaiting` jobs wait.
   *
   * @param sources such as those of {@link pictureSources}
   * @returns how many pictures and jobs were given to the queue
   * @throws {TypeError|RangeError} bad arguments; what `sources` throws; the signal's reason. What was added stays
   */
  add(
    sources: Iterable<PictureSource> | AsyncIterable<PictureSource>,
    options?: AddOptions,
  ): Promise<{ pictures: number; jobs: number }>

  /**
   * Takes jobs, embeds their pictures and writes the vectors to the store, until the signal aborts or, with `untilEmpty`,
   * no job is left.
   *
   * A picture's row has its source as `key`, a SHA-256 of its bytes as `content`, its size, and its time of change. What
   * is embedded twice, after a crash, is written to the same row. Pictures that cannot be decoded are listed by
   * {@link PictureQueue.dead} at once, those that cannot be read after several attempts, and one alone that has ended
   * several workers as well. While the store is out of reach, jobs wait.
   *
   * @returns what this worker did
   * @throws {ClipError} ERR_CLIP_INDEX_MODEL: the store's vectors are of another model; errors of the model that no other
   *   picture would escape, such as ERR_CLIP_DISPOSED
   */
  work(options: WorkOptions): Promise<WorkedJob & { jobs: number }>

  /** How much is waiting, running and done, over all workers. */
  status(): Promise<QueueStatus>

  /** The pictures that were given up, in no order. */
  dead(): AsyncGenerator<DeadLetter, void, undefined>

  /**
   * Puts all dead pictures into the queue again, each as a job of its own. They stay listed until they succeed.
   *
   * @returns how many
   */
  requeue(): Promise<number>

  /** Gives back the connections. May be called twice; other calls then reject. */
  close(): Promise<void>
}
