/**
 * What an index knows, in SQLite: which files were seen, which picture each shows, and each picture's vector. It is the
 * only truth: the file of vectors beside it is made from it.
 */
import { ClipError } from '../../errors.js'
import type { PhotoFacts } from '../../image/photo-facts.js'
import { Database } from './database.js'

/** Versions of the tables, oldest first; `PRAGMA user_version` is how many of them a file has. */
const migrations = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
   CREATE TABLE roots (path BLOB PRIMARY KEY);
   CREATE TABLE pictures (
     id INTEGER PRIMARY KEY,
     row INTEGER NOT NULL UNIQUE, -- in the file of vectors
     hash BLOB NOT NULL UNIQUE,   -- SHA-256 of the encoded picture
     vector BLOB NOT NULL         -- halves of this machine's byte order, unit length
   );
   CREATE TABLE files (
     path BLOB PRIMARY KEY,
     size INTEGER NOT NULL,
     mtime REAL NOT NULL,                     -- milliseconds since 1970
     picture INTEGER REFERENCES pictures(id), -- null: it could not be read, for the reason beside it
     code TEXT,
     message TEXT
   );
   CREATE INDEX files_of_picture ON files(picture)`,
  // the file of vectors has a type: an older ggclip would read 8 bits as halves
  `INSERT INTO meta VALUES ('rowType', 'f16')`,
  `ALTER TABLE pictures ADD COLUMN facts INTEGER NOT NULL DEFAULT 0; -- 1: looked for in the picture (EXIF)
   ALTER TABLE pictures ADD COLUMN taken REAL;                       -- milliseconds since 1970 of the camera's clock
   ALTER TABLE pictures ADD COLUMN camera TEXT;
   ALTER TABLE pictures ADD COLUMN latitude REAL;                    -- degrees
   ALTER TABLE pictures ADD COLUMN longitude REAL`,
]

/** A file as it was when it was looked at last. */
export interface KnownFile {
  size: number
  mtime: number
  picture: number | null
  code: string | null
  /** Whether the picture's facts were looked for; null without a picture. */
  facts: number | null
}

/** Every file with its picture. */
const filesOfPictures = `SELECT files.path, files.size, files.mtime, files.picture, pictures.row, pictures.taken,
  pictures.hash, pictures.camera, pictures.latitude, pictures.longitude FROM pictures JOIN files ON files.picture = pictures.id`

/** What is to be remembered of a file. */
export type FileRecord = { path: Buffer; size: number; mtimeMs: number } & (
  | {
    hash: Buffer
    /** Bytes of halves; undefined if the picture is known. */
    vector?: Uint8Array
    /** Undefined if they are known. */
    facts?: PhotoFacts
  }
  | { error: Error }
)

/** A file of a picture, in answers. */
export interface FileOfPicture {
  path: Uint8Array
  size: number
  mtime: number
  picture: number
  row: number
  hash: Uint8Array
  taken: number | null
  camera: string | null
  latitude: number | null
  longitude: number | null
}

export interface Counts {
  /** Files that show a picture. */
  files: number
  /** Different pictures, by their bytes. */
  pictures: number
  /** Files that could not be read. */
  failed: number
}

export class Catalog {
  readonly #db: Database

  constructor(file: string, { readOnly = false } = {}) {
    this.#db = new Database(file, { readOnly })
    try {
      if (readOnly) {
        this.#needCurrent(file)
        return
      }
      this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
      // an index that is up to date is opened without a write: the disk may be full
      if (this.#version(file) < migrations.length) this.#migrate(file)
      this.#db.exec(`CREATE TEMP TABLE seen (path BLOB PRIMARY KEY) WITHOUT ROWID;
        CREATE TEMP TABLE kept (first BLOB, end BLOB)`)
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  #version(file: string): number {
    const version = Number(this.#db.get('PRAGMA user_version')!.user_version)
    if (version <= migrations.length) return version
    throw new ClipError(
      'ERR_CLIP_INDEX_FORMAT',
      `the index '${file}' was made by a newer ggclip: version ${version} of its tables, and this one knows ${migrations.length}`,
    )
  }

  #needCurrent(file: string): void {
    const version = this.#version(file)
    if (version === migrations.length) return
    throw new ClipError(
      'ERR_CLIP_INDEX_FORMAT',
      `the index '${file}' has version ${version} of its tables, not ${migrations.length}, and cannot be read only: open it once where it can be written`,
    )
  }

  #migrate(file: string): void {
    this.#db.transaction(() => {
      const version = this.#version(file)
      for (const step of migrations.slice(version)) this.#db.exec(step)
      this.#db.exec(`PRAGMA user_version = ${migrations.length}`)
    })
  }

  /** One state of the data for all reads of `work`. */
  reading<R>(work: () => R): R {
    return this.#db.transaction(work, { reading: true })
  }

  get(key: string): string | undefined {
    return this.#db.get<{ value: string }>('SELECT value FROM meta WHERE key = ?', key)?.value
  }

  set(key: string, value: string): void {
    this.#db.run('INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value', key, value)
  }

  roots(): Buffer[] {
    return this.#db.all<{ path: Uint8Array }>('SELECT path FROM roots ORDER BY path').map(({ path }) =>
      Buffer.from(path)
    )
  }

  addRoot(path: Buffer): void {
    this.#db.run('INSERT INTO roots VALUES (?) ON CONFLICT DO NOTHING', path)
  }

  /** Forgets a folder and what is below it. */
  removeRoot(path: Buffer, below: PathRange): void {
    this.#db.transaction(() => {
      this.#db.run('DELETE FROM roots WHERE path = ?', path)
      this.#db.run('DELETE FROM files WHERE path = ? OR (path >= ? AND path < ?)', path, ...below)
      this.#dropUnshown()
    })
  }

  counts(): Counts {
    return this.#db.get<Counts>(`SELECT (SELECT count(*) FROM files WHERE picture IS NOT NULL) AS files,
      (SELECT count(*) FROM pictures) AS pictures,
      (SELECT count(*) FROM files WHERE picture IS NULL) AS failed`)!
  }

  fileAt(path: Buffer): KnownFile | undefined {
    return this.#db.get<KnownFile>(
      `SELECT files.size, files.mtime, files.picture, files.code, pictures.facts FROM files
       LEFT JOIN pictures ON pictures.id = files.picture WHERE files.path = ?`,
      path,
    )
  }

  /** A picture by its hash, and whether its facts were looked for. */
  pictureOf(hash: Buffer): { facts: number } | undefined {
    return this.#db.get('SELECT facts FROM pictures WHERE hash = ?', hash)
  }

  /**
   * Remembers files, and that `seen` were seen in this run, all or none of it. Returns the vectors that are new, with the
   * row of the first: rows are given in the order of `records`, one after another.
   */
  commit(records: readonly FileRecord[], seen: readonly Buffer[]): { firstRow: number; vectors: Uint8Array[] } {
    return this.#db.transaction(() => {
      const firstRow = this.rows()
      const vectors: Uint8Array[] = []
      for (const record of records) {
        const { path, size, mtimeMs } = record
        if ('error' in record) {
          const { code = 'ERR_CLIP_INTERNAL', message } = record.error as NodeJS.ErrnoException
          this.#putFile(path, size, mtimeMs, null, code, message)
          continue
        }
        if (record.vector !== undefined) {
          const row = firstRow + vectors.length
          const added = this.#db.run(
            'INSERT INTO pictures (row, hash, vector) VALUES (?, ?, ?) ON CONFLICT (hash) DO NOTHING',
            row,
            record.hash,
            record.vector,
          )
          if (added > 0) vectors.push(record.vector)
        }
        if (record.facts) this.#putFacts(record.hash, record.facts)
        const picture = this.#db.get<{ id: number }>('SELECT id FROM pictures WHERE hash = ?', record.hash)
        // without one it was forgotten since it was looked up: the next run embeds it
        if (picture) this.#putFile(path, size, mtimeMs, picture.id, null, null)
      }
      this.set('rows', String(firstRow + vectors.length))
      for (const path of seen) this.#db.run('INSERT INTO seen VALUES (?) ON CONFLICT DO NOTHING', path)
      return { firstRow, vectors }
    })
  }

  #putFile(...values: [Buffer, number, number, number | null, string | null, string | null]): void {
    this.#db.run(
      `INSERT INTO files VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET size = excluded.size,
       mtime = excluded.mtime, picture = excluded.picture, code = excluded.code, message = excluded.message`,
      ...values,
    )
  }

  #putFacts(hash: Buffer, { taken, camera, latitude, longitude }: PhotoFacts): void {
    this.#db.run(
      'UPDATE pictures SET facts = 1, taken = ?, camera = ?, latitude = ?, longitude = ? WHERE hash = ?',
      ...[taken ?? null, camera ?? null, latitude ?? null, longitude ?? null, hash],
    )
  }

  /** Begins a run: nothing was seen, and nothing is kept. */
  forgetSeen(): void {
    this.#db.exec('DELETE FROM seen; DELETE FROM kept')
  }

  /** Files between two paths count as seen in this run. */
  keep(below: PathRange): void {
    this.#db.run('INSERT INTO kept VALUES (?, ?)', ...below)
  }

  /** Forgets the files between two paths that were not seen in this run. @returns how many */
  removeUnseen(below: PathRange): number {
    return this.#db.transaction(() => {
      const removed = this.#db.run(
        `DELETE FROM files WHERE path >= ? AND path < ? AND path NOT IN (SELECT path FROM seen)
         AND NOT EXISTS (SELECT 1 FROM kept WHERE files.path >= kept.first AND files.path < kept.end)`,
        ...below,
      )
      this.#dropUnshown()
      return removed
    })
  }

  #dropUnshown(): void {
    this.#db.run('DELETE FROM pictures WHERE NOT EXISTS (SELECT 1 FROM files WHERE files.picture = pictures.id)')
  }

  /** Rows of the file of vectors, those of forgotten pictures included. */
  rows(): number {
    return Number(this.get('rows') ?? 0)
  }

  /** Numbers the pictures' rows from 0 again, in their order: none is then of a forgotten picture. */
  renumber(): void {
    const pictures = this.#db.all<{ id: number }>('SELECT id FROM pictures ORDER BY row')
    // upwards, each to a row that is free by then
    pictures.forEach(({ id }, row) => this.#db.run('UPDATE pictures SET row = ? WHERE id = ?', row, id))
    this.set('rows', String(pictures.length))
  }

  writing<R>(work: () => R): R {
    return this.#db.transaction(work)
  }

  /** Vectors of rows `first` to `end - 1`, in order; forgotten pictures are left out. */
  vectors(first: number, end: number): { row: number; vector: Uint8Array }[] {
    return this.#db.all('SELECT row, vector FROM pictures WHERE row >= ? AND row < ? ORDER BY row', first, end)
  }

  /** Rows of the pictures that are not forgotten. */
  liveRows(): number[] {
    return this.#db.all<{ row: number }>('SELECT row FROM pictures').map(({ row }) => row)
  }

  /** The files of a picture, in the order of their paths. */
  filesOfRow(row: number): FileOfPicture[] {
    return this.#db.all(`${filesOfPictures} WHERE pictures.row = ? ORDER BY files.path`, row)
  }

  /** A file that shows a picture. */
  shownFile(path: Buffer): FileOfPicture | undefined {
    return this.#db.get(`${filesOfPictures} WHERE files.path = ?`, path)
  }

  /** At most `limit` files after a path, in the order of their paths. */
  filesAfter(path: Uint8Array, limit: number): FileOfPicture[] {
    return this.#db.all(`${filesOfPictures} WHERE files.path > ? ORDER BY files.path LIMIT ?`, path, limit)
  }

  /** A picture by its hash: its row, and its vector's halves. */
  pictureAt(hash: Uint8Array): { row: number; vector: Uint8Array } | undefined {
    return this.#db.get('SELECT row, vector FROM pictures WHERE hash = ?', hash)
  }

  allFiles(): FileOfPicture[] {
    return this.#db.all(`${filesOfPictures} ORDER BY files.path`)
  }

  failures(): { path: Uint8Array; code: string; message: string }[] {
    return this.#db.all('SELECT path, code, message FROM files WHERE picture IS NULL ORDER BY path')
  }

  close(): void {
    this.#db.close()
  }
}

/** Paths by their bytes: [first, end). */
export type PathRange = readonly [Buffer, Buffer]

/** All paths below a folder. */
export function pathsBelow(folder: Buffer, separator: string): PathRange {
  const first = Buffer.concat([folder, Buffer.from(separator)])
  const end = Buffer.from(first)
  end[end.length - 1]! += 1 // the byte after the separator
  return [first, end]
}

/** A file's name, for people. */
export function textOf(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString()
}
