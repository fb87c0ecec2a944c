/** Folders of embeddings in clip-retrieval's layout, written: `img_emb/img_emb_0.npy` with `metadata/metadata_0.parquet`. */
import { randomBytes } from 'node:crypto'
import { type FileHandle, lstat, open, readdir, rename, rm, rmdir } from 'node:fs/promises'
import path from 'node:path'

import { throwIfAborted } from '../async/abort.js'
import { ClipError, invalidArgument, outOfRange } from '../errors.js'
import { makeFolder } from '../files.js'
import { probe } from '../search/bind-model.js'
import { toHalves } from '../search/storage/half.js'
import { checkVector } from '../stores/checks.js'
import { checkBoolean, checkFunction, checkInteger, checkIterable, checkOneOf, checkOptions, checkSignal,
  checkString } from '../validate.js'
import { normalize } from '../vectors/similarity.js'
import { halvesForFile, npyHeader } from './npy.js'
import { needParquet, ParquetOutput } from './parquet.js'
import type { ColumnKind, EmbeddingRow, ExportOptions, ExportResult, WriteEmbeddingsOptions } from './types.js'

/** Rows that are kept in memory, and a group of the table. */
const rowsPerGroup = 8192
const npyHeaderBytes = 128

/** What is noted of the vectors' model. */
export interface ModelNote {
  model: string
  /** What it makes of {@link probe}, [dim]. */
  probe: number[]
}

/** A row as the files have it. */
export interface OutputRow {
  path: string
  /** [dim], of unit length. */
  halves: Uint16Array
  /** Of its caption, if there is one. */
  textHalves?: Uint16Array
  fields: Readonly<Record<string, unknown>>
}

export const exportKeys = ['rowsPerPart', 'signal', 'onProgress'] as const

export interface CheckedExport extends ExportOptions {
  rowsPerPart: number
}

export function checkExport(options: ExportOptions | undefined): CheckedExport {
  const { rowsPerPart = 1_000_000, signal, onProgress } = checkOptions('options', options, exportKeys)
  if (onProgress !== undefined) checkFunction('options.onProgress', onProgress)
  return {
    rowsPerPart: checkInteger('options.rowsPerPart', rowsPerPart, { min: 1 }),
    signal: checkSignal('options.signal', signal),
    onProgress,
  }
}

/**
 * Writes vectors as clip-retrieval does, for what reads its folders (autofaiss, embedding-reader, img2dataset's tools):
 * `img_emb/img_emb_0.npy`, halves [n, dim] of unit length, with `texts` as well `text_emb/text_emb_0.npy`, and
 * `metadata/metadata_0.parquet` with a row for each, in parts.
 * The folder gets its name when it is complete, one that is there already gets `img_emb` last; memory holds some thousand rows. Needs the packages hyparquet and
 * hyparquet-writer.
 *
 * @param folder that is not there yet, or is empty
 * @throws {TypeError|RangeError} bad arguments or rows; {ClipError} ERR_CLIP_INDEX_PARTS: the packages are not installed;
 *   ERR_CLIP_FILE_WRITE: the folder has something in it, or cannot be written; the signal's reason. Nothing is left of it
 *
 * @example
 * const rows = [{ path: 'a.jpg', vector: Float32Array.of(3, 4), fields: { caption: 'a dog' } }]
 * const { parts } = await writeEmbeddings('build/example-embeddings', rows, { dim: 2, columns: { caption: 'string' } })
 * for await (const { vectors, columns } of readEmbeddings('build/example-embeddings'))
 *   console.log(parts, vectors.length, columns.caption) // 1 2 [ 'a dog' ]
 */
export async function writeEmbeddings(
  folder: string,
  rows: Iterable<EmbeddingRow> | AsyncIterable<EmbeddingRow>,
  options: WriteEmbeddingsOptions,
): Promise<ExportResult> {
  checkString('folder', folder)
  checkIterable('rows', rows)
  const { dim, columns = {}, clip, texts = false, ...rest } = checkOptions('options', options, ['dim', 'columns',
    'clip', 'texts', ...exportKeys])
  checkBoolean('options.texts', texts)
  const checked = checkExport(rest)
  checkInteger('options.dim', dim, { min: 1, max: 100_000 })
  for (const [name, kind] of Object.entries(checkOptions('options.columns', columns, Object.keys(columns)))) {
    if (name === 'image_path') throw outOfRange('options.columns', 'names of other columns than image_path', name)
    checkOneOf(`options.columns.${name}`, kind, ['string', 'number', 'integer', 'boolean', 'date'])
  }
  const note = clip && { model: clip.info.name, probe: Array.from(await clip.encodeImage(probe())) }
  if (note && note.probe.length !== dim) throw outOfRange('options.dim', `${note.probe.length}, as of the model,`, dim)
  const output = async function*(): AsyncGenerator<OutputRow> {
    let i = 0
    for await (const row of rows) yield checkRow(`rows[${i++}]`, row, { dim: dim!, columns, texts })
  }
  return writeParts(path.resolve(folder), output(), { dim: dim!, columns, note, texts, ...checked })
}

