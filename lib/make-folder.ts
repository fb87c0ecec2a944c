import { mkdir, stat } from 'node:fs/promises'
import path from 'node:path'

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
