/** JSON.stringify in pieces: an answer may be tens of megabytes, and must not block others while it is written. */
import type { Steps } from '../../async/turns.js'

/** Approximate characters per piece. */
const pieceLength = 2 ** 15
/** Numbers, or other small values, written at once. */
const run = 512

/**
 * The text of `JSON.stringify(value)`, piece by piece, for plain values, typed arrays of numbers (as lists) and objects
 * with `toJSON`, which is called when they are reached.
 */
export function* jsonPieces(value: unknown): Generator<string, void, void> {
  let text = ''
  for (const part of parts(value)) {
    text += part
    if (text.length < pieceLength) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}

/** Collects pieces of at least `length` characters, or the rest, in steps. */
export function* gather(pieces: Iterator<string, void>, length: number): Steps<{ text: string; done: boolean }> {
  let text = ''
  for (;;) {
    const next = pieces.next()
    if (next.done === true) return { text, done: true }
    text += next.value
    if (text.length >= length) return { text, done: false }
    yield
  }
}

function* parts(value: unknown): Generator<string, void, void> {
  if (typeof value === 'string' && value.length > pieceLength) return yield* longString(value)
  if (typeof value !== 'object' || value === null) return yield JSON.stringify(value) ?? 'null'
  if (ArrayBuffer.isView(value)) return yield* numbers(value as Float32Array)
  if (Array.isArray(value)) return yield* list(value)
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function')
    return yield* parts((value as { toJSON(): unknown }).toJSON())
  let lead = '{'
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue
    yield `${lead}${JSON.stringify(name)}:`
    yield* parts(member)
    lead = ','
  }
  yield lead === '{' ? '{}' : '}'
}

function* list(values: readonly unknown[]): Generator<string, void, void> {
  if (values.every(value => typeof value === 'number')) return yield* numbers(values)
  let lead = '['
  for (const value of values) {
    yield lead
    yield* parts(value)
    lead = ','
  }
  yield lead === '[' ? '[]' : ']'
}

function* numbers(values: ArrayLike<number>): Generator<string, void, void> {
  let lead = '['
  for (let from = 0; from < values.length; from += run) {
    const part = Array.prototype.slice.call(values, from, from + run)
    yield `${lead}${JSON.stringify(part).slice(1, -1)}`
    lead = ','
  }
  yield lead === '[' ? '[]' : ']'
}

/** Half of a surrogate pair would be written as an escape. */
function* longString(text: string): Generator<string, void, void> {
  yield '"'
  for (let from = 0, to: number; from < text.length; from = to) {
    to = Math.min(text.length, from + pieceLength)
    if (/[\ud800-\udbff]/.test(text.charAt(to - 1))) to = Math.min(text.length, to + 1)
    yield JSON.stringify(text.slice(from, to)).slice(1, -1)
  }
  yield '"'
}
