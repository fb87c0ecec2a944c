/** Files as small pictures, for pages and terminals. */
import { readFile } from 'node:fs/promises'
import type sharpModule from 'sharp'
import type { Sharp } from 'sharp'

/** A file that was found; `pathBytes` if its name is no UTF-8. */
export interface NamedFile {
  path: string
  pathBytes?: Uint8Array
}

/** Upright, on white, at most `side` pixels in both directions. Undefined for a file that is gone or cannot be read. */
export async function smallPicture<R>(
  { path, pathBytes }: NamedFile,
  side: number,
  encode: (picture: Sharp) => Promise<R>,
): Promise<R | undefined> {
  try {
    const sharp = require('sharp') as typeof sharpModule
    const picture = sharp(await readFile(pathBytes ? Buffer.from(pathBytes) : path))
    return await encode(
      picture.rotate().resize(side, side, { fit: 'inside', withoutEnlargement: true }).flatten({ background: '#fff' }),
    )
  } catch {
    return undefined
  }
}
