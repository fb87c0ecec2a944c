/** The addon in worker threads, in processes of their own. */
import { maxDifference, norm, report, runChild, tinyModel } from './support'

type Vectors = [number[], number[]]

async function scene<T>(name: string): Promise<T> {
  return report<T>(await runChild('lifecycle/workers.cjs', [tinyModel, name], { timeoutMs: 55_000 }))
}

function expectUnit(vectors: Vectors): void {
  for (const vector of vectors) expect(norm(Float32Array.from(vector))).toBeCloseTo(1, 5)
}

describe('worker threads', () => {
  it('load and encode at the same time, with the same results; end by themselves, disposed of or not', async () => {
    const { expected, results, codes } = await scene<{ expected: Vectors; results: Vectors[]; codes: number[] }>(
      'together',
    )
    expectUnit(expected)
    for (const vectors of results) {
      for (const i of [0, 1] as const) expect(maxDifference(vectors[i], expected[i])).toBeLessThan(1e-5)
    }
    expect(codes).toEqual([0, 0, 0, 0])
  })

  it('terminated while they encode, load or search: the process goes on and keeps its memory', async () => {
    const { codes, rss, vectors } = await scene<{ codes: number[]; rss: number[]; vectors: Vectors }>('terminate')
    expect(codes).toEqual(Array(12).fill(1))
    expectUnit(vectors)
    // the scratch memory of one session that is left behind is about 40 MiB
    expect(rss.at(-1)! - rss[5]!).toBeLessThan(40)
  })

  it('terminated while they load the addon and models', async () => {
    const { codes, vectors } = await scene<{ codes: number[]; vectors: Vectors }>('terminateEarly')
    expect(codes).toEqual(Array(24).fill(1))
    expectUnit(vectors)
  })

  it('process.exit inside one ends it alone', async () => {
    const { end, vectors } = await scene<{ end: { code: number }; vectors: Vectors }>('exitInside')
    expect(end.code).toBe(3)
    expectUnit(vectors)
  })

  it('an uncaught error inside one ends it alone', async () => {
    const { end, vectors } = await scene<{ end: { code: number; error: string }; vectors: Vectors }>('throwInside')
    expect(end).toEqual({ code: 1, error: 'thrown on purpose' })
    expectUnit(vectors)
  })

  it('process.exit of the main thread while they compute', async () => {
    expect(await scene('exitAround')).toEqual({ running: 3 })
  })
})
