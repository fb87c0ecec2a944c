/** The folder of a server, searchable: its index, its search and its pictures. */
import { ClipError } from '../../../library.js'
import { type Call, callOptions } from '../../calls/work.js'
import { Catalogue, type Scored } from './catalogue.js'
import { Folder } from './folder.js'
import { Indexer } from './indexer.js'
import { Renditions, type Size } from './renditions.js'
import type { Entry, GalleryLimits, GalleryModel, Progress } from './types.js'

const defaults: GalleryLimits = {
  rescanMs: 60_000,
  maxPictures: 100_000,
  maxFileBytes: 32 * 2 ** 20,
  maxPixels: 2 ** 26,
}

/** What is searched for: words, the bytes of a picture file, or a picture of the folder by its id. */
export type Wanted = { text: string } | { image: Buffer } | { like: string }

export class Gallery {
  readonly limits: GalleryLimits
  readonly #folder: Folder
  readonly #model: GalleryModel
  #catalogue: Catalogue | undefined
  #indexer: Indexer | undefined
  #starting: Promise<void> | undefined
  #failure: string | undefined
  readonly #abort = new AbortController()
  readonly #renditions: Renditions

  private constructor(folder: Folder, model: GalleryModel, limits: GalleryLimits) {
    this.#folder = folder
    this.#model = model
    this.limits = limits
    this.#renditions = new Renditions(folder, limits)
  }

  /** @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND */
  static async open(path: string, model: GalleryModel, limits: Partial<GalleryLimits> = {}): Promise<Gallery> {
    const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined))
    return new Gallery(await Folder.open(path), model, { ...defaults, ...given })
  }

  get name(): string {
    return this.#folder.name
  }

  get progress(): Progress {
    if (this.#indexer) return this.#indexer.progress
    const nothing = { pictures: 0, indexed: 0, failed: 0, leftOut: 0 }
    return this.#failure === undefined
      ? { state: 'scanning', ...nothing }
      : { state: 'failed', ...nothing, message: this.#failure }
  }

  /** Begins to index, once the model is there; returns at once. */
  start(): void {
    if (this.#starting || this.#abort.signal.aborted) return
    this.#failure = undefined
    this.#starting = this.#begin().catch((error: unknown) => {
      if (!this.#abort.signal.aborted) this.#failure = (error as Error).message
    }).finally(() => {
      this.#starting = undefined
    })
  }

  async #begin(): Promise<void> {
    const dim = await this.#model.use(this.#abort.signal, clip => Promise.resolve(clip.info.dim))
    this.#catalogue = new Catalogue(dim)
    this.#indexer = new Indexer(this.#folder, this.#catalogue, this.#model, this.limits)
    this.#indexer.refresh()
  }

  /** Looks for new, changed and deleted pictures. */
  refresh(): void {
    if (this.#indexer) this.#indexer.refresh(true)
    else this.start()
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#starting
    await this.#indexer?.close()
  }

  /** Pictures by name. */
  list(offset: number, limit: number): { results: Scored[] | { entry: Entry }[]; total: number } {
    const all = this.#catalogue?.sorted() ?? []
    return { results: all.slice(offset, offset + limit).map(entry => ({ entry })), total: all.length }
  }

  /** The pictures nearest to what is wanted, best first; among those that are indexed by now. */
  async search(wanted: Wanted, limit: number, call: Call): Promise<{ results: Scored[]; total: number }> {
    const vector = await this.#vectorOf(wanted, call)
    const results = await (this.#catalogue?.search(vector, limit, call.signal) ?? [])
    return { results, total: this.#catalogue?.size ?? 0 }
  }

  /** @throws what {@link Renditions.get} throws; {ClipError} ERR_CLIP_FILE_NOT_FOUND for an unknown id */
  rendition(id: string, size: Size): Promise<Buffer> {
    return this.#renditions.get(this.#entry(id), size)
  }

  #vectorOf(wanted: Wanted, call: Call): Promise<Float32Array> {
    if ('like' in wanted) return Promise.resolve(this.#catalogue!.vectorOf(this.#entry(wanted.like))!)
    return this.#model.serve(call, clip => (
      'text' in wanted
        ? clip.encodeText(wanted.text, callOptions(call))
        : clip.encodeImage(wanted.image, callOptions(call))
    ))
  }

  #entry(id: string): Entry {
    const entry = this.#catalogue?.get(id)
    if (entry) return entry
    throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', 'no such image in the folder: it may have been moved or deleted')
  }
}
