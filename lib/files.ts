/** Files and folders, beyond what Node's own calls do. */
import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'

import { ClipError } from './errors.js'

/**
 * Makes a folder with its parents. Node's recursive mkdir never returns on file systems that say ENOENT although the parent exists
 * (/proc, autofs).
 */
export async function makeFolder(folder: string): Promise<void> {
  const failure = await mkdir(folder).catch((error: unknown) => error as NodeJS.ErrnoException)
  if (failure === undefined || await isFolder(folder)) return
  if (failure.code !== 'ENOENT' || path.dirname(folder) === folder) throw failure
  await makeFolder(path.dirname(folder))
  await mkdir(folder).catch(async (error: unknown) => {
    if (!await isFolder(folder)) throw error
  })
}

function isFolder(place: string): Promise<boolean> {
  return stat(place).then(info => info.isDirectory(), () => false)
}

/** That a file, named as in a sentence, is not opened or read by the system. */
export function unreadable(name: string, error: Error): ClipError {
  return new ClipError('ERR_CLIP_FILE_NOT_FOUND', `${name} cannot be read: ${error.message}`, { cause: error })
}

/**
 * Fills `into` from a position on: one read of the system may return less. Returns how many bytes there were, fewer only
 * at the end of the file.
 */
export async function readFully(file: FileHandle, into: Uint8Array, position: number): Promise<number> {
  for (let done = 0; done < into.length;) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done)
    if (bytesRead === 0) return done
    done += bytesRead
  }
  return into.length
}

/**
 * A file that is either complete or absent: lets `make` write a temporary one beside `target` and renames it to `target`;
 * removes it on failure.
 */
export async function replaceFile(target: string, make: (unfinished: string) => Promise<void>): Promise<void> {
  const unfinished = `${target}.${randomBytes(4).toString('hex')}.tmp`
  try {
    await make(unfinished)
    await rename(unfinished, target)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error
  }
}
