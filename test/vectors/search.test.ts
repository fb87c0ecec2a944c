/** topK and similarityMatrix: native search over flat matrices. */
import { similarityMatrix, topK } from '../../lib/index.js'
import { failureOf, maxDifference } from '../lifecycle/support'

/** Repeatable values in [-1, 1). */
function values(count: number, seed: number): Float32Array {
  let state = seed >>> 0
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
}

function halfBits(value: number): number {
  const bits = new Uint32Array(new Float32Array([value]).buffer)[0]!
  const exponent = ((bits >>> 23) & 255) - 112
  if (exponent <= 0) return (bits >>> 16) & 0x8000 // as small as that does not occur below
  return ((bits >>> 16) & 0x8000) | (exponent << 10) | ((bits >>> 13) & 1023)
}

function halfValue(bits: number): number {
  const exponent = (bits >>> 10) & 31
  if (exponent === 0) return 0
  return (bits & 0x8000 ? -1 : 1) * 2 ** (exponent - 15) * (1 + (bits & 1023) / 1024)
}

function products(queries: Float32Array, matrix: ArrayLike<number>, dim: number): number[][] {
  return Array.from(
    { length: queries.length / dim },
    (_, q) =>
      Array.from({ length: matrix.length / dim }, (__, row) => {
        let sum = 0
        for (let i = 0; i < dim; i++) sum += queries[q * dim + i]! * matrix[row * dim + i]!
        return sum
      }),
  )
}

describe('topK', () => {
  // dims around the widths of vector units, rows around the sizes of blocks
  it.each([[1, 1], [3, 7], [16, 64], [17, 65], [64, 333], [100, 1000]])(
    'finds the best rows, dim %d, %d rows',
    async (dim, rows) => {
      const queries = values(3 * dim, 1)
      const matrix = values(rows * dim, 2)
      const k = Math.min(5, rows)
      const found = await topK(queries, { data: matrix, dim }, k, { threads: 2 })
      expect([found.k, found.indices.length, found.scores.length]).toEqual([k, 3 * k, 3 * k])
      for (const [q, scores] of products(queries, matrix, dim).entries()) {
        const order = scores.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b).slice(0, k)
        expect([...found.indices.subarray(q * k, q * k + k)]).toEqual(order)
        expect(maxDifference(found.scores.subarray(q * k, q * k + k), order.map(i => scores[i]!))).toBeLessThan(1e-4)
      }
    },
  )

  it('searches half-precision and int8 rows', async () => {
    const dim = 24
    const queries = values(2 * dim, 3)
    const halves = Uint16Array.from(values(50 * dim, 4), halfBits)
    const bytes = Int8Array.from(values(50 * dim, 5), value => Math.round(value * 127))
    for (const [data, plain] of [[halves, Array.from(halves, halfValue)], [bytes, Array.from(bytes)]] as const) {
      const { indices, scores } = await topK(queries, { data, dim }, 3)
      for (const [q, all] of products(queries, plain, dim).entries()) {
        const order = all.map((_, i) => i).sort((a, b) => all[b]! - all[a]!).slice(0, 3)
        expect([...indices.subarray(q * 3, q * 3 + 3)]).toEqual(order)
        expect(maxDifference(scores.subarray(q * 3, q * 3 + 3), order.map(i => all[i]!))).toBeLessThan(1e-2)
      }
    }
  })

  it('gives the same whatever the number of threads; equal scores in the order of the rows', async () => {
    const matrix = new Float32Array(1000 * 8)
    for (let row = 0; row < 1000; row++) matrix[row * 8] = row % 10
    const query = Float32Array.of(1, 0, 0, 0, 0, 0, 0, 0)
    for (const threads of [1, 2, 5, 16]) {
      const { indices, scores } = await topK(query, { data: matrix, dim: 8 }, 4, { threads })
      expect([...indices]).toEqual([9, 19, 29, 39])
      expect([...scores]).toEqual([9, 9, 9, 9])
    }
  })

  it('gives all rows when k is larger, and nothing of nothing', async () => {
    const all = await topK(Float32Array.of(1, 0), { data: Float32Array.of(1, 0, 3, 0, 2, 0), dim: 2 }, 100)
    expect([all.k, [...all.indices], [...all.scores]]).toEqual([3, [1, 2, 0], [3, 2, 1]])
    const none = await topK(new Float32Array(2), { data: new Float32Array(0), dim: 2 }, 3)
    expect([none.k, none.indices.length]).toEqual([0, 0])
    expect((await topK(new Float32Array(0), { data: new Float32Array(4), dim: 2 }, 1)).indices).toHaveLength(0)
  })

  it('respects views', async () => {
    const buffer = values(2 + 30 * 4, 6)
    const view = buffer.subarray(2)
    const query = values(5, 7).subarray(1)
    const a = await topK(query, { data: view, dim: 4 }, 3)
    const b = await topK(query.slice(), { data: view.slice(), dim: 4 }, 3)
    expect([[...a.indices], [...a.scores]]).toEqual([[...b.indices], [...b.scores]])
  })

  it('rejects with the reason of its signal, before and while it runs', async () => {
    const matrix = { data: values(200_000 * 32, 8), dim: 32 }
    const reason = new Error('enough')
    expect(await failureOf(() => topK(values(32, 9), matrix, 1, { signal: AbortSignal.abort(reason) }))).toBe(reason)
    const controller = new AbortController()
    const running = failureOf(() => topK(values(32 * 256, 9), matrix, 1, { signal: controller.signal, threads: 1 }))
    setTimeout(() => controller.abort(reason), 5)
    expect(await running).toBe(reason)
  })
})

describe('similarityMatrix', () => {
  it('is every row with every row', async () => {
    const a = values(5 * 19, 10)
    const b = values(7 * 19, 11)
    const result = await similarityMatrix({ data: a, dim: 19 }, { data: b, dim: 19 }, { threads: 3 })
    expect(maxDifference(result, products(a, b, 19).flat())).toBeLessThan(1e-4)
    expect(await similarityMatrix({ data: new Float32Array(0), dim: 3 }, { data: new Float32Array(3), dim: 3 }))
      .toHaveLength(0)
  })
})
