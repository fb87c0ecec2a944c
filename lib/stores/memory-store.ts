/** A store in this process's memory: what the others are compared with. */
import { cosineSimilarity } from '../vectors/similarity.js'
import { checkKey, checkKeys, checkList, checkNote, checkRecords, checkSearch, type Condition, conditionsOf,
  type Layout } from './checks.js'
import { closedError, recordOf, type Row } from './rows.js'
import type { FieldValue, StoredRecord, StoreFilter, StoreListOptions, StoreMatch, StoreSearchOptions, VectorRecord,
  VectorStore } from './types.js'

export class MemoryStore implements VectorStore {
  readonly dim: number
  readonly fields: Layout['fields']
  readonly #rows = new Map<string, VectorRecord>()
  readonly #notes = new Map<string, string>()
  /** All keys by their bytes; undefined: not known since a key came or went. */
  #order: string[] | undefined
  #closed = false

  constructor({ dim, fields }: Layout) {
    this.dim = dim
    this.fields = fields
  }

  async upsert(records: readonly VectorRecord[]): Promise<void> {
    await this.#open()
    for (const record of checkRecords(records, this)) {
      if (!this.#rows.has(record.key)) this.#order = undefined
      this.#rows.set(record.key, { ...recordOf(record), vector: record.vector.slice() })
    }
  }

  get(keys: readonly string[], options?: { vectors?: false }): Promise<StoredRecord[]>
  get(keys: readonly string[], options: { vectors: true }): Promise<VectorRecord[]>
  async get(keys: readonly string[], { vectors = false } = {}): Promise<StoredRecord[]> {
    await this.#open()
    return [...new Set(checkKeys('keys', keys))].flatMap(key => {
      const row = this.#rows.get(key)
      return row ? [copyOf(row, vectors)] : []
    })
  }

  async delete(keys: readonly string[]): Promise<void> {
    await this.#open()
    for (const key of checkKeys('keys', keys)) if (this.#rows.delete(key)) this.#order = undefined
  }

  async search(vector: Float32Array, options?: StoreSearchOptions): Promise<StoreMatch[]> {
    await this.#open()
    const { vector: query, k, conditions } = checkSearch(vector, options, this)
    return [...this.#rows.values()].filter(row => holds(row, conditions))
      .map(row => ({ ...recordOf(row), similarity: cosineSimilarity(query, row.vector) }))
      .sort((a, b) => b.similarity - a.similarity).slice(0, k)
  }

  list(options?: StoreListOptions & { vectors?: false }): Promise<StoredRecord[]>
  list(options: StoreListOptions & { vectors: true }): Promise<VectorRecord[]>
  async list(options?: StoreListOptions & { vectors?: boolean }): Promise<StoredRecord[]> {
    await this.#open()
    const { limit, vectors, conditions } = checkList(options, this)
    const order = this.#order ??= [...this.#rows.keys()].sort(byBytes)
    const found: StoredRecord[] = []
    for (let at = options?.after === undefined ? 0 : firstAfter(order, options.after); at < order.length; at++) {
      const row = this.#rows.get(order[at]!)!
      if (holds(row, conditions)) found.push(copyOf(row, vectors))
      if (found.length === limit) break
    }
    return found
  }

  async count(filter?: StoreFilter): Promise<number> {
    await this.#open()
    const conditions = conditionsOf(filter, this)
    return [...this.#rows.values()].filter(row => holds(row, conditions)).length
  }

  async remember(name: string, value: string): Promise<string> {
    await this.#open()
    checkNote(name, value)
    const kept = this.#notes.get(name)
    if (kept === undefined) this.#notes.set(name, value)
    return kept ?? value
  }

  async recall(name: string): Promise<string | undefined> {
    await this.#open()
    return this.#notes.get(checkKey('name', name))
  }

  close(): Promise<void> {
    this.#closed = true
    return Promise.resolve()
  }

  #open(): Promise<void> {
    return this.#closed ? Promise.reject(closedError()) : Promise.resolve()
  }
}

function copyOf(row: VectorRecord, vectors: boolean): StoredRecord {
  return vectors ? { ...recordOf(row), vector: row.vector.slice() } as VectorRecord : recordOf(row)
}

/** The place of the first key after another one, which need not be there. */
function firstAfter(order: readonly string[], key: string): number {
  let [first, end] = [0, order.length]
  while (first < end) {
    const middle = (first + end) >> 1
    if (byBytes(order[middle]!, key) > 0) end = middle
    else first = middle + 1
  }
  return first
}

/** JavaScript itself compares halves of surrogate pairs. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function holds(record: VectorRecord, conditions: readonly Condition[]): boolean {
  const row: Row = { ...record.fields, key: record.key, size: record.size, modified: record.modified?.getTime() }
  return conditions.every(({ column, is, value }) => {
    const found = row[column] as FieldValue | undefined
    if (found === undefined) return false
    if (is === 'prefix') return (found as string).startsWith(value as string)
    if (is === '>') return byBytes(found as string, value as string) > 0
    return is === '=' ? found === value : is === '>=' ? found >= value : is === '<=' ? found <= value : found < value
  })
}
