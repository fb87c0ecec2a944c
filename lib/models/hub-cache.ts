/**
 * The hub's cache folder in the layout of its own clients, so that one download serves all of them:
 *
 *   models--owner--name/blobs/<etag>                 contents
 *   models--owner--name/snapshots/<commit>/<path>    links to them
 *   models--owner--name/refs/<branch or tag>         the commit it stood for when last asked
 */
import { constants } from 'node:fs'
import { copyFile, link, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { ClipError } from '../errors.js'
import { makeFolder, replaceFile } from '../files.js'
import { isCommit } from './hub-id.js'

const cannotLink = new Set(['EPERM', 'EACCES', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'EXDEV', 'EMLINK',
  'UNKNOWN'])

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

  /** Beside the hub's own lock of that blob, under another name: ours is a file that exists, theirs a flock. */
  lock(etag: string): string {
    return path.join(this.#locks, `${etag}.ggclip-lock`)
  }

  snapshot(commit: string, file = ''): string {
    return path.join(this.#folder, 'snapshots', commit, ...file.split('/'))
  }

  /** The last known commit of a revision. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision
    const text = await readFile(this.#ref(revision), 'utf8').catch(() => '')
    return isCommit(text.trim()) ? text.trim() : undefined
  }

  /** Remembers the commit for offline use; a read-only cache does without. */
  async noteCommit(revision: string, commit: string): Promise<void> {
    if (revision === commit || await this.commitOf(revision) === commit) return
    await replace(this.#ref(revision), file => writeFile(file, commit)).catch(() => undefined)
  }

  /** Commits with anything in the cache. */
  commits(): Promise<string[]> {
    return readdir(path.join(this.#folder, 'snapshots')).then(names => names.filter(isCommit), () => [])
  }

  /** Paths and sizes of the files of a snapshot; links to missing blobs do not count. */
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

  /** Size of a file of a snapshot, or undefined if it does not exist. */
  async bytes(commit: string, file: string): Promise<number | undefined> {
    const info = await stat(this.snapshot(commit, file)).catch(() => undefined)
    return info?.isFile() ? info.size : undefined
  }

  /** Received bytes of a blob, complete or not. */
  async blobBytes(etag: string): Promise<number> {
    for (const file of [this.blob(etag), partialFiles(this.blob(etag)).parked]) {
      const info = await stat(file).catch(() => undefined)
      if (info?.isFile()) return info.size
    }
    return 0
  }

  /** Makes `file` of a snapshot refer to a blob: by a symbolic link, or if that is impossible a hard link or a copy. */
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

interface PartialFiles {
  /** The file that one download writes. */
  own(token: string): string
  /** The file that an ended download leaves to the next. */
  parked: string
  /** Files of all downloads, the largest first. */
  abandoned(): Promise<string[]>
}

/** Unfinished downloads of a blob. The hub's clients recognise `.incomplete`; `<etag>.incomplete` is theirs. */
export function partialFiles(blob: string): PartialFiles {
  const [folder, start] = [path.dirname(blob), `${path.basename(blob)}.ggclip-`]
  return {
    own: token => `${blob}.ggclip-${token}.incomplete`,
    parked: `${blob}.ggclip.incomplete`,
    async abandoned() {
      const names = await readdir(folder).catch(() => [])
      const files = names.filter(name => name.startsWith(start)).map(name => path.join(folder, name))
      const sizes = await Promise.all(files.map(file => stat(file).then(info => info.size, () => 0)))
      return files.map((file, i) => ({ file, bytes: sizes[i]! })).sort((a, b) => b.bytes - a.bytes).map(({ file }) =>
        file
      )
    },
  }
}

async function replace(target: string, make: (unfinished: string) => Promise<void>): Promise<void> {
  try {
    await makeFolder(path.dirname(target))
    await replaceFile(target, make)
  } catch (error) {
    throw writeFailure(target, error)
  }
}

const isFull = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const isForbidden = new Set(['EACCES', 'EPERM', 'EROFS'])

/** The error for a file of the cache that cannot be written. */
export function writeFailure(file: string, cause: unknown): Error {
  const { code = '', message } = cause as NodeJS.ErrnoException
  if (code === '') return cause as Error
  const remedy = isFull.has(code) ?
    ': make room, or give another cacheDir; what came so far is kept and the next pull goes on from there'
    : isForbidden.has(code)
    ? ': let this user write there, or put the cache elsewhere with HF_HOME or cacheDir (--cache-dir)'
    : ''
  return new ClipError('ERR_CLIP_FILE_WRITE', `cannot write ${file}: ${message}${remedy}`, { cause })
}
