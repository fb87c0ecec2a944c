/** From a store of vectors to a folder of embeddings. */
import path from 'node:path'

import { throwIfAborted } from '../async/abort.js'
import { invalidArgument, outOfRange } from '../errors.js'
import { toHalves } from '../search/storage/half.js'
import type { VectorStore } from '../stores/types.js'
import { checkOptions, checkString } from '../validate.js'
import { normalize } from '../vectors/similarity.js'
import { modelOf } from '../work/bind-store.js'
import { CaptionFiles } from './caption-files.js'
import { type CaptionedRow, checkCaptionModel, needCaptionModel, withCaptions } from './captions.js'
import type { ColumnKind, ExportResult, ExportStoreOptions } from './types.js'
import { checkExport, exportKeys, type OutputRow, writeParts } from './write.js'

/** What a store knows of a row beside its own fields. */
const columns: Readonly<Record<string, ColumnKind>> = {
  file_size: 'integer',
  modified: 'date',
  sha256: 'string',
  content: 'string',
}
const captionKeys = ['clip', 'field', 'remoteImages', 's3'] as const
const ownColumns = ['image_path', ...Object.keys(columns)]
const sha256 = /^[0-9a-f]{64}$/
/** Rows that are read at a time. */
const rowsPerRead = 1000

/**
 * Writes all rows of a store as clip-retrieval does ({@link writeEmbeddings}), in the order of {@link VectorStore.list}:
 * `image_path` is the key; `file_size`, `modified`, and the record's `content` as `sha256` if it looks like one, else as
 * `content`; and the store's own fields. Vectors get unit length and half precision. Needs no model; which one the store's
 * vectors are of is noted, if the store knows it. With `captions`, the vectors of a field's texts, or of the texts in files beside
 * the pictures, are `text_emb`. {@link importToStore} reads all of it. While the store changes, each row is one that it had at
 * some time.
 *
 * @param folder that is not there yet, or is empty
 * @throws {RangeError} a field of the store has the name of one of the other columns; {ClipError} as
 *   {@link writeEmbeddings} and {@link VectorStore.list}; a tar file of pictures with captions cannot be read, as
 *   {@link pictureSources}
 *
 * @example
 * const rows = await openVectorStore('memory:', { dim: 2, fields: { year: 'number' } })
 * await rows.upsert([{ key: 'https://example.com/a.jpg', vector: Float32Array.of(3, 4), fields: { year: 2026 } }])
 * console.log(await exportStore(rows, 'build/exported-store')) // { rows: 1, parts: 1 }
 * for await (const { columns } of readEmbeddings('build/exported-store', { columns: ['year'] }))
 *   console.log(columns.year) // [ 2026 ]
 */
export async function exportStore(
  store: VectorStore,
  folder: string,
  options?: ExportStoreOptions,
): Promise<ExportResult> {
  if (typeof store?.list !== 'function') throw invalidArgument('store', 'a VectorStore', store)
  checkString('folder', folder)
  const { captions, ...rest } = checkOptions('options', options, ['captions', ...exportKeys])
  const checked = checkExport(rest)
  throwIfAborted(checked.signal)
  const { dim, fields } = store
  const taken = Object.keys(fields).find(name => ownColumns.includes(name))
  if (taken !== undefined) throw outOfRange('store.fields', `none of the columns ${ownColumns.join(', ')}`, taken)
  const { name = '', probe = [] } = await modelOf(store) ?? {}
  const note = { model: name, probe }
  const shape = { dim, columns: { ...columns, ...fields }, note, ...checked }
  if (captions === undefined) return writeParts(path.resolve(folder), rowsOf(store), shape)
  const { clip: model, field, remoteImages, s3 } = checkOptions('options.captions', captions, captionKeys)
  const clip = checkCaptionModel('options.captions.clip', model)
  const { checkRemote, Remote } = await import('../work/remote.js') // with what servers need: loading ggclip takes less
  const rules = checkRemote('options.captions', { remoteImages, s3 })
  const inField = field ?? (Object.hasOwn(fields, 'caption') ? 'caption' : undefined)
  if (inField !== undefined && (!Object.hasOwn(fields, inField) || fields[inField] !== 'string'))
    throw outOfRange('options.captions.field', 'a field of texts that the store has', inField)
  await needCaptionModel(clip, dim, note)
  const remote = new Remote(rules)
  try {
    const rows = inField === undefined
      ? besidePictures(store, new CaptionFiles(remote, checked.signal))
      : inTheField(store, inField)
    return await writeParts(path.resolve(folder), withCaptions(rows, clip, checked.signal), {
      ...shape,
      columns: { ...shape.columns, ...(inField === undefined && { caption: 'string' as const }) },
      texts: true,
    })
  } finally {
    remote.close()
  }
}

async function* inTheField(store: VectorStore, field: string): AsyncGenerator<CaptionedRow> {
  for await (const row of rowsOf(store))
    yield { ...row, caption: (row.fields[field] as string | undefined) || undefined }
}

async function* besidePictures(store: VectorStore, files: CaptionFiles): AsyncGenerator<CaptionedRow> {
  for await (const row of rowsOf(store)) {
    const caption = await files.of(row.path)
    yield { ...row, caption, fields: { ...row.fields, caption } }
  }
}

async function* rowsOf(store: VectorStore): AsyncGenerator<OutputRow> {
  for (let after: string | undefined;;) {
    const records = await store.list({ after, limit: rowsPerRead, vectors: true })
    if (records.length === 0) return
    for (const { key, vector, content, modified, size, fields } of records) {
      const kept = content !== undefined && { [sha256.test(content) ? 'sha256' : 'content']: content }
      yield {
        path: key,
        halves: toHalves(normalize(vector)),
        fields: { file_size: size, modified, ...kept, ...fields },
      }
    }
    after = records.at(-1)!.key
  }
}
