/**
 * A store by LanceDB, in a local folder or in S3: a table of pictures, one of notes. LanceDB lets two merges of the same
 * new key both insert it. In a folder writers, of all processes, take turns; in S3, which has no lock, the keys are declared
 * as the table's primary key, and of two such merges LanceDB repeats the later one.
 */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'

import { ClipError } from '../errors.js'
import { checkKey, checkKeys, checkList, checkNote, checkRecords, checkSearch, type Condition, conditionsOf,
  type Layout } from './checks.js'
import { lancePlace } from './lance-place.js'
import { layoutNote, missing, readLayout } from './layout.js'
import { loadPeer } from '../peer.js'
import { closedError, columnsOf, recordOfRow, type Row, rowOfRecord } from './rows.js'
import type { FieldKind, FieldValue, OpenStoreOptions, StoredRecord, StoreFilter, StoreListOptions, StoreMatch,
  StoreSearchOptions, VectorRecord, VectorStore } from './types.js'
import { WriterLock } from './writer-lock.js'

/** The parts of `@lancedb/lancedb` that are used. */
interface Lance {
  connect(
    uri: string,
    options: { readConsistencyInterval: number; storageOptions?: Record<string, string> },
  ): Promise<Connection>
  makeArrowTable(rows: readonly Row[], options: { schema: unknown }): unknown
  Index: { btree(): unknown }
}

interface Connection {
  tableNames(): Promise<string[]>
  createEmptyTable(name: string, schema: unknown): Promise<Table>
  openTable(name: string): Promise<Table>
  close(): void
}

interface Table {
  mergeInsert(key: string): Merge
  query(): Query
  delete(where: string): Promise<unknown>
  countRows(where?: string): Promise<number>
  listIndices(): Promise<unknown[]>
  createIndex(column: string, options: { config: unknown }): Promise<void>
  optimize(options: { cleanupOlderThan: Date }): Promise<unknown>
  close(): void
}

interface Merge {
  whenMatchedUpdateAll(): Merge
  whenNotMatchedInsertAll(): Merge
  execute(data: unknown, options?: { timeoutMs: number }): Promise<unknown>
}

interface Query {
  where(condition: string): Query
  select(columns: string[]): Query
  limit(rows: number): Query
  orderBy(ordering: { columnName: string }): Query
  nearestTo(vector: Float32Array): Query & { distanceType(type: 'cosine'): Query }
  toArray(): Promise<Row[]>
}

/** The parts of `apache-arrow` that are used: its data types, by name. */
type Arrow = Record<
  'Schema' | 'Field' | 'Utf8' | 'Float64' | 'Float32' | 'Int8' | 'FixedSizeList',
  new(...values: unknown[]) => object
>

/** Metadata of a column by which LanceDB finds out that two merges insert the same key. */
const primaryKey = new Map([['lance-schema:unenforced-primary-key', 'true']])

/** Writes of this process after which small pieces are put together and old versions removed. In S3 each piece is requests. */
const writesPerTidying = { folder: 100, s3: 20 }
/** Milliseconds for the attempts at a merge in S3: one that lost to another writer may hang. */
const mergeMs = [5000, 10_000, 20_000, 40_000, 80_000]
/** Milliseconds for which readers may still look at a version that has been replaced. */
const keepVersionsMs = 600_000

interface Notes {
  table: Table
  schema: unknown
}

interface Parts {
  lance: Lance
  schema: unknown
  connection: Connection
  pictures: Table
  notes: Notes
  lock: WriterLock
  inS3: boolean
}

export class LanceStore implements VectorStore {
  readonly dim: number
  readonly fields: Layout['fields']
  readonly #parts: Parts
  readonly #running = new Set<Promise<unknown>>()
  #writes = 0
  #closing: Promise<void> | undefined

  private constructor(parts: Parts, { dim, fields }: Layout) {
    this.#parts = parts
    this.dim = dim
    this.fields = fields
  }

