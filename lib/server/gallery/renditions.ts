/** Pictures as the page shows them: small or large WebP files without metadata, made when asked for. */
import sharp from 'sharp'

import { Gate } from '../../async/gate.js'
import { ClipError, type IndexedFile } from '../../library.js'
import { LruMap } from '../../lru-map.js'
import type { Folders } from './folders.js'
import type { GalleryOptions } from './types.js'

/** Longest side, pixels. */
export const sizes = { thumbnail: 384, preview: 1600 } as const
export type Size = keyof typeof sizes

const cacheBytes = 48 * 2 ** 20
/** At the same time; each holds a file and a part of its pixels. */
const slots = 2
/** Requests that may wait for a slot: a page of the gallery asks for 60. */
const maxWaiting = 512

/** How JPEG, PNG, WebP, GIF, TIFF and AVIF begin. SVG is left out, since it is a program as much as a picture. */
const beginnings = /^(?:\xff\xd8\xff|\x89PNG|RIFF[^]{4}WEBP|GIF8|II\*\0|MM\0\*|[^]{4}ftyp(?:avi[fs]|mif1))/

export class Renditions {
  readonly #cache = new LruMap<string, Buffer>(cacheBytes, bytes => bytes.length)
  readonly #making = new Map<string, Promise<Buffer>>()
  readonly #gate = new Gate(slots)

  constructor(private readonly limits: Pick<GalleryOptions, 'maxFileBytes' | 'maxPixels'>) {}

  /**
   * @param files that show the same picture: the first that can be read is taken
   * @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND, ERR_CLIP_FILE_CHANGED, ERR_CLIP_IMAGE_DECODE, ERR_CLIP_IMAGE_TOO_LARGE,
   *   ERR_CLIP_QUEUE_FULL
   */
  async get(folders: Pick<Folders, 'read'>, files: readonly IndexedFile[], size: Size): Promise<Buffer> {
    const key = `${size} ${files[0]!.hash}`
    const cached = this.#cache.get(key)
    if (cached) return cached
    let making = this.#making.get(key)
    if (!making) {
      making = this.#make(folders, files, size).finally(() => this.#making.delete(key))
      this.#making.set(key, making)
    }
    const made = await making
    if (size === 'thumbnail') this.#cache.set(key, made)
    return made
  }

  #make(folders: Pick<Folders, 'read'>, files: readonly IndexedFile[], size: Size): Promise<Buffer> {
    if (this.#gate.waiting >= maxWaiting) {
      return Promise.reject(
        new ClipError('ERR_CLIP_QUEUE_FULL', `${maxWaiting} images are waiting to be made: try again later`),
      )
    }
    return this.#gate.run(async () => {
      const bytes = await this.#readFirst(folders, files)
      if (!beginnings.test(bytes.toString('latin1', 0, 16)))
        throw new ClipError('ERR_CLIP_IMAGE_DECODE', 'images of this format can be found, but are not shown')
      const side = sizes[size]
      try {
        return await sharp(bytes, { limitInputPixels: this.limits.maxPixels, autoOrient: true, failOn: 'error' })
          .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
          .webp({ quality: 80, effort: 2 })
          .toBuffer()
      } catch (error) {
        throw new ClipError('ERR_CLIP_IMAGE_DECODE', 'the image cannot be decoded', { cause: error })
      }
    })
  }

  async #readFirst(folders: Pick<Folders, 'read'>, files: readonly IndexedFile[]): Promise<Buffer> {
    let failure: unknown
    for (const file of files) {
      try {
        return await folders.read(file, this.limits.maxFileBytes)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }
}
