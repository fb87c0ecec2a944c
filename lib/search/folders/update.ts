/** One run over the folders of an index: what is new or changed is embedded, what is gone is forgotten. */
import { createHash } from 'node:crypto'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { throwIfAborted } from '../../async/abort.js'
import { mapInOrder } from '../../async/pipeline.js'
import { errorCodeOf } from '../../errors.js'
import { readPhotoFacts } from '../../image/photo-facts.js'
import { readImageFile } from '../../image/read-bytes.js'
import { checkBoolean, checkFunction, checkInteger, checkOptions, checkSignal, checkStrings } from '../../validate.js'
import { type FileRecord, pathsBelow } from '../storage/catalog.js'
import { toHalves } from '../storage/half.js'
import type { Store } from '../storage/store.js'
import type { IndexModel, IndexProgress, IndexResult, UpdateIndexOptions } from '../types.js'
import { walk, type Walked } from './walk.js'

export interface UpdateOptions {
  exclude: readonly string[]
  signal?: AbortSignal
  onProgress?: (progress: IndexProgress) => void
  /** Also files that failed before and have not changed. */
  retry: boolean
  /** Of its embeddings. */
  priority: number
}

export const updateOptions = ['exclude', 'retry', 'priority', 'approximate', 'onApproximate', 'signal',
  'onProgress'] as const

/** Those of {@link SearchIndex.update}, checked. */
export function checkUpdate(
  options: UpdateIndexOptions | undefined,
): UpdateOptions & Pick<UpdateIndexOptions, 'approximate' | 'onApproximate'> {
  const { exclude = [], retry = false, priority = 0, approximate, onApproximate, signal, onProgress } = checkOptions(
    'options',
    options,
    updateOptions,
  )
  checkInteger('options.priority', priority, { min: -100, max: 100 })
  checkStrings('options.exclude', exclude)
  checkBoolean('options.retry', retry)
  if (approximate !== undefined) checkBoolean('options.approximate', approximate)
  if (onApproximate !== undefined) checkFunction('options.onApproximate', onApproximate)
  if (onProgress !== undefined) checkFunction('options.onProgress', onProgress)
  return {
    exclude,
    retry,
    priority,
    approximate,
    onApproximate,
    signal: checkSignal('options.signal', signal),
    onProgress,
  }
}

/** Two of the engine's batches: one computed, one being read and decoded. */
const inFlight = 64
/** Where others go first: each that is being decoded may hold up one of theirs. */
const inFlightBehindOthers = 8
/** Files, and milliseconds, after which what was done is saved. */
const [filesPerCommit, msPerCommit] = [256, 2000]

/** Errors after which no other picture would succeed either. */
const endsAll = new Set(['ERR_CLIP_DISPOSED', 'ERR_CLIP_TOWER_MISSING', 'ERR_CLIP_ADDON_MISSING',
  'ERR_CLIP_MODEL_UNAVAILABLE'])
/** Errors of a model that has too much to do: the picture is tried again. */
const busy = new Set(['ERR_CLIP_QUEUE_FULL', 'ERR_CLIP_DEADLINE_EXCEEDED'])
const busyMs = 250

/** `unchanged`: only the facts of a picture that an older version indexed are new. `copied`: a copy was embedded in this run. */
type Outcome = { seen: Buffer; failed: boolean } | { record: FileRecord; unchanged?: boolean; copied?: boolean } | {
  unreadable: Buffer
  error: Error
}

