/**
 * Every error of the public API, by stable code.
 *
 * - `TypeError`: an argument of the wrong kind, or an option that does not exist.
 * - `RangeError`: an argument of the right kind with a value that cannot be used.
 * - `ClipError`: a file, a device, memory, load or the engine made the call fail.
 *
 * All of them have a `code`. A cancelled call rejects with the signal's own reason instead. `docs/errors.md` explains
 * each code; a test compares both lists.
 */
import { types } from 'node:util'

import { nearestName } from './nearest-name.js'

/** Codes that the native side raises (TypeScript raises some, too): the list of `cpp/engine/error.h`, in its order. */
export const nativeErrorCodes = [
  'ERR_CLIP_FILE_NOT_FOUND',
  'ERR_CLIP_FILE_FORMAT',
  'ERR_CLIP_FILE_TRUNCATED',
  'ERR_CLIP_FILE_LIMIT',
  'ERR_CLIP_FILE_CHANGED',
  'ERR_CLIP_FILE_WRITE',
  'ERR_CLIP_CONFIG_INVALID',
  'ERR_CLIP_MODEL_UNSUPPORTED',
  'ERR_CLIP_TENSOR_MISSING',
  'ERR_CLIP_TENSOR_DUPLICATE',
  'ERR_CLIP_TENSOR_SHAPE',
  'ERR_CLIP_TENSOR_TYPE',
  'ERR_CLIP_TOWER_MISSING',
  'ERR_CLIP_DEVICE_UNAVAILABLE',
  'ERR_CLIP_INPUT_SHAPE',
  'ERR_CLIP_INPUT_RANGE',
  'ERR_CLIP_OUT_OF_MEMORY',
  'ERR_CLIP_ABORTED',
  'ERR_CLIP_INVALID_ARGUMENT',
  'ERR_CLIP_DISPOSED',
  'ERR_CLIP_INTERNAL',
] as const

/** Codes that only TypeScript raises. */
const scriptErrorCodes = [
  'ERR_CLIP_OUT_OF_RANGE',
  'ERR_CLIP_UNKNOWN_OPTION',
  'ERR_CLIP_QUEUE_FULL',
  'ERR_CLIP_IMAGE_DECODE',
  'ERR_CLIP_IMAGE_TOO_LARGE',
  'ERR_CLIP_IMAGE_EMPTY',
  'ERR_CLIP_IMAGE_LIMIT',
  'ERR_CLIP_TOKENIZER_MISSING',
  'ERR_CLIP_TOKENIZER_INVALID',
  'ERR_CLIP_MODEL_UNKNOWN',
  'ERR_CLIP_HUB_UNREACHABLE',
  'ERR_CLIP_HUB_OFFLINE',
  'ERR_CLIP_HUB_DENIED',
  'ERR_CLIP_HUB_NOT_FOUND',
  'ERR_CLIP_HUB_BUSY',
  'ERR_CLIP_HUB_RESPONSE',
  'ERR_CLIP_HUB_FILES',
  'ERR_CLIP_HUB_CORRUPT',
  'ERR_CLIP_ADDON_MISSING',
  'ERR_CLIP_ADDON_INVALID',
  'ERR_CLIP_DEADLINE_EXCEEDED',
  'ERR_CLIP_NOT_FINITE',
  'ERR_CLIP_INDEX_PARTS',
  'ERR_CLIP_MCP_PARTS',
  'ERR_CLIP_INDEX_FORMAT',
  'ERR_CLIP_INDEX_MODEL',
  'ERR_CLIP_INDEX_BUSY',
  'ERR_CLIP_STORE_PARTS',
  'ERR_CLIP_STORE_FORMAT',
  'ERR_CLIP_STORE_FAILED',
  'ERR_CLIP_WORK_PARTS',
  'ERR_CLIP_WORK_FAILED',
  'ERR_CLIP_WORK_CRASHED',
  'ERR_CLIP_MODEL_UNAVAILABLE',
  'ERR_CLIP_SERVER_PARTS',
  'ERR_CLIP_SERVER_LISTEN',
  'ERR_CLIP_SERVER_CLOSING',
  'ERR_CLIP_REQUEST_INVALID',
  'ERR_CLIP_REQUEST_TOO_LARGE',
  'ERR_CLIP_REQUEST_UNSUPPORTED',
  'ERR_CLIP_ROUTE_UNKNOWN',
  'ERR_CLIP_HOST_REFUSED',
  'ERR_CLIP_KEY_INVALID',
  'ERR_CLIP_RATE_EXCEEDED',
  'ERR_CLIP_URL_REFUSED',
  'ERR_CLIP_URL_FAILED',
  'ERR_CLIP_S3_DENIED',
  'ERR_CLIP_S3_NOT_FOUND',
  'ERR_CLIP_S3_FAILED',
] as const

