/** Files in tar files (POSIX ustar and pax, GNU's long names): their names and places, without reading them. */
import { ClipError } from '../errors.js'
import type { PictureSource } from './types.js'

const block = 512
/** Long names and pax headers are far shorter. */
const maxHeaderBytes = 1 << 20
/** Not those that begin with a dot, as macOS adds them. */
const pictureName = /(?:^|\/)[^./][^/]*\.(?:jpe?g|jpe|jfif|png|webp|avif|gif|tiff?|bmp|heic|heif)$/i

/** Whether its name is one of a picture. */
export function isPictureName(name: string): boolean {
  return pictureName.test(name)
}

/** A tar file, wherever it is. */
export interface TarBytes {
  /** Its bytes, once that is known. */
  readonly size: number | undefined
  /** One piece; fewer bytes at the end of the file. */
  read(at: number, bytes: number): Promise<Buffer>
}

/** A file in a tar file. */
export interface TarEntry {
  name: string
  /** Where its bytes begin, and how many they are. */
  offset: number
  size: number
}

/** @throws {ClipError} see {@link tarEntries} */
export async function* tarPictures(file: string, tar: TarBytes): AsyncGenerator<PictureSource, void, undefined> {
  for await (const { name, offset, size } of tarEntries(file, tar))
    if (isPictureName(name)) yield { key: keyOfEntry(file, name), file, offset, size }
}

export function keyOfEntry(file: string, name: string): string {
  return `${file}#${name}`
}

/** The other way; undefined: it is no entry's key. A URL may have a query. */
export function entryOfKey(key: string): { file: string; name: string } | undefined {
  const [, file, name] = /^(.*?\.tar(?:\?[^#]*)?)#(.+)$/is.exec(key) ?? []
  return file === undefined ? undefined : { file, name: name! }
}

/** @throws {ClipError} ERR_CLIP_FILE_FORMAT: it is no tar file, or cut off; what `read` throws */
export async function* tarEntries(file: string, tar: TarBytes): AsyncGenerator<TarEntry, void, undefined> {
  const broken = (what: string): ClipError => new ClipError('ERR_CLIP_FILE_FORMAT', `tar file '${file}': ${what}`)
  const read = async (at: number, bytes: number): Promise<Buffer> => {
    const buffer = await tar.read(at, bytes)
    if (buffer.length < bytes) throw broken(`it is cut off after ${at + buffer.length} bytes`)
    return buffer
  }
  /** From headers that describe the next entry. */
  let next: { path?: string; size?: number } = {}
  for (let at = 0; tar.size === undefined || at < tar.size;) {
    const header = await read(at, block)
    if (header.every(byte => byte === 0)) return
    if (!isHeader(header)) throw broken(`there is no header at byte ${at}`)
    const type = String.fromCharCode(header[156]!)
    const size = next.size ?? numberAt(header, 124, 12)
    const offset = at + block
    if (!Number.isSafeInteger(size) || size < 0 || offset + size > (tar.size ?? Number.MAX_SAFE_INTEGER))
      throw broken(`the entry at byte ${at} is cut off`)
    at = offset + Math.ceil(size / block) * block
    if (type === 'x' || type === 'L') {
      if (size > maxHeaderBytes) throw broken(`a name of ${size} bytes at byte ${offset}`)
      const text = await read(offset, size)
      next = type === 'x' ? { ...next, ...paxOf(text.toString()) } : { ...next, path: textOf(text) }
      continue
    }
    const name = next.path ?? nameIn(header)
    if (type !== 'g') next = {}
    if (type === '0' || type === '\0') yield { name, offset, size }
  }
}

/** Whether the checksum fits: the sum of the bytes, its own taken for spaces. */
function isHeader(header: Buffer): boolean {
  let sum = 0
  for (let i = 0; i < block; i++) sum += i >= 148 && i < 156 ? 32 : header[i]!
  return sum === numberAt(header, 148, 8)
}

/** Octal digits, or, where the first bit is set, a binary number. */
function numberAt(header: Buffer, at: number, length: number): number {
  if ((header[at]! & 0x80) !== 0) return Number(header.readBigUInt64BE(at + length - 8))
  const digits = textOf(header.subarray(at, at + length)).trim()
  return /^[0-7]*$/.test(digits) ? parseInt(digits || '0', 8) : NaN
}

function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
}

function nameIn(header: Buffer): string {
  const name = textOf(header.subarray(0, 100))
  const ustar = header.toString('latin1', 257, 263) === 'ustar\0'
  const prefix = ustar ? textOf(header.subarray(345, 500)) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

/** Lines of the form `<length> <name>=<value>\n`, the length in bytes. */
function paxOf(text: string): { path?: string; size?: number } {
  const found: { path?: string; size?: number } = {}
  for (const [, name, value] of text.matchAll(/^\d+ ([^=\n]+)=(.*)$/gm)) {
    if (name === 'path') found.path = value
    if (name === 'size') found.size = Number(value)
  }
  return found
}
