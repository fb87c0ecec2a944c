/**
 * A JSON parser that works in steps: `JSON.parse` cannot be interrupted, and tens of megabytes of small values, escapes
 * or spaces would block every other request. Accepts what `JSON.parse` accepts, except unknown field names and numbers
 * of more than 1,000 characters; omits null members, since clients write null for unset fields.
 */
import { isUtf8 } from 'node:buffer'

import type { Steps } from '../../async/turns.js'
import { ClipError } from '../../errors.js'
import { decodeSteps } from '../../text-bytes.js'

const deepest = 64
/** Longer than the name of any field. */
const longestName = 64
const longestNumber = 1000
/** Bytes per step. */
const stepBytes = 2 ** 18
/** Values per step, or quotes inside a string. */
const stepItems = 1024

/** Most values in total; several readers may share one count. */
export interface ValueBudget {
  values: number
}

/** Why bytes are not JSON. Callers add in their own error where the bytes came from. */
export class NotJson extends Error {}

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a]
const [openList, closeList, openRecord, closeRecord] = [0x5b, 0x5d, 0x7b, 0x7d]

/**
 * @throws {NotJson}; {NotText} bytes that are not UTF-8 (nor UTF-16 with a byte order mark);
 *   {ClipError} ERR_CLIP_REQUEST_TOO_LARGE, ERR_CLIP_REQUEST_INVALID (too deep), ERR_CLIP_UNKNOWN_OPTION
 */
export function* parseJson(bytes: Buffer, budget: ValueBudget): Steps<unknown> {
  const reader = new Reader(isUtf8(bytes) ? bytes : yield* asUtf8(bytes), budget)
  return yield* reader.document()
}

function* asUtf8(bytes: Buffer): Steps<Buffer> {
  const text = yield* decodeSteps(bytes)
  const parts: Buffer[] = []
  for (let from = 0, to: number; from < text.length; from = to) {
    to = from + stepBytes
    if (/[\ud800-\udbff]/.test(text.charAt(to - 1))) to++
    parts.push(Buffer.from(text.slice(from, to)))
    yield
  }
  return Buffer.concat(parts)
}

/** An unfinished list or object. */
type Holder = { list: unknown[] } | { list: undefined; record: Record<string, unknown>; name: string }

class Reader {
  #at: number
  #stepAt = 0
  #items = 0
  readonly #mostValues: number

