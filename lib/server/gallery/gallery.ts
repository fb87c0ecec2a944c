/** Folders of a server, searchable: their index, what is found in it, and its pictures. */
import { Gate } from '../../async/gate.js'
import { ClipError, type DuplicateGroup, type IndexedFile, type IndexPage, type KeepRule, type PagedFile,
  type QueryPart, type SearchFilter, SearchIndex } from '../../library.js'
import type { Call } from '../calls/work.js'
import { callOptions } from '../calls/work.js'
import { about } from '../output/failures.js'
import { Folders } from './folders.js'
import { lentModel } from './lent-model.js'
import type { Progress } from './progress.js'
import { Renditions, type Size } from './renditions.js'
import type { GalleryModel, GalleryOptions } from './types.js'
import { failureText, Updater } from './updater.js'

/** Searches at a time: each scans on all cores. */
const searchSlots = 8
/** Comparisons of all pairs that may wait for the one that runs. */
const maxWaiting = 4

/** What is searched for: the words and pictures of a request, and a picture of the index by its id. */
export interface Wanted {
  parts: readonly QueryPart[]
  like: string | undefined
}

/** A page, without what has left the folders since it was indexed, or is a link out of them. */
export interface Shown {
  files: PagedFile[]
  total: number
  /** Where the next page goes on; undefined: there is none. */
  last: PagedFile | undefined
}

export interface Within {
  filter: SearchFilter
  /** Name of the only folder. */
  folder: string | undefined
  minSimilarity: number | 'auto' | undefined
}

export class Gallery {
  readonly #model: GalleryModel
  readonly #options: GalleryOptions
  readonly #location: string
  readonly #renditions: Renditions
  readonly #abort = new AbortController()
  readonly #searching = new Gate(searchSlots)
  readonly #comparing = new Gate(1)
  #folders: Folders
  #index: SearchIndex | undefined
  #updater: Updater | undefined
  #opening: Promise<void> | undefined
  #failure: string | undefined

  private constructor(model: GalleryModel, options: GalleryOptions, location: string, folders: Folders) {
    this.#model = model
    this.#options = options
    this.#location = location
    this.#folders = folders
    this.#renditions = new Renditions(options)
  }

  /**
   * @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND: no such folder, or no index there; ERR_CLIP_INDEX_PARTS: no SQLite;
   *   ERR_CLIP_INDEX_FORMAT
   */
  static async open(model: GalleryModel, options: GalleryOptions): Promise<Gallery> {
    const folders = await Promise.all(options.folders.map(folder => Folders.check(folder)))
    const location = options.index ?? SearchIndex.usualFolder(folders[0]!)
    const roots = await SearchIndex.inspect(location).then(info => info.roots, (error: Error) => {
      // it is made once the model is there
      if ((error as { code?: string }).code === 'ERR_CLIP_FILE_NOT_FOUND' && folders.length > 0) return []
      throw error
    })
    return new Gallery(model, { ...options, folders }, location, new Folders(folders.length > 0 ? folders : roots))
  }

  get folders(): Folders {
    return this.#folders
  }

