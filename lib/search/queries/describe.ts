/** What an index and its files are, as callers see it. */
import { type FileOfPicture, textOf } from '../storage/catalog.js'
import type { Store } from '../storage/store.js'
import type { IndexedFile, IndexInfo } from '../types.js'
import { factsOf } from './graph.js'

export function infoOf(store: Store): IndexInfo {
  const { catalog, folder, format } = store
  const graph = factsOf(store)
  return {
    folder,
    model: catalog.get('model') ?? '',
    modelPath: catalog.get('modelPath') ?? '',
    dim: format.dim,
    rows: format.type,
    roots: catalog.roots().map(textOf),
    ...catalog.counts(),
    ...(graph && { approximate: { pictures: graph.rows, recall: graph.recall } }),
  }
}

export function failuresIn({ catalog }: Store): { path: string; code: string; message: string }[] {
  return catalog.failures().map(({ path: name, code, message }) => ({ path: textOf(name), code, message }))
}

export function describe(file: FileOfPicture): IndexedFile {
  const name = textOf(file.path)
  const { size, mtime, taken, camera, latitude, longitude } = file
  return {
    path: name,
    ...(Buffer.from(name).equals(file.path) ? {} : { pathBytes: file.path }),
    hash: Buffer.from(file.hash).toString('hex'),
    size,
    modified: new Date(mtime),
    ...(taken === null ? {} : { taken: new Date(taken) }),
    ...(camera === null ? {} : { camera }),
    ...(latitude === null || longitude === null ? {} : { place: { latitude, longitude } }),
  }
}
