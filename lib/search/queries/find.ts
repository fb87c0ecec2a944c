/** The pictures of an index that are nearest to a query. */
import { setImmediate as turn } from 'node:timers/promises'

import { throwIfAborted } from '../../async/abort.js'
import type { CallOptions } from '../../types.js'
import { checkBoolean, checkInteger, checkNumber, checkOptions } from '../../validate.js'
import { type Catalog, type FileOfPicture, textOf } from '../storage/catalog.js'
import type { Snapshot, Store } from '../storage/store.js'
import type { IndexModel, SearchHit, SearchIndexOptions } from '../types.js'
import { describe } from './describe.js'
import { fileFilter } from './filter.js'
import type { Graph } from './graph.js'
import { type QueryPart, queryVector } from './query.js'
import { nearest, type RowScore } from './scan.js'
import { imageThreshold, sampleRows, textThreshold } from './threshold.js'

export interface CheckedFind {
  k: number
  minSimilarity: number | 'auto' | undefined
  /** Undefined: all files. */
  accepts: ((file: FileOfPicture) => boolean) | undefined
  exact: boolean
  call: CallOptions
}

/** What the rows of an index are compared with. */
export interface Target {
  vector: Float32Array
  snapshot: Snapshot
  /** Undefined: none. */
  minScore: number | undefined
}

/** Files read from SQLite at a time, which takes some milliseconds. */
const filesAtOnce = 1024

export function checkFind(options: SearchIndexOptions | undefined): CheckedFind {
  const { k = 20, minSimilarity, filter, exact = false, ...call } = checkOptions('options', options, ['k',
    'minSimilarity', 'filter', 'exact', 'signal', 'priority', 'client', 'timeoutMs', 'onTrace'])
  checkInteger('options.k', k, { min: 1, max: 1_000_000 })
  if (minSimilarity !== undefined && minSimilarity !== 'auto')
    checkNumber('options.minSimilarity', minSimilarity, { min: -1, max: 1 })
  checkBoolean('options.exact', exact)
  return { k, minSimilarity, accepts: filter === undefined ? undefined : fileFilter(filter), exact, call }
}

export async function find(
  store: Store,
  graph: Graph,
  clip: IndexModel,
  parts: readonly QueryPart[],
  checked: CheckedFind,
): Promise<SearchHit[]> {
  const vector = await queryVector(clip, parts, checked.call)
  return store.readAfter(async () => {
    const { snapshot, minScore } = await aim(store, clip, parts, vector, checked)
    const options = { minScore, signal: checked.call.signal }
    // a filter may leave few of the rows that a graph finds
    const found = checked.exact || checked.accepts
      ? undefined
      : await graph.nearest(snapshot, vector, checked.k, options)
    return found ?? nearest(snapshot, vector, checked.k, options)
  }, rows => hitsOf(store.catalog, rows, checked))
}

/** The rows that the filter leaves, and what they are compared with. */
export async function aim(
  store: Store,
  clip: IndexModel,
  parts: readonly QueryPart[],
  vector: Float32Array,
  { minSimilarity, accepts, call }: CheckedFind,
): Promise<Target> {
  let rows: Set<number> | undefined
  if (accepts) {
    rows = new Set()
    for await (const file of filesInSteps(store.catalog, call.signal)) if (accepts(file)) rows.add(file.row)
  }
  const snapshot = await store.snapshot(rows && (() => [...rows]))
  const minScore = minSimilarity === 'auto' ? await threshold(clip, snapshot, parts, call) : minSimilarity
  return { vector, snapshot, minScore }
}

/** Each picture's first file that the filter accepts. */
export function hitsOf(
  catalog: Catalog,
  rows: readonly RowScore[],
  { accepts = () => true }: Pick<CheckedFind, 'accepts'>,
): SearchHit[] {
  return rows.flatMap(({ row, score }): SearchHit[] => {
    const [first, ...copies] = catalog.filesOfRow(row).filter(accepts)
    // forgotten a moment ago
    return first
      ? [{ ...describe(first), similarity: score, copies: copies.map(({ path: name }) => textOf(name)) }]
      : []
  })
}

/** All files after a path, in the order of their paths; others get their turn meanwhile. */
export async function* filesInSteps(
  catalog: Catalog,
  signal: AbortSignal | undefined,
  after: Uint8Array = new Uint8Array(),
): AsyncGenerator<FileOfPicture, void, undefined> {
  for (let from = after;;) {
    throwIfAborted(signal)
    const files = catalog.filesAfter(from, filesAtOnce)
    yield* files
    if (files.length < filesAtOnce) return
    from = files.at(-1)!.path
    await turn()
  }
}

/** The similarity that 'auto' stands for: see {@link SearchIndexOptions.minSimilarity}. */
async function threshold(
  clip: IndexModel,
  snapshot: Snapshot,
  parts: readonly QueryPart[],
  call: CallOptions,
): Promise<number> {
  const rows = await sampleRows(snapshot)
  return parts.some(({ text }) => text !== undefined) ? textThreshold(clip, rows, call) : imageThreshold(rows)
}
