import { type FileHandle, open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

import { ClipError } from '../errors.js'
import { unreadable } from '../files.js'
import { quotedPath } from './path.js'

/** Image files are far smaller. Node cannot read larger files whole. */
const maxFileBytes = 2 ** 31 - 1

/**
 * An image file's bytes. sharp does not get the path: libvips caches files by name, so that a rewritten file could be
 * read as it was before, and an SVG read from a path may refer to other files.
 */
export async function readImageFile(path: string | Buffer, name: string): Promise<Buffer> {
  let file: FileHandle | undefined
  try {
    file = await openPatiently(path)
    const stat = await file.stat()
    // a device such as /dev/zero never ends
    if (!stat.isFile() && !stat.isFIFO()) throw new Error('it is not a file')
    checkByteCount(`${name} ${quotedPath(path)}`, stat.size)
    return await file.readFile()
  } catch (error) {
    if (error instanceof ClipError) throw error
    throw unreadable(`${name} ${quotedPath(path)}`, error as Error)
  } finally {
    await file?.close()
  }
}

/** If this process, or the system, has no free descriptor, others will release theirs soon. */
async function openPatiently(path: string | Buffer): Promise<FileHandle> {
  for (let waitMs = 5;; waitMs *= 2) {
    try {
      return await open(path, 'r')
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if ((code !== 'EMFILE' && code !== 'ENFILE') || waitMs > 2000) throw error
      await sleep(waitMs)
    }
  }
}

export async function readBlob(blob: Blob, name: string): Promise<Buffer> {
  checkByteCount(name, blob.size)
  try {
    return Buffer.from(await blob.arrayBuffer())
  } catch (error) {
    // a Blob may refer to a file that no longer exists
    throw unreadable(name, error as Error)
  }
}

function checkByteCount(label: string, bytes: number): void {
  if (bytes <= maxFileBytes) return
  throw new ClipError('ERR_CLIP_IMAGE_TOO_LARGE', `${label} has ${bytes} bytes, more than ${maxFileBytes}`)
}
