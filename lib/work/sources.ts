/** From what a person names (folders, lists, tar files, URLs) to single pictures. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'

import { throwIfAborted } from '../async/abort.js'
import { ParquetFile } from '../embeddings/parquet.js'
import { ClipError, outOfRange } from '../errors.js'
import { unreadable } from '../files.js'
import { globMatcher, walk } from '../search/folders/walk.js'
import { NotText, textLines } from '../text-bytes.js'
import { checkOptions, checkSignal, checkString, checkStrings } from '../validate.js'
import { isOtherAddress, isS3, isUrl, keyOfFile, keyOfPath, parseS3, pathOfKey } from './address.js'
import { csvRows } from './csv.js'
import { openTar } from './open-tar.js'
import type { Remote } from './remote.js'
import { isPictureName, tarPictures } from './tar.js'
import type { PictureSource, PictureSourcesOptions } from './types.js'

const columns = ['url', 'path', 'image', 'image_path', 'file']

/**
 * All pictures of several sources, in order: a folder, with all pictures below it; a `.txt` file with a path or an address
 * on each line; a `.csv` or `.tsv` file with a line of names and a column of paths or addresses, or a `.parquet`
 * table with such a column (the package hyparquet); any other file. Paths in lists are relative to the list. Addresses are http and https URLs and those of S3; a file URL is its path. `s3://bucket/key` whose end is that
 * of a picture's name is one object, any other such address is a prefix of the objects that are meant, of which those
 * with a picture's name are taken. A `.tar` file, such as webdataset's, at a path, a URL or in S3, gives its entries.
 *
 * @throws {RangeError} an address of another kind; {ClipError} ERR_CLIP_FILE_NOT_FOUND; ERR_CLIP_FILE_FORMAT: a list that
 *   is no text or has an address of another kind, a CSV without such a column, a damaged tar file; ERR_CLIP_URL_FAILED, ERR_CLIP_URL_REFUSED, ERR_CLIP_FILE_CHANGED, ERR_CLIP_FILE_TRUNCATED: a tar
 *   file at a URL; ERR_CLIP_S3_DENIED, ERR_CLIP_S3_NOT_FOUND, ERR_CLIP_S3_FAILED; ERR_CLIP_WORK_PARTS: a package is
 *   missing; the signal's reason
 *
 * @example
 * for await (const source of pictureSources(['models/samples'], { exclude: ['*.jpg', '*.webp'] }))
 *   if (source.endsWith('rocket.png')) console.log('found') // found
 */
export async function* pictureSources(
  sources: readonly string[],
  options?: PictureSourcesOptions,
): AsyncGenerator<PictureSource, void, undefined> {
  const other = checkStrings('sources', sources).find(isOtherAddress)
  if (other !== undefined) throw outOfRange('sources', 'paths, and addresses with http://, https:// or s3://,', other)
  const { exclude = [], column, signal, remoteImages, s3 } = checkOptions('options', options, ['exclude', 'column',
    'remoteImages', 's3', 'signal'])
  checkStrings('options.exclude', exclude)
  if (column !== undefined) checkString('options.column', column)
  checkSignal('options.signal', signal)
  const { checkRemote, Remote } = await import('./remote.js') // with what servers need: loading ggclip takes less
  const remote = new Remote(checkRemote('options', { remoteImages, s3 }))
  try {
    for (const source of sources) {
      throwIfAborted(signal)
      if (isRemoteTar(source)) yield* fromTar(source, remote, signal)
      else if (isS3(source)) yield* fromS3(source, remote, { exclude, signal })
      else if (isUrl(source)) yield source
      else yield* fromFile(keyOfFile(source), remote, { exclude, column, signal })
    }
  } finally {
    remote.close()
  }
}

function isRemoteTar(source: string): boolean {
  if (isS3(source)) return /\.tar$/i.test(source)
  return isUrl(source) && URL.canParse(source) && /\.tar$/i.test(new URL(source).pathname)
}

async function* fromTar(
  address: string,
  remote: Remote,
  signal: AbortSignal | undefined,
): AsyncGenerator<PictureSource, void, undefined> {
  const tar = await openTar(address, remote, signal)
  try {
    yield* tarPictures(address, tar)
  } finally {
    await tar.close()
  }
}

