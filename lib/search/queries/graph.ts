/**
 * Approximate search for indexes that are large: a graph of nearest neighbours (HNSW, of the package usearch) over the rows
 * that were there when it was made. Later rows are scanned. What the graph finds is compared with the rows themselves, so
 * that similarities are exact, and only pictures may be missed.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'

import { throwIfAborted } from '../../async/abort.js'
import { availableCores } from '../../cores/cores.js'
import { ClipError } from '../../errors.js'
import { loadPeer } from '../../peer.js'
import { normalize } from '../../vectors/similarity.js'
import type { Snapshot, Store } from '../storage/store.js'
import type { IndexModel } from '../types.js'
import { nearest, readRows, type RowScore } from './scan.js'
import { captions, sampleRows } from './threshold.js'

/** The part of usearch that is used. */
interface Neighbours {
  add(keys: BigUint64Array, vectors: Float32Array, threads: number): void
  search(vector: Float32Array, k: number, threads: number): { keys: BigUint64Array }
  load(file: string): void
  save(file: string): void
}
interface Library {
  Index: new(options: Record<string, string | number | boolean>) => Neighbours
}

/** A graph on the disk, as the index's database knows it. */
interface GraphFacts {
  /** Of the rows' file: a new one has other numbers. */
  generation: number
  /** It has rows 0..rows - 1. */
  rows: number
  /** SHA-256 of its file, as hex, which names it: usearch trusts what it reads, and a damaged graph would end the process. */
  hash: string
  /** Rows that a search of it keeps in hand (ef). */
  breadth: number
  /** Share of the 10 nearest that it finds, measured when it was made. */
  recall: number
}

/** Neighbours of a row (M) and rows in hand while one is added (ef): usearch's defaults. */
const [neighbours, breadthOfAdd] = [16, 128]
/** Rows that one step adds: some 20 ms of this thread, between which others have their turn. */
const rowsPerStep = 32
/** A graph that finds less is not used. */
const enough = 0.99
/** What is tried, in this order, until it finds enough. */
const breadths = [64, 128, 256, 512, 1024, 2048]
/** An index of so many rows gets a graph by itself: an exact scan of 1,000,000 x 512 takes 0.1 s (docs/search.md). */
const usualFrom = 1_000_000
/** Share of rows outside the graph, which are scanned, from which they are added. */
const shareOutside = 0.01
/** Beyond so many results a scan is as fast. */
const mostResults = 1000

export class Graph {
  readonly #store: Store
  #opened: { hash: string; index: Promise<Neighbours | undefined> } | undefined

  constructor(store: Store) {
    this.#store = store
  }

