/** JSON bodies as clients send them: strictly UTF-8, and with null for what they leave open. */
import type { FastifyInstance, FastifyRequest } from 'fastify'

import { ClipError } from '../errors.js'
import { decodeText, NotText } from '../text-bytes.js'
import { checkJsonShape } from './json-body.js'

/** Instead of Fastify's own parser, which makes U+FFFD of bytes that are no UTF-8 whatever charset was announced. */
export function addJsonParser(app: FastifyInstance): void {
  app.removeContentTypeParser(['application/json', 'text/plain'])
  // a promise, not the callback: what is thrown here reaches the error handler
  const parse = (request: FastifyRequest, body: Buffer): Promise<unknown> => new Promise(resolve => resolve(parseJson(body, request.headers['content-type'] ?? '')))
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, parse)
  app.addContentTypeParser(/^application\/[\w.-]+\+json(?:\s*;|$)/i, { parseAs: 'buffer' }, parse)
}

/** @throws {ClipError} ERR_CLIP_REQUEST_INVALID, ERR_CLIP_REQUEST_UNSUPPORTED */
function parseJson(body: Buffer, contentType: string): unknown {
  checkCharset(body, contentType)
  if (body.length === 0) throw new ClipError('ERR_CLIP_REQUEST_INVALID', 'the body is empty: expected a JSON object')
  try {
    const text = decodeText(body)
    checkJsonShape(text)
    return withoutNulls(JSON.parse(text), 0)
  } catch (error) {
    if (error instanceof ClipError) throw error
    const reason = error instanceof NotText ? error.message : (error as Error).message
    throw new ClipError('ERR_CLIP_REQUEST_INVALID', `the body is no JSON: ${reason}`, { cause: error })
  }
}

/** JSON is UTF-8. Another charset may be named where it makes no difference. */
function checkCharset(body: Buffer, contentType: string): void {
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType)?.[1]
  if (charset === undefined) return
  const known = encodingOf(charset)
  if (known === 'utf-8' || known?.startsWith('utf-16') || (known === 'windows-1252' && body.every(byte => byte < 0x80))) return
  throw new ClipError('ERR_CLIP_REQUEST_UNSUPPORTED', `charset '${charset.slice(0, 40)}' is not accepted: send the JSON as UTF-8`)
}

/** The encoding standard's name for a charset; 'windows-1252' for ASCII and Latin-1, too. */
function encodingOf(charset: string): string | undefined {
  try {
    return new TextDecoder(charset).encoding
  } catch {
    return undefined
  }
}

/** How deep the bodies of this server's calls are. */
const depth = 5

/** Clients write null for what they do not set. In a list it stays: there it is no input, and its place counts. */
function withoutNulls(value: unknown, level: number): unknown {
  if (typeof value !== 'object' || value === null || level === depth) return value
  if (Array.isArray(value)) {
    for (const element of value) withoutNulls(element, level + 1)
    return value
  }
  const record = value as Record<string, unknown>
  for (const key of Object.keys(record)) {
    if (record[key] === null) delete record[key]
    else withoutNulls(record[key], level + 1)
  }
  return value
}
