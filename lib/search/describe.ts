/** What an index and its files are, as callers see it. */
import type { FileOfPicture } from './catalog.js'
import { textOf } from './filter.js'
import type { Store } from './store.js'
import type { IndexInfo } from './types.js'

export function infoOf({ catalog, folder, dim }: Store): IndexInfo {
  return {
    folder,
    model: catalog.get('model') ?? '',
    modelPath: catalog.get('modelPath') ?? '',
    dim,
    roots: catalog.roots().map(textOf),
    ...catalog.counts(),
  }
}

export function failuresIn({ catalog }: Store): { path: string; code: string; message: string }[] {
  return catalog.failures().map(({ path: name, code, message }) => ({ path: textOf(name), code, message }))
}

export function describe(file: FileOfPicture): { path: string; pathBytes?: Uint8Array; size: number; modified: Date } {
  const name = textOf(file.path)
  const exact = Buffer.from(name).equals(file.path)
  return { path: name, ...(exact ? {} : { pathBytes: file.path }), size: file.size, modified: new Date(file.mtime) }
}
