/** Rank of the merge of two neighbouring pieces, lower is earlier; -1 if they never merge. */
export type RankOf = (left: string, right: string) => number

/** The suffix of the last piece of a word in CLIP's vocabularies. */
export const wordEnd = '</w>'

// heap entries are rank * 2^30 + position: exact in a double for ranks below 2^22
const positionSpan = 2 ** 30

// words up to this many pieces are scanned for each merge, which is faster than a heap
const shortWord = 24

const longestCached = 64
const mostCached = 16_384

/** Cache of the ids of words; emptied when it is full. */
export class WordCache {
  readonly #ids = new Map<string, readonly number[]>()

  get(word: string): readonly number[] | undefined {
    return this.#ids.get(word)
  }

  set(word: string, ids: readonly number[]): void {
    if (word.length > longestCached) return
    if (this.#ids.size >= mostCached) this.#ids.clear()
    this.#ids.set(word, ids)
  }
}

/**
 * Byte-pair encoding of one word: the earliest merge first, the leftmost of equals, until none applies.
 * O(n log n) in the number of pieces.
 */
export function mergePieces(pieces: readonly string[], rankOf: RankOf): string[] {
  return pieces.length <= shortWord ? mergeByScan(pieces, rankOf) : mergeByHeap(pieces, rankOf)
}

function mergeByScan(pieces: readonly string[], rankOf: RankOf): string[] {
  const text = [...pieces]
  const ranks: number[] = [] // of the pair that starts at a position
  for (let i = 0; i + 1 < text.length; i++) ranks.push(rankOf(text[i]!, text[i + 1]!))
  for (;;) {
    let best = -1
    for (let i = 0; i < ranks.length; i++) {
      if (ranks[i]! >= 0 && (best < 0 || ranks[i]! < ranks[best]!)) best = i
    }
    if (best < 0) return text
    text[best] += text[best + 1]!
    text.splice(best + 1, 1)
    ranks.splice(best, 1)
    if (best < ranks.length) ranks[best] = rankOf(text[best]!, text[best + 1]!)
    if (best > 0) ranks[best - 1] = rankOf(text[best - 1]!, text[best]!)
  }
}

function mergeByHeap(pieces: readonly string[], rankOf: RankOf): string[] {
  const count = pieces.length
  const text = [...pieces]
  const next = new Int32Array(count)
  const previous = new Int32Array(count)
  const ranks = new Int32Array(count).fill(-1) // of the pair that starts at a position; -1 also if merged away
  const heap: number[] = []
  for (let i = 0; i < count; i++) {
    next[i] = i + 1
    previous[i] = i - 1
  }
  const rate = (i: number): void => {
    const right = next[i]!
    const rank = right < count ? rankOf(text[i]!, text[right]!) : -1
    ranks[i] = rank
    if (rank >= 0) heapPush(heap, rank * positionSpan + i)
  }
  for (let i = 0; i + 1 < count; i++) rate(i)
  while (heap.length > 0) {
    const entry = heapPop(heap)
    const rank = Math.floor(entry / positionSpan)
    const left = entry - rank * positionSpan
    if (ranks[left] !== rank) continue // the pair has changed since
    const right = next[left]!
    text[left] += text[right]!
    next[left] = next[right]!
    if (next[right]! < count) previous[next[right]!] = left
    ranks[right] = -1
    rate(left)
    if (previous[left]! >= 0) rate(previous[left]!)
  }
  const merged: string[] = []
  for (let i = 0; i < count; i = next[i]!) merged.push(text[i]!)
  return merged
}

/** Ranks of a merge list with lines 'left right', best first. */
export function ranksOfMerges(merges: readonly string[]): RankOf {
  const ranks = new Map<string, number>()
  for (let i = 0; i < merges.length; i++) ranks.set(merges[i]!, i)
  return (left, right) => ranks.get(`${left} ${right}`) ?? -1
}

/** Merges implied by a token list. */
interface ImpliedMerges {
  rankOf: RankOf
  /** Length of the left part that `id` was merged from; 0 if it is not a merge. */
  splitOf(id: number): number
}

/**
 * Merges implied by the order of the ids, for files that hold the token list alone (clip.cpp's GGUF layout).
 *
 * Vocabularies are built one merge at a time, so token `id` was merged from the two pieces into which the earlier
 * merges divide its string. Computed for a token when a text first needs it, so there is no work in advance.
 */
export function impliedMerges(
  tokens: readonly string[],
  idOf: (token: string) => number | undefined,
  isSpecial: (id: number) => boolean,
): ImpliedMerges {
  const unknown = -1
  const splits = new Int32Array(tokens.length).fill(unknown)
  const rankBelow = (left: string, right: string, limit: number): number => {
    const id = idOf(left + right)
    if (id === undefined || id >= limit) return -1
    return splitOf(id) === left.length ? id : -1
  }
  const splitOf = (id: number): number => {
    if (splits[id] !== unknown) return splits[id]!
    const pieces = isSpecial(id) ? [] : piecesOfToken(tokens[id]!)
    const merged = mergePieces(pieces, (left, right) => rankBelow(left, right, id))
    return (splits[id] = merged.length === 2 ? merged[0]!.length : 0)
  }
  return { rankOf: (left, right) => rankBelow(left, right, tokens.length), splitOf }
}

function piecesOfToken(token: string): string[] {
  const ends = token.length > wordEnd.length && token.endsWith(wordEnd)
  const pieces = Array.from(ends ? token.slice(0, -wordEnd.length) : token)
  if (ends) pieces[pieces.length - 1] += wordEnd
  return pieces
}

function heapPush(heap: number[], value: number): void {
  let at = heap.length
  heap.push(value)
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (heap[parent]! <= value) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = value
}

function heapPop(heap: number[]): number {
  const top = heap[0]!
  const value = heap.pop()!
  const count = heap.length
  if (count === 0) return top
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= count) break
    if (child + 1 < count && heap[child + 1]! < heap[child]!) child++
    if (heap[child]! >= value) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = value
  return top
}