  static async open(
    location: string,
    { dim, fields, table, s3 }: OpenStoreOptions & { table: string },
  ): Promise<LanceStore> {
    const { uri, folder, storageOptions } = lancePlace(location, s3)
    const purpose = 'a store in LanceDB'
    const packages = '@lancedb/lancedb@0.31.0 apache-arrow@18.1.0'
    const lance = loadPeer<Lance>('@lancedb/lancedb', 'ERR_CLIP_STORE_PARTS', purpose, packages)
    const arrow = loadPeer<Arrow>('apache-arrow', 'ERR_CLIP_STORE_PARTS', purpose, packages)
    const notesName = `${table}_notes`
    // LanceDB's folder of a table. LanceDB itself makes files where it looks
    if (dim === undefined && folder !== undefined && !existsSync(`${folder}/${notesName}.lance`)) throw missing(table)
    return coded(async () => {
      if (folder !== undefined) await mkdir(folder, { recursive: true })
      const lock = new WriterLock(folder)
      // 0: every call sees what other processes have written
      const connection = await lance.connect(uri, { readConsistencyInterval: 0, storageOptions })
      try {
        return await lock.run(async () => {
          const names = await connection.tableNames()
          // somebody else may have made it since
          const opened = (name: string, schema: unknown): Promise<Table> =>
            names.includes(name)
              ? connection.openTable(name)
              : connection.createEmptyTable(name, schema)
                .catch((error: Error) => connection.openTable(name).catch(() => Promise.reject(error)))
          const inS3 = folder === undefined
          const keyMetadata = inS3 ? primaryKey : undefined
          if (dim === undefined && !names.includes(notesName)) throw missing(table)
          const schemaOfNotes = notesSchema(arrow, keyMetadata)
          const notes: Notes = { table: await opened(notesName, schemaOfNotes), schema: schemaOfNotes }
          const note = dim === undefined
            ? await recall(notes, 'layout')
            : await remember({ lance, notes, inS3 }, 'layout', layoutNote({ dim, fields }))
          if (note === undefined) throw missing(table) // its first opener was killed
          const layout = readLayout(note, table, dim, fields)
          const schema = schemaOf(arrow, layout, keyMetadata)
          const pictures = await opened(table, schema)
          return new LanceStore({ lance, schema, connection, pictures, notes, lock, inS3 }, layout)
        })
      } catch (error) {
        connection.close()
        await lock.close()
        throw error
      }
    })
  }

