/** The folder of pictures. Nothing is listed or read that does not lie in it, links included. */
import { constants, type Dirent, type OpenDirOptions } from 'node:fs'
import { open, opendir, realpath, stat } from 'node:fs/promises'
import { basename, extname, join, relative, sep } from 'node:path'

import { ClipError } from '../../../library.js'
import { bytesOf, nameOf, shownName } from './byte-names.js'
import type { FoundFile } from './types.js'

/** What sharp reads everywhere; SVG is left out, since it is a program as much as a picture. */
const extensions = new Set(['.jpg', '.jpeg', '.png', '.webp', '.avif', '.gif', '.tif', '.tiff'])
const maxDepth = 32

export class Folder {
  /** What people see of its path. */
  readonly name: string

  private constructor(private readonly root: string) {
    this.name = basename(root) || root
  }

  /** @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND */
  static async open(path: string): Promise<Folder> {
    try {
      const root = await realpath(path)
      if ((await stat(root)).isDirectory()) return new Folder(root)
    } catch (error) {
      throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `folder '${path}' cannot be read: ${(error as Error).message}`, {
        cause: error,
      })
    }
    throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `folder '${path}' is a file, expected a folder of images`)
  }

  /** All picture files, folder by folder. Hidden files and links are left out; folders that may not be read are skipped. */
  async *files(signal: AbortSignal): AsyncGenerator<FoundFile, void, undefined> {
    await stat(this.root) // gone: an error, not an empty folder
    yield* this.#walk(this.root, 0, signal)
  }

  async *#walk(folder: string, depth: number, signal: AbortSignal): AsyncGenerator<FoundFile, void, undefined> {
    const entries = await openFolder(folder).catch(() => undefined)
    if (entries === undefined) return
    const below: string[] = []
    for await (const entry of entries) {
      signal.throwIfAborted()
      const name = nameOf(entry.name)
      if (name.startsWith('.')) continue
      const path = join(folder, name)
      if (entry.isDirectory()) below.push(path)
      if (!entry.isFile() || !extensions.has(extname(name).toLowerCase())) continue
      const found = await stat(bytesOf(path)).catch(() => undefined) // deleted meanwhile
      if (found)
        yield { path: relative(this.root, path).split(sep).join('/'), bytes: found.size, changedMs: found.mtimeMs }
    }
    if (depth === maxDepth) return
    for (const path of below.sort()) yield* this.#walk(path, depth + 1, signal)
  }

  /**
   * A file that {@link files} listed. It may have been replaced by a link since: then it is refused.
   *
   * @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND, ERR_CLIP_IMAGE_TOO_LARGE
   */
  async read(path: string, maxBytes: number): Promise<Buffer> {
    const full = join(this.root, path)
    try {
      if (
        nameOf(await realpath(bytesOf(full), { encoding: 'buffer' })) !== full ||
        !full.startsWith(this.root === sep ? sep : this.root + sep)
      ) throw new Error('a link')
      // O_NONBLOCK: a pipe put in its place must not hold up a thread
      const file = await open(
        bytesOf(full),
        constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0),
      )
      try {
        const { size } = await checkedStat(file)
        if (size > maxBytes)
          throw new ClipError(
            'ERR_CLIP_IMAGE_TOO_LARGE',
            `'${shownName(path)}' has ${size} bytes, more than ${maxBytes}`,
          )
        return await readExactly(file, size)
      } finally {
        await file.close()
      }
    } catch (error) {
      if (error instanceof ClipError) throw error
      throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `'${shownName(path)}' cannot be read`, { cause: error })
    }
  }
}

/** With names as they are stored: bytes. */
function openFolder(path: string): Promise<AsyncIterable<Dirent<Buffer>>> {
  const options = { encoding: 'buffer' } as unknown as OpenDirOptions // the types know of texts only
  return opendir(bytesOf(path), options) as unknown as Promise<AsyncIterable<Dirent<Buffer>>>
}

type OpenFile = Awaited<ReturnType<typeof open>>

async function checkedStat(file: OpenFile): Promise<{ size: number }> {
  const found = await file.stat()
  if (!found.isFile()) throw new Error('no file')
  return found
}

/** As many bytes as the size said, however the file grows meanwhile. */
async function readExactly(file: OpenFile, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(size)
  let length = 0
  while (length < size) {
    const { bytesRead } = await file.read(bytes, length, size - length, length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return bytes.subarray(0, length)
}
