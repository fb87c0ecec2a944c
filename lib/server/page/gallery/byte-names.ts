/**
 * File names as strings. On Linux they are bytes: one that is no UTF-8 keeps its odd bytes as lone surrogates (U+DC80 to
 * U+DCFF), which no UTF-8 name can hold, so that every name has one string and every string one name.
 */
const lowest = 0xdc80

export function nameOf(bytes: Buffer): string {
  const text = bytes.toString()
  if (!text.includes('\ufffd') || Buffer.from(text).equals(bytes)) return text
  let name = ''
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at)
    name += length === 0 ? String.fromCharCode(lowest + bytes[at]! - 0x80) : bytes.toString('utf8', at, at + length)
    at += length || 1
  }
  return name
}

/** For `node:fs`. */
export function bytesOf(name: string): string | Buffer {
  if (!/[\udc80-\udcff]/.test(name)) return name
  const parts = Array.from(name, char => {
    const code = char.length === 1 ? char.charCodeAt(0) : 0
    return code >= lowest && code <= lowest + 0x7f ? Buffer.from([code - lowest + 0x80]) : Buffer.from(char)
  })
  return Buffer.concat(parts)
}

/** For people. */
export function shownName(name: string): string {
  return (name as string & { toWellFormed(): string }).toWellFormed() // Node 20; the ES2023 library lacks its type
}

/** Bytes of the UTF-8 character at `at`; 0: none. */
function sequenceLength(bytes: Buffer, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    const part = bytes.subarray(at, at + length)
    if (Buffer.from(part.toString()).equals(part)) return length
  }
  return 0
}
