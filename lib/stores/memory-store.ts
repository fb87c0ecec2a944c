/** A store in this process's memory: what the others are compared with. */
import { cosineSimilarity } from '../vectors/similarity.js'
import { checkKeys, checkNote, checkRecords, checkSearch, type Condition, conditionsOf, type Layout } from './checks.js'
import { closedError, recordOf, type Row } from './rows.js'
import type { FieldValue, StoredRecord, StoreFilter, StoreMatch, StoreSearchOptions, VectorRecord,
  VectorStore } from './types.js'

export class MemoryStore implements VectorStore {
  readonly dim: number
  readonly fields: Layout['fields']
  readonly #rows = new Map<string, VectorRecord>()
  readonly #notes = new Map<string, string>()
  #closed = false

  constructor({ dim, fields }: Layout) {
    this.dim = dim
    this.fields = fields
  }

  async upsert(records: readonly VectorRecord[]): Promise<void> {
    await this.#open()
    for (const record of checkRecords(records, this))
      this.#rows.set(record.key, { ...record, vector: record.vector.slice(), fields: { ...record.fields } })
  }

  get(keys: readonly string[], options?: { vectors?: false }): Promise<StoredRecord[]>
  get(keys: readonly string[], options: { vectors: true }): Promise<VectorRecord[]>
  async get(keys: readonly string[], { vectors = false } = {}): Promise<StoredRecord[]> {
    await this.#open()
    return [...new Set(checkKeys('keys', keys))].flatMap(key => {
      const row = this.#rows.get(key)
      return row ? [vectors ? { ...recordOf(row), vector: row.vector.slice() } : recordOf(row)] : []
    })
  }

  async delete(keys: readonly string[]): Promise<void> {
    await this.#open()
    for (const key of checkKeys('keys', keys)) this.#rows.delete(key)
  }

  async search(vector: Float32Array, options?: StoreSearchOptions): Promise<StoreMatch[]> {
    await this.#open()
    const { vector: query, k, conditions } = checkSearch(vector, options, this)
    return [...this.#rows.values()].filter(row => holds(row, conditions))
      .map(row => ({ ...recordOf(row), similarity: cosineSimilarity(query, row.vector) }))
      .sort((a, b) => b.similarity - a.similarity).slice(0, k)
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

  close(): Promise<void> {
    this.#closed = true
    return Promise.resolve()
  }

  #open(): Promise<void> {
    return this.#closed ? Promise.reject(closedError()) : Promise.resolve()
  }
}

function holds(record: VectorRecord, conditions: readonly Condition[]): boolean {
  const row: Row = { ...record.fields, key: record.key, size: record.size, modified: record.modified?.getTime() }
  return conditions.every(({ column, is, value }) => {
    const found = row[column] as FieldValue | undefined
    if (found === undefined) return false
    if (is === 'prefix') return (found as string).startsWith(value as string)
    return is === '=' ? found === value : is === '>=' ? found >= value : is === '<=' ? found <= value : found < value
  })
}
