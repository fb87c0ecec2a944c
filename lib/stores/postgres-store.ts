/** A store in PostgreSQL with pgvector: one table of pictures, one of notes. Any number of processes may use it. */
import type { Pool, PoolClient } from 'pg'

import { ClipError } from '../errors.js'
import { checkKey, checkKeys, checkList, checkNote, checkRecords, checkSearch, type Condition, conditionsOf,
  type Layout } from './checks.js'
import { layoutNote, missing, readLayout } from './layout.js'
import { loadPeer } from '../peer.js'
import { closedError, columnsOf, recordOfRow, type Row, rowOfRecord } from './rows.js'
import type { FieldKind, OpenStoreOptions, StoredRecord, StoreFilter, StoreListOptions, StoreMatch, StoreSearchOptions,
  VectorRecord, VectorStore } from './types.js'

const typesOf: Readonly<Record<FieldKind, string>> = { string: 'text', number: 'double precision', boolean: 'boolean' }
/** Rows of one statement: a vector is up to 16,000 numbers of text. */
const rowsPerStatement = 500
/** Reads and writes that fail for these reasons changed nothing, and may succeed at once. */
const transient = new Set(['40001', '40P01'])

export class PostgresStore implements VectorStore {
  readonly dim: number
  readonly fields: Layout['fields']
  readonly #pool: Pool
  readonly #table: string
  #closing: Promise<void> | undefined

  private constructor(pool: Pool, table: string, { dim, fields }: Layout) {
    this.#pool = pool
    this.#table = table
    this.dim = dim
    this.fields = fields
  }

  static async open(
    url: string,
    { dim, fields, table, connections }: OpenStoreOptions & { table: string; connections: number },
  ): Promise<PostgresStore> {
    const { Pool } = loadPeer<typeof import('pg')>('pg', 'ERR_CLIP_STORE_PARTS', 'a store in PostgreSQL')
    const pool = new Pool({ connectionString: url, max: connections, connectionTimeoutMillis: 10_000, keepAlive: true })
    // a connection that breaks while it is idle is replaced by the pool; one in use rejects its query
    pool.on('error', () => undefined)
    try {
      const layout = await coded(() => prepare(pool, table, dim, fields))
      return new PostgresStore(pool, table, layout)
    } catch (error) {
      await pool.end()
      throw error
    }
  }

