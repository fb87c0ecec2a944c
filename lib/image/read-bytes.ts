import { type FileHandle, open } from 'node:fs/promises'

import { ClipError } from '../errors.js'

/** Encoded pictures are far below. Beyond, Node refuses to read a file whole. */
const maxFileBytes = 2 ** 31 - 1

/**
 * A picture's file as bytes. sharp is not given the path: libvips remembers files by name, so that a rewritten file
 * could come back as what it was, and an SVG read from a path may refer to other files.
 */
export async function readImageFile(path: string, name: string): Promise<Buffer> {
  let file: FileHandle | undefined
  try {
    file = await open(path, 'r')
    const stat = await file.stat()
    // a device such as /dev/zero never ends
    if (!stat.isFile() && !stat.isFIFO()) throw new Error('it is not a file')
    checkByteCount(`${name} '${path}'`, stat.size)
    return await file.readFile()
  } catch (error) {
    if (error instanceof ClipError) throw error
    throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `${name} '${path}' cannot be read: ${(error as Error).message}`, { cause: error })
  } finally {
    await file?.close()
  }
}

export async function readBlob(blob: Blob, name: string): Promise<Buffer> {
  checkByteCount(name, blob.size)
  try {
    return Buffer.from(await blob.arrayBuffer())
  } catch (error) {
    // a Blob may stand for a file that is gone by now
    throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `${name} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

function checkByteCount(label: string, bytes: number): void {
  if (bytes <= maxFileBytes) return
  throw new ClipError('ERR_CLIP_IMAGE_TOO_LARGE', `${label} has ${bytes} bytes, more than ${maxFileBytes}`)
}
