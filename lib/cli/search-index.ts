/** What the commands on a search index share: where it is, and with which model. */
import { existsSync } from 'node:fs'
import path from 'node:path'

import { type Clip, type IndexedFile, type IndexProgress, type IndexResult, type RowType, SearchIndex,
  type UpdateIndexOptions } from '../library.js'
import { UsageError } from './failure.js'
import { type ModelFlags, withModel } from './options.js'
import type { Shell } from './shell.js'
import { bar, percent } from './table.js'

export interface IndexFlags extends ModelFlags {
  index?: string
  rows?: RowType
}

export const indexHelp = 'folder of the index (default: .ggclip in the first folder given, else here or above)'

/** Where a new or an existing index is: as given, in the first of the folders, or here or above. */
export function locate(given: string | undefined, folders: readonly string[]): string {
  if (given !== undefined) return given
  if (folders.length > 0) return SearchIndex.usualFolder(folders[0]!)
  for (let folder = process.cwd();; folder = path.dirname(folder)) {
    const candidate = SearchIndex.usualFolder(folder)
    if (existsSync(path.join(candidate, 'index.db'))) return candidate
    if (folder === path.dirname(folder))
      throw new UsageError(
        `no search index here or above: name one with --index, or make one with "ggclip index <folder>"`,
      )
  }
}

/**
 * Opens the index with the model of the flags, or with the one that it was made with. Folders are given to make one, or
 * to add to it.
 */
export async function withIndex(
  shell: Shell,
  flags: IndexFlags,
  folders: readonly string[],
  towers: 'both' | 'image',
  use: (index: SearchIndex, clip: Clip) => Promise<void>,
): Promise<void> {
  const location = locate(flags.index, folders)
  const create = folders.length > 0
  const exists = existsSync(path.join(location, 'index.db'))
  const model = exists || !create ? await modelOf(location, flags) : flags.model
  await withModel(shell, { ...flags, model }, towers, async clip => {
    const index = await SearchIndex.open(location, { clip, create, rows: flags.rows })
    try {
      await use(index, clip)
    } finally {
      await index.close()
    }
  })
}

/** The model of the flags, or the one that an index was made with. Undefined: the embedded one. */
export async function modelOf(location: string, flags: ModelFlags): Promise<string | undefined> {
  const { modelPath } = await SearchIndex.inspect(location)
  // the embedded model's path changes with the package's
  return flags.model ?? (existsSync(modelPath) && !isEmbedded(modelPath) ? modelPath : undefined)
}

function isEmbedded(modelPath: string): boolean {
  return path.dirname(modelPath) === path.join(__dirname, '..', '..', 'models')
}

/** Looks at the folders, those of the index if none is given, and says what was done. */
export async function updateIndex(
  shell: Shell,
  index: SearchIndex,
  folders: readonly string[],
  options: Pick<UpdateIndexOptions, 'exclude' | 'retry' | 'approximate'> = {},
): Promise<IndexResult> {
  const result = await index.update(folders.length > 0 ? folders : undefined, {
    ...options,
    signal: shell.signal,
    onProgress: progressOf(shell),
    onApproximate: (done, total) =>
      shell.progress(`${bar(done / total, 20).padEnd(20)} ${done} of ${total} in the graph`),
  })
  shell.clearStatus()
  describeRun(shell, index, result)
  return result
}

/** For JSON, in which bytes would be an object, and for readers of paths. */
export function withoutBytes<F extends IndexedFile>(file: F): Omit<F, 'pathBytes' | 'hash'> {
  const { pathBytes: _, hash: __, ...rest } = file
  return rest
}

/** Paths as their bytes are, each followed by a zero, for `xargs -0`. */
export function zeroEnded(files: readonly { path: string; pathBytes?: Uint8Array }[]): Buffer {
  return Buffer.concat(files.flatMap(({ path: name, pathBytes }) => [pathBytes ?? Buffer.from(name), Buffer.of(0)]))
}

/** A time of a camera's clock, which has no zone: as if it showed UTC. An invalid date, if it is none. */
export function cameraTime(text: string): Date {
  return new Date(/[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?$/.test(text) ? `${text}Z` : text)
}

/** One line that is overwritten: how far, how fast, how long it will take. */
export function progressOf(shell: Shell): (progress: IndexProgress) => void {
  return ({ done, total, counted, failed, perSecond, secondsLeft }) => {
    const share = counted && total > 0 ? done / total : 0
    const how = [`${done} of ${total}${counted ? '' : '+'} files`, `${perSecond.toFixed(1)} pictures/s`]
    if (secondsLeft !== undefined && done < total) how.push(`${duration(secondsLeft)} left`)
    if (failed > 0) how.push(`${failed} failed`)
    shell.progress(`${bar(share, 20).padEnd(20)} ${counted ? percent(share).padStart(7) : ''}  ${how.join(', ')}`)
  }
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  return `${(seconds / 3600).toFixed(1)} h`
}

/** Notes of what could not be read, and a sentence of what was done. */
export function describeRun(shell: Shell, index: SearchIndex, result: IndexResult): void {
  const listed = 10
  for (const { message } of result.unreadable) shell.note(`not read: ${message}`)
  const failures = result.failed > 0 ? index.failures() : []
  for (const { path: file, message } of failures.slice(0, listed)) shell.note(`${file}: ${message}`)
  if (failures.length > listed)
    shell.note(`... and ${failures.length - listed} more: ggclip index --failures lists all`)
  const parts = [`${result.embedded} embedded`, `${result.unchanged} unchanged`]
  if (result.known > 0) parts.push(`${result.known} copies, renamed or moved`)
  if (result.removed > 0) parts.push(`${result.removed} gone`)
  if (result.failed > 0) parts.push(`${result.failed} cannot be read`)
  shell.note(`${parts.join(', ')}; the index has ${index.info().pictures} pictures`)
  if (result.unreadable.length > 0) shell.exitStatus = 1
}