function checkRow(
  name: string,
  row: EmbeddingRow,
  { dim, columns, texts }: { dim: number; columns: Readonly<Record<string, ColumnKind>>; texts: boolean },
): OutputRow {
  const keys = ['path', 'vector', 'fields', ...(texts ? ['text' as const] : [])] as const
  const { path: picture, vector, text, fields = {} } = checkOptions(name, row, keys)
  checkOptions(`${name}.fields`, fields, Object.keys(columns))
  for (const [field, value] of Object.entries(fields)) {
    const kind = columns[field]!
    const fits = kind === 'date'
      ? value instanceof Date && Number.isFinite(value.getTime())
      : kind === 'integer'
      ? Number.isSafeInteger(value)
      : typeof value === kind
    if (value !== undefined && !fits)
      throw invalidArgument(`${name}.fields.${field}`, kind === 'integer' ? 'an integer' : `a ${kind}`, value)
  }
  const halves = toHalves(normalize(checkVector(`${name}.vector`, vector, dim)))
  const textHalves = text && toHalves(normalize(checkVector(`${name}.text`, text, dim)))
  return { path: checkString(`${name}.path`, picture), halves, textHalves, fields }
}

/** Writes all parts into a folder beside the one that is meant, or in it if it is there, and renames them. */
export async function writeParts(
  folder: string,
  rows: Iterable<OutputRow> | AsyncIterable<OutputRow>,
  { dim, columns, note, texts = false, rowsPerPart, signal, onProgress }: CheckedExport & {
    dim: number
    texts?: boolean
    columns: Readonly<Record<string, ColumnKind>>
    note: ModelNote | undefined
  },
): Promise<ExportResult> {
  await needParquet()
  throwIfAborted(signal)
  const isThere = await isEmptyFolder(folder)
  const name = `${randomBytes(4).toString('hex')}.tmp`
  // an empty folder may be a mounted disk or a link, which cannot be replaced
  const unfinished = isThere ? path.join(folder, name) : `${folder}.${name}`
  const kinds = { image_path: 'string' as const, ...columns }
  const parts = new Parts(unfinished, { dim, kinds, texts, note: note ? JSON.stringify(note) : '', rowsPerPart })
  try {
    await attempt(folder, () => parts.begin())
    for await (const row of rows) {
      throwIfAborted(signal)
      parts.add(row)
      if (!parts.isFull) continue
      await attempt(folder, () => parts.flush())
      onProgress?.(parts.rows)
    }
    await attempt(folder, async () => {
      await parts.finish()
      throwIfAborted(signal)
      if (isThere) await moveInto(folder, unfinished, parts.folders)
      else await rename(unfinished, folder)
    })
    onProgress?.(parts.rows)
    return { rows: parts.rows, parts: parts.count }
  } catch (error) {
    await parts.discard()
    await rm(unfinished, { recursive: true, force: true }).catch(() => undefined)
    throw error
  }
}

/** False: there is none yet. @throws {ClipError} ERR_CLIP_FILE_WRITE: something else is there */
async function isEmptyFolder(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(async (error: NodeJS.ErrnoException) => {
    // a link to nothing has a name, too
    const isFree = error.code === 'ENOENT' && await lstat(folder).then(() => false, () => true)
    if (isFree) return undefined
    throw writeError(folder, error)
  })
  if (names !== undefined && names.length > 0)
    throw writeError(folder, new Error('expected a folder that is not there yet, or is empty'))
  return names !== undefined
}

/** The vectors last, for which readers look first: where they are, all is there. */
async function moveInto(folder: string, unfinished: string, names: readonly string[]): Promise<void> {
  const moved: string[] = []
  try {
    for (const name of names) {
      await rename(path.join(unfinished, name), path.join(folder, name))
      moved.push(path.join(folder, name))
    }
  } catch (error) {
    for (const name of moved) await rm(name, { recursive: true, force: true })
    throw error
  }
  await rmdir(unfinished)
}

async function attempt(folder: string, work: () => Promise<void>): Promise<void> {
  await work().catch((error: NodeJS.ErrnoException) => {
    throw error.syscall === undefined ? error : writeError(folder, error)
  })
}

function writeError(folder: string, error: Error): ClipError {
  return new ClipError('ERR_CLIP_FILE_WRITE', `'${folder}' cannot be written: ${error.message}`, { cause: error })
}

interface Shape {
  dim: number
  kinds: Readonly<Record<string, ColumnKind>>
  texts: boolean
  note: string
  rowsPerPart: number
}

/** A part that is being written. */
interface Part {
  vectors: FileHandle
  /** Of captions. */
  texts: FileHandle | undefined
  table: ParquetOutput
  rows: number
}

