/** What a store of vectors does, whichever engine holds them. docs/scale-out.md has the contract in words. */
import type { S3Options } from '../remote/s3-settings.js'

/** A value of one's own field. Numbers are finite. */
export type FieldValue = string | number | boolean

/** Kinds of one's own fields. */
export type FieldKind = 'string' | 'number' | 'boolean'

/** What a picture's row holds besides its vector. */
export interface StoredRecord {
  /** Names the row: a path, a URL, any text of 1 to 2,048 bytes of UTF-8 without a zero. */
  key: string
  /** What the vector was made from, such as a hash of the file's bytes. */
  content?: string
  /** Time of the picture's last change. Kept to the millisecond. */
  modified?: Date
  /** Bytes of the encoded picture. */
  size?: number
  /** Values of the store's own fields; those without one are absent. */
  fields?: Readonly<Record<string, FieldValue>>
}

/** A row of a {@link VectorStore}. */
export interface VectorRecord extends StoredRecord {
  /** `dim` finite values, not all of them 0. Stored as they are, in f32. */
  vector: Float32Array
}

/** A row that a search found. */
export interface StoreMatch extends StoredRecord {
  /** Cosine similarity with the query, from -1 to 1, to f32 rounding. */
  similarity: number
}

/** Which rows count. All conditions must hold; a row without the value that a condition asks for does not count. */
export interface StoreFilter {
  /** How the key begins: a folder with its separator, a host. Compared by characters, with no special ones. */
  keyPrefix?: string
  /** Changed at this time or later. */
  after?: Date
  /** Changed before this time. */
  before?: Date
  /** Bytes, at least. */
  minBytes?: number
  /** Bytes, at most. */
  maxBytes?: number
  /** Own fields: a value that must be equal, the beginning of a string, or bounds of a number, both inclusive. */
  fields?: Readonly<Record<string, FieldValue | { prefix: string } | { min?: number; max?: number }>>
}

/** Options of {@link VectorStore.search}. */
export interface StoreSearchOptions {
  /** Most rows returned. Default 20, at most 10,000. */
  k?: number
  /** Default: all rows. */
  filter?: StoreFilter
}

/** Options of {@link VectorStore.list}. */
export interface StoreListOptions {
  /** The key after which the page begins; no row needs to have it. Default: from the first row on. */
  after?: string
  /** Most rows returned. Default 1000, at most 10,000. */
  limit?: number
  /** Default: all rows. */
  filter?: StoreFilter
}

/**
 * A store of vectors under keys, held by an engine that exists. Made by {@link openVectorStore}.
 *
 * What every one of them promises, and the conformance suite in test/stores holds it to:
 *
 * - A key has one row. Of two writes of a key, by any processes at any time, one remains, whole.
 * - When `upsert` or `delete` has resolved, every later call, of any process, sees it. A call that was cut off by the end
 *   of its process has happened for all of its rows or for none.
 * - Searches are exact: the similarities are those of {@link cosineSimilarity}, and no better row is missing. (Where
 *   somebody adds an approximate index to the engine's table, the second half is the index's promise.)
 * - Texts come back as they were given, and nothing in them is an expression: no quote, pattern or escape has a meaning.
 */
export interface VectorStore {
  /** Values per vector. */
  readonly dim: number
  /** The store's own fields. */
  readonly fields: Readonly<Record<string, FieldKind>>

  /**
   * Writes rows, and replaces those that have the same key. Of one key given several times the last counts.
   *
   * @throws {TypeError|RangeError} bad arguments, before anything is written; {ClipError} ERR_CLIP_STORE_FAILED
   */
  upsert(records: readonly VectorRecord[]): Promise<void>

  /** The rows of these keys that exist, in no particular order; `vectors`: with their vectors. */
  get(keys: readonly string[], options?: { vectors?: false }): Promise<StoredRecord[]>
  get(keys: readonly string[], options: { vectors: true }): Promise<VectorRecord[]>

  /** Removes the rows of these keys; those that do not exist are no error. */
  delete(keys: readonly string[]): Promise<void>

  /**
   * The rows most similar to a vector, the most similar first; equally similar ones in any order.
   *
   * @param vector f32 [dim], not all zeros
   */
  search(vector: Float32Array, options?: StoreSearchOptions): Promise<StoreMatch[]>

  /**
   * A page of rows, by the order of the bytes of their keys (UTF-8). The next page begins `after` the last key of this one,
   * an empty page is the end. Of pages read in this way a row that is there all the time is on one, whatever is written
   * meanwhile; each page shows what there is when it is read.
   */
  list(options?: StoreListOptions & { vectors?: false }): Promise<StoredRecord[]>
  list(options: StoreListOptions & { vectors: true }): Promise<VectorRecord[]>

  /** The number of rows. */
  count(filter?: StoreFilter): Promise<number>

  /**
   * A text that stays with the store under a name. The first one wins, whoever gives it: returns the one that is kept.
   * Workers keep here which model the vectors are of.
   */
  remember(name: string, value: string): Promise<string>

  /** The text that {@link VectorStore.remember} keeps under a name; undefined: none. */
  recall(name: string): Promise<string | undefined>

  /** Waits for running calls and gives back connections. May be called twice; other calls then reject. */
  close(): Promise<void>
}

/** Options of {@link openVectorStore}. */
export interface OpenStoreOptions {
  /** Values per vector: `clip.info.dim`. Default: that of the existing store. */
  dim?: number
  /** Names of own fields (`a` to `z`, digits and `_`) and their kinds. Default: those of the existing store, or none. */
  fields?: Readonly<Record<string, FieldKind>>
  /** Name of the table, with the characters of a field's. Default 'ggclip_pictures'. */
  table?: string
  /** Connections to PostgreSQL at most. Default 4. */
  connections?: number
  /** Where a store of LanceDB in S3 is, and how its requests are signed. Default: what the environment says. */
  s3?: S3Options
}
