/** Images as requests carry them to the bytes of a file. A request never makes the server read its own disk. */
import { ClipError, invalidArgument } from '../errors.js'

export interface ImageSources {
  /** Files that came with a form: 'upload:0' is the first. */
  uploads: readonly Buffer[]
  maxBytes: number
  /** Fetches a picture; undefined where the server does not. */
  fetch: ((url: string, signal: AbortSignal) => Promise<Buffer>) | undefined
  signal: AbortSignal
}

export async function imageBytes(name: string, image: string, sources: ImageSources): Promise<Buffer> {
  const upload = /^upload:(\d{1,4})$/.exec(image)
  const uploaded = upload && sources.uploads[Number(upload[1])]
  if (uploaded) return uploaded
  if (/^https?:/i.test(image)) {
    if (sources.fetch) return sources.fetch(image, sources.signal)
    throw new ClipError('ERR_CLIP_URL_REFUSED', `${name}: this server fetches no URLs: send the image itself as a data URI, base64 or upload`)
  }
  const base64 = /^data:/i.test(image) ? payloadOf(name, image) : image
  checkSize(name, Math.floor((base64.length * 3) / 4) - 2, sources.maxBytes)
  // a glance at the beginning tells a path or a plain text from base64; damage further on is the decoder's to find
  if (!/^[\w+/=\-\s]+$/.test(base64.slice(0, 256))) throw invalidArgument(name, 'a data URI or base64 of an image file', image)
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.length === 0) throw new ClipError('ERR_CLIP_IMAGE_EMPTY', `${name} is empty (0 bytes)`)
  checkSize(name, bytes.length, sources.maxBytes)
  return bytes
}

export function checkSize(name: string, bytes: number, maxBytes: number): void {
  if (bytes <= maxBytes) return
  throw new ClipError('ERR_CLIP_IMAGE_TOO_LARGE', `${name} has more than maxImageBytes (${maxBytes}) bytes`)
}

/** What follows `data:image/png;base64,`. */
function payloadOf(name: string, uri: string): string {
  const comma = uri.indexOf(',')
  const header = uri.slice(0, Math.min(comma, 256))
  if (comma < 0 || comma > 256 || !/;base64$/i.test(header)) {
    throw invalidArgument(name, "a data URI of the form 'data:image/png;base64,...'", uri)
  }
  return uri.slice(comma + 1)
}
