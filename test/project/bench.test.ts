/** What the benchmarks stand on: the models they make, and how sides take turns. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'

import { oracle } from '../helpers/oracle'

const bench = path.join(__dirname, '..', '..', 'bench')

/** The benchmarks are ES modules, which run beside the tests. `script` leaves its answer in `result`. */
function run<T>(script: string): T {
  const source = `
    import { fill, tensors } from ${JSON.stringify(path.join(bench, 'make-model.mjs'))}
    import { benchModel, modelNames } from ${JSON.stringify(path.join(bench, 'models.mjs'))}
    import { interleave } from ${JSON.stringify(path.join(bench, 'interleave.mjs'))}
    let result
    ${script}
    process.stdout.write(JSON.stringify(result))`
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' })) as T
}

const checkFile = path.join(oracle, 'models', 'b32-config', 'check.json')

describe('the ViT-B/32 of the benchmarks is that of the reference', () => {
  const check = JSON.parse(readFileSync(checkFile, 'utf8')) as {
    bytes: number
    values: { tensor: string; flat_index: number; float32_hex: string }[]
  }

  it('by its values', () => {
    const places = check.values.map(({ tensor, flat_index: index }) => [tensor, index])
    const bits = run<string[]>(`
      result = ${JSON.stringify(places)}.map(([tensor, index]) => {
        const value = new Float32Array(1)
        fill(value, tensor, benchModel('vit-b-32'), index)
        return new Uint32Array(value.buffer)[0].toString(16).padStart(8, '0')
      })`)
    expect(check.values.length).toBeGreaterThan(10)
    expect(bits).toEqual(check.values.map(value => value.float32_hex))
  })

  it('by its size', () => {
    const bytes = run<number>(`
      const header = {}
      let offset = 0
      for (const [name, shape] of tensors(benchModel('vit-b-32'))) {
        const size = 4 * shape.reduce((product, n) => product * n, 1)
        header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset += size] }
      }
      result = 8 + 8 * Math.ceil(JSON.stringify(header).length / 8) + offset`)
    expect(bytes).toBe(check.bytes)
  })
})

it('makes the other shapes as published: parameters and tokens', () => {
  const facts = run<Record<string, { parameters: number; positions: number[] }>>(`
    result = Object.fromEntries(modelNames.map(name => {
      const list = tensors(benchModel(name))
      const parameters = list.reduce((sum, [, shape]) => sum + shape.reduce((product, n) => product * n, 1), 0)
      return [name, { parameters, positions: list.find(([tensor]) => tensor === 'vision_model.embeddings.position_embedding.weight')[1] }]
    }))`)
  // parameter counts of openai/clip-vit-base-patch32, -base-patch16 and -large-patch14
  expect(facts).toEqual({
    'vit-b-32': { parameters: 151_277_313, positions: [50, 768] },
    'vit-b-16': { parameters: 149_620_737, positions: [197, 768] },
    'vit-l-14': { parameters: 427_616_513, positions: [257, 1024] },
  })
})

it('refuses a model it does not know', () => {
  expect(run<string>("try { benchModel('vit-z-1') } catch (error) { result = error.message }")).toMatch(
    /expected one of vit-b-32.*received 'vit-z-1'/,
  )
})

it('lets every side run once a round, slow ones less often, each compared with the first of its own round', () => {
  const { rows, calls } = run<{ rows: { name: string; ms: number; ratio: number }[]; calls: Record<string, number> }>(`
    const calls = { a: 0, b: 0, slow: 0 }
    const side = (name, ms, more = {}) => ({ name, per: 2, run: async () => { calls[name]++; return ms(calls[name]) }, ...more })
    const rows = await interleave([side('a', call => 10 * call), side('b', call => 20 * call), side('slow', call => 100, { every: 3 })], 4)
    result = { rows, calls }`)
  expect(calls).toEqual({ a: 5, b: 5, slow: 3 }) // a warm-up each
  expect(rows.map(({ name }) => name)).toEqual(['a', 'b', 'slow'])
  expect(rows[0]).toMatchObject({ ms: 20, ratio: 1 }) // 10, 15, 20, 25 an input
  expect(rows[1]!.ratio).toBe(2)
  expect(rows[2]).toMatchObject({ ms: 50, ratio: 5 }) // 50 against 10 and 25: 5 and 2
})
