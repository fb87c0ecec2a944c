/** Folders of pictures that can be searched by words and by pictures. */
import path from 'node:path'

import { throwIfAborted } from '../async/abort.js'
import { ClipError, invalidArgument, outOfRange } from '../errors.js'
import { checkBoolean, checkOneOf, checkOptions, checkString } from '../validate.js'
import { bindModel } from './bind-model.js'
import { checkRoots, needNew, outermost, rootOf, usualFolder } from './folders/roots.js'
import { checkUpdate, update } from './folders/update.js'
import { checkWatch, watch } from './folders/watch.js'
import { checkClusters, findClusters } from './groups/clusters.js'
import { checkDuplicates, findDuplicates } from './groups/find-duplicates.js'
import { describe, failuresIn, infoOf } from './queries/describe.js'
import { checkFind, find } from './queries/find.js'
import { Graph } from './queries/graph.js'
import { checkPage, pageOfFiles, pageOfHits } from './queries/page.js'
import { checkQuery, type SearchQuery } from './queries/query.js'
import { textOf } from './storage/catalog.js'
import { fromHalves } from './storage/half.js'
import { type RowType, rowTypes } from './storage/rows.js'
import { Store } from './storage/store.js'
import type { ClusterOptions, DuplicateGroup, DuplicatesOptions, IndexedFile, IndexedPicture, IndexInfo, IndexModel,
  IndexPage, IndexPageOptions, IndexResult, OpenIndexOptions, PictureCluster, SearchHit, SearchIndexOptions,
  UpdateIndexOptions, WatchIndexOptions } from './types.js'

/**
 * Pictures in folders, searched by words, by pictures or by both. What it knows is in one folder, which several
 * processes may search while one updates it.
 *
 * @example
 * const index = await SearchIndex.open('build/example-index', { clip })
 * const { failed } = await index.update(['models/samples'])
 * const [best] = await index.search('a rocket', { k: 1 })
 * console.log(failed, best.path.endsWith('rocket.png')) // 0 true
 * await index.close()
 */
export class SearchIndex {
  readonly #store: Store
  readonly #graph: Graph
  readonly #clip: IndexModel
  readonly #rows: RowType | undefined
  readonly #running = new Set<Promise<unknown>>()
  #closed = false

  private constructor(store: Store, clip: IndexModel, rows: RowType | undefined) {
    this.#store = store
    this.#graph = new Graph(store)
    this.#clip = clip
    this.#rows = rows
  }

  /**
   * Opens an index, or makes one, with its model.
   *
   * @param folder of the index, not of the pictures
   * @throws {ClipError} ERR_CLIP_INDEX_MODEL: made with another model; ERR_CLIP_INDEX_PARTS: no SQLite here;
   *   ERR_CLIP_INDEX_FORMAT: damaged, or made by a newer ggclip; ERR_CLIP_FILE_NOT_FOUND: none there, and not `create`
   *
   * @example
   * const index = await SearchIndex.open('build/example-index', { clip })
   * console.log(index.info().dim) // 256
   * await index.close()
   */
  static async open(folder: string, options: OpenIndexOptions): Promise<SearchIndex> {
    checkString('folder', folder)
    const { clip, readOnly, create = readOnly !== true, rows } = checkOptions('options', options, ['clip', 'create',
      'readOnly', 'rows'])
    if (readOnly !== undefined && checkBoolean('options.readOnly', readOnly) && create)
      throw invalidArgument('options.create', 'no create for an index that is read only', create)
    if (rows !== undefined) checkOneOf('options.rows', rows, rowTypes)
    if (typeof clip?.encodeImage !== 'function') throw invalidArgument('options.clip', 'a Clip', clip)
    const store = await Store.open(path.resolve(folder), { create: checkBoolean('options.create', create), readOnly })
    try {
      await bindModel(store, clip)
    } catch (error) {
      await store.close()
      throw error
    }
    return new SearchIndex(store, clip, rows)
  }

