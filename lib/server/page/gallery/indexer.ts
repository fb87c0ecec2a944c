/** Keeps the catalogue true to the folder: only what is new or changed is read. */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import sharp from 'sharp'

import { forEachAtOnce } from '../../../async/pipeline.js'
import { ClipError } from '../../../library.js'
import { bytesOf, shownName } from './byte-names.js'
import type { Catalogue } from './catalogue.js'
import type { Folder } from './folder.js'
import type { FoundFile, GalleryEncoder, GalleryLimits, GalleryModel, Progress } from './types.js'

/** Pictures in work at the same time: enough to fill batches, few enough to bound memory. */
const mostAtOnce = 8
/** After everybody who waits for an answer. */
const priority = -50
const busyCodes = new Set(['ERR_CLIP_QUEUE_FULL', 'ERR_CLIP_DEADLINE_EXCEEDED'])
const pictureCodes = new Set(['ERR_CLIP_IMAGE_DECODE', 'ERR_CLIP_IMAGE_EMPTY', 'ERR_CLIP_IMAGE_LIMIT',
  'ERR_CLIP_IMAGE_TOO_LARGE', 'ERR_CLIP_FILE_NOT_FOUND'])
const busyPauseMs = 500

export class Indexer {
  #progress: Progress = { state: 'scanning', pictures: 0, indexed: 0, failed: 0, leftOut: 0 }
  /** Files that could not be read, as they were then: not tried again until they change. */
  readonly #bad = new Map<string, FoundFile>()
  readonly #abort = new AbortController()
  #running: Promise<void> | undefined
  #again = false
  /** Somebody waits for what this look, or the next one, finds. */
  #asked = false
  #timer: NodeJS.Timeout | undefined

  constructor(
    private readonly folder: Folder,
    private readonly catalogue: Catalogue,
    private readonly model: GalleryModel,
    private readonly limits: GalleryLimits,
  ) {}

  get progress(): Progress {
    const { state, pictures, leftOut, message } = this.#progress
    const shown = this.#asked && state !== 'indexing' ? 'scanning' : state
    return {
      state: shown,
      pictures,
      indexed: this.catalogue.size,
      failed: this.#bad.size,
      leftOut,
      ...(message === undefined ? {} : { message }),
    }
  }

  /**
   * Looks through the folder; once more afterwards if that is going on already. Whether somebody has `asked` for it
   * shows in the state, until what was found is indexed.
   */
  refresh(asked = false): void {
    if (this.#abort.signal.aborted) return
    this.#asked ||= asked
    if (this.#running) {
      this.#again = true
      return
    }
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      if (this.#again) {
        this.#again = false
        this.refresh()
      } else {
        this.#asked = false
        this.#later()
      }
    })
  }

  async close(): Promise<void> {
    this.#abort.abort()
    clearTimeout(this.#timer)
    await this.#running
  }

  #later(): void {
    if (this.#abort.signal.aborted || this.limits.rescanMs === 0) return
    this.#timer = setTimeout(() => this.refresh(), this.limits.rescanMs).unref()
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer)
    const { signal } = this.#abort
    try {
      // a look through a folder without changes is over before anybody sees it: the pictures stay 'ready' meanwhile
      if (this.catalogue.size === 0) this.#progress = { ...this.#progress, state: 'scanning' }
      const pending = await this.#scan(signal)
      if (pending.length > 0) {
        this.#progress = { ...this.#progress, state: 'indexing' }
        await this.model.use(
          signal,
          clip => forEachAtOnce(pending, { limit: mostAtOnce, signal }, (file, stop) => this.#read(file, clip, stop)),
        )
      }
      this.#progress = { ...this.#progress, state: 'ready', message: undefined }
    } catch (error) {
      if (signal.aborted) return
      this.#progress = { ...this.#progress, state: 'failed', message: (error as Error).message }
    }
  }

  /** Forgets what is gone; returns what is new or changed. */
  async #scan(signal: AbortSignal): Promise<FoundFile[]> {
    const seen = new Set<string>()
    const pending: FoundFile[] = []
    let leftOut = 0
    for await (const file of this.folder.files(signal)) {
      if (seen.size === this.limits.maxPictures) {
        leftOut++
        continue
      }
      seen.add(file.path)
      if (!same(file, this.catalogue.at(file.path)) && !same(file, this.#bad.get(file.path))) pending.push(file)
    }
    for (const path of this.catalogue.paths()) if (!seen.has(path)) this.catalogue.remove(path)
    for (const path of this.#bad.keys()) if (!seen.has(path)) this.#bad.delete(path)
    this.#progress = { ...this.#progress, pictures: seen.size, leftOut }
    return pending
  }

  async #read(file: FoundFile, clip: GalleryEncoder, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      try {
        const bytes = await this.folder.read(file.path, this.limits.maxFileBytes)
        // first: it bounds what a file can cost, and then its header costs no more
        const vector = await clip.encodeImage(bytes, { signal, priority })
        const { width, height } = await sizeOf(bytes, file.path)
        this.#bad.delete(file.path)
        this.catalogue.add({ ...file, id: idOf(file.path), width, height }, vector)
        return
      } catch (error) {
        const code = (error as { code?: string }).code ?? ''
        if (busyCodes.has(code)) {
          await sleep(busyPauseMs, undefined, { signal })
          continue
        }
        if (!pictureCodes.has(code)) throw error
        this.catalogue.remove(file.path)
        this.#bad.set(file.path, file)
        return
      }
    }
  }
}

const same = (a: FoundFile, b: FoundFile | undefined): boolean =>
  b !== undefined && a.bytes === b.bytes && a.changedMs === b.changedMs

const idOf = (path: string): string => createHash('sha256').update(bytesOf(path)).digest('hex').slice(0, 16)

async function sizeOf(bytes: Buffer, path: string): Promise<{ width: number; height: number }> {
  try {
    return (await sharp(bytes, { limitInputPixels: false }).metadata()).autoOrient
  } catch (error) {
    throw new ClipError('ERR_CLIP_IMAGE_DECODE', `'${shownName(path)}' cannot be decoded`, { cause: error })
  }
}
