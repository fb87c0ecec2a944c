/** Folders of embeddings in clip-retrieval's layout, read. */
import { readdir } from 'node:fs/promises'
import path from 'node:path'

import { throwIfAborted } from '../async/abort.js'
import { ClipError } from '../errors.js'
import { checkOneOf, checkOptions, checkSignal, checkString, checkStrings } from '../validate.js'
import { normalize } from '../vectors/similarity.js'
import { NpyRows } from './npy.js'
import { ParquetFile } from './parquet.js'
import type { EmbeddingBatch, ReadEmbeddingsOptions } from './types.js'
import type { ModelNote } from './write.js'

/** Vectors that are read at a time. */
const rowsPerBatch = 4096

export type Tower = 'image' | 'text'

/** The files of a part. */
interface PartFiles {
  vectors: string
  table: string
}

/** Those of a folder, in the order of their numbers. @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND */
async function partsOf(folder: string, tower: Tower): Promise<PartFiles[]> {
  const kind = tower === 'image' ? 'img_emb' : 'text_emb'
  const names = await readdir(path.join(folder, kind)).catch((error: Error) => {
    throw new ClipError(
      'ERR_CLIP_FILE_NOT_FOUND',
      `'${folder}': expected a folder as clip-retrieval writes it, with ${kind}/${kind}_0.npy and metadata/metadata_0.parquet: ${error.message}`,
      { cause: error },
    )
  })
  const numbers = names.flatMap(name => new RegExp(`^${kind}_(\\d+)\\.npy$`).exec(name)?.[1] ?? [])
  if (numbers.length === 0)
    throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `'${folder}': expected files ${kind}/${kind}_0.npy and so on`)
  return numbers.sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1)).map(number => ({
    vectors: path.join(folder, kind, `${kind}_${number}.npy`),
    table: path.join(folder, 'metadata', `metadata_${number}.parquet`),
  }))
}

/** What is known before the rows are read: of the first part, except `rows`. */
export interface FolderFacts {
  rows: number
  dim: number
  columns: readonly string[]
  note: ModelNote | undefined
}

/** Looks at the beginnings of all parts: what does not fit together is found before anything is done. */
export async function inspectFolder(folder: string, tower: Tower = 'image'): Promise<FolderFacts> {
  let facts: FolderFacts | undefined
  for (const files of await partsOf(folder, tower)) {
    const { vectors, table } = await openPart(files)
    await Promise.all([vectors.close(), table.close()])
    if (!facts) facts = { rows: 0, dim: vectors.dim, columns: table.columns, note: noteOf(table) }
    if (vectors.dim !== facts.dim) {
      throw new ClipError(
        'ERR_CLIP_FILE_FORMAT',
        `'${files.vectors}': expected vectors of ${facts.dim} values, as in the first part, found ${vectors.dim}`,
      )
    }
    facts.rows += vectors.rows
  }
  return facts!
}

/** Undefined where another program wrote the table, or the model was not given. */
function noteOf(table: ParquetFile): ModelNote | undefined {
  try {
    const { model, probe } = JSON.parse(table.note('ggclip') ?? '') as Partial<ModelNote>
    return typeof model === 'string' && Array.isArray(probe) ? { model, probe } : undefined
  } catch {
    return undefined
  }
}

async function openPart(files: PartFiles): Promise<{ vectors: NpyRows; table: ParquetFile }> {
  const vectors = await NpyRows.open(files.vectors)
  try {
    const table = await ParquetFile.open(files.table)
    if (table.rows === vectors.rows) return { vectors, table }
    await table.close()
    throw new ClipError(
      'ERR_CLIP_FILE_FORMAT',
      `'${files.table}': expected ${vectors.rows} rows, as '${path.basename(files.vectors)}' has, found ${table.rows}`,
    )
  } catch (error) {
    await vectors.close()
    throw error
  }
}

/**
 * Reads a folder of embeddings as clip-retrieval and {@link writeEmbeddings} write it, in pieces of some thousand rows:
 * `img_emb/img_emb_<n>.npy` (float16 or float32, C order), or `text_emb/text_emb_<n>.npy`, with
 * `metadata/metadata_<n>.parquet`. Of the tables a group of
 * rows is in memory at a time. Needs the package hyparquet.
 *
 * @throws {ClipError} ERR_CLIP_INDEX_PARTS: the package is not installed; ERR_CLIP_FILE_NOT_FOUND: no such folder, part or
 *   column; ERR_CLIP_FILE_FORMAT, ERR_CLIP_FILE_TRUNCATED: a file that is not as expected; the signal's reason
 *
 * @example
 * const rows = [{ path: 'a.jpg', vector: Float32Array.of(0, 1) }, { path: 'b.jpg', vector: Float32Array.of(1, 0) }]
 * await writeEmbeddings('build/read-embeddings', rows, { dim: 2 })
 * for await (const { rows, dim, columns } of readEmbeddings('build/read-embeddings'))
 *   console.log(rows, dim, columns.image_path) // 2 2 [ 'a.jpg', 'b.jpg' ]
 */
export async function* readEmbeddings(
  folder: string,
  options?: ReadEmbeddingsOptions,
): AsyncGenerator<EmbeddingBatch, void, undefined> {
  checkString('folder', folder)
  const { columns, tower = 'image', signal } = checkOptions('options', options, ['columns', 'tower', 'signal'])
  checkOneOf('options.tower', tower, ['image', 'text'])
  if (columns !== undefined) checkStrings('options.columns', columns)
  checkSignal('options.signal', signal)
  for (const files of await partsOf(path.resolve(folder), tower)) {
    const { vectors, table } = await openPart(files)
    try {
      const wanted = columns ?? table.columns
      const absent = wanted.find(column => !table.columns.includes(column))
      if (absent !== undefined) {
        throw new ClipError(
          'ERR_CLIP_FILE_NOT_FOUND',
          `'${files.table}': expected a column ${absent}, found ${table.columns.join(', ')}`,
        )
      }
      let first = 0
      for (const rows of table.groups) {
        throwIfAborted(signal)
        const values = await table.read(wanted, first, rows)
        for (let at = 0; at < rows; at += rowsPerBatch) {
          throwIfAborted(signal)
          const count = Math.min(rowsPerBatch, rows - at)
          yield {
            rows: count,
            dim: vectors.dim,
            vectors: await vectors.read(first + at, count),
            columns: Object.fromEntries(wanted.map(name => [name, values[name]!.slice(at, at + count)])),
          }
        }
        first += rows
      }
    } finally {
      await Promise.all([vectors.close(), table.close()])
    }
  }
}

/** Of unit length; undefined if a value is not finite, or all are 0. */
export function unitVector(vectors: Float32Array, row: number, dim: number): Float32Array | undefined {
  const vector = vectors.subarray(row * dim, (row + 1) * dim)
  const usable = vector.every(Number.isFinite) && vector.some(value => value !== 0)
  return usable ? normalize(vector) : undefined
}
