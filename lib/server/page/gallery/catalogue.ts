/** The pictures that can be found, with their vectors in one flat matrix. */
import { topK } from '../../../library.js'
import type { Entry } from './types.js'

export interface Scored {
  entry: Entry
  /** Cosine similarity. */
  score: number
}

const firstRows = 256

/**
 * Rows are written once and never again, since searches read the matrix on other threads while pictures come and go: a
 * picture that leaves only gives up its row, and when many have, the rest move to a new matrix.
 */
export class Catalogue {
  readonly #byPath = new Map<string, Entry>()
  readonly #byId = new Map<string, Entry>()
  readonly #rowOf = new Map<Entry, number>()
  #rows: (Entry | undefined)[] = []
  #vectors = new Float32Array(0)
  #sorted: Entry[] | undefined

  constructor(private readonly dim: number) {}

  get size(): number {
    return this.#byPath.size
  }

  get(id: string): Entry | undefined {
    return this.#byId.get(id)
  }

  at(path: string): Entry | undefined {
    return this.#byPath.get(path)
  }

  paths(): string[] {
    return [...this.#byPath.keys()]
  }

  /** By path, as people sort names with numbers in them. */
  sorted(): readonly Entry[] {
    this.#sorted ??= [...this.#byPath.values()].sort((a, b) => compareNames.compare(a.path, b.path))
    return this.#sorted
  }

  /** A unit vector [dim]. What was at the path before is replaced. */
  add(entry: Entry, vector: Float32Array): void {
    this.remove(entry.path)
    const row = this.#rows.length
    if ((row + 1) * this.dim > this.#vectors.length) this.#move(Math.max(firstRows, Math.ceil(row * 1.5)))
    this.#vectors.set(vector, this.#rows.length * this.dim)
    this.#rowOf.set(entry, this.#rows.length)
    this.#rows.push(entry)
    this.#byPath.set(entry.path, entry)
    this.#byId.set(entry.id, entry)
    this.#sorted = undefined
  }

  remove(path: string): void {
    const entry = this.#byPath.get(path)
    if (!entry) return
    this.#rows[this.#rowOf.get(entry)!] = undefined
    this.#rowOf.delete(entry)
    this.#byPath.delete(path)
    this.#byId.delete(entry.id)
    this.#sorted = undefined
    if (this.#rows.length - this.size > Math.max(firstRows, this.#rows.length / 4)) this.#move(this.size)
  }

  /** A copy of the picture's unit vector. */
  vectorOf(entry: Entry): Float32Array | undefined {
    const row = this.#rowOf.get(entry)
    return row === undefined ? undefined : this.#vectors.slice(row * this.dim, (row + 1) * this.dim)
  }

  /** The `limit` pictures nearest to a unit vector, best first. */
  async search(vector: Float32Array, limit: number, signal?: AbortSignal): Promise<Scored[]> {
    if (this.size === 0) return []
    const rows = [...this.#rows] // as they are now: the numbers that come back mean these
    const empty = rows.length - this.size
    const data = this.#vectors.subarray(0, rows.length * this.dim)
    const found = await topK(vector, { data, dim: this.dim }, Math.min(rows.length, limit + empty), { signal })
    return [...found.indices]
      .flatMap((row, place) => (rows[row] ? [{ entry: rows[row], score: found.scores[place]! }] : []))
      .slice(0, limit)
  }

  /** To a new matrix of at least `capacity` rows, without gaps. Searches under way keep the old one. */
  #move(capacity: number): void {
    const kept = this.#rows.filter(entry => entry !== undefined)
    const vectors = new Float32Array(Math.max(capacity, kept.length + 1) * this.dim)
    kept.forEach((entry, row) => {
      const old = this.#rowOf.get(entry)!
      vectors.set(this.#vectors.subarray(old * this.dim, (old + 1) * this.dim), row * this.dim)
      this.#rowOf.set(entry, row)
    })
    this.#rows = kept
    this.#vectors = vectors
  }
}

const compareNames = new Intl.Collator('en', { numeric: true })
