/** Pictures below folders, in the order of their names. */
import type { Dirent, Stats } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import type picomatchModule from 'picomatch'

import { throwIfAborted } from '../../async/abort.js'
import { quotedPath } from '../../image/path.js'

export interface WalkOptions {
  /** Globs of paths relative to the folder, such as `**\/thumbnails/**`, that are left out. */
  exclude: readonly string[]
  signal?: AbortSignal
}

/** A picture's file, or something that could not be looked at. Names are bytes: they need not be UTF-8. */
export type Walked =
  | { path: Buffer; size: number; mtimeMs: number; error?: undefined }
  | { path: Buffer; error: Error }

/** By the ends of their names; a file named by the caller may have any. */
const pictureName = /\.(?:jpe?g|jpe|jfif|png|webp|avif|gif|tiff?|svg|bmp|p[bgpn]m|heic|heif)$/i
const separator = Buffer.from(path.sep)

/**
 * All pictures below `root`, a folder or one file. Symbolic links are followed; a folder that is reached twice is
 * walked once. Names that begin with a dot are left out.
 */
export async function* walk(root: Buffer, { exclude, signal }: WalkOptions): AsyncGenerator<Walked, void, undefined> {
  const excluded = exclude.length > 0 ? globMatcher([...exclude]) : () => false
  const visited = new Set<string>()

  async function* entries(folder: Buffer, inside: string): AsyncGenerator<Walked, void, undefined> {
    throwIfAborted(signal)
    let names: Dirent<Buffer>[]
    try {
      const identity = (await realpath(folder, { encoding: 'buffer' })).toString('latin1')
      if (visited.has(identity)) return
      visited.add(identity)
      names = await readdir(folder, { withFileTypes: true, encoding: 'buffer' })
    } catch (error) {
      yield { path: folder, error: unreadable(folder, error) }
      return
    }
    names.sort((a, b) => Buffer.compare(a.name, b.name))
    for (const entry of names) {
      if (entry.name[0] === 0x2e) continue
      const relative = inside === '' ? entry.name.toString() : `${inside}/${entry.name.toString()}`
      if (excluded(relative)) continue
      const full = Buffer.concat([folder, separator, entry.name])
      const linked = entry.isSymbolicLink()
      if (entry.isDirectory()) {
        yield* entries(full, relative)
      } else if (linked || (entry.isFile() && pictureName.test(relative))) {
        const found = await look(full)
        if ('error' in found) {
          // a link to nowhere is a picture's only if its name is one
          if (pictureName.test(relative)) yield { path: full, error: found.error }
        } else if (found.isDirectory()) {
          yield* entries(full, relative)
        } else if (found.isFile() && pictureName.test(relative)) {
          yield { path: full, size: found.size, mtimeMs: found.mtimeMs }
        }
      }
    }
  }

  const found = await look(root)
  if ('error' in found) yield { path: root, error: found.error }
  else if (found.isDirectory()) yield* entries(root, '')
  else yield { path: root, size: found.size, mtimeMs: found.mtimeMs }
}

/** Whether a path matches one of the globs. picomatch is loaded with the first: most searches have none. */
export function globMatcher(globs: string | string[]): (path: string) => boolean {
  const picomatch = require('picomatch') as typeof picomatchModule
  return picomatch(globs, { dot: true, windows: path.sep === '\\' })
}

async function look(file: Buffer): Promise<Stats | { error: Error }> {
  try {
    return await stat(file)
  } catch (error) {
    return { error: unreadable(file, error) }
  }
}

function unreadable(file: Buffer, error: unknown): Error {
  return Object.assign(new Error(`${quotedPath(file)} cannot be read: ${(error as Error).message}`), {
    code: 'ERR_CLIP_FILE_NOT_FOUND',
  })
}
