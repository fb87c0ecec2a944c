/** The folder's pictures as the page shows them: small or large WebP files without metadata, made when asked for. */
import sharp from 'sharp'

import { ClipError } from '../../../library.js'
import { shownName } from './byte-names.js'
import type { Folder } from './folder.js'
import type { Entry, GalleryLimits } from './types.js'

/** Longest side, pixels. */
export const sizes = { thumbnail: 384, preview: 1600 } as const
export type Size = keyof typeof sizes

const cacheBytes = 48 * 2 ** 20
/** At the same time; each holds a file and a part of its pixels. */
const slots = 2
/** Requests that may wait for a slot: a page of the gallery asks for 60. */
const maxWaiting = 512

export class Renditions {
  /** In the order of their last use. */
  readonly #cache = new Map<string, Buffer>()
  #bytes = 0
  readonly #making = new Map<string, Promise<Buffer>>()
  #free = slots
  readonly #waiting: (() => void)[] = []

  constructor(private readonly folder: Folder, private readonly limits: GalleryLimits) {}

  /** @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND, ERR_CLIP_IMAGE_DECODE, ERR_CLIP_IMAGE_TOO_LARGE, ERR_CLIP_QUEUE_FULL */
  async get(entry: Entry, size: Size): Promise<Buffer> {
    const key = `${size} ${entry.id} ${entry.changedMs} ${entry.bytes}`
    const cached = this.#cache.get(key)
    if (cached) {
      this.#cache.delete(key)
      this.#cache.set(key, cached)
      return cached
    }
    let making = this.#making.get(key)
    if (!making) {
      making = this.#make(entry, size).finally(() => this.#making.delete(key))
      this.#making.set(key, making)
    }
    const made = await making
    if (size === 'thumbnail') this.#keep(key, made)
    return made
  }

  async #make(entry: Entry, size: Size): Promise<Buffer> {
    await this.#turn()
    try {
      const bytes = await this.folder.read(entry.path, this.limits.maxFileBytes)
      const side = sizes[size]
      return await sharp(bytes, { limitInputPixels: this.limits.maxPixels, autoOrient: true, failOn: 'error' })
        .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
        .webp({ quality: 80, effort: 2 })
        .toBuffer()
    } catch (error) {
      if (error instanceof ClipError) throw error
      throw new ClipError('ERR_CLIP_IMAGE_DECODE', `'${shownName(entry.path)}' cannot be decoded`, { cause: error })
    } finally {
      this.#leave()
    }
  }

  #keep(key: string, bytes: Buffer): void {
    if (this.#cache.has(key)) return
    this.#cache.set(key, bytes)
    this.#bytes += bytes.length
    for (const [oldest, old] of this.#cache) {
      if (this.#bytes <= cacheBytes) break
      this.#cache.delete(oldest)
      this.#bytes -= old.length
    }
  }

  #turn(): Promise<void> {
    if (this.#free > 0) {
      this.#free--
      return Promise.resolve()
    }
    if (this.#waiting.length >= maxWaiting) {
      return Promise.reject(
        new ClipError('ERR_CLIP_QUEUE_FULL', `${maxWaiting} pictures are to be made already: try again later`),
      )
    }
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#free++
  }
}
