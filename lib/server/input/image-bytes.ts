/** From an image in a request to the bytes of a file. A request never makes the server read its own disk. */
import { type Steps, turns } from '../../async/turns.js'
import { ClipError, invalidArgument } from '../../errors.js'
import { checkSize } from '../../remote/remote-image.js'

export interface ImageSources {
  maxBytes: number
  /** Fetches an image; undefined if the server does not. */
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
    throw new ClipError(
      'ERR_CLIP_URL_REFUSED',
      `${name}: this server does not fetch URLs: send the image itself as a data URI, base64 or upload`,
    )
  }
  const base64 = /^\s{0,16}data:/i.test(image) ? payloadOf(name, image) : { from: 0, escapes: false }
  if (!base64.escapes) checkSize(name, Math.floor(((image.length - base64.from) * 3) / 4) - 2, sources.maxBytes)
  const bytes = await turns.run(decodeBase64(image, base64), sources.signal)
  if (bytes === undefined) throw invalidArgument(name, 'a data URI or base64 of an image file', image)
  if (bytes.length === 0) throw new ClipError('ERR_CLIP_IMAGE_EMPTY', `${name} is empty (0 bytes)`)
  checkSize(name, bytes.length, sources.maxBytes)
  return bytes
}

interface Base64 {
  /** Offset of its first character. */
  from: number
  /** Some characters are written as %2B and the like. */
  escapes: boolean
}

/** The payload of `data:image/png;base64,...`; the type is ignored, the bytes decide. */
function payloadOf(name: string, uri: string): Base64 {
  const comma = uri.slice(0, 2050).indexOf(',')
  if (comma < 0 || comma > 2048 || !/;\s?base64\s*$/i.test(uri.slice(0, comma))) {
    throw invalidArgument(name, "a data URI of the form 'data:image/png;base64,...'", uri)
  }
  return { from: comma + 1, escapes: uri.includes('%', comma) }
}

/** Characters per step. */
const stepLength = 2 ** 17

/**
 * Node skips invalid characters, so an image followed by text would be accepted as the image. Returns undefined unless
 * all of it is base64; spaces and line ends are ignored.
 */
export function* decodeBase64(text: string, { from, escapes }: Base64): Steps<Buffer | undefined> {
  const bytes = Buffer.allocUnsafe(Math.ceil(((text.length - from) * 3) / 4))
  let size = 0
  let rest = ''
  let ended = false
  for (let at = from; at < text.length; at += stepLength) {
    if (at > from) yield
    const isLast = at + stepLength >= text.length
    let part = rest + text.slice(at, at + stepLength)
    let open = '' // an escape that ends in the next step
    if (escapes && part.includes('%')) {
      open = isLast ? '' : /%[\da-f]?$/i.exec(part)?.[0] ?? ''
      part = part.slice(0, part.length - open.length).replace(
        /%(2B|2F|3D|0A|0D|20)/gi,
        (_, code: string) => String.fromCharCode(parseInt(code, 16)),
      )
    }
    if (/\s/.test(part)) part = part.replace(/\s+/g, '')
    const whole = part.slice(0, isLast ? part.length : part.length - (part.length % 4))
    rest = part.slice(whole.length) + open
    if (whole === '') continue
    const written = bytes.write(whole, size, 'base64')
    if (ended || written !== lengthOf(whole)) return undefined
    size += written
    ended = whole.endsWith('=')
  }
  return bytes.subarray(0, size)
}

/** Decoded size of valid base64 with this many characters. */
function lengthOf(base64: string): number | undefined {
  const end = base64.endsWith('==') ? base64.length - 2 : base64.endsWith('=') ? base64.length - 1 : base64.length
  return end % 4 === 1 ? undefined : Math.floor((end * 3) / 4)
}