  async upsert(records: readonly VectorRecord[]): Promise<void> {
    const checked = checkRecords(records, this)
    if (checked.length === 0) return
    const rows = checked.map(record => ({
      ...Object.fromEntries(
        Object.entries(rowOfRecord(record, this)).map((
          [name, value],
        ) => [name, typeof value === 'boolean' ? Number(value) : value]),
      ),
      vector: Array.from(record.vector),
    }))
    await this.#write(({ lance, schema, pictures, inS3 }) =>
      merge(
        pictures.mergeInsert('key').whenMatchedUpdateAll().whenNotMatchedInsertAll(),
        lance.makeArrowTable(rows, { schema }),
        inS3,
      )
    )
  }

  get(keys: readonly string[], options?: { vectors?: false }): Promise<StoredRecord[]>
  get(keys: readonly string[], options: { vectors: true }): Promise<VectorRecord[]>
  async get(keys: readonly string[], { vectors = false } = {}): Promise<StoredRecord[]> {
    const wanted = checkKeys('keys', keys)
    if (wanted.length === 0) return []
    return this.#records(vectors, query => query.where(anyOf(wanted)))
  }

  async delete(keys: readonly string[]): Promise<void> {
    const wanted = checkKeys('keys', keys)
    if (wanted.length > 0) await this.#write(({ pictures }) => pictures.delete(anyOf(wanted)))
  }

  async search(vector: Float32Array, options?: StoreSearchOptions): Promise<StoreMatch[]> {
    const { vector: query, k, conditions } = checkSearch(vector, options, this)
    const where = whereOf(conditions)
    const rows = await this.#run(({ pictures }) => {
      const filtered = where === undefined ? pictures.query() : pictures.query().where(where)
      return filtered.nearestTo(query).distanceType('cosine').select([...columnsOf(this), '_distance']).limit(k)
        .toArray()
    })
    return rows.map(row => ({ ...recordOfRow(row, this), similarity: 1 - (row._distance as number) }))
  }

  list(options?: StoreListOptions & { vectors?: false }): Promise<StoredRecord[]>
  list(options: StoreListOptions & { vectors: true }): Promise<VectorRecord[]>
  async list(options?: StoreListOptions & { vectors?: boolean }): Promise<StoredRecord[]> {
    const { limit, vectors, conditions } = checkList(options, this)
    const where = whereOf(conditions)
    return this.#records(
      vectors,
      query => (where === undefined ? query : query.where(where)).orderBy({ columnName: 'key' }).limit(limit),
    )
  }

  async count(filter?: StoreFilter): Promise<number> {
    const where = whereOf(conditionsOf(filter, this))
    return this.#run(({ pictures }) => pictures.countRows(where))
  }

  async remember(name: string, value: string): Promise<string> {
    checkNote(name, value)
    return this.#run(parts => parts.lock.run(() => remember(parts, name, value)))
  }

  async recall(name: string): Promise<string | undefined> {
    checkKey('name', name)
    return this.#run(({ notes }) => recall(notes, name))
  }

  close(): Promise<void> {
    return this.#closing ??= (async () => {
      await Promise.allSettled(this.#running)
      const { connection, pictures, notes, lock } = this.#parts
      pictures.close()
      notes.table.close()
      connection.close()
      await lock.close()
    })()
  }

  async #records(vectors: boolean, choose: (query: Query) => Query): Promise<StoredRecord[]> {
    const rows = await this.#run(({ pictures }) =>
      choose(pictures.query()).select([...columnsOf(this), ...(vectors ? ['vector'] : [])]).toArray()
    )
    return rows.map(row => ({
      ...recordOfRow(row, this),
      ...(vectors ? { vector: Float32Array.from(row.vector as Iterable<number>) } : {}),
    }))
  }

  #write(work: (parts: Parts) => Promise<unknown>): Promise<void> {
    return this.#run(parts =>
      parts.lock.run(async () => {
        await work(parts)
        if (++this.#writes % writesPerTidying[parts.inS3 ? 's3' : 'folder'] === 0) await tidy(parts)
      })
    )
  }

  #run<R>(work: (parts: Parts) => Promise<R>): Promise<R> {
    if (this.#closing) return Promise.reject(closedError())
    const running = coded(() => work(this.#parts))
    this.#running.add(running)
    const done = (): void => void this.#running.delete(running)
    running.then(done, done)
    return running
  }
}

/** A merge is done or not, and may be repeated. */
async function merge(builder: Merge, data: unknown, inS3: boolean): Promise<void> {
  if (!inS3) return void await builder.execute(data)
  for (const [attempt, timeoutMs] of mergeMs.entries()) {
    try {
      return void await builder.execute(data, { timeoutMs })
    } catch (error) {
      if (attempt === mergeMs.length - 1 || !isConflict(error)) throw error
    }
  }
}

function isConflict(error: unknown): boolean {
  return /concurrent writers|commit conflict|timed out/i.test((error as Error).message)
}

/** Puts pieces together, and gives the keys an index, without which every write reads all of them. */
async function tidy({ lance, pictures }: Parts): Promise<void> {
  try {
    if ((await pictures.listIndices()).length === 0) await pictures.createIndex('key', { config: lance.Index.btree() })
    await pictures.optimize({ cleanupOlderThan: new Date(Date.now() - keepVersionsMs) })
  } catch (error) {
    // in S3: somebody wrote meanwhile. The next one tidies
    if (!isConflict(error)) throw error
  }
}

async function remember(
  { lance, notes, inS3 }: Pick<Parts, 'lance' | 'notes' | 'inS3'>,
  name: string,
  value: string,
): Promise<string> {
  const kept = await recall(notes, name)
  if (kept !== undefined) return kept
  const data = lance.makeArrowTable([{ name, value }], { schema: notes.schema })
  await merge(notes.table.mergeInsert('name').whenNotMatchedInsertAll(), data, inS3)
  return (await recall(notes, name)) ?? value
}

async function recall({ table }: Notes, name: string): Promise<string | undefined> {
  const [kept] = await table.query().where(`name = ${literal(name)}`).toArray()
  return kept?.value as string | undefined
}

function notesSchema({ Schema, Field, Utf8 }: Arrow, keyMetadata: Map<string, string> | undefined): unknown {
  return new Schema([new Field('name', new Utf8(), false, keyMetadata), new Field('value', new Utf8(), false)])
}

function schemaOf(
  { Schema, Field, Utf8, Float64, Float32, Int8, FixedSizeList }: Arrow,
  layout: Layout,
  keyMetadata: Map<string, string> | undefined,
): unknown {
  const kinds: Record<FieldKind, () => object> = {
    string: () => new Utf8(),
    number: () => new Float64(),
    boolean: () => new Int8(), // 0 and 1: a merge of absent booleans alone fails in LanceDB 0.31
  }
  return new Schema([
    new Field('key', new Utf8(), false, keyMetadata),
    new Field('content', new Utf8(), true),
    new Field('modified', new Float64(), true),
    new Field('size', new Float64(), true),
    ...Object.entries(layout.fields).map(([name, kind]) => new Field(name, kinds[kind](), true)),
    new Field('vector', new FixedSizeList(layout.dim, new Field('item', new Float32(), true)), false),
  ])
}

function anyOf(keys: readonly string[]): string {
  return `key IN (${keys.map(literal).join(', ')})`
}

function whereOf(conditions: readonly Condition[]): string | undefined {
  if (conditions.length === 0) return undefined
  return conditions.map(({ column, is, value }) =>
    is === 'prefix' ? `starts_with(\`${column}\`, ${literal(value)})` : `\`${column}\` ${is} ${literal(value)}`
  ).join(' AND ')
}

function literal(value: FieldValue): string {
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`
  // with an exponent, so that it is a floating-point number whatever its size
  return typeof value === 'number' ? value.toExponential() : String(Number(value))
}

async function coded<R>(work: () => Promise<R>): Promise<R> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ClipError) throw error
    throw new ClipError('ERR_CLIP_STORE_FAILED', `LanceDB: ${(error as Error).message}`, { cause: error })
  }
}
