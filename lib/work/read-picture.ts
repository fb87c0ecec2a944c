/** From a source to a picture's bytes, with the limits that keep one bad picture from hurting a worker. */
import { open, stat } from 'node:fs/promises'

import { ClipError } from '../errors.js'
import { readImageFile } from '../image/read-bytes.js'
import { checkSize, type RemoteImageOptions, remoteImages } from '../remote/remote-image.js'
import { loadPeer } from '../peer.js'
import type { StoredRecord } from '../stores/types.js'
import { isUrl, pathOfKey } from './sources.js'
import type { PictureSource } from './types.js'

export interface PictureBytes {
  bytes: Buffer
  modified?: Date
}

export interface PictureReader {
  /** Whether the store's row is of this picture as it is now, as far as can be said without reading it. */
  isKnown(source: PictureSource, row: StoredRecord): Promise<boolean>
  /** @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND, ERR_CLIP_IMAGE_TOO_LARGE, ERR_CLIP_URL_FAILED, ERR_CLIP_URL_REFUSED */
  read(source: PictureSource, signal: AbortSignal): Promise<PictureBytes>
}

export function pictureReader(rules: RemoteImageOptions, maxBytes: number): PictureReader {
  let fetchRemote: ReturnType<typeof remoteImages> | undefined
  const fetchFrom = (url: string, signal: AbortSignal): Promise<Buffer> => {
    if (!fetchRemote) {
      loadPeer('ipaddr.js', 'ERR_CLIP_WORK_PARTS', 'fetching pictures from URLs')
      const { hosts = [], privateAddresses = false, timeoutMs = 10_000, maxRedirects = 3 } = rules
      fetchRemote = remoteImages({ hosts, privateAddresses, timeoutMs, maxRedirects }, maxBytes)
    }
    return fetchRemote(url, signal)
  }
  return {
    async isKnown(source, row) {
      if (typeof source !== 'string') return row.size === source.size
      // a server may be asked whether it has changed only by fetching it: `refresh` does
      if (isUrl(source)) return true
      const info = await stat(pathOfKey(source)).catch(() => undefined)
      return info !== undefined && info.size === row.size && Math.trunc(info.mtimeMs) === row.modified?.getTime()
    },
    async read(source, signal) {
      if (typeof source !== 'string') return { bytes: await readEntry(source, maxBytes) }
      if (isUrl(source)) return { bytes: await fetchFrom(source, signal) }
      const name = pathOfKey(source)
      const info = await stat(name).catch((error: Error) => {
        throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `'${source}' cannot be read: ${error.message}`, { cause: error })
      })
      // a pipe would be waited for, a device never ends
      if (!info.isFile()) throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `'${source}' cannot be read: it is not a file`)
      checkSize(`'${source}'`, info.size, maxBytes)
      return { bytes: await readImageFile(name, 'picture'), modified: new Date(Math.trunc(info.mtimeMs)) }
    },
  }
}

async function readEntry(
  { key, file, offset, size }: Exclude<PictureSource, string>,
  maxBytes: number,
): Promise<Buffer> {
  checkSize(`'${key}'`, size, maxBytes)
  try {
    const handle = await open(file, 'r')
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(size), 0, size, offset)
      if (bytesRead < size) throw new Error('the file has become shorter')
      return buffer
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `'${key}' cannot be read: ${(error as Error).message}`, {
      cause: error,
    })
  }
}
