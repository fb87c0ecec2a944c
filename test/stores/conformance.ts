/** What every store must do, whichever engine holds it: docs/scale-out.md, lib/stores/types.ts. */
import { cosineSimilarity, openVectorStore, type OpenStoreOptions, type VectorRecord,
  type VectorStore } from '../../lib/index.js'

const { randomFrom } = require('../helpers/random.cjs') as { randomFrom(seed: number): (limit: number) => number }

const dim = 24
const fields = { album: 'string', year: 'number', kept: 'boolean' } as const
const hostile = `it's "50%" of \\ _ $1 ; -- {} [] \u00e9 \u{1f600} \n \t`

function vectors(count: number, seed = 1): Float32Array[] {
  const next = randomFrom(seed)
  return Array.from({ length: count }, () => Float32Array.from({ length: dim }, () => next(2001) / 1000 - 1))
}

const keysOf = (rows: readonly { key: string }[]): string[] => rows.map(({ key }) => key).sort()

/** `shared`: whether a second opening sees the first one's rows. */
export function conformance(location: () => string, { shared = true } = {}): void {
  const opened: VectorStore[] = []
  const open = async (table: string, options: OpenStoreOptions = { dim, fields }): Promise<VectorStore> => {
    const store = await openVectorStore(location(), { table, ...options })
    opened.push(store)
    return store
  }
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close()
  })

  test("the similarities are the library's, and no better row is missing", async () => {
    const store = await open('exact')
    const rows = vectors(700).map((vector, i) => ({ key: `p${i}`, vector }))
    await store.upsert(rows)
    for (const query of vectors(5, 2)) {
      const expected = rows.map(({ key, vector }) => ({ key, similarity: cosineSimilarity(query, vector) }))
        .sort((a, b) => b.similarity - a.similarity).slice(0, 40)
      const found = await store.search(query, { k: 40 })
      expect(found.map(({ key }) => key)).toEqual(expected.map(({ key }) => key))
      found.forEach(({ similarity }, i) => expect(Math.abs(similarity - expected[i]!.similarity)).toBeLessThan(2e-6))
    }
    expect(await store.search(vectors(1)[0]!)).toHaveLength(20)
    expect(await store.search(vectors(1)[0]!, { k: 10_000 })).toHaveLength(700)
  })

  test('a row comes back as it was given, and only what was given', async () => {
    const store = await open('rows')
    const [a, b, c] = vectors(3)
    const full: VectorRecord = {
      key: hostile,
      vector: a!,
      content: hostile,
      modified: new Date(1_700_000_000_123),
      size: 2 ** 40 + 1,
      fields: { album: hostile, year: -2.5e-7, kept: false },
    }
    const old = { key: 'old', vector: c!, modified: new Date(-1), size: 0, fields: { album: '' } }
    await store.upsert([full, { key: 'bare', vector: b! }, old])
    const found = await store.get([hostile, 'bare', 'old', 'absent', 'bare'], { vectors: true })
    expect(found.sort((x, y) => (x.key < y.key ? -1 : 1))).toEqual([{ key: 'bare', vector: b }, full, old])
    expect(await store.get(['bare'])).toEqual([{ key: 'bare' }])
    // what is given and what was got belong to the caller
    const mine = { key: 'mine', vector: c!.slice(), modified: new Date(5), fields: { year: 1 } }
    await store.upsert([mine])
    mine.modified.setTime(6)
    mine.vector[0] = 7
    mine.fields.year = 2
    const [got] = await store.get(['mine'], { vectors: true })
    got!.modified!.setTime(8)
    got!.vector[0] = 9
    expect(await store.get(['mine'], { vectors: true })).toEqual([{
      key: 'mine',
      vector: c,
      modified: new Date(5),
      fields: { year: 1 },
    }])
    // undefined is absent, in the fields, too
    await store.upsert([{ ...old, content: undefined, fields: { album: '', year: undefined as never } }])
    expect(await store.get(['old'], { vectors: true })).toEqual([old])
    expect(await store.get([])).toEqual([])
    const { vector: _, ...rest } = full
    expect(await store.search(a!, { k: 1 })).toEqual([{ ...rest, similarity: expect.closeTo(1, 6) }])
    // replaced as a whole: nothing of the old row stays
    await store.upsert([{ key: hostile, vector: b! }])
    expect(await store.get([hostile], { vectors: true })).toEqual([{ key: hostile, vector: b }])
  })

  test('a key has one row: of one key given twice the last counts, and a deleted one is gone', async () => {
    const store = await open('keys')
    const [a, b] = vectors(2)
    await store.upsert([{ key: 'x', vector: a!, size: 1 }, { key: 'y', vector: a! }, { key: 'x', vector: b!, size: 2 }])
    await store.upsert([{ key: 'y', vector: b! }, { key: 'z', vector: b! }])
    expect(await store.count()).toBe(3)
    expect(await store.get(['x'], { vectors: true })).toEqual([{ key: 'x', vector: b, size: 2 }])
    await store.delete(['x', 'absent', 'x', hostile])
    await store.delete([])
    await store.upsert([])
    expect(keysOf(await store.search(a!))).toEqual(['y', 'z'])
  })

  test('filters: beginnings, times, sizes and own fields, by value and with their bounds', async () => {
    const store = await open('filters')
    const rows: VectorRecord[] = vectors(6).map((vector, i) => ({
      key: ['/a/1', '/a/2', '/a%/3', '/a_/4', '/A/5', 'https://h/6'][i]!,
      vector,
      ...(i < 5 ? { modified: new Date(1000 * i), size: 10 * i } : {}),
      fields: [{ album: "d'or", year: 2020 }, { album: "d'or 2", year: 2021, kept: true }, {
        year: 2021.5,
        kept: false,
      }, { album: '%' }, { album: '' }, {}][i]! as VectorRecord['fields'],
    }))
    await store.upsert(rows)
    const cases: [NonNullable<Parameters<VectorStore['count']>[0]>, number[]][] = [
      [{}, [0, 1, 2, 3, 4, 5]],
      [{ keyPrefix: '/a/' }, [0, 1]],
      [{ keyPrefix: '/a%' }, [2]],
      [{ keyPrefix: '/a_/' }, [3]],
      [{ keyPrefix: '' }, [0, 1, 2, 3, 4, 5]],
      [{ keyPrefix: 'https://h/6' }, [5]],
      [{ after: new Date(1000), before: new Date(3000) }, [1, 2]],
      [{ minBytes: 10, maxBytes: 30 }, [1, 2, 3]],
      [{ maxBytes: 2 ** 53 }, [0, 1, 2, 3, 4]],
      [{ fields: { album: "d'or" } }, [0]],
      [{ fields: { album: { prefix: "d'or" } } }, [0, 1]],
      [{ fields: { album: '%' } }, [3]],
      [{ fields: { album: '' } }, [4]],
      [{ fields: { year: 2021.5 } }, [2]],
      [{ fields: { year: { min: 2021, max: 2021.5 } } }, [1, 2]],
      [{ fields: { year: { min: 0 }, kept: true } }, [1]],
      [{ fields: { kept: false } }, [2]],
      [{ keyPrefix: '/a', after: new Date(0), minBytes: 1, fields: { year: { max: 2021 } } }, [1]],
    ]
    for (const [filter, expected] of cases) {
      const keys = expected.map(i => rows[i]!.key).sort()
      expect([filter, keysOf(await store.search(rows[0]!.vector, { filter }))]).toEqual([filter, keys])
      expect([filter, await store.count(filter)]).toEqual([filter, keys.length])
    }
    // the filter comes before the k best are chosen
    expect(keysOf(await store.search(rows[0]!.vector, { k: 1, filter: { keyPrefix: 'https:' } }))).toEqual([
      'https://h/6',
    ])
  })

  test('a list has every row once, in the order of the bytes of the keys, page by page, while others are written', async () => {
    const store = await open('listed')
    // in UTF-16 the last but one would come last
    const keys = ['A', 'a', `a'b`, 'a%', hostile, '\u00e9', '\uffee', '\u{1f600}',
      ...Array.from({ length: 40 }, (_, i) => `p${i}`)]
    const rows = vectors(keys.length).map((vector, i): VectorRecord => ({
      key: keys[i]!,
      vector,
      ...(i % 2 === 0 ? { size: i, content: hostile, fields: { year: i } } : {}),
    }))
    await store.upsert(rows)
    const inOrder = rows.toSorted((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
    expect(await store.list({ vectors: true })).toEqual(inOrder)
    expect(await store.list({ filter: { minBytes: 4 } })).toEqual(
      inOrder.filter(({ size }) => size !== undefined && size >= 4).map(({ vector: _, ...rest }) => rest),
    )
    const found: string[] = []
    for (let after: string | undefined, page = 0;; page++) {
      const records = await store.list({ after, limit: 7 })
      if (records.length === 0) break
      expect(records.length).toBeLessThanOrEqual(7)
      found.push(...records.map(({ key }) => key))
      after = records.at(-1)!.key
      await store.upsert([{ key: `new before ${page}`, vector: rows[0]!.vector }])
      await store.delete([after])
    }
    expect(found.filter(key => !key.startsWith('new'))).toEqual(inOrder.map(({ key }) => key))
    expect(new Set(found).size).toBe(found.length)
    await store.upsert(['q1', 'q2', 'q3', 'r'].map(key => ({ key, vector: rows[0]!.vector })))
    expect(await store.list({ after: 'q1', limit: 1, filter: { keyPrefix: 'q' } })).toEqual([{ key: 'q2' }])
    expect(await store.list({ after: 'q15', filter: { keyPrefix: 'q' } })).toEqual([{ key: 'q2' }, { key: 'q3' }])
    expect(await store.list({ after: '\u{10ffff}' })).toEqual([])
    for (
      const bad of [{ limit: 0 }, { limit: 10_001 }, { after: 'a\0' }, { afterKey: 'a' }, { vectors: 1 }] as object[]
    )
      await expect(store.list(bad)).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_CLIP_/) })
  })

  test('bad arguments are refused by name, and nothing is written', async () => {
    const store = await open('refused')
    const good = { key: 'good', vector: vectors(1)[0]! }
    const bad: [unknown, RegExp][] = [
      [{ ...good, key: '' }, /records\[1\]\.key/],
      [{ ...good, key: 'a\0b' }, /records\[1\]\.key/],
      [{ ...good, key: 'a\ud800' }, /records\[1\]\.key/],
      [{ ...good, key: 'é'.repeat(1025) }, /2048 bytes/],
      [{ ...good, vector: new Float32Array(dim) }, /not all 0/],
      [{ ...good, vector: new Float32Array(dim).fill(NaN) }, /finite/],
      [{ ...good, vector: new Float32Array(dim - 1) }, /records\[1\]\.vector/],
      [{ ...good, modified: new Date(NaN) }, /records\[1\]\.modified/],
      [{ ...good, size: 1.5 }, /records\[1\]\.size/],
      [{ ...good, fields: { colour: 'red' } }, /colour/],
      [{ ...good, fields: { year: '2020' } }, /records\[1\]\.fields\.year/],
    ]
    for (const [record, message] of bad)
      await expect(store.upsert([good, record as VectorRecord])).rejects.toThrow(message)
    await expect(store.search(new Float32Array(dim))).rejects.toThrow(/vector/)
    await expect(store.search(good.vector, { filter: { fields: { year: { prefix: '2' } as never } } })).rejects.toThrow(
      /prefix/,
    )
    expect(await store.count()).toBe(0)
  })

  test('the first note of a name stays; after close() calls reject', async () => {
    const store = await open('notes')
    expect(await Promise.all(['one', 'two', 'three'].map(value => store.remember(hostile, value)))).toEqual(
      new Array(3).fill(await store.remember(hostile, 'four')),
    )
    expect(await store.recall(hostile)).toBe(await store.remember(hostile, 'five'))
    expect(await store.recall('another')).toBeUndefined()
    await store.close()
    await store.close()
    await expect(store.list()).rejects.toMatchObject({ code: 'ERR_CLIP_DISPOSED' })
    await expect(store.count()).rejects.toMatchObject({ code: 'ERR_CLIP_DISPOSED' })
  })

  test('many writers of the same rows at once leave one row of each key, whole', async () => {
    const stores = [await open('writers'), ...(shared ? [await open('writers'), await open('writers')] : [])]
    const [a, b, c] = vectors(3)
    await Promise.all([a, b, c].flatMap((vector, i) =>
      stores.map(store => {
        const rows = Array.from({ length: 30 }, (_, at) => ({ key: `k${at}`, vector: vector!, size: i }))
        return store.upsert(i % 2 === 0 ? rows : rows.reverse())
      })
    ))
    expect(await stores[0]!.count()).toBe(30)
    for (
      const { vector, size } of await stores[0]!.get(Array.from({ length: 30 }, (_, i) => `k${i}`), { vectors: true })
    )
      expect(vector).toEqual([a, b, c][size!])
  })

  if (!shared) return

  test('opened again it has its rows and its layout; another layout is refused', async () => {
    await expect(open('layout', {})).rejects.toMatchObject({ code: 'ERR_CLIP_STORE_FORMAT' })
    const first = await open('layout')
    await first.upsert([{ key: 'x', vector: vectors(1)[0]!, fields: { year: 1 } }])
    const second = await open('layout', {})
    expect([second.dim, second.fields]).toEqual([dim, fields])
    expect(await second.get(['x'])).toEqual([{ key: 'x', fields: { year: 1 } }])
    await expect(open('layout', { dim: dim + 1 })).rejects.toThrow(`vectors of ${dim} values, not ${dim + 1}`)
    await expect(open('layout', { fields: {} })).rejects.toMatchObject({ code: 'ERR_CLIP_STORE_FORMAT' })
  })
}
