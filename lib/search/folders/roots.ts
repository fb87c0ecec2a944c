/** The folders and files that an index was given. */
import { existsSync, statSync } from 'node:fs'
import path from 'node:path'

import { ClipError } from '../../errors.js'
import { checkPath } from '../../image/path.js'
import { checkString, checkStrings } from '../../validate.js'
import { pathsBelow } from '../storage/catalog.js'

/** Of an index in a folder of pictures; the dot keeps it out of the index itself. */
const usualName = '.ggclip'

/** Where the index of a folder, or of one file, is unless it was made elsewhere. @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND */
export function usualFolder(root: string): string {
  if (!existsSync(root)) throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', `there is no '${root}'`)
  return path.join(statSync(root).isDirectory() ? root : path.dirname(root), usualName)
}

/** A folder or file as an index remembers it: its absolute path. */
export function rootOf(name: string, root: string): Buffer {
  return Buffer.from(path.resolve(checkPath(name, checkString(name, root)).toString()))
}

/** Whether files lie below a folder. */
export function isBelow(folder: Buffer): (file: Buffer) => boolean {
  const [first, end] = pathsBelow(folder, path.sep)
  return file => Buffer.compare(file, first) >= 0 && Buffer.compare(file, end) < 0
}

/** Without those that lie in others. */
export function outermost(roots: readonly Buffer[]): Buffer[] {
  const folders = roots.map(isBelow)
  return roots.filter(root => !folders.some(has => has(root)))
}

/**
 * New ones must be there, so that a misspelt name is not taken for a disk that is away.
 *
 * @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND
 */
export function needNew(roots: readonly Buffer[], known: readonly Buffer[]): void {
  for (const root of roots) {
    if (known.some(other => other.equals(root))) continue
    try {
      statSync(root)
    } catch (error) {
      throw new ClipError(
        'ERR_CLIP_FILE_NOT_FOUND',
        `'${root.toString()}' cannot be indexed: ${(error as Error).message}`,
        { cause: error },
      )
    }
  }
}

/** Of `roots` as given. */
export function checkRoots(roots: readonly string[]): Buffer[] {
  return checkStrings('roots', roots).map((root, i) => rootOf(`roots[${i}]`, root))
}
