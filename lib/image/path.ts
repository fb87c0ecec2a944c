/** Paths of images: strings and `file:` URLs, which can also name files whose names are not UTF-8. */
import { fileURLToPath } from 'node:url'

import { invalidArgument, outOfRange } from '../errors.js'

/** Longer than any system allows: 4096 bytes on Linux, 32767 characters on Windows. */
const longestPath = 32_767
/** First characters of JPEG, PNG, GIF, WebP, BMP and SVG in base64. */
const pictureInBase64 = /^(?:\/9j\/|iVBORw0KGgo|R0lGOD|UklGR|Qk[0-9A-Za-z]|PHN2Zy|PD94bW)[A-Za-z0-9+/=_\-\s]{60,}$/

/** Recognised by shape, so that URLs of other realms are accepted. */
export function isUrl(value: unknown): value is URL {
  if (typeof value !== 'object' || value === null) return false
  const { href, protocol, pathname } = value as Partial<URL>
  return typeof href === 'string' && typeof protocol === 'string' && typeof pathname === 'string'
}

/**
 * The path for `node:fs`.
 *
 * @throws {TypeError} a URL of another kind; {RangeError} a string that is itself an image or a URL
 */
export function checkPath(name: string, value: string | URL): string | Buffer {
  if (typeof value !== 'string') return pathOf(name, value)
  if (value === '') throw outOfRange(name, 'a non-empty path', value)
  const instead = notAPath(value)
  if (instead !== undefined) throw outOfRange(name, `a path${instead}`, value)
  return value
}

function notAPath(value: string): string | undefined {
  if (/^data:/i.test(value)) return ", or the bytes of a data URI (Buffer.from(base64, 'base64')),"
  if (/^(?:https?|ftp|blob|s3|gs):\/\//i.test(value)) return ', or the bytes of a URL (fetch it first),'
  if (/^file:\/\//i.test(value)) return ', or a URL object (new URL(text)),'
  if (value.length > longestPath || pictureInBase64.test(value))
    return ", or the bytes of an image (Buffer.from(text, 'base64') if it is in base64),"
  return undefined
}

function pathOf(name: string, url: URL): string | Buffer {
  if (url.protocol !== 'file:') throw invalidArgument(name, 'a file: URL', url.href)
  try {
    return fileURLToPath(url.href)
  } catch (error) {
    const isLocal = url.hostname === '' || url.hostname === 'localhost'
    if (
      process.platform === 'win32' || !isLocal || !/%[89a-f][0-9a-f]/i.test(url.pathname) || /%2f/i.test(url.pathname)
    ) {
      throw outOfRange(name, `a file: URL of this machine (${(error as Error).message})`, url.href)
    }
    return bytesOf(url.pathname)
  }
}

/** File names of Linux are bytes: `%E9` is not UTF-8. */
function bytesOf(pathname: string): Buffer {
  return Buffer.from(
    pathname.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
}

/** For messages, shortened if long. */
export function quotedPath(path: string | Buffer): string {
  const text = path.toString()
  return text.length > 1000 ? `'${text.slice(0, 999)}\u2026'` : `'${text}'`
}
