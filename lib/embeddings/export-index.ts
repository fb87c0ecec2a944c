/** From a search index to a folder of embeddings. */
import path from 'node:path'

import { throwIfAborted } from '../async/abort.js'
import { describe } from '../search/queries/describe.js'
import { Store } from '../search/storage/store.js'
import { checkOptions, checkString } from '../validate.js'
import { keyOfPath } from '../work/address.js'
import { captionBeside } from './caption-files.js'
import { type CaptionedRow, checkCaptionModel, needCaptionModel, withCaptions } from './captions.js'
import type { ColumnKind, ExportIndexOptions, ExportResult } from './types.js'
import { checkExport, exportKeys, type ModelNote, type OutputRow, writeParts } from './write.js'

/** What an index knows of a file. */
const columns: Readonly<Record<string, ColumnKind>> = {
  file_size: 'integer',
  modified: 'date',
  sha256: 'string',
  taken: 'date',
  camera: 'string',
  latitude: 'number',
  longitude: 'number',
}
/** Files that are read at a time. */
const filesPerRead = 1000

/**
 * Writes all files of a search index with their vectors as clip-retrieval does ({@link writeEmbeddings}): a row for each file,
 * in the order of their paths, with `image_path`, `file_size`, `modified`, `sha256`, and what a camera wrote: `taken`,
 * `camera`, `latitude`, `longitude`. A name that is no UTF-8 becomes a file URL. Needs no model. While the index changes, each
 * row is one that it had at some time. With `captions`, the texts in files beside the pictures are embedded, too.
 *
 * @param index the index's folder
 * @param folder that is not there yet, or is empty
 * @throws {ClipError} as {@link SearchIndex.inspect} and {@link writeEmbeddings}
 *
 * @example
 * const index = await SearchIndex.open('build/example-index', { clip })
 * await index.update(['models/samples'])
 * await index.close()
 * console.log(await exportIndex('build/example-index', 'build/exported-index')) // { rows: 18, parts: 1 }
 */
export async function exportIndex(index: string, folder: string, options?: ExportIndexOptions): Promise<ExportResult> {
  checkString('index', index)
  checkString('folder', folder)
  const { captions, ...rest } = checkOptions('options', options, ['captions', ...exportKeys])
  const checked = checkExport(rest)
  const { clip: model } = checkOptions('options.captions', captions, ['clip'])
  const clip = captions && checkCaptionModel('options.captions.clip', model)
  throwIfAborted(checked.signal)
  const store = await Store.open(path.resolve(index))
  try {
    const { catalog, dim } = store
    const probe = JSON.parse(catalog.get('probe') ?? '[]') as number[]
    const note: ModelNote = { model: catalog.get('model') ?? '', probe }
    const shape = { dim, columns, note, ...checked }
    if (clip === undefined) return await writeParts(path.resolve(folder), rowsOf(store), shape)
    await needCaptionModel(clip, dim, note)
    return await writeParts(path.resolve(folder), withCaptions(captioned(store), clip, checked.signal), {
      ...shape,
      columns: { ...columns, caption: 'string' },
      texts: true,
    })
  } finally {
    await store.close()
  }
}

async function* captioned(store: Store): AsyncGenerator<CaptionedRow> {
  for (const row of rowsOf(store)) {
    const caption = await captionBeside(row.file)
    yield { ...row, caption, fields: { ...row.fields, caption } }
  }
}

function* rowsOf({ catalog, dim }: Store): Generator<OutputRow & { file: Uint8Array }> {
  for (let after: Uint8Array = Buffer.alloc(0);;) {
    const files = catalog.reading(() =>
      catalog.filesAfter(after, filesPerRead).map(file => ({ file, vector: catalog.pictureAt(file.hash)!.vector }))
    )
    if (files.length === 0) return
    for (const { file, vector } of files) {
      const { size, modified, hash, taken, camera, place } = describe(file)
      const fields = { file_size: size, modified, sha256: hash, taken, camera, ...place }
      const halves = new Uint16Array(Uint8Array.from(vector).buffer, 0, dim)
      yield { path: keyOfPath(Buffer.from(file.path)), halves, fields, file: file.path }
    }
    after = files.at(-1)!.file.path
  }
}
