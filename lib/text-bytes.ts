/**
 * Strict decoding of bytes to text. A byte order mark selects the encoding; without one it is UTF-8. Invalid bytes are
 * refused, never guessed: a wrong character would give a wrong vector unnoticed.
 */
import { TextDecoder } from 'node:util'

/** Why bytes are not text. Callers add in their own error where the bytes came from. */
export class NotText extends Error {}

type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be'

/** @throws {NotText} */
export function decodeText(bytes: Uint8Array): string {
  const encoding = encodingOf(bytes)
  return checked(decode(new TextDecoder(encoding, { fatal: true }), encoding, bytes))
}

/** Bytes per step, about a millisecond. */
const stepBytes = 2 ** 18

/**
 * The same in steps, for callers that must stay responsive. Without a mark it is `announced`, an encoding name of the
 * WHATWG standard. @throws {NotText}
 */
export function* decodeSteps(bytes: Uint8Array, announced = 'utf-8'): Generator<void, string, void> {
  const marked = encodingOf(bytes)
  const encoding = marked === 'utf-8' ? announced : marked
  const decoder = new TextDecoder(encoding, { fatal: true })
  const parts: string[] = []
  for (let from = 0; from < bytes.length; from += stepBytes) {
    if (from > 0) yield
    parts.push(checked(decode(decoder, encoding, bytes.subarray(from, from + stepBytes), true)))
  }
  parts.push(decode(decoder, encoding, new Uint8Array()))
  return parts.join('')
}

/**
 * The lines of a stream as they arrive; LF, CR LF and CR end one. Not node:readline, which also breaks lines at U+2028.
 *
 * @throws {NotText}
 */
export async function* textLines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let start: Uint8Array | undefined = new Uint8Array() // until it is long enough for a byte order mark
  let encoding: Encoding = 'utf-8'
  let decoder = new TextDecoder(encoding, { fatal: true })
  let pieces: string[] = [] // of the unfinished line
  let afterCr = false
  const split = function*(text: string): Generator<string> {
    // CR LF may be cut between two chunks
    const rest = afterCr && text.startsWith('\n') ? text.slice(1) : text
    if (text !== '') afterCr = text.endsWith('\r')
    const parts = rest.split(/\r\n|\n|\r/)
    for (const part of parts.slice(0, -1)) {
      yield checked(pieces.join('') + part)
      pieces = []
    }
    pieces.push(parts.at(-1)!)
  }
  for await (const chunk of stream) {
    let bytes = chunk
    if (start !== undefined) {
      bytes = Buffer.concat([start, chunk])
      start = bytes.length < 3 ? bytes : undefined
      if (start !== undefined) continue
      encoding = encodingOf(bytes)
      decoder = new TextDecoder(encoding, { fatal: true })
    }
    yield* split(decode(decoder, encoding, bytes, true))
  }
  if (start !== undefined) {
    encoding = encodingOf(start)
    decoder = new TextDecoder(encoding, { fatal: true })
  }
  yield* split(decode(decoder, encoding, start ?? new Uint8Array()))
  const last = checked(pieces.join(''))
  if (last !== '') yield last
}

function encodingOf([first, second]: Uint8Array): Encoding {
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  return 'utf-8'
}

function decode(
  decoder: InstanceType<typeof TextDecoder>,
  encoding: string,
  bytes: Uint8Array,
  stream = false,
): string {
  try {
    return decoder.decode(bytes, { stream })
  } catch {
    throw new NotText(
      encoding === 'utf-8'
        ? 'it is not UTF-8 (nor UTF-16 with a byte order mark)'
        : `it is declared as ${encoding.toUpperCase()} but is not`,
    )
  }
}

function checked(text: string): string {
  if (text.includes('\0'))
    throw new NotText('it has NUL characters: it is not text, or UTF-16 without a byte order mark')
  return text
}