  /** Whether it was opened with `readOnly`, or cannot be written: it is searched only. */
  get readOnly(): boolean {
    return this.#store.readOnly
  }

  /**
   * Embeds what is new or changed below the folders, and forgets what is gone. A file counts as unchanged with the same
   * size and time of change; otherwise its bytes are hashed, so that renamed, moved and copied files cost no embedding.
   * Files that cannot be read or decoded are counted and listed by {@link SearchIndex.failures}; they are tried again
   * when they change. May be ended at any point: what was done stays, and the next run goes on there.
   *
   * @param roots folders or files, which the index remembers. Default: those that it remembers
   * @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND: a new folder that is not there; ERR_CLIP_INDEX_BUSY: another process is
   *   updating it; ERR_CLIP_INDEX_PARTS: `approximate`, and usearch is not installed; ERR_CLIP_FILE_WRITE; the signal's
   *   reason
   *
   * @example
   * const index = await SearchIndex.open('build/example-index', { clip })
   * const { unchanged, embedded, known } = await index.update(['models/samples'], { exclude: ['photo-*'] })
   * console.log(unchanged + embedded + known) // 12
   * await index.close()
   */
  async update(roots?: readonly string[], options?: UpdateIndexOptions): Promise<IndexResult> {
    this.#needOpen()
    const given = roots && checkRoots(roots)
    const { approximate, onApproximate, ...checked } = checkUpdate(options)
    throwIfAborted(checked.signal)
    return this.#run(() =>
      this.#store.asWriter(async () => {
        needNew(given ?? [], this.#store.catalog.roots())
        for (const root of given ?? []) this.#store.catalog.addRoot(root)
        if (this.#rows !== undefined) await this.#store.setRowType(this.#rows)
        const folders = outermost(given ?? this.#store.catalog.roots())
        const result = await update(this.#store, this.#clip, folders, checked)
        await this.#graph.keep(this.#clip, approximate, { signal: checked.signal, onProgress: onApproximate })
        return result
      })
    )
  }

  /**
   * {@link SearchIndex.update}, and again whenever something below the folders changes, until the signal aborts.
   *
   * @param roots as for `update`
   * @returns the result of each run; while another process updates the index, the next run waits
   * @throws as `update`; the signal's reason
   *
   * @example
   * const index = await SearchIndex.open('build/example-index', { clip })
   * for await (const { unchanged, embedded, known } of index.watch(['models/samples'])) {
   *   console.log(unchanged + embedded + known) // 18
   *   break
   * }
   * await index.close()
   */
  async *watch(roots?: readonly string[], options?: WatchIndexOptions): AsyncGenerator<IndexResult, void, undefined> {
    this.#needOpen()
    const { watching, updating } = checkWatch(options)
    const given = roots ? checkRoots(roots) : this.#store.catalog.roots()
    needNew(given, this.#store.catalog.roots())
    yield* watch(this.#store.folder, given, watching, () => this.update(roots, updating))
  }

  /**
   * Forgets a folder that {@link SearchIndex.update} was given, and all pictures below it.
   *
   * @throws {RangeError} a folder that it was not given; otherwise as {@link SearchIndex.update}
   *
   * @example
   * const index = await SearchIndex.open('build/example-index', { clip })
   * await index.update(['models/samples'])
   * await index.remove('models/samples')
   * console.log(index.info().pictures) // 0
   * await index.close()
   */
  async remove(root: string): Promise<void> {
    this.#needOpen()
    const below = rootOf('root', root)
    const known = this.#store.catalog.roots()
    if (!known.some(other => other.equals(below)))
      throw outOfRange('root', `one of the index's folders (${known.map(textOf).join(', ')})`, root)
    await this.#run(() => this.#store.asWriter(() => this.#store.removeRoot(below)))
  }

  /**
   * The pictures nearest to a text, a picture, or a weighted sum of several: most similar first.
   *
   * @throws {TypeError|RangeError} bad arguments; {ClipError} as {@link Clip.encodeText} and {@link Clip.encodeImage}
   *
   * @example
   * const index = await SearchIndex.open('build/example-index', { clip })
   * await index.update(['models/samples'])
   * const [first, second] = await index.search([{ image: 'models/samples/photo-dress.jpg' }], { k: 2 })
   * console.log(first.similarity > 0.999, second.similarity < first.similarity) // true true
   * await index.close()
   */
  async search(query: SearchQuery, options?: SearchIndexOptions): Promise<SearchHit[]> {
    this.#needOpen()
    const parts = checkQuery(query)
    const checked = checkFind(options)
    return this.#run(() => find(this.#store, this.#graph, this.#clip, parts, checked))
  }

  /**
   * A part of what {@link SearchIndex.search} finds, or of all files, and after it the next: while the index changes,
   * nothing that stays in it comes twice or is left out.
   *
   * @param query as for `search`; undefined: all files that the filter accepts, by path
   * @throws as `search`
   *
   * @example
   * const index = await SearchIndex.open('build/example-index', { clip })
   * await index.update(['models/samples'])
   * const first = await index.page('a rocket', { k: 10 })
   * const second = await index.page('a rocket', { k: 10, after: first.files.at(-1) })
   * console.log(first.total, first.more, second.files.length, second.more) // 18 true 8 false
   * await index.close()
   */
  async page(query?: SearchQuery, options?: IndexPageOptions): Promise<IndexPage> {
    this.#needOpen()
    const parts = query === undefined ? undefined : checkQuery(query)
    const checked = checkPage(options, parts !== undefined)
    return this.#run(() =>
      parts ? pageOfHits(this.#store, this.#clip, parts, checked) : pageOfFiles(this.#store, checked)
    )
  }

  /**
   * Groups of files that show the same picture, or nearly: re-encoded, resized, slightly cropped. All pairs are
   * compared: n^2 dot products for n pictures.
   *
   * @throws {TypeError|RangeError} bad arguments; the signal's reason
   *
   * @example
   * const index = await SearchIndex.open('build/example-index', { clip })
   * await index.update(['models/samples'])
   * console.log(await index.duplicates()) // []
   * await index.close()
   */
  async duplicates(options?: DuplicatesOptions): Promise<DuplicateGroup[]> {
    this.#needOpen()
    const checked = checkDuplicates(options)
    return this.#run(() => findDuplicates(this.#store, checked))
  }

  /**
   * Groups of pictures that are alike, the largest first (k-means): what the index is made of. The same index has the
   * same groups.
   *
   * @throws {TypeError|RangeError} bad arguments; the signal's reason
   *
   * @example
   * const index = await SearchIndex.open('build/example-index', { clip })
   * await index.update(['models/samples'])
   * const groups = await index.clusters({ count: 3 })
   * console.log(groups.length, groups.reduce((sum, { size }) => sum + size, 0)) // 3 18
   * await index.close()
   */
  async clusters(options?: ClusterOptions): Promise<PictureCluster[]> {
    this.#needOpen()
    const checked = checkClusters(options)
    return this.#run(() => findClusters(this.#store, checked))
  }

  /**
   * What is known of a file, by its path; undefined if it is none of those that can be found.
   *
   * @example
   * const index = await SearchIndex.open('build/example-index', { clip })
   * await index.update(['models/samples'])
   * console.log(index.lookUp('models/samples/rocket.png').size > 0, index.lookUp('package.json')) // true undefined
   * await index.close()
   */
  lookUp(file: string): IndexedFile | undefined {
    this.#needOpen()
    const known = this.#store.catalog.shownFile(Buffer.from(path.resolve(checkString('file', file))))
    return known && describe(known)
  }

  /**
   * A picture by the hash that its files have, whatever they are called by now; undefined if there is none.
   *
   * @example
   * const index = await SearchIndex.open('build/example-index', { clip })
   * await index.update(['models/samples'])
   * const { hash } = index.lookUp('models/samples/rocket.png')
   * const { files, vector } = index.picture(hash)
   * const [first] = await index.search({ vector }, { k: 1 })
   * console.log(files.length, vector.length, first.path === files[0].path) // 1 256 true
   * await index.close()
   */
  picture(hash: string): IndexedPicture | undefined {
    this.#needOpen()
    const { catalog } = this.#store
    const known = catalog.pictureAt(Buffer.from(checkString('hash', hash), 'hex'))
    if (!known) return undefined
    const vector = fromHalves(new Uint16Array(Uint8Array.from(known.vector).buffer))
    return { files: catalog.filesOfRow(known.row).map(describe), vector }
  }

  /**
   * What it is made of.
   *
   * @example
   * const index = await SearchIndex.open('build/example-index', { clip })
   * await index.update(['models/samples'])
   * console.log(index.info().pictures, index.info().failed) // 18 0
   * await index.close()
   */
  info(): IndexInfo {
    this.#needOpen()
    return infoOf(this.#store)
  }

  /**
   * Where the index of a folder of pictures is unless it was made elsewhere: `.ggclip` in it.
   *
   * @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND: no such folder
   *
   * @example
   * console.log(SearchIndex.usualFolder('models')) // models/.ggclip
   */
  static usualFolder(pictures: string): string {
    return usualFolder(checkString('pictures', pictures))
  }

  /**
   * What an index is made of, without its model.
   *
   * @throws {ClipError} as {@link SearchIndex.open}, except ERR_CLIP_INDEX_MODEL
   *
   * @example
   * await (await SearchIndex.open('build/example-index', { clip })).close()
   * console.log((await SearchIndex.inspect('build/example-index')).dim) // 256
   */
  static inspect(folder: string): Promise<IndexInfo> {
    return Store.lookInto(folder, infoOf)
  }

  /**
   * Files that could not be read or decoded: path, code and message of the error.
   *
   * @example
   * const index = await SearchIndex.open('build/example-index', { clip })
   * await index.update(['models/samples'])
   * console.log(index.failures()) // []
   * await index.close()
   */
  failures(): { path: string; code: string; message: string }[] {
    this.#needOpen()
    return failuresIn(this.#store)
  }

  /**
   * {@link SearchIndex.failures} of an index, without its model.
   *
   * @throws as {@link SearchIndex.inspect}
   *
   * @example
   * await (await SearchIndex.open('build/example-index', { clip })).close()
   * console.log(await SearchIndex.failuresOf('build/example-index')) // []
   */
  static failuresOf(folder: string): Promise<{ path: string; code: string; message: string }[]> {
    return Store.lookInto(folder, failuresIn)
  }

  /**
   * Compares all vectors with what SQLite holds, and mends those that differ.
   *
   * @returns how many differed
   * @throws as {@link SearchIndex.update}
   *
   * @example
   * const index = await SearchIndex.open('build/example-index', { clip })
   * await index.update(['models/samples'])
   * console.log(await index.check()) // 0
   * await index.close()
   */
  async check(): Promise<number> {
    this.#needOpen()
    return this.#run(() => this.#store.asWriter(() => this.#store.checkAndMend()))
  }

  /**
   * Waits for running calls and closes the files. The model stays loaded.
   *
   * @example
   * const index = await SearchIndex.open('build/example-index', { clip })
   * await index.close()
   * await index.search('a dog').catch(error => console.log(error.code)) // ERR_CLIP_DISPOSED
   */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.allSettled(this.#running)
    await this.#store.close()
  }

  /** {@link SearchIndex.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** `close` waits for `work`. */
  async #run<R>(work: () => Promise<R>): Promise<R> {
    const running = work()
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  #needOpen(): void {
    if (this.#closed) throw new ClipError('ERR_CLIP_DISPOSED', 'the search index is closed')
  }
}