export async function update(
  store: Store,
  clip: IndexModel,
  roots: readonly Buffer[],
  { exclude, signal, onProgress, retry, priority }: UpdateOptions,
): Promise<IndexResult> {
  const result: IndexResult = { unchanged: 0, known: 0, embedded: 0, removed: 0, failed: 0, unreadable: [] }
  const { catalog } = store
  const startedAt = performance.now()
  const files = async function*(): AsyncGenerator<Walked, void, undefined> {
    for (const root of roots) yield* walk(root, { exclude, signal })
  }
  const counter = onProgress ? countFiles(files(), signal) : undefined
  const pending = new Map<string, Promise<Uint8Array>>() // by hash, until they are saved
  let records: FileRecord[] = []
  let seen: Buffer[] = []
  let savedAt = startedAt
  let done = 0

  const save = async (): Promise<void> => {
    await store.commit(records, seen)
    for (const record of records) if ('hash' in record) pending.delete(record.hash.toString('latin1'))
    records = []
    seen = []
    savedAt = performance.now()
  }
  const report = (): void => {
    if (!onProgress || !counter) return
    const seconds = (performance.now() - startedAt) / 1000
    const perSecond = result.embedded / Math.max(seconds, 1e-3)
    const { total, counted } = counter
    const secondsLeft = counted && done > 0 ? (seconds / done) * (total - done) : undefined
    onProgress({
      done,
      total: Math.max(total, done),
      counted,
      embedded: result.embedded,
      failed: result.failed,
      perSecond,
      secondsLeft,
    })
  }

  catalog.forgetSeen()
  const look = (file: Walked, _: number, stop: AbortSignal): Promise<Outcome> =>
    file.error
      ? Promise.resolve({ unreadable: file.path, error: file.error })
      : examine(store, clip, file, { stop, retry, pending, priority })
  const limit = priority < 0 ? inFlightBehindOthers : inFlight
  try {
    for await (const outcome of mapInOrder(files(), { limit, signal }, look)) {
      done++
      if ('unreadable' in outcome) {
        result.unreadable.push({ path: outcome.unreadable.toString(), message: outcome.error.message })
        catalog.keep(pathsBelow(outcome.unreadable, path.sep))
        seen.push(outcome.unreadable)
      } else if ('seen' in outcome) {
        seen.push(outcome.seen)
        if (outcome.failed) result.failed++
        else result.unchanged++
      } else {
        const { record, unchanged, copied } = outcome
        records.push(record)
        seen.push(record.path)
        if ('error' in record) result.failed++
        else if (unchanged) result.unchanged++
        else if (record.vector && !copied) result.embedded++
        else result.known++
      }
      if (records.length + seen.length >= 2 * filesPerCommit || performance.now() - savedAt > msPerCommit) {
        await save()
        report()
      }
    }
  } finally {
    counter?.stop()
    // what was embedded before an interruption stays
    await save()
    await store.flush()
  }
  throwIfAborted(signal)
  for (const root of roots) result.removed += catalog.removeUnseen(pathsBelow(root, path.sep))
  catalog.forgetSeen()
  await store.compact()
  report()
  return result
}

/** Counts ahead of the work, for the time that is left. */
function countFiles(files: AsyncGenerator<Walked>, signal: AbortSignal | undefined) {
  const counter = { total: 0, counted: false, stop: () => void (stopped = true) }
  let stopped = false
  const count = async (): Promise<void> => {
    for await (const _ of files) {
      counter.total++
      if (stopped || signal?.aborted) return
    }
    counter.counted = true
  }
  count().catch(() => undefined) // the work meets the same failure
  return counter
}

async function examine(
  { catalog }: Store,
  clip: IndexModel,
  { path: file, size, mtimeMs }: Walked & { error?: undefined },
  { stop, retry, pending, priority }: {
    stop: AbortSignal
    retry: boolean
    pending: Map<string, Promise<Uint8Array>>
    priority: number
  },
): Promise<Outcome> {
  const known = catalog.fileAt(file)
  const same = known !== undefined && known.size === size && known.mtime === mtimeMs
  if (same && known.facts !== 0 && !(retry && known.code !== null)) return { seen: file, failed: known.code !== null }
  try {
    const bytes = await readImageFile(file, 'image')
    const hash = createHash('sha256').update(bytes).digest()
    const picture = catalog.pictureOf(hash)
    if (picture) {
      const facts = picture.facts === 0 ? await readPhotoFacts(bytes) : undefined
      return { record: { path: file, size, mtimeMs, hash, facts }, unchanged: same }
    }
    const key = hash.toString('latin1')
    const copied = pending.get(key) // a copy that is being embedded, and may be saved after this file
    if (copied) return { record: { path: file, size, mtimeMs, hash, vector: await copied }, copied: true }
    const embedding = embed(clip, bytes, { signal: stop, priority })
    pending.set(key, embedding)
    const vector = await embedding
    return { record: { path: file, size, mtimeMs, hash, vector, facts: await readPhotoFacts(bytes) } }
  } catch (error) {
    if (stop.aborted || endsAll.has(errorCodeOf(error) ?? '')) throw error
    return { record: { path: file, size, mtimeMs, error: error as Error } }
  }
}

async function embed(
  clip: IndexModel,
  bytes: Buffer,
  options: { signal: AbortSignal; priority: number },
): Promise<Uint8Array> {
  for (;;) {
    try {
      const halves = toHalves(await clip.encodeImage(bytes, options))
      return new Uint8Array(halves.buffer)
    } catch (error) {
      if (!busy.has(errorCodeOf(error) ?? '')) throw error
      await sleep(busyMs, undefined, { signal: options.signal })
    }
  }
}
