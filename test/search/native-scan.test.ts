/** The addon's scan of a file of rows: exact over the borders of its pieces, safe whatever it is given. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import type { NativeRows, NativeScan } from '../../lib/native/contract.js'
import { loadAddon } from '../../lib/native/load.js'
import { toHalves } from '../../lib/search/storage/half.js'
import { RowFormat, rowTypes } from '../../lib/search/storage/rows.js'
import { failureOf } from '../lifecycle/support'

const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-rows-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const dim = 24
let state = 1
/** Whole numbers of -8 to 8: all sums are exact, in halves and in 8 bits. */
const small = (): number => (state = (state * 1664525 + 1013904223) >>> 0) % 17 - 8
const vectors = (n: number): Float32Array => Float32Array.from({ length: n * dim }, small)

describe.each(rowTypes)('%s', type => {
  const format = new RowFormat(type, dim)
  const [inFile, all] = [20_000, 21_000] // several pieces of 256 KiB
  const encoded = format.encode(toHalves(vectors(all)))
  const values = format.decode(encoded)
  const file = path.join(scratch, `rows.${type}`)
  let rows: NativeRows

  beforeAll(async () => {
    writeFileSync(file, encoded.subarray(0, inFile * format.bytes))
    rows = await loadAddon().openRows(file).promise
  })
  afterAll(() => rows.close())

  const options = (changes: Partial<NativeScan> = {}): NativeScan => ({
    queries: vectors(1),
    dim,
    type,
    from: 0,
    end: inFile,
    tail: encoded.subarray(inFile * format.bytes),
    k: 10,
    minScore: -Infinity,
    mask: new Uint8Array(0),
    threads: 2,
    ...changes,
  })
  const scores = (query: Float32Array): { row: number; score: number }[] =>
    Array.from({ length: all }, (_, row) => ({
      row,
      score: query.reduce((sum, value, i) => sum + value * values[row * dim + i]!, 0),
    }))

  it.each([1, 2, 7])('equals brute force with %i threads', async threads => {
    const mask = Uint8Array.from({ length: all }, (_, row) => row % 3 === 0 ? 0 : 1)
    for (const from of [0, 9999, inFile - 1, inFile, inFile + 7, all]) {
      const { queries, minScore } = { queries: vectors(2), minScore: 300 }
      const best = await rows.scan(options({ queries, from, mask, threads })).promise
      const pairs = await rows.scan(options({ queries, from, mask, threads, k: 0, minScore })).promise
      for (const query of [0, 1]) {
        const expected = scores(queries.subarray(query * dim, (query + 1) * dim)).filter(({ row }) =>
          row >= from && mask[row] === 1
        )
        const of = ({ queries: which, rows: found }: { queries: Uint32Array; rows: Uint32Array }): number[] =>
          Array.from(found).filter((_, i) => which[i] === query)
        if (type === 'f16') {
          const sorted = [...expected].sort((a, b) => b.score - a.score || a.row - b.row)
          expect(of(best)).toEqual(sorted.slice(0, 10).map(({ row }) => row))
          expect(of(pairs)).toEqual(expected.filter(({ score }) => score >= minScore).map(({ row }) => row))
        } else {
          // factors are no whole numbers: the same rows but for those that differ by rounding
          const least = [...expected].sort((a, b) => b.score - a.score)[9]?.score ?? -Infinity
          for (const row of of(best))
            expect(expected.find(other => other.row === row)!.score).toBeGreaterThan(least - 0.01)
          expect(of(best)).toHaveLength(Math.min(10, expected.length))
          const close = expected.filter(({ score }) => Math.abs(score - minScore) > 0.01)
          expect(of(pairs).filter(row => close.some(other => other.row === row))).toEqual(
            close.filter(({ score }) => score >= minScore).map(({ row }) => row),
          )
        }
      }
    }
  })

  it.each(
    [
      { dim: 0 },
      { dim: dim + 1 },
      { type: 'f32' as never },
      { queries: new Float32Array(0) },
      { queries: new Float64Array(dim) as never },
      { from: -1 },
      { end: 2 ** 32 },
      { end: NaN },
      { tail: encoded.subarray(1) },
      { tail: [] as never },
      { mask: new Uint8Array(5) },
      { k: -1 },
      { minScore: '1' as never },
      { threads: 0 },
    ].map((changes: Partial<NativeScan>, i) => [`${Object.keys(changes).join()} (${i})`, changes] as const),
  )('refuses another %s', async (_, changes) => {
    const error = await failureOf(async () => rows.scan(options(changes)).promise)
    expect(error).toMatchObject({ code: 'ERR_CLIP_INVALID_ARGUMENT' })
  })

  it('ends when it is aborted, and says where a file ends too early', async () => {
    const task = rows.scan(options({ queries: vectors(2000), threads: 1 })) // long enough to be aborted
    task.abort()
    expect(await failureOf(() => task.promise)).toMatchObject({ code: 'ERR_CLIP_ABORTED' })
    expect(await failureOf(() => rows.scan(options({ end: inFile + 1 })).promise)).toMatchObject({
      code: 'ERR_CLIP_FILE_TRUNCATED',
    })
    truncateSync(file, 100)
    expect(await failureOf(() => rows.scan(options()).promise)).toMatchObject({ code: 'ERR_CLIP_FILE_TRUNCATED' })
    writeFileSync(file, encoded.subarray(0, inFile * format.bytes))
  })
})

test('what is closed, absent or no file of rows is an error', async () => {
  const absent = await failureOf(() => loadAddon().openRows(path.join(scratch, 'absent')).promise)
  expect(absent).toMatchObject({ code: 'ERR_CLIP_FILE_NOT_FOUND' })
  const file = path.join(scratch, 'closed')
  writeFileSync(file, new Uint8Array(2 * dim))
  const rows = await loadAddon().openRows(file).promise
  const options: NativeScan = {
    queries: vectors(1),
    dim,
    type: 'f16',
    from: 0,
    end: 1,
    tail: new Uint8Array(0),
    k: 1,
    minScore: -Infinity,
    mask: new Uint8Array(0),
    threads: 1,
  }
  const running = rows.scan(options)
  rows.close()
  rows.close()
  expect((await running.promise).rows).toHaveLength(1) // a scan that runs keeps it open
  expect(await failureOf(async () => rows.scan(options).promise)).toMatchObject({ code: 'ERR_CLIP_DISPOSED' })
  expect(await failureOf(async () => loadAddon().scanRows(options).promise)).toMatchObject({
    code: 'ERR_CLIP_INVALID_ARGUMENT',
  })
  const Rows = Object.getPrototypeOf(rows) as { constructor: new(file: unknown) => unknown }
  expect(() => new Rows.constructor({})).toThrow(expect.objectContaining({ code: 'ERR_CLIP_INVALID_ARGUMENT' }))
})