/**
 * Every code an error of this package can carry.
 *
 * @example
 * console.log(errorCodes.includes('ERR_CLIP_IMAGE_DECODE')) // true
 */
export const errorCodes = [...nativeErrorCodes, ...scriptErrorCodes] as const

/** One of {@link errorCodes}. */
export type ClipErrorCode = (typeof errorCodes)[number]

/**
 * A `TypeError` or `RangeError` about an argument.
 *
 * @example
 * await clip.encodeText('a cat', { normalise: true }).catch(error => console.log(error.name, error.code, error.argument))
 * // TypeError ERR_CLIP_UNKNOWN_OPTION normalise
 */
export type ArgumentError = (TypeError | RangeError) & {
  code: ClipErrorCode
  /** The argument: 'labels[2]'. */
  argument: string
}

/**
 * A file, a device, memory, load or the engine made the call fail; `code` says why, the message what was expected and
 * found.
 *
 * @example
 * try {
 *   await clip.encodeImage(Buffer.from('no picture'))
 * } catch (error) {
 *   console.log(error instanceof ClipError, error.code) // true ERR_CLIP_IMAGE_DECODE
 * }
 */
export class ClipError extends Error {
  /** Stable: match on it, not on the message. */
  readonly code: ClipErrorCode
  /** Under load: milliseconds after which to try again. */
  declare readonly retryAfterMs?: number

  /**
   * For code in front of ggclip that refuses calls itself.
   *
   * @param options `cause`: the underlying error, kept as `error.cause`; `retryAfterMs`: milliseconds
   *
   * @example
   * const busy = new ClipError('ERR_CLIP_QUEUE_FULL', 'too many uploads', { retryAfterMs: 200 })
   * console.log(`${busy}`, busy.retryAfterMs) // ClipError: too many uploads 200
   */
  constructor(code: ClipErrorCode, message: string, options?: { cause?: unknown; retryAfterMs?: number }) {
    super(message, options)
    this.code = code
    if (options?.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs
  }
}
// on the prototype, as with built-in errors: printed errors get no extra property
Object.defineProperty(ClipError.prototype, 'name', { value: 'ClipError', writable: true, configurable: true })

const knownCodes: ReadonlySet<string> = new Set(errorCodes)

/** The ggclip code of `error`, or undefined. Works across realms and copies of this package. */
export function errorCodeOf(error: unknown): ClipErrorCode | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const code: unknown = (error as { code?: unknown }).code
  return typeof code === 'string' && knownCodes.has(code) ? (code as ClipErrorCode) : undefined
}

/**
 * An argument of the wrong kind: `TypeError`, ERR_CLIP_INVALID_ARGUMENT.
 *
 * `invalidArgument('labels', 'a non-empty array of strings', 3)`: "expected a non-empty array of strings for labels
 * but received 3 of type number".
 */
export function invalidArgument(name: string, expected: string, received: unknown): ArgumentError {
  const error = new TypeError(`expected ${expected} for ${name} but received ${describeValue(received)}`)
  return withCode(error, 'ERR_CLIP_INVALID_ARGUMENT', name, invalidArgument)
}

/** A value of the right kind but out of range: `RangeError`, ERR_CLIP_OUT_OF_RANGE. */
export function outOfRange(name: string, expected: string, received: unknown): ArgumentError {
  const error = new RangeError(`expected ${expected} for ${name} but received ${describeValue(received)}`)
  return withCode(error, 'ERR_CLIP_OUT_OF_RANGE', name, outOfRange)
}

