/**
 * SQLite: of the package `libsql` if it is installed, else Node's own (from 22.13 on). Both are synchronous and need no
 * install script. Only what both do alike is used here.
 */
import { statSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { types } from 'node:util'

import { ClipError } from '../../errors.js'

/** What a column holds. Blobs arrive as `Uint8Array`. */
export type SqlValue = string | number | null | Uint8Array
/** One row, by column. */
export type SqlRow = Record<string, SqlValue>

interface Statement {
  run(...values: unknown[]): { changes: number | bigint }
  all(...values: unknown[]): unknown[]
}

interface Driver {
  exec(sql: string): unknown
  prepare(sql: string): Statement
  close(): void
}

interface Library {
  open(file: string): Driver
  /** What `run` and `all` take: libsql, given one blob alone, would take it for named values, and end the process. */
  bind(values: readonly SqlValue[]): unknown[]
}

let library: Library | undefined

/** Milliseconds that a statement waits for another process's write. */
const busyMs = 10_000

/**
 * One connection.
 *
 * @throws {ClipError} ERR_CLIP_INDEX_PARTS: no SQLite here; ERR_CLIP_INDEX_FORMAT: the file is no database;
 *   ERR_CLIP_INDEX_BUSY: another process writes for longer than 10 seconds; ERR_CLIP_FILE_WRITE: the disk is full, or
 *   anything else that SQLite refuses
 */
export class Database {
  readonly #library: Library
  #driver: Driver
  readonly #statements = new Map<string, Statement>()
  readonly #name: string
  readonly #waitMs: number
  /** What {@link readingOf} said when it was opened; undefined: it may be written. */
  #reading: string | undefined
  #depth = 0

  /**
   * @param file made if it does not exist
   * @param options `readOnly`: neither it nor anything beside it is written, and it must exist
   */
  constructor(file: string, { waitMs = busyMs, readOnly = false } = {}) {
    this.#name = file
    this.#waitMs = waitMs
    this.#library = library ??= findLibrary()
    if (readOnly) this.#reading = readingOf(file).state
    this.#driver = this.#coded(() => this.#connect())
  }

  #connect(): Driver {
    const driver = this.#library.open(this.#reading === undefined ? this.#name : readingOf(this.#name).uri)
    driver.exec(`PRAGMA busy_timeout = ${this.#waitMs}`)
    return driver
  }

  /** What is only read sees what others have written since, between two transactions. */
  #refresh(): void {
    if (this.#reading === undefined || this.#depth > 0) return
    const { state } = readingOf(this.#name)
    if (state === this.#reading) return
    const driver = this.#connect()
    this.close()
    this.#reading = state
    this.#driver = driver
  }

  /** Statements without values or results. */
  exec(sql: string): void {
    this.#coded(() => {
      this.#refresh()
      this.#driver.exec(sql)
    })
  }

  /** @returns the number of rows changed */
  run(sql: string, ...values: SqlValue[]): number {
    this.#coded(() => this.#refresh())
    return Number(this.#coded(() => this.#prepared(sql).run(...this.#library.bind(values))).changes)
  }

  all<R = SqlRow>(sql: string, ...values: SqlValue[]): R[] {
    this.#coded(() => this.#refresh())
    const rows = this.#coded(() => this.#prepared(sql).all(...this.#library.bind(values))) as Record<string, unknown>[]
    for (const row of rows)
      for (const key in row) if (types.isArrayBuffer(row[key])) row[key] = new Uint8Array(row[key])
    return rows as R[]
  }

  get<R = SqlRow>(sql: string, ...values: SqlValue[]): R | undefined {
    return this.all<R>(sql, ...values)[0]
  }

  /** All of `work`, which must not wait, or nothing of it. `reading`: takes no lock, sees one state of the data. */
  transaction<R>(work: () => R, { reading = false } = {}): R {
    this.exec(reading ? 'BEGIN' : 'BEGIN IMMEDIATE')
    this.#depth++
    try {
      const result = work()
      this.exec('COMMIT')
      return result
    } catch (error) {
      try {
        this.#driver.exec('ROLLBACK')
      } catch {
        // SQLite itself has rolled back (disk full, for instance)
      }
      throw error
    } finally {
      this.#depth--
    }
  }

  close(): void {
    this.#statements.clear()
    this.#driver.close()
  }

  #prepared(sql: string): Statement {
    let statement = this.#statements.get(sql)
    if (!statement) this.#statements.set(sql, statement = this.#driver.prepare(sql))
    return statement
  }

  #coded<R>(work: () => R): R {
    try {
      return work()
    } catch (error) {
      if (error instanceof ClipError) throw error
      const { message } = error as Error
      const what = `'${path.basename(path.dirname(this.#name))}': ${message}`
      // the drivers' codes differ, SQLite's words do not
      if (/database is locked|busy/i.test(message))
        throw new ClipError('ERR_CLIP_INDEX_BUSY', `index ${what}`, { cause: error })
      if (/not a database|malformed|corrupt/i.test(message)) {
        throw new ClipError('ERR_CLIP_INDEX_FORMAT', `index ${what}: delete the index and make it again`, {
          cause: error,
        })
      }
      if (this.#reading !== undefined && /readonly|unable to open/i.test(message)) {
        throw new ClipError(
          'ERR_CLIP_FILE_WRITE',
          `'${this.#name}': ${message}: it was opened to be read only, or its last writer did not close it; then it has to be opened once where it can be written`,
          { cause: error },
        )
      }
      if (/readonly|unable to open/i.test(message)) {
        throw new ClipError(
          'ERR_CLIP_FILE_WRITE',
          `'${this.#name}': ${message}: expected a file that can be written in a folder that can be written, or readOnly`,
          { cause: error },
        )
      }
      throw new ClipError('ERR_CLIP_FILE_WRITE', `index ${what}`, { cause: error })
    }
  }
}

/**
 * How a file of SQLite's is read without a trace: while a writer has it open, what it wrote last is in the file -wal, and
 * SQLite reads both; otherwise it is told that nobody writes, for it would make files beside it to find that out.
 */
function readingOf(file: string): { uri: string; state: string } {
  const isWritten = (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0
  const { mtimeMs = 0, size = 0 } = statSync(file, { throwIfNoEntry: false }) ?? {}
  const how = isWritten ? 'mode=ro' : 'immutable=1'
  return { uri: `${pathToFileURL(file).href}?${how}`, state: isWritten ? how : `${how} ${mtimeMs} ${size}` }
}

/** @throws {ClipError} ERR_CLIP_INDEX_PARTS */
export function needSqlite(): void {
  library ??= findLibrary()
}

function findLibrary(): Library {
  try {
    const Libsql = require('libsql') as new(file: string) => Driver
    return { open: file => new Libsql(file), bind: values => [values] }
  } catch (error) {
    try {
      const { DatabaseSync } = require('node:sqlite') as { DatabaseSync: new(file: string) => Driver }
      return { open: file => new DatabaseSync(file), bind: values => [...values] }
    } catch {
      const missing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND'
      throw new ClipError(
        'ERR_CLIP_INDEX_PARTS',
        `a search index needs SQLite, which Node has from version 22.13 on: here (Node ${process.versions.node}) install the package libsql${
          missing ? '' : ` (it is there, but failed: ${(error as Error).message})`
        }`,
        { cause: error },
      )
    }
  }
}
