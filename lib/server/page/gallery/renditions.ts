/** The folder's pictures as the page shows them: small or large WebP files without metadata, made when asked for. */
import sharp from 'sharp'

import { Gate } from '../../../async/gate.js'
import { ClipError } from '../../../library.js'
import { LruMap } from '../../../lru-map.js'
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
  readonly #cache = new LruMap<string, Buffer>(cacheBytes, bytes => bytes.length)
  readonly #making = new Map<string, Promise<Buffer>>()
  readonly #gate = new Gate(slots)

  constructor(private readonly folder: Folder, private readonly limits: GalleryLimits) {}

  /** @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND, ERR_CLIP_IMAGE_DECODE, ERR_CLIP_IMAGE_TOO_LARGE, ERR_CLIP_QUEUE_FULL */
  async get(entry: Entry, size: Size): Promise<Buffer> {
    const key = `${size} ${entry.id} ${entry.changedMs} ${entry.bytes}`
    const cached = this.#cache.get(key)
    if (cached) return cached
    let making = this.#making.get(key)
    if (!making) {
      making = this.#make(entry, size).finally(() => this.#making.delete(key))
      this.#making.set(key, making)
    }
    const made = await making
    if (size === 'thumbnail') this.#cache.set(key, made)
    return made
  }

  #make(entry: Entry, size: Size): Promise<Buffer> {
    if (this.#gate.waiting >= maxWaiting) {
      return Promise.reject(
        new ClipError('ERR_CLIP_QUEUE_FULL', `${maxWaiting} images are waiting to be made: try again later`),
      )
    }
    return this.#gate.run(async () => {
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
      }
    })
  }
}
