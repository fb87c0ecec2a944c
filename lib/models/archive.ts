/**
 * Electron's archives (app.asar). JavaScript sees their files as if they lay in a folder; native code, which reads models,
 * sees one file. What the packager was told to unpack lies beside the archive, in `app.asar.unpacked`.
 */
import { existsSync } from 'node:fs'

import { ClipError } from '../errors.js'

const inArchive = /\.asar(?=[\\/])/

/**
 * The path that native code can read.
 *
 * @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND in Electron, for a file that is in the archive only
 */
export function outsideArchive(file: string): string {
  if (!inArchive.test(file)) return file
  const unpacked = file.replace(inArchive, '.asar.unpacked')
  if (existsSync(unpacked)) return unpacked
  // without Electron a folder may have any name
  if (process.versions.electron === undefined) return file
  throw new ClipError(
    'ERR_CLIP_FILE_NOT_FOUND',
    `'${file}' is packed in an archive, which native code cannot read: unpack it (asarUnpack: "**/node_modules/ggclip/models/*.gguf")`,
  )
}
