// each position of the window needs one encoding: vocabularies with longer tokens, which do not occur, are encoded
// whole
const maxWindow = 256

/**
 * The first `limit` ids of a long text, or more, from a part of it; exactly as from all of it.
 *
 * No token is longer than `window`, so the encoding of the whole text has a boundary between two tokens within the last
 * `window` positions of any part. Up to a boundary, it equals the encoding of the text cut there (this holds for BPE,
 * Unigram and greedy matching). The boundary is unknown, but ids on which all cuts agree are also those of the right
 * one. The part grows until they agree on enough.
 *
 * @param length places in the whole text
 * @param window longest token, in characters
 * @param limit ids asked for
 * @param encodeCut ids of the first n places, as the start of something longer
 * @param encodeAll ids of everything, if no part is enough
 */
export function encodePrefix(
  length: number,
  window: number,
  limit: number,
  encodeCut: (end: number) => readonly number[],
  encodeAll: () => number[],
): number[] {
  if (window > maxWindow) return encodeAll()
  for (let end = Math.max(8 * limit, 2 * window); end < length; end *= 2) {
    let agreed = encodeCut(end)
    for (let cut = end - 1; cut > end - window && agreed.length >= limit; cut--) {
      agreed = commonStart(agreed, encodeCut(cut))
    }
    if (agreed.length >= limit) return [...agreed]
  }
  return encodeAll()
}

function commonStart(a: readonly number[], b: readonly number[]): readonly number[] {
  let count = 0
  while (count < a.length && count < b.length && a[count] === b[count]) count++
  return a.slice(0, count)
}
