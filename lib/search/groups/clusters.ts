/** Groups of pictures around centres (spherical k-means): what an index is made of. */
import { throwIfAborted } from '../../async/abort.js'
import { checkInteger, checkOptions, checkSignal } from '../../validate.js'
import { similarityMatrix } from '../../vectors/search.js'
import { normalize } from '../../vectors/similarity.js'
import { describe } from '../queries/describe.js'
import { countRows, readRows, type RowScore } from '../queries/scan.js'
import type { Snapshot, Store } from '../storage/store.js'
import type { ClusterOptions, PictureCluster } from '../types.js'

/** Pictures from which the centres are learned, evenly over the index; all are then assigned. */
const sampleSize = 16_384
/** Rounds of assigning and averaging; centres hardly move after that. */
const rounds = 15
/** Rows read at a time. */
const rowsAtOnce = 4096

interface Checked {
  count: number | undefined
  k: number
  signal: AbortSignal | undefined
}

export function checkClusters(options: ClusterOptions | undefined): Checked {
  const { count, k = 20, signal } = checkOptions('options', options, ['count', 'k', 'signal'])
  if (count !== undefined) checkInteger('options.count', count, { min: 1, max: 1000 })
  checkInteger('options.k', k, { min: 1, max: 1_000_000 })
  return { count, k, signal: checkSignal('options.signal', signal) }
}

export function findClusters(store: Store, checked: Checked): Promise<PictureCluster[]> {
  return store.readAfter(
    async () => membersOf(await store.snapshot(), checked),
    groups =>
      groups.map(rows => ({
        size: rows.length,
        pictures: rows.slice(0, checked.k).flatMap(({ row, score }) => {
          const [file] = store.catalog.filesOfRow(row)
          return file ? [{ ...describe(file), similarity: score }] : [] // forgotten by another process a moment ago
        }),
      })),
  )
}

/** The rows of each centre, nearest first. */
async function membersOf(snapshot: Snapshot, { count, signal }: Checked): Promise<RowScore[][]> {
  const { dim } = snapshot.format
  const sample = await sampleOf(snapshot, signal)
  const n = sample.length / dim
  if (n === 0) return []
  const centres = await learn(sample, dim, Math.min(n, count ?? usualCount(n)), signal)
  const members = centres.map((): RowScore[] => [])
  for (let first = 0; first < countRows(snapshot); first += rowsAtOnce) {
    const rows = Math.min(rowsAtOnce, countRows(snapshot) - first)
    const { nearest, scores } = await assign(await readRows(snapshot, first, rows), centres, dim, signal)
    for (let i = 0; i < rows; i++)
      if (snapshot.mask?.[first + i] !== 0) members[nearest[i]!]!.push({ row: first + i, score: scores[i]! })
  }
  return members.filter(rows => rows.length > 0).sort((a, b) => b.length - a.length || a[0]!.row - b[0]!.row).map(
    rows => rows.sort((a, b) => b.score - a.score || a.row - b.row),
  )
}

/** A dozen pictures show what a small index is made of, thirty a large one. */
function usualCount(pictures: number): number {
  return Math.max(1, Math.min(30, Math.round(Math.sqrt(pictures / 2))))
}

async function sampleOf(snapshot: Snapshot, signal: AbortSignal | undefined): Promise<Float32Array> {
  const { mask, format: { dim } } = snapshot
  const total = countRows(snapshot)
  const step = Math.max(1, Math.ceil(total / sampleSize))
  const kept: Float32Array[] = []
  for (let first = 0; first < total; first += rowsAtOnce) {
    throwIfAborted(signal)
    const rows = await readRows(snapshot, first, Math.min(rowsAtOnce, total - first))
    for (let i = (step - (first % step)) % step; i < rows.length / dim; i += step)
      if (mask?.[first + i] !== 0) kept.push(rows.subarray(i * dim, (i + 1) * dim))
  }
  const sample = new Float32Array(kept.length * dim)
  kept.forEach((row, i) => sample.set(row, i * dim))
  return sample
}

type Centres = readonly Float32Array[]

async function learn(
  sample: Float32Array,
  dim: number,
  count: number,
  signal: AbortSignal | undefined,
): Promise<Centres> {
  const n = sample.length / dim
  const rowAt = (i: number): Float32Array => sample.slice(i * dim, (i + 1) * dim)
  // the first is the picture nearest to the mean of all, each next one is far from those before it
  let centres: Centres = [meanOf(sample, dim, new Uint32Array(n), 1)[0]!]
  const chosen = [indexOfLargest((await assign(sample, centres, dim, signal)).scores)]
  const nearestScores = new Float32Array(n).fill(-Infinity)
  while (chosen.length < count) {
    const { scores } = await assign(sample, [rowAt(chosen.at(-1)!)], dim, signal)
    scores.forEach((score, i) => (nearestScores[i] = Math.max(nearestScores[i]!, score)))
    // not the farthest of all, which is mostly an outlier: the median of the far tenth
    const order = Array.from(nearestScores.keys()).sort((a, b) => nearestScores[a]! - nearestScores[b]! || a - b)
    chosen.push(order[Math.floor(order.length / 20)]!)
  }
  centres = chosen.map(rowAt)
  for (let round = 0; round < rounds; round++) {
    const { nearest } = await assign(sample, centres, dim, signal)
    const means = meanOf(sample, dim, nearest, centres.length)
    centres = centres.map((centre, i) => means[i] ?? centre)
  }
  return centres
}

/** For each row its nearest centre, the first of equal ones. */
async function assign(
  rows: Float32Array,
  centres: Centres,
  dim: number,
  signal: AbortSignal | undefined,
): Promise<{ nearest: Uint32Array; scores: Float32Array }> {
  const flat = new Float32Array(centres.length * dim)
  centres.forEach((centre, i) => flat.set(centre, i * dim))
  const all = await similarityMatrix({ data: flat, dim }, { data: rows, dim }, { signal })
  const n = rows.length / dim
  const nearest = new Uint32Array(n)
  const scores = all.slice(0, n)
  for (let c = 1; c < centres.length; c++) {
    for (let i = 0; i < n; i++) {
      if (all[c * n + i]! > scores[i]!) {
        scores[i] = all[c * n + i]!
        nearest[i] = c
      }
    }
  }
  return { nearest, scores }
}

/** The direction of the mean of each centre's rows; undefined without a row, or if they cancel each other. */
function meanOf(rows: Float32Array, dim: number, nearest: Uint32Array, count: number): (Float32Array | undefined)[] {
  const sums = Array.from({ length: count }, () => new Float32Array(dim))
  nearest.forEach((centre, row) => {
    const sum = sums[centre]!
    for (let i = 0; i < dim; i++) sum[i]! += rows[row * dim + i]!
  })
  return sums.map(sum => sum.some(value => Math.abs(value) > 1e-6) ? normalize(sum) : undefined)
}

function indexOfLargest(values: Float32Array): number {
  return values.reduce((best, value, i) => value > values[best]! ? i : best, 0)
}