  constructor(private readonly bytes: Buffer, private readonly budget: ValueBudget) {
    this.#mostValues = budget.values
    // a byte order mark
    this.#at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  }

  *document(): Steps<unknown> {
    const value = yield* this.#value()
    if ((yield* this.#next()) !== undefined) throw this.#wrong('nothing after the value')
    return value
  }

  /** Without recursion: the unfinished values are a list. */
  *#value(): Steps<unknown> {
    const open: Holder[] = []
    for (;;) {
      let value: unknown
      const first = yield* this.#next()
      if (first === openList || first === openRecord) {
        this.#at++
        this.#count()
        if (open.length === deepest)
          throw new ClipError('ERR_CLIP_REQUEST_INVALID', `the JSON is nested deeper than ${deepest}`)
        const isList = first === openList
        if ((yield* this.#next()) !== (isList ? closeList : closeRecord)) {
          open.push(isList ? { list: [] } : { list: undefined, record: {}, name: yield* this.#name() })
          continue
        }
        this.#at++
        value = isList ? [] : {}
      } else {
        value = yield* this.#scalar(first)
      }
      // a value may be the last of its container, which then is a value itself
      for (;;) {
        const holder = open.at(-1)
        if (!holder) return value
        if (holder.list) holder.list.push(value)
        else setMember(holder.record, holder.name, value)
        const next = yield* this.#next()
        if (next === comma) {
          this.#at++
          this.#count()
          if (!holder.list) holder.name = yield* this.#name()
          break
        }
        if (next !== (holder.list ? closeList : closeRecord))
          throw this.#wrong(holder.list ? "',' or ']'" : "',' or '}'")
        this.#at++
        value = holder.list ?? holder.record
        open.pop()
      }
    }
  }

  *#name(): Steps<string> {
    if ((yield* this.#next()) !== quote) throw this.#wrong('a name in double quotes')
    const name = yield* this.#string()
    // long names and numbers as keys could be used to make V8 slow
    if (name.length > longestName || /^\d/.test(name))
      throw new ClipError('ERR_CLIP_UNKNOWN_OPTION', `unknown field '${name.slice(0, 40)}'`)
    if ((yield* this.#next()) !== colon) throw this.#wrong("':'")
    this.#at++
    return name
  }

  *#scalar(first: number | undefined): Steps<unknown> {
    if (first === quote) return yield* this.#string()
    const ahead = this.bytes.toString('latin1', this.#at, Math.min(this.bytes.length, this.#at + longestNumber + 1))
    const word = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/.exec(ahead)?.[0]
    if (word === undefined || word.length > longestNumber) throw this.#wrong('a value')
    this.#at += word.length
    return word === 'true' ? true : word === 'false' ? false : word === 'null' ? null : Number(word)
  }

  *#string(): Steps<string> {
    const end = yield* this.#endOfString()
    const parts: string[] = []
    for (let from = this.#at + 1, to: number; from < end; from = to) {
      if (parts.length > 0) yield
      to = this.#pieceEnd(from, end)
      parts.push(this.#piece(from, to))
    }
    this.#at = end + 1
    return parts.length === 1 ? parts[0]! : parts.join('')
  }

  /** Position of the closing quote. */
  *#endOfString(): Steps<number> {
    let end = this.#at
    do {
      end = this.bytes.indexOf(quote, end + 1)
      if (end < 0) throw this.#wrong('a string that ends')
      if (++this.#items >= stepItems) yield this.#beginStep()
    } while (this.#isEscaped(end))
    return end
  }

  /** Whether an odd number of backslashes precedes it. */
  #isEscaped(at: number): boolean {
    let before = at
    while (this.bytes[before - 1] === backslash) before--
    return (at - before) % 2 === 1
  }

  /** Never cuts a character or an escape. */
  #pieceEnd(from: number, end: number): number {
    if (end - from <= stepBytes) return end
    let to = from
    while (to < from + stepBytes) to += this.bytes[to] !== backslash ? 1 : this.bytes[to + 1] === 0x75 ? 6 : 2
    while ((this.bytes[to]! & 0xc0) === 0x80) to++
    return Math.min(to, end)
  }

  #piece(from: number, to: number): string {
    try {
      return JSON.parse(`"${this.bytes.toString('utf8', from, to)}"`) as string
    } catch {
      throw this.#wrong('a string with valid control characters and escapes')
    }
  }

  /** The next byte that is not white space, if any. */
  *#next(): Steps<number | undefined> {
    const { bytes } = this
    for (;;) {
      if (this.#at - this.#stepAt >= stepBytes || this.#items >= stepItems) yield this.#beginStep()
      for (const end = Math.min(bytes.length, this.#stepAt + stepBytes); this.#at < end; this.#at++) {
        const byte = bytes[this.#at]!
        if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte
      }
      if (this.#at >= bytes.length) return undefined
    }
  }

  #beginStep(): void {
    this.#stepAt = this.#at
    this.#items = 0
  }

  #count(): void {
    this.#items++
    if (--this.budget.values >= 0) return
    throw new ClipError(
      'ERR_CLIP_REQUEST_TOO_LARGE',
      `the JSON has more than ${this.#mostValues} values (token ids are not accepted: send the texts)`,
    )
  }

  #wrong(expected: string): NotJson {
    const found = this.#at < this.bytes.length
      ? `'${this.bytes.toString('latin1', this.#at, this.#at + 1).replace(/[^ -~]/, '?')}'`
      : 'the end'
    return new NotJson(`expected ${expected} at byte ${this.#at} but found ${found}`)
  }
}

/** The last value of a name counts, as in `JSON.parse`. */
function setMember(record: Record<string, unknown>, name: string, value: unknown): void {
  if (value === null) delete record[name]
  else if (name === '__proto__')
    Object.defineProperty(record, name, { value, enumerable: true, writable: true, configurable: true })
  else record[name] = value
}