/** An unknown key of the options `name`: `TypeError`, ERR_CLIP_UNKNOWN_OPTION. */
export function unknownOption(name: string, key: string, allowed: readonly string[]): ArgumentError {
  const near = nearestName(key, allowed)
  const hint = near === undefined ? '' : `, did you mean ${quote(near)}?`
  const known = allowed.length === 0 ? 'none is known' : `known: ${allowed.join(', ')}`
  const error = new TypeError(`unknown option ${quote(key)} in ${name}${hint} (${known})`)
  return withCode(error, 'ERR_CLIP_UNKNOWN_OPTION', key, unknownOption)
}

/**
 * Turns an exception or rejection of the addon into a `ClipError` with a JavaScript stack. Call it where the addon was
 * called. Errors of this file pass unchanged; anything without a known code becomes ERR_CLIP_INTERNAL.
 */
export function fromNative(error: unknown): Error {
  const code = errorCodeOf(error)
  if (code !== undefined && (error instanceof ClipError || isArgumentCode(code))) return error as Error
  const message = messageOf(error)
  const made = code === undefined
    ? new ClipError('ERR_CLIP_INTERNAL', `unexpected failure in native code: ${message}`, { cause: error })
    : new ClipError(code, message, { cause: error })
  Error.captureStackTrace(made, fromNative)
  return made
}

/** A short description of `value`. Never throws, and runs none of its code if possible. */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return String(value)
  switch (typeof value) {
    case 'string':
      return `${quote(withoutPassword(value))} of type string`
    case 'number':
      return `${Object.is(value, -0) ? '-0' : value} of type number`
    case 'bigint':
      return `${shorten(String(value))}n of type bigint`
    case 'symbol':
      return `${shorten(String(value))} of type symbol`
    case 'function':
      return 'a function'
    case 'boolean':
      return `${value} of type boolean`
    default:
      return describeObject(value)
  }
}

/** Messages end up in logs: of an address of a database, say, that is refused. */
function withoutPassword(text: string): string {
  return text.replace(/(:\/\/)[^/\s]*@/g, '$1...@')
}

function describeObject(value: object): string {
  if (types.isProxy(value)) return 'a proxy'
  if (Array.isArray(value)) return `an array of ${value.length} of type Array`
  try {
    const name = className(value)
    if (types.isDate(value) && Number.isNaN(Date.prototype.getTime.call(value))) return 'a Date that is no time'
    if (types.isTypedArray(value)) return `an array of ${value.length} of type ${name}`
    return `an object of type ${name}`
  } catch {
    return 'an object'
  }
}

function className(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null) return 'Object'
  const name: unknown = (prototype as { constructor?: { name?: unknown } }).constructor?.name
  return typeof name === 'string' && name !== '' ? shorten(name) : 'Object'
}

/** Gives `error` its code and a stack that begins at the caller of `helper`. */
function withCode(
  error: TypeError | RangeError,
  code: ClipErrorCode,
  argument: string,
  helper: (...args: never[]) => unknown,
): ArgumentError {
  Error.captureStackTrace(error, helper)
  Object.defineProperty(error, 'argument', { value: argument, configurable: true }) // not one more line in every printed error
  return Object.assign(error, { code }) as ArgumentError
}

function isArgumentCode(code: ClipErrorCode): boolean {
  return code === 'ERR_CLIP_INVALID_ARGUMENT' || code === 'ERR_CLIP_OUT_OF_RANGE' || code === 'ERR_CLIP_UNKNOWN_OPTION'
}

function messageOf(error: unknown): string {
  if (typeof error === 'object' && error !== null) {
    const message: unknown = (error as { message?: unknown }).message
    if (typeof message === 'string') return message
  }
  return describeValue(error)
}

function quote(text: string): string {
  return `'${JSON.stringify(shorten(text)).slice(1, -1).replaceAll('\\"', '"')}'`
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 39)}\u2026` : text
}
