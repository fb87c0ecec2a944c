/**
 * The best segmentation of a word by the sum of scores (SentencePiece's Unigram, as the tokenizers library computes
 * it).
 */

export type Score = [token: string, score: number]

// penalty of an unknown character relative to the rarest token
const unknownPenalty = 10

export class Unigram {
  readonly #scores = new Map<string, number>()
  /**
   * Lengths of tokens by their first two UTF-16 units, ascending; a tree of all tokens would take hundreds of
   * megabytes.
   */
  readonly #lengths = new Map<string, number[]>()
  readonly #unknownScore: number
  readonly #unknownToken: string | undefined
  /** Of a token, in UTF-16 units. */
  readonly longest: number

  constructor(scores: readonly Score[], unkId: number | undefined) {
    let [least, longest] = [Number.POSITIVE_INFINITY, 1]
    for (const [token, score] of scores) {
      least = Math.min(least, score)
      longest = Math.max(longest, token.length)
      this.#scores.set(token, score)
      if (token.length < 2) continue
      const start = token.slice(0, 2)
      const lengths = this.#lengths.get(start)
      if (lengths === undefined) this.#lengths.set(start, [token.length])
      else if (!lengths.includes(token.length)) lengths.push(token.length)
    }
    for (const lengths of this.#lengths.values()) lengths.sort((a, b) => a - b)
    this.longest = longest
    this.#unknownScore = least - unknownPenalty
    this.#unknownToken = unkId === undefined ? undefined : scores[unkId]![0]
  }

  /** Pieces of `word`; adjacent unknown characters form one piece. Throws if the vocabulary has no unknown token. */
  pieces(word: string): string[] {
    const { starts, known } = this.#paths(word)
    const pieces: string[] = []
    let unknownEnd = -1 // start of a run of unknown characters, scanned from its end
    for (let end = word.length; end > 0; end = starts[end]!) {
      const start = starts[end]!
      if (known[end] === 0) {
        if (unknownEnd < 0) unknownEnd = end
        if (start === 0) pieces.push(word.slice(start, unknownEnd))
        continue
      }
      if (unknownEnd >= 0) pieces.push(word.slice(end, unknownEnd))
      unknownEnd = -1
      pieces.push(word.slice(start, end))
    }
    return pieces.reverse()
  }

  /** By end of a piece: the start of the best piece that ends there, and whether it is a known token. */
  #paths(word: string): { starts: Int32Array; known: Uint8Array } {
    const starts = new Int32Array(word.length + 1).fill(-1)
    const known = new Uint8Array(word.length + 1)
    const best = new Float64Array(word.length + 1)
    const offer = (start: number, end: number, score: number, isKnown: boolean): void => {
      const total = best[start]! + score
      if (starts[end]! >= 0 && total <= best[end]!) return
      starts[end] = start
      known[end] = isKnown ? 1 : 0
      best[end] = total
    }
    for (let start = 0, length: number; start < word.length; start += length) {
      length = word.codePointAt(start)! > 0xffff ? 2 : 1
      const single = word.slice(start, start + length)
      const score = this.#scores.get(single)
      if (score !== undefined) offer(start, start + length, score, single !== this.#unknownToken)
      for (const n of this.#lengths.get(word.slice(start, start + 2)) ?? []) {
        if (n <= length || n > word.length - start) continue
        const token = word.slice(start, start + n)
        const tokenScore = this.#scores.get(token)
        if (tokenScore !== undefined) offer(start, start + n, tokenScore, token !== this.#unknownToken)
      }
      if (score !== undefined) continue
      if (this.#unknownToken === undefined)
        throw new Error(`${JSON.stringify(single)} is not a token, and the vocabulary has no unknown token`)
      offer(start, start + length, this.#unknownScore, false)
    }
    return { starts, known }
  }
}