  async upsert(records: readonly VectorRecord[]): Promise<void> {
    const checked = checkRecords(records, this)
    const columns = columnsOf(this)
    const types = ['text', 'text', 'double precision', 'bigint',
      ...Object.values(this.fields).map(kind => typesOf[kind])]
    const quoted = columns.map(quote)
    const sql = `INSERT INTO ${quote(this.#table)} (${quoted.join(', ')}, vector)
      SELECT ${quoted.join(', ')}, vector::vector
      FROM unnest(${types.map((type, i) => `$${i + 1}::${type}[]`).join(', ')}, $${types.length + 1}::text[])
        AS given(${quoted.join(', ')}, vector)
      ON CONFLICT (key) DO UPDATE SET ${
      [...quoted.slice(1), 'vector'].map(name => `${name} = excluded.${name}`).join(', ')
    }`
    await this.#run(async pool => {
      const batches = Math.ceil(checked.length / rowsPerStatement)
      const write = async (client: Pick<PoolClient, 'query'>, batch: number): Promise<void> => {
        const rows = checked.slice(batch * rowsPerStatement, (batch + 1) * rowsPerStatement)
        const values = rows.map(record => rowOfRecord(record, this))
        const vectors = rows.map(({ vector }) => textOfVector(vector))
        await client.query(sql, [...columns.map(name => values.map(row => row[name])), vectors])
      }
      if (batches === 1) return write(pool, 0)
      if (batches > 1)
        await transaction(pool, async client => {
          for (let batch = 0; batch < batches; batch++) await write(client, batch)
        })
    })
  }

  get(keys: readonly string[], options?: { vectors?: false }): Promise<StoredRecord[]>
  get(keys: readonly string[], options: { vectors: true }): Promise<VectorRecord[]>
  async get(keys: readonly string[], { vectors = false } = {}): Promise<StoredRecord[]> {
    const wanted = checkKeys('keys', keys)
    if (wanted.length === 0) return []
    return this.#records(vectors, ' WHERE key = ANY($1)', [wanted])
  }

  async delete(keys: readonly string[]): Promise<void> {
    const wanted = [...checkKeys('keys', keys)].sort()
    // locked in one order, so that two processes do not wait for each other
    if (wanted.length > 0) {
      await this.#query(
        `DELETE FROM ${quote(this.#table)} WHERE key IN (SELECT key FROM ${
          quote(this.#table)
        } WHERE key = ANY($1) ORDER BY key FOR UPDATE)`,
        [wanted],
      )
    }
  }

  async search(vector: Float32Array, options?: StoreSearchOptions): Promise<StoreMatch[]> {
    const { vector: query, k, conditions } = checkSearch(vector, options, this)
    const { where, values } = whereOf(conditions, 2)
    const rows = await this.#query(
      `SELECT ${this.#columns()}, 1 - (vector <=> $1::vector) AS similarity FROM ${
        quote(this.#table)
      }${where} ORDER BY vector <=> $1::vector LIMIT ${k}`,
      [textOfVector(query), ...values],
    )
    return rows.map(row => ({ ...recordOfRow(row, this), similarity: row.similarity as number }))
  }

  list(options?: StoreListOptions & { vectors?: false }): Promise<StoredRecord[]>
  list(options: StoreListOptions & { vectors: true }): Promise<VectorRecord[]>
  async list(options?: StoreListOptions & { vectors?: boolean }): Promise<StoredRecord[]> {
    const { limit, vectors, conditions } = checkList(options, this)
    const { where, values } = whereOf(conditions, 1)
    return this.#records(vectors, `${where} ORDER BY key LIMIT ${limit}`, values)
  }

  async count(filter?: StoreFilter): Promise<number> {
    const { where, values } = whereOf(conditionsOf(filter, this), 1)
    const [row] = await this.#query(`SELECT count(*) AS count FROM ${quote(this.#table)}${where}`, values)
    return Number(row!.count)
  }

  async remember(name: string, value: string): Promise<string> {
    checkNote(name, value)
    return this.#run(pool => remember(pool, this.#table, name, value))
  }

  async recall(name: string): Promise<string | undefined> {
    checkKey('name', name)
    return this.#run(pool => recall(pool, this.#table, name))
  }

  close(): Promise<void> {
    return this.#closing ??= this.#pool.end()
  }

  #columns(): string {
    return columnsOf(this).map(quote).join(', ')
  }

  async #records(vectors: boolean, which: string, values: unknown[]): Promise<StoredRecord[]> {
    const rows = await this.#query(
      `SELECT ${this.#columns()}${vectors ? ', vector::text AS vector' : ''} FROM ${quote(this.#table)}${which}`,
      values,
    )
    return rows.map(row => ({
      ...recordOfRow(row, this),
      ...(vectors ? { vector: Float32Array.from(JSON.parse(row.vector as string) as number[]) } : {}),
    }))
  }

  async #query(sql: string, values: unknown[]): Promise<Row[]> {
    return this.#run(async pool => (await pool.query<Row>(sql, values)).rows)
  }

  async #run<R>(work: (pool: Pool) => Promise<R>): Promise<R> {
    if (this.#closing) throw closedError()
    for (let attempt = 0;; attempt++) {
      try {
        return await coded(() => work(this.#pool))
      } catch (error) {
        const { code } = (error as { cause?: { code?: string } }).cause ?? {}
        if (attempt >= 5 || !transient.has(code ?? '')) throw error
      }
    }
  }
}

/** Makes the tables where they are missing, and finds the layout of those that exist. */
async function prepare(
  pool: Pool,
  table: string,
  dim: number | undefined,
  fields: Layout['fields'] | undefined,
): Promise<Layout> {
  return transaction(pool, async client => {
    // one process at a time: IF NOT EXISTS does not make two of them wait for each other
    await client.query(`SELECT pg_advisory_xact_lock(hashtext('ggclip'))`)
    const exists = await client.query(`SELECT to_regclass($1) IS NOT NULL AS exists`, [quote(table)])
    if (!(exists.rows as { exists: boolean }[])[0]!.exists) {
      if (dim === undefined) throw missing(table)
      await client.query('CREATE EXTENSION IF NOT EXISTS vector')
      const own = Object.entries(fields ?? {}).map(([name, kind]) =>
        `, ${quote(name)} ${typesOf[kind]}${kind === 'string' ? ' COLLATE "C"' : ''}`
      )
      await client.query(`CREATE TABLE ${quote(table)} (key text COLLATE "C" PRIMARY KEY, content text COLLATE "C",
        modified double precision, size bigint, vector vector(${dim}) NOT NULL${own.join('')})`)
      await client.query(`CREATE TABLE ${quote(`${table}_notes`)} (name text PRIMARY KEY, value text NOT NULL)`)
    }
    const note = await remember(client, table, 'layout', layoutNote({ dim, fields }))
    return readLayout(note, table, dim, fields)
  })
}

async function remember(
  client: Pick<PoolClient, 'query'>,
  table: string,
  name: string,
  value: string,
): Promise<string> {
  await client.query(`INSERT INTO ${quote(`${table}_notes`)} VALUES ($1, $2) ON CONFLICT DO NOTHING`, [name, value])
  return (await recall(client, table, name))!
}

async function recall(client: Pick<PoolClient, 'query'>, table: string, name: string): Promise<string | undefined> {
  const { rows } = await client.query(`SELECT value FROM ${quote(`${table}_notes`)} WHERE name = $1`, [name])
  return (rows as { value: string }[])[0]?.value
}

async function transaction<R>(pool: Pool, work: (client: PoolClient) => Promise<R>): Promise<R> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    client.release()
    return result
  } catch (error) {
    // a connection in an unknown state is closed, which rolls back
    client.release(true)
    throw error
  }
}

function quote(name: string): string {
  return `"${name}"`
}

function whereOf(conditions: readonly Condition[], first: number): { where: string; values: unknown[] } {
  if (conditions.length === 0) return { where: '', values: [] }
  const parts = conditions.map(({ column, is }, i) =>
    is === 'prefix' ? `starts_with(${quote(column)}, $${first + i})` : `${quote(column)} ${is} $${first + i}`
  )
  return { where: ` WHERE ${parts.join(' AND ')}`, values: conditions.map(({ value }) => value) }
}

/** Shortest digits that give the same f32. */
function textOfVector(vector: Float32Array): string {
  return `[${vector.join(',')}]`
}

async function coded<R>(work: () => Promise<R>): Promise<R> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ClipError) throw error
    const { message, code, errors } = error as Error & { code?: string; errors?: Error[] }
    // of several addresses that refuse, the error has no message of its own
    const why = message || errors?.[0]?.message || code || 'no reason given'
    throw new ClipError('ERR_CLIP_STORE_FAILED', `PostgreSQL: ${why}`, { cause: error })
  }
}
