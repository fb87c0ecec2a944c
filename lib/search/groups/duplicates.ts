/** Groups of pictures that are alike: each around the one to keep. */
import { throwIfAborted } from '../../async/abort.js'
import { countRows, pairsAbove, readRows, type RowScore } from '../queries/scan.js'
import type { FileOfPicture } from '../storage/catalog.js'
import type { Snapshot } from '../storage/store.js'

/** Which file of a group is kept. */
export const keepRules = ['largest', 'oldest', 'newest'] as const
/** The file of a group that is kept: the 'largest' in bytes, the 'oldest' or the 'newest'. */
export type KeepRule = (typeof keepRules)[number]

/** Pictures compared with all others at a time. */
const queriesAtOnce = 64

/** Pairs of rows with at least `minScore`, by each of the two. */
export async function similarPairs(
  snapshot: Snapshot,
  minScore: number,
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: (done: number, total: number) => void },
): Promise<Map<number, RowScore[]>> {
  const { mask } = snapshot
  const total = countRows(snapshot)
  const pairs = new Map<number, RowScore[]>()
  const add = (from: number, row: number, score: number): void => {
    const list = pairs.get(from)
    if (list) list.push({ row, score })
    else pairs.set(from, [{ row, score }])
  }
  for (let from = 0; from < total; from += queriesAtOnce) {
    throwIfAborted(signal)
    onProgress?.(from, total)
    const count = Math.min(queriesAtOnce, total - from)
    const { queries, rows, scores } = await pairsAbove(snapshot, await readRows(snapshot, from, count), minScore, {
      signal,
      from,
    })
    queries.forEach((query, i) => {
      const [row, other] = [from + query, rows[i]!]
      if (other <= row || mask?.[row] === 0) return // each pair once
      add(row, other, scores[i]!)
      add(other, row, scores[i]!)
    })
  }
  onProgress?.(total, total)
  return pairs
}

/** Below 0 if `a` is kept rather than `b`. */
function byRule(rule: KeepRule, a: FileOfPicture, b: FileOfPicture): number {
  const order = {
    largest: b.size - a.size || a.mtime - b.mtime,
    oldest: a.mtime - b.mtime || b.size - a.size,
    newest: b.mtime - a.mtime || b.size - a.size,
  }[rule]
  return order || Buffer.compare(a.path, b.path)
}

/**
 * Each group has one file to keep, and those that are alike to *it*: likeness is not passed on, so that a series of slow
 * changes does not become one group. Better files choose first.
 */
export function groups(
  files: readonly FileOfPicture[],
  pairs: ReadonlyMap<number, RowScore[]>,
  rule: KeepRule,
): { keep: FileOfPicture; others: { file: FileOfPicture; score: number }[] }[] {
  const ofRow = new Map<number, FileOfPicture[]>()
  for (const file of files) {
    const list = ofRow.get(file.row)
    if (list) list.push(file)
    else ofRow.set(file.row, [file])
  }
  for (const list of ofRow.values()) list.sort((a, b) => byRule(rule, a, b))
  const rows = [...ofRow.keys()].sort((a, b) => byRule(rule, ofRow.get(a)![0]!, ofRow.get(b)![0]!))
  const taken = new Set<number>()
  const found = []
  for (const row of rows) {
    if (taken.has(row)) continue
    taken.add(row)
    const [keep, ...copies] = ofRow.get(row)!
    const others = copies.map(file => ({ file, score: 1 }))
    const alike = (pairs.get(row) ?? []).filter(({ row: other }) => ofRow.has(other) && !taken.has(other))
    for (const { row: other, score } of alike.sort((a, b) => b.score - a.score || a.row - b.row)) {
      taken.add(other)
      for (const file of ofRow.get(other)!) others.push({ file, score })
    }
    if (others.length > 0) found.push({ keep: keep!, others })
  }
  return found
}
