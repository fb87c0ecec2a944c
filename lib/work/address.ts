/** Where a picture is, as the text that is its key: a path, a URL, an address of S3. */
import path from 'node:path'

import { outOfRange } from '../errors.js'
import type { PictureSource } from './types.js'

/** A path as a key: a name that is no UTF-8 becomes a file URL with its bytes. */
export function keyOfPath(name: Buffer): string {
  const text = name.toString()
  if (Buffer.from(text).equals(name)) return text
  return `file://${Array.from(name, byte => safe(byte)).join('')}`
}

function safe(byte: number): string {
  const character = String.fromCharCode(byte)
  return /[\w./-]/.test(character) ? character : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`
}

/** The other way. File URLs of other programs are understood, too. */
export function pathOfKey(key: string): string | Buffer {
  if (!key.startsWith('file://')) return key
  const parts = key.slice(7).split(/%([\da-f]{2})/i) // text and hexadecimal digits by turns
  return Buffer.concat(parts.map((part, i) => (i % 2 === 1 ? Buffer.of(parseInt(part, 16)) : Buffer.from(part))))
}

/** The key of a file that somebody names: by its path, which may be relative to `folder`, or by its URL. */
export function keyOfFile(text: string, folder = '.'): string {
  const named = pathOfKey(text)
  return typeof named === 'string' ? path.resolve(folder, named) : keyOfPath(named)
}

export function keyOf(source: PictureSource): string {
  return typeof source === 'string' ? source : source.key
}

export function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text)
}

/** Whether it is an address of a kind that nothing here reads. */
export function isOtherAddress(text: string): boolean {
  return /^[a-z][a-z\d+.-]*:\/\//i.test(text) && !isUrl(text) && !isS3(text) && !text.startsWith('file://')
}

export function isS3(text: string): boolean {
  return /^s3:\/\//i.test(text)
}

/** @throws {RangeError} ERR_CLIP_OUT_OF_RANGE */
export function parseS3(name: string, text: string): { bucket: string; key: string } {
  const [, bucket, key = ''] = /^s3:\/\/([^/]*)(?:\/(.*))?$/is.exec(text) ?? []
  if (bucket === undefined || !/^[a-z\d][\w.-]{1,254}$/i.test(bucket) || bucket.includes('..'))
    throw outOfRange(name, "an address such as 's3://bucket/path'", text)
  return { bucket, key }
}
