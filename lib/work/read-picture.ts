/** From a source to a picture's bytes, with the limits that keep one bad picture from hurting a worker. */
import { open, stat } from 'node:fs/promises'

import { ClipError } from '../errors.js'
import { readFully, unreadable } from '../files.js'
import { readImageFile } from '../image/read-bytes.js'
import { type RetryPolicy } from '../models/hub-settings.js'
import { checkSize } from '../remote/remote-image.js'
import type { StoredRecord } from '../stores/types.js'
import { isS3, isUrl, pathOfKey } from './address.js'
import type { RemoteFile } from './remote-file.js'
import { Remote, type RemoteRules } from './remote.js'
import type { PictureSource } from './types.js'

type Entry = Extract<PictureSource, { file: string }>

export interface PictureBytes {
  bytes: Buffer
  modified?: Date
}

export interface PictureReader {
  /** For the pictures of one job, of which many may be in the same tar file. */
  ofJob(): JobReader
  close(): void
}

export interface JobReader {
  /** Whether the store's row is of this picture as it is now, as far as can be said without reading it. */
  isKnown(source: PictureSource, row: StoredRecord): Promise<boolean>
  /**
   * @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND, ERR_CLIP_IMAGE_TOO_LARGE, ERR_CLIP_URL_FAILED, ERR_CLIP_URL_REFUSED,
   *   ERR_CLIP_S3_DENIED, ERR_CLIP_S3_NOT_FOUND, ERR_CLIP_S3_FAILED, ERR_CLIP_FILE_TRUNCATED, ERR_CLIP_FILE_CHANGED
   */
  read(source: PictureSource, signal: AbortSignal): Promise<PictureBytes>
  close(): void
}

/** A connection that breaks is made again at once; what fails then is left to the job's later attempts. */
const entryRetries: RetryPolicy = { attempts: 2, pauseMs: 100, maxPauseMs: 100, maxServerPauseMs: 0 }

export function pictureReader(rules: RemoteRules & { maxImageBytes: number }): PictureReader {
  const maxBytes = rules.maxImageBytes
  const remote = new Remote(rules)
  return {
    ofJob() {
      const files = new Map<string, RemoteFile>()
      const fileAt = (address: string): RemoteFile => {
        const file = files.get(address) ?? remote.file(address, entryRetries)
        files.set(address, file)
        return file
      }
      return {
        isKnown,
        read: (source, signal) =>
          typeof source === 'string' || !('file' in source)
            ? readWhole(source, remote, maxBytes, signal)
            : isUrl(source.file) || isS3(source.file)
            ? readRemoteEntry(source, fileAt(source.file), maxBytes, signal)
            : readEntry(source, maxBytes),
        close() {
          for (const file of files.values()) file.close()
        },
      }
    },
    close: () => remote.close(),
  }
}

async function isKnown(source: PictureSource, row: StoredRecord): Promise<boolean> {
  if (typeof source !== 'string')
    return row.size === source.size && (!('modified' in source) || row.modified?.getTime() === source.modified)
  // a server may be asked whether it has changed only by fetching it: `refresh` does
  if (isUrl(source) || isS3(source)) return true
  const info = await stat(pathOfKey(source)).catch(() => undefined)
  return info !== undefined && info.size === row.size && Math.trunc(info.mtimeMs) === row.modified?.getTime()
}

async function readWhole(
  source: Exclude<PictureSource, Entry>,
  remote: Remote,
  maxBytes: number,
  signal: AbortSignal,
): Promise<PictureBytes> {
  if (typeof source !== 'string')
    return { modified: new Date(source.modified), ...await remote.object(source.key, maxBytes, signal) }
  if (isS3(source)) return remote.object(source, maxBytes, signal)
  if (isUrl(source)) return { bytes: await remote.image(source, maxBytes, signal) }
  const name = pathOfKey(source)
  const info = await stat(name).catch((error: Error) => {
    throw unreadable(`'${source}'`, error)
  })
  // a pipe would be waited for, a device never ends
  if (!info.isFile()) throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `'${source}' cannot be read: it is not a file`)
  checkSize(`'${source}'`, info.size, maxBytes)
  return { bytes: await readImageFile(name, 'picture'), modified: new Date(Math.trunc(info.mtimeMs)) }
}

async function readRemoteEntry(
  { key, offset, size }: Entry,
  file: RemoteFile,
  maxBytes: number,
  signal: AbortSignal,
): Promise<PictureBytes> {
  checkSize(`'${key}'`, size, maxBytes)
  const bytes = await file.read(offset, size, signal)
  if (bytes.length < size)
    throw new ClipError('ERR_CLIP_FILE_TRUNCATED', `'${key}' ends after ${bytes.length} of ${size} bytes`)
  return { bytes }
}

async function readEntry({ key, file, offset, size }: Entry, maxBytes: number): Promise<PictureBytes> {
  checkSize(`'${key}'`, size, maxBytes)
  try {
    const handle = await open(pathOfKey(file), 'r')
    try {
      const bytes = Buffer.alloc(size)
      if (await readFully(handle, bytes, offset) < size) throw new Error('the file has become shorter')
      return { bytes }
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw unreadable(`'${key}'`, error as Error)
  }
}
