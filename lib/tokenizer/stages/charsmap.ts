/**
 * SentencePiece's `precompiled_charsmap`: a double-array trie (darts-clone) from UTF-8 sequences to offsets into a list
 * of replacements, each ended by a zero byte. At each position the longest sequence in the trie is replaced. Layout:
 * u32 byte length of the trie, the trie as u32 units, the replacements. Source: sentencepiece's normalizer.cc.
 */
export function readCharsmap(base64: string): (text: string) => string {
  const bytes = Buffer.from(base64, 'base64')
  const trieBytes = bytes.length >= 4 ? bytes.readUInt32LE(0) : 0
  if (trieBytes === 0 || trieBytes % 4 !== 0 || 4 + trieBytes > bytes.length) {
    throw new Error(`precompiled_charsmap: ${bytes.length} bytes cannot hold a trie of ${trieBytes}`)
  }
  const units = new Uint32Array(trieBytes / 4).map((_, index) => bytes.readUInt32LE(4 + 4 * index))
  const replacements = bytes.subarray(4 + trieBytes)
  return text => {
    if (/^[ -~]*$/.test(text)) return text // every charsmap in use keeps printable ASCII
    return replaceAll(Buffer.from(text, 'utf8'), units, replacements)
  }
}

function replaceAll(text: Buffer, units: Uint32Array, replacements: Buffer): string {
  const parts: Buffer[] = []
  let kept = 0
  for (let at = 0; at < text.length;) {
    const match = longestMatch(text, at, units)
    if (match === undefined) {
      at += sequenceLength(text[at]!)
      continue
    }
    const end = replacements.indexOf(0, match.value)
    parts.push(text.subarray(kept, at), replacements.subarray(match.value, end < 0 ? undefined : end))
    at += match.length
    kept = at
  }
  parts.push(text.subarray(kept))
  return Buffer.concat(parts).toString('utf8')
}

function longestMatch(text: Buffer, start: number, units: Uint32Array): { length: number; value: number } | undefined {
  let found: { length: number; value: number } | undefined
  let node = childrenOf(units[0]!)
  for (let at = start; at < text.length && text[at] !== 0; at++) {
    node ^= text[at]!
    const unit = units[node]
    if (unit === undefined || (unit & 0x800000ff) >>> 0 !== text[at]) break
    node ^= childrenOf(unit)
    if ((unit & 0x100) !== 0) found = { length: at + 1 - start, value: units[node]! & 0x7fffffff }
  }
  return found
}

function childrenOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6)
}

function sequenceLength(first: number): number {
  return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
}
