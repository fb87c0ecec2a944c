/** From what a person names (folders, lists, tar files, URLs) to single pictures. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'

import { throwIfAborted } from '../async/abort.js'
import { ParquetFile } from '../embeddings/parquet.js'
import { ClipError, outOfRange } from '../errors.js'
import { walk } from '../search/walk.js'
import { NotText, textLines } from '../text-bytes.js'
import { checkOptions, checkSignal, checkString, checkStrings } from '../validate.js'
import { csvRows } from './csv.js'
import { tarPictures } from './tar.js'
import type { PictureSource, PictureSourcesOptions } from './types.js'

const columns = ['url', 'path', 'image', 'image_path', 'file']

/**
 * All pictures of several sources, in order: a URL; a folder, with all pictures below it; a `.txt` file with a path or URL
 * on each line; a `.csv` or `.tsv` file with a line of names and a column of paths or URLs, or a `.parquet` table with such a
 * column (the package hyparquet); a `.tar` file, such as
 * webdataset's; any other file. Paths in lists are relative to the list.
 *
 * @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND; ERR_CLIP_FILE_FORMAT: a list that is no text, a CSV without such a column,
 *   a damaged tar file; the signal's reason
 *
 * @example
 * for await (const source of pictureSources(['models/samples'], { exclude: ['*.jpg', '*.webp'] }))
 *   if (source.endsWith('rocket.png')) console.log('found') // found
 */
export async function* pictureSources(
  sources: readonly string[],
  options?: PictureSourcesOptions,
): AsyncGenerator<PictureSource, void, undefined> {
  checkStrings('sources', sources)
  const { exclude = [], column, signal } = checkOptions('options', options, ['exclude', 'column', 'signal'])
  checkStrings('options.exclude', exclude)
  if (column !== undefined) checkString('options.column', column)
  checkSignal('options.signal', signal)
  for (const source of sources) {
    throwIfAborted(signal)
    if (isUrl(source)) yield source
    else yield* fromFile(path.resolve(source), { exclude, column, signal })
  }
}

async function* fromFile(
  file: string,
  { exclude, column, signal }: { exclude: readonly string[]; column?: string; signal?: AbortSignal },
): AsyncGenerator<PictureSource, void, undefined> {
  const info = await stat(file).catch((error: Error) => {
    throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `'${file}' cannot be read: ${error.message}`, { cause: error })
  })
  const kind = info.isFile() ? path.extname(file).toLowerCase() : ''
  if (kind === '.txt') {
    for await (const line of linesOf(file)) if (line.trim() !== '') yield placed(line.trim(), file)
  } else if (kind === '.csv' || kind === '.tsv') {
    yield* fromTable(file, kind === '.csv' ? ',' : '\t', column)
  } else if (kind === '.parquet') {
    yield* fromParquet(file, column, signal)
  } else if (kind === '.tar') {
    yield* tarPictures(file)
  } else {
    for await (const found of walk(Buffer.from(file), { exclude, signal })) {
      // a folder that cannot be read is an error here: nobody would look at a list of warnings
      if (found.error) throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', found.error.message, { cause: found.error })
      yield keyOfPath(found.path)
    }
  }
}

async function* fromTable(
  file: string,
  separator: string,
  column: string | undefined,
): AsyncGenerator<PictureSource, void, undefined> {
  let at: number | undefined
  for await (const row of csvRows(linesOf(file), separator)) {
    if (at === undefined) {
      at = columnOf(file, row, column)
    } else {
      const value = row[at]?.trim() ?? ''
      if (value !== '') yield placed(value, file)
    }
  }
}

/** The number of the column that is wanted, or of the first usual one. @throws {ClipError} ERR_CLIP_FILE_FORMAT */
function columnOf(file: string, header: readonly string[], column: string | undefined): number {
  const names = header.map(name => name.trim().toLowerCase())
  const wanted = column === undefined ? columns : [column.toLowerCase()]
  const at = wanted.map(name => names.indexOf(name)).find(found => found >= 0)
  if (at !== undefined) return at
  throw new ClipError(
    'ERR_CLIP_FILE_FORMAT',
    `'${file}': expected a column ${wanted.join(' or ')}, found ${names.join(', ')}`,
  )
}

/** As img2dataset takes them. One group of rows is in memory. */
async function* fromParquet(
  file: string,
  column: string | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<PictureSource, void, undefined> {
  const table = await ParquetFile.open(file)
  try {
    const name = table.columns[columnOf(file, table.columns, column)]!
    let first = 0
    for (const rows of table.groups) {
      throwIfAborted(signal)
      const values = await table.read([name], first, rows)
      for (const value of values[name]!)
        if (typeof value === 'string' && value.trim() !== '') yield placed(value.trim(), file)
      first += rows
    }
  } finally {
    await table.close()
  }
}

function placed(text: string, list: string): string {
  return isUrl(text) ? text : path.resolve(path.dirname(list), text)
}

async function* linesOf(file: string): AsyncGenerator<string> {
  try {
    yield* textLines(createReadStream(file) as AsyncIterable<Buffer>)
  } catch (error) {
    const code = error instanceof NotText ? 'ERR_CLIP_FILE_FORMAT' : 'ERR_CLIP_FILE_NOT_FOUND'
    throw new ClipError(code, `'${file}': expected UTF-8 text: ${(error as Error).message}`, { cause: error })
  }
}

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

/** The other way. */
export function pathOfKey(key: string): string | Buffer {
  if (!key.startsWith('file://')) return key
  const bytes: number[] = []
  for (const [, hex, character] of key.slice(7).matchAll(/%([0-9A-F]{2})|([^%])/g))
    bytes.push(hex === undefined ? character!.charCodeAt(0) : parseInt(hex, 16))
  return Buffer.from(bytes)
}

export function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text)
}

export function keyOf(source: PictureSource): string {
  return typeof source === 'string' ? source : source.key
}

/** Checks a source that a caller made. */
export function checkSource(name: string, source: PictureSource): PictureSource {
  if (typeof source === 'string') {
    checkString(name, source)
    // workers have other current folders
    if (!isUrl(source) && !source.startsWith('file://') && !path.isAbsolute(source))
      throw outOfRange(name, 'an absolute path or a URL', source)
    return source
  }
  const { key, file, offset, size } = checkOptions(name, source, ['key', 'file', 'offset', 'size'])
  checkString(`${name}.key`, key)
  checkString(`${name}.file`, file)
  for (const [field, value] of Object.entries({ offset, size }))
    if (!Number.isSafeInteger(value) || value! < 0) throw outOfRange(`${name}.${field}`, 'a whole number', value)
  return source
}
