/** Reads JSON bodies: strictly UTF-8, whatever charset is announced. */
import { isAscii } from 'node:buffer'

import type { FastifyInstance, FastifyRequest } from 'fastify'

import { turns } from '../../async/turns.js'
import { ClipError, outOfRange } from '../../errors.js'
import { NotText } from '../../text-bytes.js'
import { NotJson, parseJson, type ValueBudget } from './parse-json.js'

/** Most values per input, in the most verbose format of clients, and most other values. */
const [valuesOfInput, valuesBeside] = [16, 1024]

export function valueBudget(maxInputs: number): ValueBudget {
  return { values: valuesBeside + valuesOfInput * maxInputs }
}

/** Replaces Fastify's own parser. */
export function addBodyParsers(app: FastifyInstance, maxInputs: number): void {
  app.removeContentTypeParser(['application/json', 'text/plain'])
  const parse = (request: FastifyRequest, body: Buffer): Promise<unknown> => readBody(request, body, maxInputs)
  // routes.ts knows the fields
  app.addContentTypeParser(
    'multipart/form-data',
    { parseAs: 'buffer' },
    (_: FastifyRequest, body: Buffer) => Promise.resolve(body),
  )
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, parse)
  app.addContentTypeParser(/^application\/[\w.-]+\+json(?:\s*;|$)/i, { parseAs: 'buffer' }, parse)
}

/** @throws {ClipError} ERR_CLIP_REQUEST_INVALID, ERR_CLIP_REQUEST_UNSUPPORTED, ERR_CLIP_REQUEST_TOO_LARGE */
async function readBody({ headers, scope }: FastifyRequest, body: Buffer, maxInputs: number): Promise<unknown> {
  checkCharset(body, /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(headers['content-type'] ?? '')?.[1])
  if (body.length === 0) throw new ClipError('ERR_CLIP_REQUEST_INVALID', 'the body is empty: expected a JSON object')
  try {
    return await turns.run(parseJson(body, valueBudget(maxInputs)), scope.signal)
  } catch (error) {
    if (!(error instanceof NotText || error instanceof NotJson)) throw error
    throw new ClipError('ERR_CLIP_REQUEST_INVALID', `the body is not JSON: ${error.message}`, { cause: error })
  }
}

/**
 * Refuses in advance what would keep the validator busy: lists that are too long, and strings of megabytes in place of
 * names, whose characters it counts one by one.
 *
 * @throws {RangeError}
 */
export function checkSizes(body: unknown, properties: Readonly<Record<string, SizedSchema>>, maxInputs: number): void {
  // called again for a form, with its fields; its bytes have none
  if (typeof body !== 'object' || body === null || Buffer.isBuffer(body)) return
  for (const [name, value] of Object.entries(body)) {
    const schema = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (!Array.isArray(value)) {
      checkLength(name, value, schema)
      continue
    }
    if (value.length > maxInputs) throw outOfRange(name, `at most ${maxInputs} inputs (maxInputs)`, value)
    value.forEach((element, i) => checkLength(`${name}[${i}]`, element, schema?.items))
  }
}

export interface SizedSchema {
  maxLength?: number
  items?: SizedSchema
}

function checkLength(name: string, value: unknown, schema: SizedSchema | undefined): void {
  // two UTF-16 units are at least one character
  if (typeof value === 'string' && schema?.maxLength !== undefined && value.length > 2 * schema.maxLength) {
    throw outOfRange(name, `at most ${schema.maxLength} characters`, value)
  }
}

/**
 * JSON is UTF-8. Another charset is accepted if it makes no difference. @throws {ClipError}
 * ERR_CLIP_REQUEST_UNSUPPORTED
 */
export function checkCharset(body: Buffer, charset: string | undefined): void {
  if (charset === undefined) return
  const encoding = encodingOf(charset)
  if (encoding === 'utf-8' || encoding.startsWith('utf-16') || (encoding === 'windows-1252' && isAscii(body))) return
  throw refused(charset, 'send the JSON as UTF-8')
}

/**
 * The encoding standard's name for a charset; 'windows-1252' also for ASCII and Latin-1. @throws {ClipError}
 * ERR_CLIP_REQUEST_UNSUPPORTED
 */
export function encodingOf(charset: string): string {
  try {
    return new TextDecoder(charset).encoding
  } catch {
    throw refused(charset, 'send UTF-8')
  }
}

function refused(charset: string, advice: string): ClipError {
  return new ClipError('ERR_CLIP_REQUEST_UNSUPPORTED', `charset '${charset.slice(0, 40)}' is not accepted: ${advice}`)
}