/** The files of a folder, one part after the other. */
class Parts {
  readonly #folder: string
  readonly #shape: Shape
  /** Rows that are not yet in the files. */
  readonly #halves: Uint16Array
  readonly #textHalves: Uint16Array
  #columns: Record<string, unknown[]> = {}
  #waiting = 0
  #part: Part | undefined
  count = 0
  /** Rows in the files. */
  rows = 0

  constructor(folder: string, shape: Shape) {
    this.#folder = folder
    this.#shape = shape
    this.#halves = new Uint16Array(Math.min(rowsPerGroup, shape.rowsPerPart) * shape.dim)
    this.#textHalves = new Uint16Array(shape.texts ? this.#halves.length : 0)
    this.#clear()
  }

  async begin(): Promise<void> {
    for (const name of this.folders) await makeFolder(path.join(this.#folder, name))
  }

  /** Pictures' vectors last. */
  get folders(): readonly string[] {
    return ['metadata', ...(this.#shape.texts ? ['text_emb'] : []), 'img_emb']
  }

  add({ path: picture, halves, textHalves, fields }: OutputRow): void {
    const at = this.#waiting++ * this.#shape.dim
    this.#halves.set(halves, at)
    if (textHalves) this.#textHalves.set(textHalves, at)
    for (const name of Object.keys(this.#shape.kinds))
      this.#columns[name]!.push(
        name === 'image_path' ? picture : Object.hasOwn(fields, name) ? fields[name] ?? null : null,
      )
  }

  /** Whether the next row needs a {@link Parts.flush} before it. */
  get isFull(): boolean {
    const { dim, rowsPerPart } = this.#shape
    return (this.#waiting + 1) * dim > this.#halves.length || (this.#part?.rows ?? 0) + this.#waiting === rowsPerPart
  }

  async flush(): Promise<void> {
    const part = this.#part ??= await this.#open()
    if (this.#waiting > 0) {
      const values = this.#waiting * this.#shape.dim
      await part.vectors.writeFile(halvesForFile(this.#halves.slice(0, values)))
      await part.texts?.writeFile(halvesForFile(this.#textHalves.slice(0, values)))
      await part.table.write(this.#columns, this.#waiting)
    }
    part.rows += this.#waiting
    this.rows += this.#waiting
    this.#clear()
    if (part.rows >= this.#shape.rowsPerPart) await this.#close()
  }

  /** An empty folder has one part, of no rows. */
  async finish(): Promise<void> {
    if (this.#waiting > 0 || this.count === 0) await this.flush()
    await this.#close()
    const digits = String(this.count - 1).length
    // readers sort names: the numbers get as many digits as the last has
    for (let number = 0; number < 10 ** (digits - 1) && number < this.count && digits > 1; number++) {
      for (const kind of ['vectors', 'table', ...(this.#shape.texts ? ['texts' as const] : [])] as const)
        await rename(this.#nameOf(kind, String(number)), this.#nameOf(kind, String(number).padStart(digits, '0')))
    }
  }

  async discard(): Promise<void> {
    await this.#part?.vectors.close().catch(() => undefined)
    await this.#part?.texts?.close().catch(() => undefined)
    await this.#part?.table.discard()
  }

  async #open(): Promise<Part> {
    const { kinds, note } = this.#shape
    const number = String(this.count)
    const vectors = await open(this.#nameOf('vectors', number), 'wx')
    let texts: FileHandle | undefined
    try {
      await vectors.writeFile(Buffer.alloc(npyHeaderBytes))
      if (this.#shape.texts) texts = await open(this.#nameOf('texts', number), 'wx')
      await texts?.writeFile(Buffer.alloc(npyHeaderBytes))
      const table = await ParquetOutput.create(this.#nameOf('table', number), kinds, note)
      this.count++
      return { vectors, texts, table, rows: 0 }
    } catch (error) {
      await vectors.close()
      await texts?.close()
      throw error
    }
  }

  async #close(): Promise<void> {
    if (!this.#part) return
    const { vectors, texts, table, rows } = this.#part
    for (const file of texts ? [vectors, texts] : [vectors]) {
      await file.write(npyHeader('<f2', [rows, this.#shape.dim], npyHeaderBytes), 0, npyHeaderBytes, 0)
      await file.sync()
      await file.close()
    }
    await table.finish()
    this.#part = undefined
  }

  #nameOf(kind: 'vectors' | 'texts' | 'table', number: string): string {
    const names = {
      vectors: ['img_emb', `img_emb_${number}.npy`],
      texts: ['text_emb', `text_emb_${number}.npy`],
      table: ['metadata', `metadata_${number}.parquet`],
    }
    return path.join(this.#folder, ...names[kind])
  }

  #clear(): void {
    this.#waiting = 0
    this.#textHalves.fill(0)
    this.#columns = Object.fromEntries(Object.keys(this.#shape.kinds).map(name => [name, []]))
  }
}
