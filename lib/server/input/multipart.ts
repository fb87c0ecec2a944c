/** multipart/form-data (RFC 7578): splits a body into its parts with their headers. */
import { ClipError } from '../../errors.js'

export interface Part {
  name: string
  /** Undefined: the part is not a file. Empty: no file was chosen. */
  filename: string | undefined
  /** In lower case, without parameters. */
  type: string
  charset: string | undefined
  bytes: Buffer
}

const longestHead = 16_384

/** The boundary of a Content-Type header; undefined for other types. @throws {ClipError} ERR_CLIP_REQUEST_INVALID */
export function boundaryOf(contentType: string | undefined): string | undefined {
  if (contentType === undefined || !/^\s*multipart\/form-data\s*(?:;|$)/i.test(contentType)) return undefined
  const boundary = parametersOf(contentType).get('boundary')
  if (boundary === undefined || boundary === '' || boundary.length > 200)
    throw broken('its content type has no boundary')
  return boundary
}

/**
 * Yields after each part, so that other work can run. @throws {ClipError} ERR_CLIP_REQUEST_INVALID,
 * ERR_CLIP_REQUEST_UNSUPPORTED
 */
export function* partsOf(body: Buffer, boundary: string): Generator<Part, void, void> {
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  let at = body.subarray(0, delimiter.length - 2).equals(delimiter.subarray(2))
    ? delimiter.length - 2
    : after(body.indexOf(delimiter), delimiter.length, 'it contains no boundary')
  for (;;) {
    if (body.toString('latin1', at, at + 2) === '--') return
    const lineEnd = after(body.indexOf('\r\n', at), 0, 'it ends within a boundary')
    if (!/^[ \t]{0,64}$/.test(body.toString('latin1', at, Math.min(lineEnd, at + 65))))
      throw broken('a boundary is followed by other characters')
    const begin = lineEnd + 2
    const noHead = body.toString('latin1', begin, begin + 2) === '\r\n'
    const headEnd = noHead ? begin - 2 : after(body.indexOf('\r\n\r\n', begin), 0, 'it ends within the head of a part')
    if (headEnd - begin > longestHead) throw broken(`the head of a part is longer than ${longestHead} bytes`)
    const end = after(body.indexOf(delimiter, headEnd + 2), 0, 'it ends within a part')
    yield partOf(noHead ? '' : body.toString('utf8', begin, headEnd), body.subarray(headEnd + 4, end))
    at = end + delimiter.length
  }
}

function after(found: number, length: number, why: string): number {
  if (found < 0) throw broken(why)
  return found + length
}

function broken(why: string): ClipError {
  return new ClipError('ERR_CLIP_REQUEST_INVALID', `the form cannot be read: ${why}`)
}

function partOf(head: string, bytes: Buffer): Part {
  const headers = new Map(
    head.replace(/\r\n[ \t]+/g, ' ').split('\r\n').map(line => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  const disposition = headers.get('content-disposition') ?? ''
  const parameters = parametersOf(disposition)
  const name = parameters.get('name')
  if (name === undefined || !/^form-data\s*;/i.test(disposition))
    throw new ClipError(
      'ERR_CLIP_REQUEST_INVALID',
      'a part of the form has no name: expected Content-Disposition: form-data; name="..."',
    )
  const encoding = (headers.get('content-transfer-encoding') ?? 'binary').toLowerCase()
  if (!['7bit', '8bit', 'binary'].includes(encoding)) {
    throw new ClipError(
      'ERR_CLIP_REQUEST_UNSUPPORTED',
      `content transfer encoding '${encoding.slice(0, 40)}' is not accepted: send the bytes as they are`,
    )
  }
  const contentType = headers.get('content-type') ?? 'text/plain'
  return {
    name,
    filename: parameters.get('filename') ?? parameters.get('filename*'),
    bytes,
    type: contentType.split(';', 1)[0]!.trim().toLowerCase(),
    charset: parametersOf(contentType).get('charset'),
  }
}

/** The parameters of a header, with names in lower case; the first of a name counts. */
function parametersOf(header: string): Map<string, string> {
  const found = new Map<string, string>()
  for (
    const [, name, quoted, word] of header.matchAll(/;\s*([\w*-]{1,64})\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s;"]*))/g)
  ) {
    if (!found.has(name!.toLowerCase())) found.set(name!.toLowerCase(), quoted?.replace(/\\(["\\])/g, '$1') ?? word!)
  }
  return found
}
