/** Images as requests carry them to the bytes of a file. A request never makes the server read its own disk. */
import { ClipError, invalidArgument } from '../errors.js'

export interface ImageSources {
  maxBytes: number
  /** Fetches a picture; undefined where the server does not. */
  fetch: ((url: string, signal: AbortSignal) => Promise<Buffer>) | undefined
  signal: AbortSignal
}

export async function imageBytes(name: string, image: string | Buffer, sources: ImageSources): Promise<Buffer> {
  if (typeof image !== 'string') {
    checkSize(name, image.length, sources.maxBytes)
    return image
  }
  if (/^\s{0,16}https?:/i.test(image)) {
    if (sources.fetch) return sources.fetch(image.trim(), sources.signal)
    throw new ClipError('ERR_CLIP_URL_REFUSED', `${name}: this server fetches no URLs: send the image itself as a data URI, base64 or upload`)
  }
  const base64 = /^\s{0,16}data:/i.test(image) ? payloadOf(name, image) : image
  checkSize(name, Math.floor((base64.length * 3) / 4) - 2, sources.maxBytes)
  const bytes = fromBase64(base64)
  if (bytes === undefined) throw invalidArgument(name, 'a data URI or base64 of an image file', image)
  if (bytes.length === 0) throw new ClipError('ERR_CLIP_IMAGE_EMPTY', `${name} is empty (0 bytes)`)
  checkSize(name, bytes.length, sources.maxBytes)
  return bytes
}

export function checkSize(name: string, bytes: number, maxBytes: number): void {
  if (bytes <= maxBytes) return
  throw new ClipError('ERR_CLIP_IMAGE_TOO_LARGE', `${name} has more than maxImageBytes (${maxBytes}) bytes`)
}

/** What follows `data:image/png;base64,`: the type may be any, the bytes tell. */
function payloadOf(name: string, uri: string): string {
  const comma = uri.indexOf(',')
  if (comma < 0 || comma > 2048 || !/;\s?base64\s*$/i.test(uri.slice(0, comma))) {
    throw invalidArgument(name, "a data URI of the form 'data:image/png;base64,...'", uri)
  }
  const payload = uri.slice(comma + 1)
  return payload.includes('%') ? payload.replace(/%(2B|2F|3D|0A|0D|20)/gi, (_, code: string) => String.fromCharCode(parseInt(code, 16))) : payload
}

/** Node skips what is no base64; a picture with a text behind it would be taken for the picture alone. */
function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length === lengthOf(text)) return bytes
  const dense = text.replace(/\s+/g, '')
  return bytes.length === lengthOf(dense) ? bytes : undefined
}

/** Bytes that so many characters of base64 stand for, were all of them sound. */
function lengthOf(base64: string): number | undefined {
  const end = base64.endsWith('==') ? base64.length - 2 : base64.endsWith('=') ? base64.length - 1 : base64.length
  return end % 4 === 1 ? undefined : Math.floor((end * 3) / 4)
}
