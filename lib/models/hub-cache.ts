/**
 * The hub's cache folder, as its own clients lay it out, so that one download serves all of them:
 *
 *   models--owner--name/blobs/<etag>                 contents
 *   models--owner--name/snapshots/<commit>/<path>    links to them
 *   models--owner--name/refs/<branch or tag>         the commit it stood for when last asked
 */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, link, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { ClipError } from '../errors.js'
import { isCommit } from './hub-id.js'

const cannotLink = new Set(['EPERM', 'EACCES', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'EXDEV', 'EMLINK', 'UNKNOWN'])

export class HubCache {
  readonly #folder: string
  readonly #locks: string

  constructor(cacheDir: string, repo: string) {
    const name = `models--${repo.replace('/', '--')}`
    this.#folder = path.join(cacheDir, name)
    this.#locks = path.join(cacheDir, '.locks', name)
  }

  blob(etag: string): string {
    return path.join(this.#folder, 'blobs', etag)
  }

  /** Beside the hub's own lock of that blob, under another name: ours is held by existing, theirs by flock. */
  lock(etag: string): string {
    return path.join(this.#locks, `${etag}.ggclip-lock`)
  }

  snapshot(commit: string, file = ''): string {
    return path.join(this.#folder, 'snapshots', commit, ...file.split('/'))
  }

  /** The commit that a revision stood for when it was last asked for. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision
    const text = await readFile(this.#ref(revision), 'utf8').catch(() => '')
    return isCommit(text.trim()) ? text.trim() : undefined
  }

  async setCommit(revision: string, commit: string): Promise<void> {
    if (revision === commit || await this.commitOf(revision) === commit) return
    await replace(this.#ref(revision), file => writeFile(file, commit))
  }

  /** Paths and sizes of the files of a snapshot; links to blobs that are gone do not count. */
  async files(commit: string): Promise<Map<string, number>> {
    const root = this.snapshot(commit)
    const found = new Map<string, number>()
    const entries = await readdir(root, { recursive: true }).catch(() => [])
    for (const entry of entries) {
      const info = await stat(path.join(root, entry)).catch(() => undefined)
      if (info?.isFile()) found.set(entry.split(path.sep).join('/'), info.size)
    }
    return found
  }

  /** Bytes of a file of a snapshot, or undefined when it is not there. */
  async bytes(commit: string, file: string): Promise<number | undefined> {
    const info = await stat(this.snapshot(commit, file)).catch(() => undefined)
    return info?.isFile() ? info.size : undefined
  }

  /** How much of a blob is there, complete or not. */
  async blobBytes(etag: string): Promise<number> {
    for (const file of [this.blob(etag), `${this.blob(etag)}.incomplete`]) {
      const info = await stat(file).catch(() => undefined)
      if (info?.isFile()) return info.size
    }
    return 0
  }

  /** Makes `file` of a snapshot show a blob: a symbolic link, or where there are none a hard link or a copy. */
  async link(commit: string, file: string, etag: string): Promise<void> {
    const target = this.snapshot(commit, file)
    const blob = this.blob(etag)
    const relative = path.relative(path.dirname(target), blob)
    await replace(target, async unfinished => {
      try {
        await symlink(relative, unfinished)
      } catch (error) {
        if (!cannotLink.has((error as NodeJS.ErrnoException).code ?? '')) throw error
        await link(blob, unfinished).catch(() => copyFile(blob, unfinished, constants.COPYFILE_FICLONE))
      }
    })
  }

  #ref(revision: string): string {
    return path.join(this.#folder, 'refs', ...revision.split('/'))
  }
}

/** Makes a file beside its place and then puts it there: whole or not at all. */
async function replace(target: string, make: (unfinished: string) => Promise<void>): Promise<void> {
  const unfinished = `${target}.${randomBytes(4).toString('hex')}.tmp`
  try {
    await mkdir(path.dirname(target), { recursive: true })
    await make(unfinished)
    await rename(unfinished, target)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw writeFailure(target, error)
  }
}

/** A file of the cache that cannot be written, as the caller is told. */
export function writeFailure(file: string, cause: unknown): Error {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === undefined) return cause as Error
  const full = code === 'ENOSPC' || code === 'EDQUOT' ? ': make room, or give another cacheDir; what came so far is kept and the next pull goes on from there' : ''
  return new ClipError('ERR_CLIP_FILE_WRITE', `cannot write ${file}: ${message}${full}`, { cause })
}