async function* fromS3(
  address: string,
  remote: Remote,
  { exclude, signal }: { exclude: readonly string[]; signal?: AbortSignal },
): AsyncGenerator<PictureSource, void, undefined> {
  const { bucket, key: prefix } = parseS3('sources', address)
  if (isPictureName(prefix)) return yield address
  const excluded = exclude.length > 0 ? globMatcher([...exclude]) : () => false
  let objects = 0
  for await (const { key, size, modified } of remote.s3().list(bucket, prefix, signal)) {
    objects++
    if (isPictureName(key) && !excluded(key.slice(prefix.length).replace(/^\/+/, '')))
      yield { key: `s3://${bucket}/${key}`, size, modified }
  }
  if (objects === 0) throw new ClipError('ERR_CLIP_S3_NOT_FOUND', `'${address}': no object's key begins like that`)
}

async function* fromFile(
  file: string,
  remote: Remote,
  { exclude, column, signal }: { exclude: readonly string[]; column?: string; signal?: AbortSignal },
): AsyncGenerator<PictureSource, void, undefined> {
  const info = await stat(pathOfKey(file)).catch((error: Error) => {
    throw unreadable(`'${file}'`, error)
  })
  const kind = info.isFile() ? path.extname(file).toLowerCase() : ''
  if (kind === '.txt') {
    for await (const line of linesOf(file)) if (line.trim() !== '') yield placed(line.trim(), file)
  } else if (kind === '.csv' || kind === '.tsv') {
    yield* fromTable(file, kind === '.csv' ? ',' : '\t', column)
  } else if (kind === '.parquet') {
    yield* fromParquet(file, column, signal)
  } else if (kind === '.tar') {
    yield* fromTar(file, remote, signal)
  } else {
    for await (const found of walk(Buffer.from(pathOfKey(file)), { exclude, signal })) {
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

/** @throws {ClipError} ERR_CLIP_FILE_FORMAT: an address of a kind that nothing reads */
function placed(text: string, list: string): string {
  if (isOtherAddress(text)) {
    // not the whole of it: a user and a password may be in there
    const scheme = text.slice(0, text.indexOf('://') + 3)
    throw new ClipError(
      'ERR_CLIP_FILE_FORMAT',
      `'${list}': expected paths, and addresses with http://, https://, s3:// or file://, found one with ${scheme}`,
    )
  }
  return isUrl(text) || isS3(text) ? text : keyOfFile(text, path.dirname(list))
}

async function* linesOf(file: string): AsyncGenerator<string> {
  try {
    yield* textLines(createReadStream(file) as AsyncIterable<Buffer>)
  } catch (error) {
    const code = error instanceof NotText ? 'ERR_CLIP_FILE_FORMAT' : 'ERR_CLIP_FILE_NOT_FOUND'
    throw new ClipError(code, `'${file}': expected UTF-8 text: ${(error as Error).message}`, { cause: error })
  }
}

/** Checks a source that a caller made. */
export function checkSource(name: string, source: PictureSource): PictureSource {
  if (typeof source === 'string') {
    checkString(name, source)
    // workers have other current folders
    if (!isUrl(source) && !isS3(source) && !source.startsWith('file://') && !path.isAbsolute(source))
      throw outOfRange(name, 'an absolute path, a URL or an address of S3', source)
    return source
  }
  const whole = (field: string, value: unknown): void => {
    if (!Number.isSafeInteger(value) || (value as number) < 0)
      throw outOfRange(`${name}.${field}`, 'a whole number', value)
  }
  if ('modified' in source) {
    const { key, size, modified } = checkOptions(name, source, ['key', 'size', 'modified'])
    parseS3(`${name}.key`, checkString(`${name}.key`, key))
    whole('size', size)
    whole('modified', modified)
    return source
  }
  const { key, file, offset, size } = checkOptions(name, source, ['key', 'file', 'offset', 'size'])
  checkString(`${name}.key`, key)
  checkString(`${name}.file`, file)
  whole('offset', offset)
  whole('size', size)
  return source
}
