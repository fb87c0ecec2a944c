/** The folders whose pictures are shown. Nothing is read that does not lie in them, whatever the index or a link says. */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, realpath, stat } from 'node:fs/promises'
import path from 'node:path'

import { ClipError, type IndexedFile } from '../../library.js'

export class Folders {
  /** What people see of them, in their order. */
  readonly names: readonly string[]
  readonly #roots: readonly string[]

  /** @param roots absolute paths */
  constructor(roots: readonly string[]) {
    this.#roots = roots
    const names = roots.map(root => path.basename(root) || root)
    this.names = names.map((name, i) => {
      const before = names.slice(0, i).filter(other => other === name).length
      return before === 0 ? name : `${name} (${before + 1})`
    })
  }

  /** @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND */
  static async check(folder: string): Promise<string> {
    try {
      if ((await stat(folder)).isDirectory()) return path.resolve(folder)
    } catch (error) {
      throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `folder '${folder}' cannot be read: ${(error as Error).message}`, {
        cause: error,
      })
    }
    throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `folder '${folder}' is a file, expected a folder of images`)
  }

  /** The path of one as the system has it. */
  bytesOf(folder: number): Buffer {
    return Buffer.from(this.#roots[folder]!)
  }

  /** Whether others that an index has lie in these. */
  hold(roots: readonly string[]): boolean {
    return roots.every(root => this.#roots.some(own => root === own || root.startsWith(withSeparator(own))))
  }

  /** Its folder and its path there, with slashes; undefined for a file elsewhere. */
  placeOf(file: string): { folder: number; inside: string } | undefined {
    const folder = this.#roots.findIndex(root => file === root || file.startsWith(withSeparator(root)))
    if (folder < 0) return undefined
    const root = this.#roots[folder]!
    return { folder, inside: file === root ? path.basename(file) : path.relative(root, file).split(path.sep).join('/') }
  }

  /** For people: the path in its folder, after the folder's name if there are several. */
  nameOf(file: string): string | undefined {
    const place = this.placeOf(file)
    return place && (this.names.length > 1 ? `${this.names[place.folder]!}/${place.inside}` : place.inside)
  }

  /** Globs of whole paths: what matches `glob` at any depth below a folder, of that name if one is given. */
  globs(glob = '**', folder?: string): string[] {
    const chosen = this.#roots.filter((_, i) => folder === undefined || this.names[i] === folder)
    return chosen.flatMap(root => {
      const place = root.split(path.sep).join('/').replace(/[\\*?[\]{}()!+@|^$]/g, '\\$&').replace(/\/$/, '')
      return [`${place}/${glob}`, `${place}/**/${glob}`]
    })
  }

  /** Whether it is there, and in the folders when links are followed. */
  async holds(file: IndexedFile): Promise<boolean> {
    return await this.#realPath(file).catch(() => undefined) !== undefined
  }

  /**
   * The bytes that were indexed.
   *
   * @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND, ERR_CLIP_FILE_CHANGED, ERR_CLIP_IMAGE_TOO_LARGE
   */
  async read(file: IndexedFile, maxBytes: number): Promise<Buffer> {
    const name = this.nameOf(file.path) ?? path.basename(file.path)
    let bytes: Buffer
    try {
      const real = await this.#realPath(file)
      if (real === undefined) throw new Error('it does not lie in the folders')
      // O_NONBLOCK: a pipe put in its place must not hold up a thread
      const opened = await open(real, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
      try {
        bytes = await readUpTo(opened, name, maxBytes)
      } finally {
        await opened.close()
      }
    } catch (error) {
      if (error instanceof ClipError) throw error
      throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `'${name}' cannot be read`, { cause: error })
    }
    if (createHash('sha256').update(bytes).digest('hex') === file.hash) return bytes
    throw new ClipError('ERR_CLIP_FILE_CHANGED', `'${name}' has changed since it was indexed`)
  }

  async #realPath({ path: file, pathBytes }: IndexedFile): Promise<Buffer | undefined> {
    if (this.placeOf(file) === undefined) return undefined
    const real = await realpath(pathBytes ? Buffer.from(pathBytes) : file, { encoding: 'buffer' })
    for (const root of this.#roots) {
      const realRoot = await realpath(root, { encoding: 'buffer' }).catch(() => undefined)
      if (realRoot?.equals(real) || (realRoot && startsWith(real, withSeparator(realRoot.toString('latin1')))))
        return real
    }
    return undefined
  }
}

function withSeparator(folder: string): string {
  return folder.endsWith(path.sep) ? folder : folder + path.sep
}

/** @param start its bytes as latin1 */
function startsWith(file: Buffer, start: string): boolean {
  return file.toString('latin1', 0, start.length) === start
}

/** As many bytes as its size said, however it grows meanwhile. */
async function readUpTo(file: FileHandle, name: string, maxBytes: number): Promise<Buffer> {
  const found = await file.stat()
  if (!found.isFile()) throw new Error('no file')
  if (found.size > maxBytes)
    throw new ClipError('ERR_CLIP_IMAGE_TOO_LARGE', `'${name}' has ${found.size} bytes, more than ${maxBytes}`)
  const bytes = Buffer.allocUnsafe(found.size)
  let length = 0
  while (length < bytes.length) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return bytes.subarray(0, length)
}
