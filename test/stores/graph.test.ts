/** Approximate search of an index (lib/search/queries/graph.ts), with usearch itself: npm run test:stores. */
import { appendFileSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, SearchIndex } from '../../lib/index.js'
import { Graph } from '../../lib/search/queries/graph'
import { toHalves } from '../../lib/search/storage/half'
import { nearest, readRows } from '../../lib/search/queries/scan'
import { Store } from '../../lib/search/storage/store'
import { normalize } from '../../lib/vectors/similarity'
import { where } from '../helpers/skips'

const dim = 64
let state = 7
function random(): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return state / 2 ** 32 - 0.5
}
const centres = Array.from({ length: 50 }, () => Float32Array.from({ length: dim }, random))
/** Around one of some centres, as pictures are. */
function vector(): Float32Array {
  const centre = centres[Math.floor((random() + 0.5) * centres.length)]!
  return normalize(centre.map(value => value + random()))
}

const texts = Array.from({ length: 32 }, () => normalize(Float32Array.from({ length: dim }, random)))
const clip = { info: { text: {} }, encodeText: () => Promise.resolve(texts) } as unknown as Clip

let made = 0
/** Adds pictures of which only vectors are real. */
async function add(store: Store, count: number): Promise<void> {
  for (let done = 0; done < count; done += 1000) {
    const records = Array.from({ length: Math.min(1000, count - done) }, () => {
      const [n, vectorBytes] = [made++, new Uint8Array(toHalves(vector()).buffer)]
      const hash = Buffer.alloc(32)
      hash.writeUInt32LE(n)
      return { path: Buffer.from(`/pictures/${n}`), size: 1, mtimeMs: 1, hash, vector: vectorBytes }
    })
    await store.commit(records, [])
  }
  await store.flush()
}

where('engines', describe)('a graph', () => {
  const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-graph-'))
  const folder = path.join(scratch, 'index')
  let store: Store
  let graph: Graph
  beforeAll(async () => {
    store = await Store.open(folder, { create: true })
    store.catalog.set('dim', String(dim))
    graph = new Graph(store)
    await store.asWriter(async () => {
      await add(store, 5000)
      await graph.keep(clip, true, {})
    })
  }, 120_000)
  afterAll(async () => {
    await store.close()
    rmSync(scratch, { recursive: true })
  })

  const graphFiles = () => readdirSync(folder).filter(name => name.startsWith('graph-'))
  /** Share of the 10 nearest that the graph finds, over 100 queries; each found row has the scan's similarity. */
  async function recall(): Promise<number> {
    const snapshot = await store.snapshot()
    let found = 0
    for (let i = 0; i < 100; i++) {
      const query = i % 2 ? vector() : normalize(Float32Array.from({ length: dim }, random))
      const exact = await nearest(snapshot, query, 10)
      const rows = (await graph.nearest(snapshot, query, 10, {}))!
      const scores = new Map(exact.map(({ row, score }) => [row, score]))
      for (const { row, score } of rows) {
        if (!scores.has(row)) continue
        found++
        expect(score).toBe(scores.get(row))
      }
      expect(rows.map(({ score }) => score)).toEqual(rows.map(({ score }) => score).sort((a, b) => b - a))
    }
    return found / 1000
  }

  test('finds 99 of 100 of the nearest 10, with their exact similarities', async () => {
    expect(graph.facts).toMatchObject({ rows: 5000 })
    expect(graph.facts!.recall).toBeGreaterThanOrEqual(0.99)
    expect(await recall()).toBeGreaterThanOrEqual(0.98)
  })

  test('rows that came later are found, forgotten ones are not', async () => {
    await store.asWriter(() => add(store, 40))
    const snapshot = await store.snapshot()
    for (const row of [4999, 5000, 5039]) {
      const query = await readRows(snapshot, row, 1)
      expect((await graph.nearest(snapshot, query, 3, {}))![0]!.row).toBe(row)
      const mask = new Uint8Array(5040).fill(1)
      mask[row] = 0
      const without = (await graph.nearest({ ...snapshot, mask }, query, 3, {}))!
      expect(without).toHaveLength(3)
      expect(without.every(hit => hit.row !== row)).toBe(true)
    }
    expect(await graph.nearest({ ...snapshot, mask: new Uint8Array(5040).fill(1, 0, 5) }, vector(), 10, {}))
      .toBeUndefined()
  })

  test('is kept for few new rows, and grows for many', async () => {
    await store.asWriter(() => graph.keep(clip, undefined, {}))
    expect(graph.facts!.rows).toBe(5000)
    await store.asWriter(async () => {
      await add(store, 960)
      await graph.keep(clip, undefined, {})
    })
    expect(graph.facts!.rows).toBe(6000)
    expect(graphFiles()).toHaveLength(1)
    expect(await recall()).toBeGreaterThanOrEqual(0.98)
  })

  test('one that is damaged, or of other rows, is not used, and is made again', async () => {
    const file = path.join(folder, graphFiles()[0]!)
    const snapshot = await store.snapshot()
    expect(await graph.nearest({ ...snapshot, generation: 1 }, vector(), 10, {})).toBeUndefined()
    expect(await graph.nearest(snapshot, vector(), 1001, {})).toBeUndefined()
    for (
      const damage of [() => truncateSync(file, 1000), () => appendFileSync(file, 'x'), () => rmSync(file), () =>
        writeFileSync(file, Buffer.alloc(1_000_000, 255))]
    ) {
      damage()
      expect(await new Graph(store).nearest(snapshot, vector(), 10, {})).toBeUndefined()
    }
    truncateSync(file, 5)
    await store.asWriter(() => graph.keep(clip, undefined, {}))
    expect(await recall()).toBeGreaterThanOrEqual(0.98)
  })

  test('ends at an abort, and leaves the earlier one', async () => {
    await store.asWriter(() => add(store, 500))
    const abort = new AbortController()
    const onProgress = (done: number) => void (done > 6100 && abort.abort())
    await expect(store.asWriter(() => graph.keep(clip, true, { signal: abort.signal, onProgress }))).rejects
      .toMatchObject({ name: 'AbortError' })
    expect(graphFiles()).toHaveLength(1)
    expect(graph.facts!.rows).toBe(6000)
    await store.asWriter(() => graph.keep(clip, false, {}))
    expect([graph.facts, graphFiles()]).toEqual([undefined, []])
  })

  test('of a real index: the same pictures as a scan', async () => {
    const real = await Clip.load(undefined, { threads: 1 })
    const index = await SearchIndex.open(path.join(scratch, 'real'), { clip: real })
    await index.update(['models/samples'], { approximate: true })
    expect(index.info().approximate).toEqual({ pictures: 18, recall: 1 })
    const expected = await index.search('a rocket', { k: 5, exact: true })
    expect(await index.search('a rocket', { k: 5 })).toEqual(expected)
    expect(await index.search('a rocket', { k: 5, minSimilarity: 'auto' })).toEqual(
      await index.search('a rocket', { k: 5, minSimilarity: 'auto', exact: true }),
    )
    await index.close()
    await real.dispose()
  }, 60_000)
})
