/** From a folder of embeddings to a store of vectors. */
import path from 'node:path'

import { throwIfAborted } from '../async/abort.js'
import { ClipError, invalidArgument, outOfRange } from '../errors.js'
import { isKey, isStorable } from '../stores/checks.js'
import type { FieldKind, FieldValue, VectorRecord, VectorStore } from '../stores/types.js'
import { checkOneOf, checkOptions, checkString } from '../validate.js'
import { isS3, isUrl, pathOfKey } from '../work/address.js'
import { bindStore } from '../work/bind-store.js'
import { checkImport, importKeys } from './import-index.js'
import { inspectFolder, readEmbeddings, unitVector } from './read.js'
import { needSameModel } from './same-model.js'
import type { EmbeddingBatch, ImportResult, ImportToStoreOptions } from './types.js'

/** Rows of one write. */
const rowsPerWrite = 1000

/**
 * Takes the vectors of a folder as clip-retrieval or {@link exportIndex} wrote it into a store: a row for each, with the path
 * or URL of the picture as its key; with `base`, relative paths become absolute ones, as those of `ggclip work` are. Columns that the store has as fields of the same name and kind come
 * along, and `sha256` (or `content`), `modified` and `file_size` of {@link exportIndex} and {@link exportStore}. Vectors get unit length. Rows that the store has are
 * replaced, so that it may be run again. Needs the package hyparquet.
 *
 * That the vectors are of `clip` is checked by their length and by what {@link exportIndex} noted, else by embedding up to
 * eight of the pictures if they are files that are there.
 *
 * @param folder with `img_emb` and `metadata`
 * @throws {ClipError} ERR_CLIP_INDEX_MODEL: the vectors, or the store's, are of another model; ERR_CLIP_FILE_NOT_FOUND: no such
 *   folder or column; otherwise as {@link readEmbeddings} and {@link VectorStore.upsert}
 *
 * @example
 * const rows = [{ path: 'https://example.com/rocket.png', vector: await clip.encodeImage('models/samples/rocket.png') }]
 * await writeEmbeddings('build/store-embeddings', rows, { dim: clip.info.dim, clip })
 * const store = await openVectorStore('memory:', { dim: clip.info.dim })
 * console.log(await importToStore('build/store-embeddings', store, { clip })) // { rows: 1, imported: 1, unusable: 0 }
 * await store.close()
 */
export async function importToStore(
  folder: string,
  store: VectorStore,
  options: ImportToStoreOptions,
): Promise<ImportResult> {
  checkString('folder', folder)
  if (typeof store?.upsert !== 'function') throw invalidArgument('store', 'a VectorStore', store)
  const { key = 'image_path', tower = 'image', ...rest } = checkOptions('options', options, [...importKeys, 'key',
    'tower'])
  checkOneOf('options.tower', tower, ['image', 'text'])
  checkString('options.key', key)
  const { clip, base, signal, onProgress } = checkImport(rest)
  if (store.dim !== clip.info.dim) throw outOfRange('store.dim', `${clip.info.dim}, as of the model,`, store.dim)
  throwIfAborted(signal)
  const facts = await inspectFolder(path.resolve(folder), tower)
  if (!facts.columns.includes(key)) {
    throw new ClipError(
      'ERR_CLIP_FILE_NOT_FOUND',
      `'${folder}': expected a column ${key} in its tables, found ${facts.columns.join(', ')}`,
    )
  }
  await needSameModel(folder, facts, { clip, base, tower, signal })
  await bindStore(store, clip)
  // other programs' columns of these names may mean something else
  const own = facts.note ? ['sha256', 'modified', 'file_size', 'content'] : []
  const columns = [...new Set([key, ...own, ...Object.keys(store.fields)])].filter(name => facts.columns.includes(name))
  const result: ImportResult = { rows: 0, imported: 0, unusable: 0 }
  for await (const batch of readEmbeddings(folder, { columns, tower, signal })) {
    for (let first = 0; first < batch.rows; first += rowsPerWrite) {
      throwIfAborted(signal)
      const end = Math.min(batch.rows, first + rowsPerWrite)
      const records: VectorRecord[] = []
      for (let i = first; i < end; i++) {
        const record = recordOf(batch, i, {
          key,
          base: rest.base === undefined ? undefined : base,
          own,
          fields: store.fields,
        })
        if (record) records.push(record)
      }
      await store.upsert(records)
      result.rows += end - first
      result.imported += records.length
      result.unusable += end - first - records.length
      onProgress?.(result.rows, facts.rows)
    }
  }
  return result
}

function recordOf(
  { vectors, dim, columns }: EmbeddingBatch,
  row: number,
  { key: keyColumn, base, own, fields }: {
    key: string
    /** For relative paths; undefined: they stay. */
    base: string | undefined
    own: readonly string[]
    fields: Readonly<Record<string, FieldKind>>
  },
): VectorRecord | undefined {
  const vector = unitVector(vectors, row, dim)
  const name = columns[keyColumn]![row]
  if (!vector || typeof name !== 'string') return undefined
  const isFile = !isUrl(name) && !isS3(name) && typeof pathOfKey(name) === 'string'
  const key = isFile && base !== undefined ? path.resolve(base, name) : name
  if (name === '' || !isKey(key)) return undefined
  const record: VectorRecord = { key, vector, fields: fieldsOf(columns, row, fields) }
  if (own.length === 0) return record
  const [hash, modified, size, content] = own.map(column => columns[column]?.[row])
  if (typeof hash === 'string') record.content = hash
  else if (typeof content === 'string') record.content = content
  if (modified instanceof Date) record.modified = modified
  if (typeof size === 'number') record.size = size
  return record
}

/** Values of the kinds that the store has; others are left out. */
function fieldsOf(
  columns: EmbeddingBatch['columns'],
  row: number,
  fields: Readonly<Record<string, FieldKind>>,
): Record<string, FieldValue> {
  const found: Record<string, FieldValue> = {}
  for (const [name, kind] of Object.entries(fields)) {
    const value = columns[name]?.[row]
    const fits = typeof value === kind && (kind !== 'number' || Number.isFinite(value)) &&
      (typeof value !== 'string' || isStorable(value))
    if (fits) found[name] = value as FieldValue
  }
  return found
}
