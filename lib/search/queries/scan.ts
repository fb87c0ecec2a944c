/** Exact search over the rows of an index: the addon's threads read pieces of the file and multiply them. */
import { withAbort } from '../../async/abort.js'
import { availableCores } from '../../cores/cores.js'
import type { NativeHits } from '../../native/contract.js'
import { loadAddon } from '../../native/load.js'
import { ownRealm } from '../../native/own-realm.js'
import type { Snapshot } from '../storage/store.js'

/** A row and its cosine similarity with the query. */
export interface RowScore {
  row: number
  score: number
}

interface ScanOptions {
  signal?: AbortSignal
}

const noBytes = new Uint8Array(0)

/** Scans the rows from number `from` on; `k` 0: all pairs with at least `minScore`. */
async function scan(
  { file, rows, tail, format, mask = noBytes }: Snapshot,
  queries: Float32Array,
  { from = 0, k, minScore, signal }: ScanOptions & { from?: number; k: number; minScore: number },
): Promise<NativeHits> {
  const { dim, type } = format
  const options = { queries, dim, type, from, end: rows, tail, k, minScore, mask, threads: availableCores() }
  return ownRealm(await withAbort(signal, () => file ? file.scan(options) : loadAddon().scanRows(options)))
}

/** Rows that a search sees, those of forgotten pictures included. */
export function countRows({ rows, tail, format }: Snapshot): number {
  return rows + tail.length / format.bytes
}

/** Rows of the file, of the tail or of both, in f32: flat [count][dim]. */
export async function readRows(
  { file, rows, tail, format }: Snapshot,
  first: number,
  count: number,
): Promise<Float32Array> {
  const inFile = Math.max(0, Math.min(count, rows - first))
  const bytes = new Uint8Array(count * format.bytes)
  if (inFile > 0) await file!.read(first, bytes.subarray(0, inFile * format.bytes))
  bytes.set(
    tail.subarray((first + inFile - rows) * format.bytes, (first + count - rows) * format.bytes),
    inFile * format.bytes,
  )
  return format.decode(bytes)
}

/** The `k` best rows of one query from number `from` on, best first; equal scores in the order of the rows. */
export async function nearest(
  snapshot: Snapshot,
  query: Float32Array,
  k: number,
  { minScore = -Infinity, ...options }: ScanOptions & { from?: number; minScore?: number } = {},
): Promise<RowScore[]> {
  const { rows, scores } = await scan(snapshot, query, { k, minScore, ...options })
  return Array.from(rows, (row, i) => ({ row, score: scores[i]! }))
}

/** Pairs of one of `queries` (by its place) and a row from number `from` on with at least `minScore`, in this order. */
export function pairsAbove(
  snapshot: Snapshot,
  queries: Float32Array,
  minScore: number,
  options: ScanOptions & { from: number },
): Promise<NativeHits> {
  return scan(snapshot, queries, { ...options, k: 0, minScore })
}
