/** Which files a search looks at. */
import path from 'node:path'
import picomatch from 'picomatch'

import { invalidArgument } from '../errors.js'
import { checkNumber, checkOptions, checkString } from '../validate.js'
import type { FileOfPicture } from './catalog.js'
import type { SearchFilter } from './types.js'

/** Checks the filter. */
export function fileFilter(filter: SearchFilter): (file: FileOfPicture) => boolean {
  const { path: glob, after, before, minBytes = 0, maxBytes = Infinity } = checkOptions('options.filter', filter, [
    'path',
    'after',
    'before',
    'minBytes',
    'maxBytes',
  ])
  const matches = glob === undefined
    ? () => true
    : picomatch(checkString('options.filter.path', glob), { dot: true, windows: path.sep === '\\' })
  const [from, until] = [timeOf('after', after, -Infinity), timeOf('before', before, Infinity)]
  checkNumber('options.filter.minBytes', minBytes, { min: 0 })
  checkNumber('options.filter.maxBytes', maxBytes, { min: 0, max: Infinity })
  return ({ path: name, size, mtime }) =>
    size >= minBytes && size <= maxBytes && mtime >= from && mtime < until && matches(textOf(name))
}

function timeOf(name: string, value: Date | undefined, fallback: number): number {
  if (value === undefined) return fallback
  const time = typeof value === 'object' && typeof value.getTime === 'function' ? value.getTime() : NaN
  if (Number.isNaN(time)) throw invalidArgument(`options.filter.${name}`, 'a Date', value)
  return time
}

/** A file's name, for people. */
export function textOf(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString()
}
