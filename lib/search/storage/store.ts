/**
 * The folder of an index: `index.db` (SQLite, the truth), `vectors-<generation>.<type>` (the rows that the scan reads) and
 * `writer.db`, which the one process that updates keeps locked. Rows below `synced` are on the disk; later ones are read
 * from SQLite, so that a crash at any point costs nothing. Deleted rows stay until `compact` writes the next generation.
 */
import { access, constants, readdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'

import { ClipError, errorCodeOf } from '../../errors.js'
import { makeFolder, unreadable } from '../../files.js'
import { checkString } from '../../validate.js'
import { Catalog, type FileRecord, pathsBelow } from './catalog.js'
import { Database, needSqlite } from './database.js'
import { RowFormat, type RowType } from './rows.js'
import { VectorFile } from './vector-file.js'

/** What one search sees: rows of the file, then the latest ones in memory. */
export interface Snapshot {
  /** Undefined if no row is to be read from it: a new index has none. */
  file: VectorFile | undefined
  /** Rows to read from the file. */
  rows: number
  /** Rows after those, as in the file, with zeros for forgotten pictures. */
  tail: Uint8Array
  format: RowFormat
  /** How many of all these rows are to be looked at. */
  pictures: number
  /** Of the file: each numbers the rows anew. */
  generation: number
  /** 1 for each row to look at; undefined: all. */
  mask?: Uint8Array
}

/** Rows after which the file is flushed to the disk. */
const rowsPerSync = 4096
/** Share of forgotten rows, and their number, from which the file is written anew. */
const [deadShare, deadRows] = [0.25, 256]

export class Store {
  readonly catalog: Catalog
  readonly folder: string
  /** Nothing in the folder is written. */
  readonly readOnly: boolean
  /** Why it is. */
  readonly #why: string
  /** By generation. Old ones stay open for searches that read them. */
  readonly #files = new Map<number, Promise<VectorFile>>()
  #lock: Database | undefined

  private constructor(folder: string, catalog: Catalog, readOnly: boolean, why = 'it is open to be read only') {
    this.folder = folder
    this.catalog = catalog
    this.readOnly = readOnly
    this.#why = why
  }

  /**
   * @param options `readOnly`: undefined, if it cannot be written
   * @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND: no index there, and `create` is not set; the errors of SQLite
   */
  static async open(
    folder: string,
    { create = false, readOnly }: { create?: boolean; readOnly?: boolean } = {},
  ): Promise<Store> {
    needSqlite()
    const database = path.join(folder, 'index.db')
    const isThere = await stat(database).then(() => true, (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false
      throw unreadable(`'${database}'`, error)
    })
    if (!isThere) {
      if (!create)
        throw new ClipError(
          'ERR_CLIP_FILE_NOT_FOUND',
          `there is no search index in '${folder}': make one with "ggclip index"`,
        )
      await makeFolder(folder).catch(error => {
        throw new ClipError(
          'ERR_CLIP_FILE_WRITE',
          `the index '${folder}' cannot be made: ${(error as Error).message}`,
          { cause: error },
        )
      })
    }
    const onlyRead = readOnly ?? (isThere && !(await isWritable(folder) && await isWritable(database)))
    try {
      return new Store(folder, new Catalog(database, { readOnly: onlyRead }), onlyRead)
    } catch (error) {
      const isFull = errorCodeOf(error) === 'ERR_CLIP_FILE_WRITE' && /disk/.test((error as Error).message)
      if (!isThere || readOnly !== undefined || onlyRead || !isFull) throw error
      // no room for what SQLite writes beside it: it is read without
      try {
        return new Store(folder, new Catalog(database, { readOnly: true }), true, (error as Error).message)
      } catch {
        throw error
      }
    }
  }

  /** What `look` sees in an index that is not open. */
  static async lookInto<R>(folder: string, look: (store: Store) => R): Promise<R> {
    const store = await Store.open(path.resolve(checkString('folder', folder)))
    try {
      return look(store)
    } finally {
      await store.close()
    }
  }

  get dim(): number {
    return Number(this.catalog.get('dim') ?? 0)
  }

  get format(): RowFormat {
    return new RowFormat(this.catalog.get('rowType') === 'int8' ? 'int8' : 'f16', this.dim)
  }

  /** Rows mean the same pictures as long as it is the same. */
  get generation(): number {
    return Number(this.catalog.get('generation') ?? 0)
  }

  get #synced(): number {
    return Number(this.catalog.get('synced') ?? 0)
  }

  /** Runs `work` as the only writer; the system releases the lock when the process ends, however it ends. */
  async asWriter<R>(work: () => Promise<R>): Promise<R> {
    if (this.readOnly) {
      throw new ClipError(
        'ERR_CLIP_FILE_WRITE',
        `the index '${this.folder}' cannot be updated: ${this.#why}`,
      )
    }
    if (this.#lock)
      throw new ClipError('ERR_CLIP_INDEX_BUSY', `the index '${this.folder}' is being updated by this process`)
    const lock = new Database(path.join(this.folder, 'writer.db'), { waitMs: 0 })
    try {
      lock.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      lock.close()
      if (errorCodeOf(error) !== 'ERR_CLIP_INDEX_BUSY') throw error
      throw new ClipError('ERR_CLIP_INDEX_BUSY', `the index '${this.folder}' is being updated by another process`, {
        cause: error,
      })
    }
    this.#lock = lock
    try {
      await this.#mend()
      return await work()
    } finally {
      this.#lock = undefined
      lock.close()
    }
  }

  /** Saves files and the vectors of their pictures. */
  async commit(records: readonly FileRecord[], seen: readonly Buffer[]): Promise<void> {
    const { firstRow, vectors } = this.catalog.commit(records, seen)
    if (vectors.length === 0) return
    const file = await this.#open({ writable: true })
    await file.write(firstRow, this.format.encode(halvesOf(vectors)))
    if (firstRow + vectors.length - this.#synced >= rowsPerSync) await this.flush()
  }

  /** Returns when all rows are on the disk. */
  async flush(): Promise<void> {
    const rows = this.catalog.rows()
    if (rows === this.#synced) return
    await (await this.#open({ writable: true })).sync()
    this.catalog.set('synced', String(rows))
  }

  /** Rows that a crash, or somebody, took from the file come again from SQLite. */
  async #mend(): Promise<void> {
    if (this.dim === 0) return
    const file = await this.#open({ writable: true })
    await this.rewrite(Math.min(await file.rows(), this.#synced))
  }

  /** Writes rows from number `first` on again, and flushes them. */
  async rewrite(first: number): Promise<void> {
    const rows = this.catalog.rows()
    if (first === rows) return
    const file = await this.#open({ writable: true })
    for (let from = first; from < rows; from += rowsPerSync) {
      const end = Math.min(rows, from + rowsPerSync)
      await file.write(from, this.#rowsFromCatalog(from, end))
    }
    await file.sync()
    this.catalog.set('synced', String(rows))
  }

  #rowsFromCatalog(first: number, end: number): Uint8Array {
    const { dim } = this
    const halves = new Uint16Array((end - first) * dim)
    const bytes = new Uint8Array(halves.buffer)
    for (const { row, vector } of this.catalog.vectors(first, end)) bytes.set(vector, (row - first) * 2 * dim)
    return this.format.encode(halves)
  }

  /** Forgets a folder, and all below it. */
  async removeRoot(root: Buffer): Promise<void> {
    this.catalog.removeRoot(root, pathsBelow(root, path.sep))
    await this.compact()
  }

  /** Writes the file anew, without the rows of forgotten pictures, if they are many. */
  async compact(): Promise<void> {
    const rows = this.catalog.rows()
    const dead = rows - this.catalog.counts().pictures
    if (dead < deadRows || dead < deadShare * rows) return
    await this.#writeAnew(() => this.catalog.renumber())
  }

  /** Writes the file anew in another type, if it has not this one. */
  async setRowType(type: RowType): Promise<void> {
    if (type !== this.format.type) await this.#writeAnew(() => this.catalog.set('rowType', type))
  }

  async #writeAnew(change: () => void): Promise<void> {
    const generation = this.generation + 1
    this.catalog.writing(() => {
      change()
      this.catalog.set('generation', String(generation))
      this.catalog.set('synced', '0') // readers take all from SQLite until the file is there
    })
    await this.rewrite(0)
    await this.#removeOld(generation)
  }

  /** A process that still reads an old file keeps it, except on Windows, where the next run removes it. */
  async #removeOld(generation: number): Promise<void> {
    for (const name of await readdir(this.folder)) {
      const [, number] = /^vectors-(\d+)\.(?:f16|int8)$/.exec(name) ?? []
      if (number !== undefined && Number(number) !== generation)
        await rm(path.join(this.folder, name), { force: true }).catch(() => undefined)
    }
  }

  /** `rows`: those to look at, if not all. */
  async snapshot(rows?: () => readonly number[]): Promise<Snapshot> {
    for (let attempt = 0;; attempt++) {
      const state = this.catalog.reading(() => {
        const [synced, end] = [this.#synced, this.catalog.rows()]
        const chosen = rows?.() ?? (this.catalog.counts().pictures < end ? this.catalog.liveRows() : undefined)
        const { format } = this
        return { generation: this.generation, format, synced, tail: this.#rowsFromCatalog(synced, end), chosen, end }
      })
      try {
        const file = state.synced > 0 ? await this.#open(state) : undefined
        const mask = state.chosen && new Uint8Array(state.end)
        for (const row of state.chosen ?? []) mask![row] = 1
        return {
          file,
          rows: state.synced,
          tail: state.tail,
          format: state.format,
          generation: state.generation,
          pictures: state.chosen?.length ?? state.end,
          mask,
        }
      } catch (error) {
        // another process has written the next generation meanwhile
        if (attempt > 2 || this.generation === state.generation) throw error
      }
    }
  }

  /**
   * What `read` makes of the result of `work`, from one state of the data in which rows mean the pictures that they meant
   * to `work`: if they were numbered anew meanwhile, all is done again.
   */
  async readAfter<W, R>(work: () => Promise<W>, read: (result: W) => R): Promise<R> {
    for (;;) {
      const { generation } = this
      const result = await work()
      const made = this.catalog.reading(() => this.generation === generation ? { value: read(result) } : undefined)
      if (made) return made.value
    }
  }

  /** Compares every row with SQLite's; returns how many differ. */
  async check(): Promise<number> {
    const [synced, { bytes }] = [this.#synced, this.format]
    const file = await this.#open({})
    if (await file.rows() < synced) return synced - await file.rows()
    let different = 0
    for (let first = 0; first < synced; first += rowsPerSync) {
      const end = Math.min(synced, first + rowsPerSync)
      const found = Buffer.from(await file.read(first, new Uint8Array((end - first) * bytes)))
      const expected = this.#rowsFromCatalog(first, end)
      for (const { row } of this.catalog.vectors(first, end)) {
        const at = (row - first) * bytes
        if (!found.subarray(at, at + bytes).equals(expected.subarray(at, at + bytes))) different++
      }
    }
    return different
  }

  /** {@link Store.check}, and writes the file again if rows differ. */
  async checkAndMend(): Promise<number> {
    const different = await this.check()
    if (different > 0) await this.rewrite(0)
    return different
  }

  #open({ writable = false, generation = this.generation, format = this.format }): Promise<VectorFile> {
    let file = this.#files.get(generation)
    if (!file) {
      file = VectorFile.open(path.join(this.folder, `vectors-${generation}.${format.type}`), format.bytes, { writable })
      this.#files.set(generation, file)
      file.catch(() => this.#files.delete(generation))
    }
    return file
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.then(opened => opened.close(), () => undefined)
    this.#files.clear()
    this.catalog.close()
  }
}

function isWritable(file: string): Promise<boolean> {
  return access(file, constants.W_OK).then(() => true, () => false)
}

function halvesOf(vectors: readonly Uint8Array[]): Uint16Array {
  const bytes = Buffer.concat(vectors) // small ones share a pool: their offset may be odd
  return new Uint16Array(Uint8Array.from(bytes).buffer)
}
