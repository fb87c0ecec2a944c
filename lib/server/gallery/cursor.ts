/** Where a page of the gallery ends, as text for the next request. It holds no path of the server's disk. */
import { ClipError, type PagedFile } from '../../library.js'
import { about } from '../output/failures.js'
import type { Folders } from './folders.js'

/** Similarity and hash of the last picture, or number of the folder and path of the last file. */
const pattern = /^(?:s(?<similarity>-?[\d.e-]{1,30})_(?<hash>[\da-f]{64})|f(?<folder>\d{1,6})_(?<inside>[\w-]+))$/

export function cursorOf({ similarity, hash, path, pathBytes }: PagedFile, folders: Folders): string {
  if (similarity !== undefined) return `s${similarity}_${hash}`
  const bytes = pathBytes ? Buffer.from(pathBytes) : Buffer.from(path)
  const { folder } = folders.placeOf(path)!
  return `f${folder}_${bytes.subarray(folders.bytesOf(folder).length).toString('base64url')}`
}

/** @throws {ClipError} ERR_CLIP_OUT_OF_RANGE */
export function readCursor(cursor: string, folders: Folders, ranked: boolean): PagedFile {
  const { similarity, hash, folder, inside } = pattern.exec(cursor)?.groups ?? {}
  const file = { size: 0, modified: new Date(0) }
  if (ranked && similarity !== undefined && Number.isFinite(Number(similarity)))
    return { ...file, path: '-', hash: hash!, similarity: Number(similarity) }
  if (!ranked && inside !== undefined && Number(folder) < folders.names.length) {
    const pathBytes = Buffer.concat([folders.bytesOf(Number(folder)), Buffer.from(inside, 'base64url')])
    return { ...file, path: pathBytes.toString(), pathBytes, hash: '0'.repeat(64) }
  }
  throw about(
    'cursor',
    new ClipError('ERR_CLIP_OUT_OF_RANGE', "cursor: expected 'next' of an answer to the same query"),
  )
}
