/** From a folder of embeddings to a search index: its pictures are not embedded again. */
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import path from 'node:path'

import { throwIfAborted } from '../async/abort.js'
import { mapInOrder } from '../async/pipeline.js'
import { invalidArgument, outOfRange } from '../errors.js'
import { readPhotoFacts } from '../image/photo-facts.js'
import { readImageFile } from '../image/read-bytes.js'
import { bindModel } from '../search/bind-model.js'
import { checkRoots, isBelow, needNew } from '../search/folders/roots.js'
import type { FileRecord } from '../search/storage/catalog.js'
import { toHalves } from '../search/storage/half.js'
import { Store } from '../search/storage/store.js'
import { checkFunction, checkOptions, checkSignal, checkString } from '../validate.js'
import { type FolderFacts, inspectFolder, readEmbeddings, unitVector } from './read.js'
import { fileOf, needSameModel } from './same-model.js'
import type { ImportOptions, ImportToIndexOptions, IndexImportResult } from './types.js'

/** Files that are read at a time, and rows after which what was done is saved. */
const [inFlight, rowsPerCommit] = [16, 512]

export const importKeys = ['clip', 'base', 'signal', 'onProgress'] as const

export function checkImport({ clip, base = '.', signal, onProgress }: Partial<ImportOptions>): ImportOptions & {
  /** Whole. */
  base: string
} {
  if (typeof clip?.encodeImage !== 'function') throw invalidArgument('options.clip', 'a Clip', clip)
  if (onProgress !== undefined) checkFunction('options.onProgress', onProgress)
  const checked = checkSignal('options.signal', signal)
  return { clip, base: path.resolve(checkString('options.base', base)), signal: checked, onProgress }
}

/**
 * Takes vectors of a folder as clip-retrieval or {@link exportIndex} wrote it into a search index. Each file of the column
 * `image_path` that is there, below the index's folders, is read and hashed, and not embedded; {@link SearchIndex.update}
 * then finds it unchanged. Vectors get unit length. May be ended at any point: what was done stays, and is `known` next
 * time. Needs the package hyparquet.
 *
 * That the vectors are of `clip` is checked: by what {@link exportIndex} noted, else by embedding up to eight of the pictures.
 *
 * @param folder with `img_emb` and `metadata`
 * @param index the index's folder; with `roots` it is made if it is not there
 * @throws {ClipError} ERR_CLIP_INDEX_MODEL: the vectors, or the index, are of another model; ERR_CLIP_INDEX_BUSY: another
 *   process is updating it; otherwise as {@link readEmbeddings} and {@link SearchIndex.open}; {RangeError} no `roots`, and the
 *   index has none
 *
 * @example
 * const index = await SearchIndex.open('build/source-index', { clip })
 * await index.update(['models/samples'])
 * await index.close()
 * await exportIndex('build/source-index', 'build/source-embeddings')
 * const roots = ['models/samples']
 * const { imported, missing } = await importToIndex('build/source-embeddings', 'build/target-index', { clip, roots })
 * console.log(imported, missing) // 18 0
 */
export async function importToIndex(
  folder: string,
  index: string,
  options: ImportToIndexOptions,
): Promise<IndexImportResult> {
  checkString('folder', folder)
  checkString('index', index)
  const { roots = [], ...rest } = checkOptions('options', options, [...importKeys, 'roots'])
  const checked = checkImport(rest)
  const given = checkRoots(roots)
  throwIfAborted(checked.signal)
  const facts = await inspectFolder(path.resolve(folder))
  await needSameModel(folder, facts, checked)
  const store = await Store.open(path.resolve(index), { create: given.length > 0 })
  try {
    await bindModel(store, checked.clip)
    return await store.asWriter(async () => {
      const { catalog } = store
      needNew(given, catalog.roots())
      for (const root of given) catalog.addRoot(root)
      if (catalog.roots().length === 0)
        throw outOfRange('options.roots', 'the folders of the pictures, of which the index has none,', roots)
      return await take(folder, store, facts, checked)
    })
  } finally {
    await store.close()
  }
}

type Outcome = 'known' | 'missing' | 'outside' | 'changed' | 'unusable' | FileRecord

async function take(
  folder: string,
  store: Store,
  facts: FolderFacts,
  { base, signal, onProgress }: ImportOptions & { base: string },
): Promise<IndexImportResult> {
  const { catalog } = store
  const result: IndexImportResult = {
    rows: 0,
    imported: 0,
    known: 0,
    missing: 0,
    outside: 0,
    changed: 0,
    unusable: 0,
  }
  const roots = catalog.roots().map(root => ({ root, has: isBelow(root) }))
  const isInside = (file: Buffer): boolean => roots.some(({ root, has }) => root.equals(file) || has(file))
  // other programs' columns of this name may be of other bytes: img2dataset's are of the picture before it was resized
  const hashes = facts.note !== undefined && facts.columns.includes('sha256')
  const rows = async function*(): AsyncGenerator<Row> {
    const columns = ['image_path', ...(hashes ? ['sha256'] : [])]
    for await (const batch of readEmbeddings(folder, { columns, signal })) {
      for (let i = 0; i < batch.rows; i++) {
        const vector = unitVector(batch.vectors, i, batch.dim)
        yield { file: fileOf(batch.columns.image_path![i], base), hash: batch.columns.sha256?.[i], vector }
      }
    }
  }
  let records: FileRecord[] = []
  const save = async (): Promise<void> => {
    await store.commit(records, [])
    records = []
    onProgress?.(result.rows, facts.rows)
  }
  try {
    for await (const outcome of mapInOrder(rows(), { limit: inFlight, signal }, row => examine(store, row, isInside))) {
      result.rows++
      if (typeof outcome === 'string') {
        result[outcome]++
      } else {
        if ('vector' in outcome && outcome.vector) result.imported++
        else result.known++
        records.push(outcome)
      }
      if (result.rows % rowsPerCommit === 0) await save()
    }
  } finally {
    // what was read before an interruption stays
    await save()
    await store.flush()
  }
  return result
}

interface Row {
  file: string | Buffer | undefined
  /** As it was noted; unknown where another program wrote the table. */
  hash: unknown
  vector: Float32Array | undefined
}

async function examine(
  { catalog }: Store,
  { file, hash: noted, vector }: Row,
  isInside: (file: Buffer) => boolean,
): Promise<Outcome> {
  if (!file || !vector) return 'unusable'
  const name = Buffer.from(file)
  if (!isInside(name)) return 'outside'
  try {
    const info = await stat(name)
    if (!info.isFile()) return 'missing'
    const { size, mtimeMs } = info
    const known = catalog.fileAt(name)
    if (known?.picture != null && known.size === size && known.mtime === mtimeMs) return 'known'
    const bytes = await readImageFile(name, 'image')
    const hash = createHash('sha256').update(bytes).digest()
    if (typeof noted === 'string' && noted !== hash.toString('hex')) return 'changed'
    const found = { path: name, size, mtimeMs, hash }
    if (catalog.pictureOf(hash)) return found
    return { ...found, vector: new Uint8Array(toHalves(vector).buffer), facts: await readPhotoFacts(bytes) }
  } catch {
    return 'missing'
  }
}
