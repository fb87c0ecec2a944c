/** Exact search over the rows of an index: reads and multiplies by pieces, the next one read while one is multiplied. */
import { throwIfAborted } from '../async/abort.js'
import { similarityMatrix } from '../vectors/search.js'
import type { Snapshot } from './store.js'

/** A row and its cosine similarity with the query. */
export interface RowScore {
  row: number
  score: number
}

export interface ScanOptions {
  signal?: AbortSignal
  threads?: number
}

/** Bytes of a piece: large enough to keep the disk and all threads busy, small beside the index. */
const pieceBytes = 16 << 20

/** Calls `visit` with the scores of `queries` (flat [n][dim]) for each piece of rows: flat [n][count]. */
export async function scan(
  { file, rows, tail }: Snapshot,
  dim: number,
  queries: Float32Array,
  { signal, threads }: ScanOptions,
  visit: (scores: Float32Array, first: number, count: number) => void,
): Promise<void> {
  const pieceRows = Math.max(1, Math.min(rows, Math.floor(pieceBytes / (2 * dim))))
  const buffers = [new Uint16Array(pieceRows * dim), new Uint16Array(rows > pieceRows ? pieceRows * dim : 0)]
  const readAt = (first: number, piece: number): Promise<Uint16Array> => {
    const reading = file!.read(first, Math.min(pieceRows, rows - first), buffers[piece % 2]!)
    reading.catch(() => undefined) // thrown when it is awaited
    return reading
  }
  let next = rows > 0 ? readAt(0, 0) : undefined
  for (let first = 0, piece = 0; next !== undefined; piece++) {
    const data = await next
    const count = data.length / dim
    const after = first + count
    next = after < rows ? readAt(after, piece + 1) : undefined
    try {
      throwIfAborted(signal)
      const scores = await similarityMatrix({ data: queries, dim }, { data, dim }, { signal, threads })
      visit(scores, first, count)
    } catch (error) {
      await next?.catch(() => undefined) // the file may be closed after this call
      throw error
    }
    first = after
  }
  throwIfAborted(signal)
  if (tail.length === 0) return
  visit(
    await similarityMatrix({ data: queries, dim }, { data: tail, dim }, { signal, threads }),
    rows,
    tail.length / dim,
  )
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
  await scan(snapshot, query.length, query, options, (scores, first, count) => {
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
