/** The pictures of an index that are nearest to a query. */
import type { Clip } from '../clip/clip.js'
import type { CallOptions } from '../types.js'
import { checkInteger, checkNumber, checkOptions } from '../validate.js'
import type { FileOfPicture } from './catalog.js'
import { describe } from './describe.js'
import { fileFilter, textOf } from './filter.js'
import { type QueryPart, queryVector } from './query.js'
import { nearest } from './scan.js'
import type { Snapshot, Store } from './store.js'
import { imageThreshold, sampleRows, textThreshold } from './threshold.js'
import type { SearchHit, SearchIndexOptions } from './types.js'

interface Checked {
  k: number
  minSimilarity: number | 'auto' | undefined
  /** Undefined: all files. */
  accepts: ((file: FileOfPicture) => boolean) | undefined
  call: CallOptions
}

export function checkFind(options: SearchIndexOptions | undefined): Checked {
  const { k = 20, minSimilarity, filter, ...call } = checkOptions('options', options, ['k', 'minSimilarity', 'filter',
    'signal', 'priority', 'client', 'timeoutMs'])
  checkInteger('options.k', k, { min: 1, max: 1_000_000 })
  if (minSimilarity !== undefined && minSimilarity !== 'auto')
    checkNumber('options.minSimilarity', minSimilarity, { min: -1, max: 1 })
  return { k, minSimilarity, accepts: filter === undefined ? undefined : fileFilter(filter), call }
}

export async function find(
  store: Store,
  clip: Clip,
  parts: readonly QueryPart[],
  { k, minSimilarity, accepts, call }: Checked,
): Promise<SearchHit[]> {
  const { catalog } = store
  const vector = await queryVector(clip, parts, call)
  const rows = accepts && ((): number[] => [...new Set(catalog.allFiles().filter(accepts).map(({ row }) => row))])
  const snapshot = await store.snapshot(rows)
  const minScore = minSimilarity === 'auto' ? await threshold(clip, snapshot, parts, call) : minSimilarity
  const found = await nearest(snapshot, vector, k, { minScore, signal: call.signal })
  return found.flatMap(({ row, score }): SearchHit[] => {
    const [first, ...copies] = catalog.filesOfRow(row).filter(accepts ?? (() => true))
    // forgotten by another process a moment ago
    return first
      ? [{ ...describe(first), similarity: score, copies: copies.map(({ path: name }) => textOf(name)) }]
      : []
  })
}

/** The similarity that 'auto' stands for: see {@link SearchIndexOptions.minSimilarity}. */
async function threshold(
  clip: Clip,
  snapshot: Snapshot,
  parts: readonly QueryPart[],
  call: CallOptions,
): Promise<number> {
  const rows = await sampleRows(snapshot)
  return parts.some(({ text }) => text !== undefined) ? textThreshold(clip, rows, call) : imageThreshold(rows)
}