  get progress(): Progress {
    if (this.#updater) return this.#updater.progress
    const nothing = { files: 0, pictures: 0, failed: 0, unreadable: 0, done: 0, total: 0 }
    return this.#failure === undefined
      ? { state: 'opening', ...nothing }
      : { state: 'failed', ...nothing, message: this.#failure }
  }

  /** Opens the index with its model and begins to bring it up to date; returns at once. */
  start(): void {
    if (this.#opening || this.#index || this.#abort.signal.aborted) return
    this.#failure = undefined
    this.#opening = this.#open().catch((error: unknown) => {
      if (this.#abort.signal.aborted) return
      this.#failure = failureText(error)
      this.#options.report({ type: 'failed', error })
    }).finally(() => {
      this.#opening = undefined
    })
  }

  async #open(): Promise<void> {
    const { signal } = this.#abort
    const index = await SearchIndex.open(this.#location, { clip: await lentModel(this.#model, signal) })
    this.#index = index
    if (signal.aborted) return
    this.#updater = new Updater(index, this.#options)
    if (index.readOnly) this.#options.report({ type: 'served as it is: it cannot be written' })
    else this.#updater.start()
  }

  /** Looks for new, changed and deleted pictures, where the index can be written. */
  refresh(): void {
    if (this.#updater) this.#updater.refresh()
    else this.start()
  }

  /** Ends the updates; what they have embedded is saved. Searches go on. */
  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#opening
    await this.#updater?.stop()
  }

  async close(): Promise<void> {
    await this.stop()
    await this.#index?.close()
  }

  /** What is nearest to what is wanted; without anything wanted all files, by path. */
  async page(
    { parts, like }: Wanted,
    within: Within,
    { limit, after }: { limit: number; after: PagedFile | undefined },
    call: Call,
  ): Promise<Shown> {
    const index = this.#needIndex()
    const all = like === undefined ? parts : [...parts, { vector: this.#needPicture(like).vector }]
    const options = { k: limit, after, minSimilarity: within.minSimilarity, filter: this.#filterOf(within) }
    const search = (): Promise<IndexPage> =>
      this.#searching.run(
        () => index.page(all.length > 0 ? all : undefined, { ...options, ...callOptions(call) }),
        call.signal,
      )
    const found = parts.length === 0 ? await search() : await this.#model.serve(call, parts.length, search)
    const files = await Promise.all(found.files.map(file => this.#shown(index, file)))
    return {
      files: files.filter(file => file !== undefined),
      total: found.total,
      last: found.more ? found.files.at(-1) : undefined,
    }
  }

  /** Groups of files that show the same; one comparison at a time. */
  async duplicates(
    { minSimilarity, keep }: { minSimilarity: number | undefined; keep: KeepRule | undefined },
    signal: AbortSignal,
  ): Promise<DuplicateGroup[]> {
    const index = this.#needIndex()
    if (this.#comparing.waiting >= maxWaiting)
      throw new ClipError('ERR_CLIP_QUEUE_FULL', 'others are comparing all pictures: try again later')
    const groups = await this.#comparing.run(() => index.duplicates({ minSimilarity, keep, signal }), signal)
    return groups.flatMap(group => {
      const [first, ...others] = [group.keep, ...group.others].filter(file => this.#folders.placeOf(file.path))
      return first && others.length > 0 ? [{ keep: first, others }] : []
    })
  }

  /** @throws what {@link Renditions.get} throws; {ClipError} ERR_CLIP_FILE_NOT_FOUND for an unknown id */
  rendition(id: string, size: Size): Promise<Buffer> {
    return this.#renditions.get(this.#folders, this.#needPicture(id).files, size)
  }

  /** The file, or else one with the same bytes that was found with it, if it is there and in the folders. */
  async #shown(index: SearchIndex, found: PagedFile): Promise<PagedFile | undefined> {
    const { similarity, copies } = found
    const others = copies?.length ? index.picture(found.hash)?.files ?? [] : []
    const here: IndexedFile[] = []
    for (const file of [found, ...others.filter(({ path }) => copies!.includes(path))])
      if (await this.#folders.holds(file)) here.push(file)
    const [first, ...rest] = here
    return first && { ...first, similarity, copies: copies && rest.map(({ path }) => path) }
  }

  #needIndex(): SearchIndex {
    if (this.#index) return this.#index
    throw new ClipError('ERR_CLIP_MODEL_UNAVAILABLE', 'the index is not open yet: GET /gallery says how far it is')
  }

  #needPicture(id: string): { files: IndexedFile[]; vector: Float32Array } {
    const picture = this.#needIndex().picture(id)
    const files = picture?.files.filter(file => this.#folders.placeOf(file.path)) ?? []
    if (picture && files.length > 0) return { files, vector: picture.vector }
    throw new ClipError('ERR_CLIP_FILE_NOT_FOUND', 'no such image in the folders: it may have been changed or deleted')
  }

  /** An index may hold more folders than those that are shown. */
  #filterOf({ filter, folder }: Within): SearchFilter | undefined {
    if (folder !== undefined && !this.#folders.names.includes(folder)) {
      const names = this.#folders.names.join(', ')
      throw about('filter.folder', new ClipError('ERR_CLIP_OUT_OF_RANGE', `filter.folder: expected one of ${names}`))
    }
    const { path: glob, ...rest } = filter
    const isAll = glob === undefined && folder === undefined && this.#folders.hold(this.#needIndex().info().roots)
    if (isAll) return Object.values(rest).every(value => value === undefined) ? undefined : rest
    return { ...rest, path: this.#folders.globs(glob as string | undefined, folder) }
  }
}
