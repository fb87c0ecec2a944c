/** Exact search over the rows of an index: reads and multiplies by pieces, the next one read while one is multiplied. */
import { throwIfAborted } from '../async/abort.js'
import { similarityMatrix } from '../vectors/search.js'
import { fromHalves } from './half.js'
import type { Snapshot } from './store.js'

/** A row and its cosine similarity with the query. */
export interface RowScore {
  row: number
  score: number
}

export interface ScanOptions {
  signal?: AbortSignal
  /** The first row to look at. Default 0. */
  from?: number
}

/** Bytes of a piece: large enough to keep the disk and all threads busy, small beside the index. */
const pieceBytes = 16 << 20

/** Calls `visit` with the scores of `queries` (flat [n][dim]) for each piece of rows: flat [n][count]. */
export async function scan(
  { file, rows, tail, dim }: Snapshot,
  queries: Float32Array,
  { signal, from = 0 }: ScanOptions,
  visit: (scores: Float32Array, first: number, count: number) => void,
): Promise<void> {
  const pieceRows = Math.max(1, Math.min(rows, Math.floor(pieceBytes / (2 * dim))))
  const buffers = [new Uint16Array(pieceRows * dim), new Uint16Array(rows > pieceRows ? pieceRows * dim : 0)]
  const readAt = (first: number, piece: number): Promise<Uint16Array> => {
    const reading = file!.read(first, Math.min(pieceRows, rows - first), buffers[piece % 2]!)
    reading.catch(() => undefined) // thrown when it is awaited
    return reading
  }
  let next = from < rows ? readAt(from, 0) : undefined
  for (let first = from, piece = 0; next !== undefined; piece++) {
    const data = await next
    const count = data.length / dim
    const after = first + count
    next = after < rows ? readAt(after, piece + 1) : undefined
    try {
      throwIfAborted(signal)
      const scores = await similarityMatrix({ data: queries, dim }, { data, dim }, { signal })
      visit(scores, first, count)
    } catch (error) {
      await next?.catch(() => undefined) // the file may be closed after this call
      throw error
    }
    first = after
  }
  throwIfAborted(signal)
  const skipped = Math.max(0, from - rows)
  const data = tail.subarray(skipped * dim)
  if (data.length === 0) return
  visit(await similarityMatrix({ data: queries, dim }, { data, dim }, { signal }), rows + skipped, data.length / dim)
}

/** Rows of the file, of the tail or of both, in f32: flat [count][dim]. */
export async function readRows(
  { file, rows, tail, dim }: Snapshot,
  first: number,
  count: number,
): Promise<Float32Array> {
  const inFile = Math.max(0, Math.min(count, rows - first))
  const halves = new Uint16Array(count * dim)
  if (inFile > 0) await file!.read(first, inFile, halves)
  halves.set(tail.subarray((first + inFile - rows) * dim, (first + count - rows) * dim), inFile * dim)
  return fromHalves(halves)
}

/** The `k` best rows of one query, best first; equal scores in the order of the rows. */
export async function nearest(
  snapshot: Snapshot,
  query: Float32Array,
  k: number,
  options: ScanOptions & { minScore?: number },
): Promise<RowScore[]> {
  const best = new Best(k)
  const { mask } = snapshot
  const { minScore = -Infinity } = options
  await scan(snapshot, query, options, (scores, first, count) => {
    for (let i = 0; i < count; i++) {
      const score = scores[i]!
      if (score > best.least && score >= minScore && (mask === undefined || mask[first + i] === 1))
        best.add({ row: first + i, score })
    }
  })
  return best.sorted()
}

/** Keeps the k best of a stream: a list that is cut to k whenever it has grown to twice that. */
class Best {
  readonly #k: number
  #kept: RowScore[] = []
  /** What does not exceed it is not among the best. */
  least = -Infinity

  constructor(k: number) {
    this.#k = k
  }

  add(found: RowScore): void {
    this.#kept.push(found)
    if (this.#kept.length < 2 * this.#k) return
    this.#kept = this.sorted()
    this.least = this.#kept[this.#k - 1]!.score
  }

  sorted(): RowScore[] {
    return this.#kept.sort((a, b) => b.score - a.score || a.row - b.row).slice(0, this.#k)
  }
}