  /** What it covers and finds; undefined if there is none. */
  get facts(): GraphFacts | undefined {
    return factsOf(this.#store)
  }

  /**
   * The `k` best live rows of one query, best first, as {@link nearest}; undefined if only a scan can tell: no graph, one
   * that finds too little or is damaged, too many results, most of its rows forgotten.
   */
  async nearest(
    snapshot: Snapshot,
    query: Float32Array,
    k: number,
    options: { minScore?: number; signal?: AbortSignal },
  ): Promise<RowScore[] | undefined> {
    const facts = this.facts
    const { file, mask, format, generation } = snapshot
    if (!facts || facts.recall < enough || k > mostResults) return undefined
    if (!file || facts.generation !== generation || facts.rows > snapshot.rows) return undefined
    const index = await this.#open(facts)
    if (!index) return undefined
    const wanted = Math.min(facts.rows, 2 * k + 16)
    const found = Array.from(index.search(query, wanted, 1).keys, Number).filter(row => !mask || mask[row] === 1)
    if (found.length < Math.min(k, wanted)) return undefined
    found.sort((a, b) => a - b)
    const tail = new Uint8Array(found.length * format.bytes)
    await Promise.all(
      found.map((row, i) => file.read(row, tail.subarray(i * format.bytes, (i + 1) * format.bytes))),
    )
    const inGraph = await nearest(
      { file: undefined, rows: 0, tail, format, generation, pictures: found.length },
      query,
      k,
      options,
    )
    const later = await nearest(snapshot, query, k, { ...options, from: facts.rows })
    return [...inGraph.map(({ row, score }) => ({ row: found[row]!, score })), ...later]
      .sort((a, b) => b.score - a.score || a.row - b.row)
      .slice(0, k)
  }

  /**
   * Makes the graph, or adds what has come since.
   *
   * @param wish true: in any case; false: removes it; undefined: if it is there already, or the index is large, and
   *   usearch is installed
   * @throws {ClipError} ERR_CLIP_INDEX_PARTS: `wish` is true, and usearch is not installed; ERR_CLIP_FILE_WRITE; the
   *   signal's reason
   */
  async keep(
    clip: IndexModel,
    wish: boolean | undefined,
    { signal, onProgress }: { signal?: AbortSignal; onProgress?: (done: number, total: number) => void },
  ): Promise<void> {
    if (wish === false) return this.#remove()
    const snapshot = await this.#store.snapshot()
    const { rows, generation } = snapshot
    const { facts: known } = this
    if (!wish && !known && rows < usualFrom) return
    const old = known && known.generation === generation && await this.#isWhole(known) ? known : undefined
    if (rows === 0 || (old && rows - old.rows < Math.max(1, shareOutside * rows))) return
    const library = findLibrary(wish === true)
    if (!library) return
    const index = this.#empty(library, breadths[0]!)
    if (old) index.load(this.#nameOf(old))
    for (let first = old?.rows ?? 0; first < rows; first += rowsPerStep) {
      throwIfAborted(signal)
      await addRows(index, snapshot, first, Math.min(rowsPerStep, rows - first))
      onProgress?.(Math.min(rows, first + rowsPerStep), rows)
      await setImmediate()
    }
    const facts = { generation, rows, hash: await this.#save(index), breadth: 0, recall: 0 }
    await this.#measure(library, clip, snapshot, facts, signal)
    this.#store.catalog.writing(() => this.#store.catalog.set(key, JSON.stringify(facts)))
    await this.#removeFiles(path.basename(this.#nameOf(facts)))
  }

  /** Finds the least breadth that finds enough of the 10 nearest, of texts and of pictures. */
  async #measure(
    library: Library,
    clip: IndexModel,
    snapshot: Snapshot,
    facts: GraphFacts,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const groups = [await mixtures(snapshot)]
    if (clip.info.text) groups.push(await clip.encodeText([...captions], { signal }))
    const expected: Set<number>[][] = []
    for (const queries of groups) {
      const rows: Set<number>[] = []
      for (const query of queries)
        rows.push(new Set((await nearest(snapshot, query, 10, { signal })).map(({ row }) => row)))
      expected.push(rows)
    }
    for (const breadth of breadths) {
      const index = this.#empty(library, breadth)
      index.load(this.#nameOf(facts))
      const recalls = groups.map((queries, group) => {
        const shares = queries.map((query, i) => {
          const known = expected[group]![i]!
          const { keys } = index.search(query, Math.min(facts.rows, 36), 1)
          return known.size === 0 ? 1 : Array.from(keys, Number).filter(row => known.has(row)).length / known.size
        })
        return shares.reduce((sum, share) => sum + share, 0) / shares.length
      })
      facts.breadth = breadth
      facts.recall = Math.min(...recalls)
      if (facts.recall >= enough) return
      throwIfAborted(signal)
      await setImmediate()
    }
  }

  /** @throws {ClipError} ERR_CLIP_FILE_WRITE */
  async #save(index: Neighbours): Promise<string> {
    const unfinished = path.join(this.#store.folder, 'graph.tmp')
    try {
      index.save(unfinished)
      const file = await open(unfinished, 'r+')
      await file.sync().finally(() => file.close())
      const hash = await hashOf(unfinished)
      await rename(unfinished, this.#nameOf({ hash }))
      return hash
    } catch (error) {
      await rm(unfinished, { force: true })
      throw new ClipError(
        'ERR_CLIP_FILE_WRITE',
        `the graph of the index in '${this.#store.folder}' cannot be written: ${(error as Error).message}`,
        { cause: error },
      )
    }
  }

  /** Undefined: usearch is not installed here, or cannot read the file, or it is not what was written. */
  #open(facts: GraphFacts): Promise<Neighbours | undefined> {
    if (this.#opened?.hash !== facts.hash) this.#opened = { hash: facts.hash, index: this.#load(facts) }
    return this.#opened.index
  }

  async #load(facts: GraphFacts): Promise<Neighbours | undefined> {
    const library = findLibrary(false)
    if (!library || !await this.#isWhole(facts)) return undefined
    const index = this.#empty(library, facts.breadth)
    try {
      index.load(this.#nameOf(facts))
      return index
    } catch {
      return undefined // no memory for it, or another version of usearch made it
    }
  }

  #empty({ Index }: Library, breadth: number): Neighbours {
    return new Index({
      metric: 'ip',
      quantization: 'f16',
      dimensions: this.#store.dim,
      connectivity: neighbours,
      expansion_add: breadthOfAdd,
      expansion_search: breadth,
      multi: false,
    })
  }

  #nameOf({ hash }: Pick<GraphFacts, 'hash'>): string {
    return path.join(this.#store.folder, `graph-${hash.slice(0, 16)}.usearch`)
  }

  #isWhole(facts: GraphFacts): Promise<boolean> {
    return hashOf(this.#nameOf(facts)).then(hash => hash === facts.hash, () => false)
  }

  async #remove(): Promise<void> {
    if (this.facts) this.#store.catalog.writing(() => this.#store.catalog.set(key, ''))
    this.#opened = undefined
    await this.#removeFiles()
  }

  /** All graphs but one. */
  async #removeFiles(kept?: string): Promise<void> {
    for (const name of await readdir(this.#store.folder)) {
      if (name !== kept && /^graph(?:-[0-9a-f]+\.usearch|\.tmp)$/.test(name))
        await rm(path.join(this.#store.folder, name), { force: true }).catch(() => undefined)
    }
  }
}

const key = 'graph'

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer)
  return hash.digest('hex')
}

/** Of the store's graph; undefined if it has none. */
export function factsOf({ catalog }: Store): GraphFacts | undefined {
  const text = catalog.get(key)
  return text ? JSON.parse(text) as GraphFacts : undefined
}

/** Undefined if it is not installed, unless it is `needed`. */
function findLibrary(needed: boolean): Library | undefined {
  try {
    return loadPeer<Library>('usearch', 'ERR_CLIP_INDEX_PARTS', 'an approximate index')
  } catch (error) {
    if (needed) throw error
    return undefined
  }
}

async function addRows(index: Neighbours, snapshot: Snapshot, first: number, count: number): Promise<void> {
  const { mask, format: { dim } } = snapshot
  const values = await readRows(snapshot, first, count)
  const live = Array.from({ length: count }, (_, i) => i).filter(i => !mask || mask[first + i] === 1)
  if (live.length === 0) return
  const vectors = new Float32Array(live.length * dim)
  for (const [to, i] of live.entries()) vectors.set(values.subarray(i * dim, (i + 1) * dim), to * dim)
  index.add(BigUint64Array.from(live, i => BigInt(first + i)), vectors, availableCores())
}

/** Queries like pictures, none of which is a row itself: each the sum of two rows. */
async function mixtures(snapshot: Snapshot): Promise<Float32Array[]> {
  const rows = await sampleRows(snapshot, 128)
  const half = rows.length >> 1
  return rows.slice(0, half).map((row, i) => normalize(row.map((value, j) => value + rows[half + i]![j]!)))
}
