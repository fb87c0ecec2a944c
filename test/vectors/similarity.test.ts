import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'

import { cosineSimilarity, dot, logSoftmax, normalize, rank, sigmoid, softmax } from '../../lib/vectors/similarity'

function readReference<T>(file: string): T {
  return JSON.parse(readFileSync(join(__dirname, '..', 'fixtures/math', file), 'utf8')) as T
}

function expectNear(found: ArrayLike<number>, expected: ArrayLike<number>, floor = 0): void {
  expect(found).toHaveLength(expected.length)
  for (let i = 0; i < expected.length; i++) {
    const limit = Math.max(1e-5 * Math.abs(expected[i]!), floor)
    if (!(Math.abs(found[i]! - expected[i]!) <= limit)) {
      throw new Error(`element ${i}: expected ${expected[i]}, found ${found[i]}`)
    }
  }
}

describe('equal to the reference', () => {
  test('cosine.json', () => {
    interface Case {
      a: number[]
      b: number[]
      dot: number
      cosine: number
      a_normalized: number[]
    }
    const cases = readReference<Case[]>('cosine.json')
    for (const { a, b, ...expected } of cases) {
      for (const kind of [Float32Array, Float64Array]) {
        expectNear([dot(kind.from(a), kind.from(b))], [expected.dot])
        expectNear([cosineSimilarity(kind.from(a), kind.from(b))], [expected.cosine])
        expectNear(normalize(kind.from(a)), expected.a_normalized)
      }
      expectNear([dot(a, b), cosineSimilarity(a, b)], [expected.dot, expected.cosine])
    }
    expect(cases.length).toBeGreaterThan(0)
  })

  test('softmax.json', () => {
    interface Case {
      logits: number[]
      softmax: number[]
      log_softmax: number[]
      sigmoid: number[]
      argsort_descending_stable: number[]
    }
    for (const expected of readReference<Case[]>('softmax.json')) {
      expectNear(softmax(expected.logits), expected.softmax)
      expectNear(logSoftmax(expected.logits), expected.log_softmax)
      expectNear(sigmoid(expected.logits), expected.sigmoid)
      expect(rank(expected.logits)).toEqual(expected.argsort_descending_stable)
    }
  })

  test('zero_shot.json', () => {
    interface ZeroShot {
      text_embeds: number[][][]
      image_embeds: number[][]
      logit_scale_exp: number
      class_weights: number[][]
      cosine: number[][]
      logits: number[][]
      probs: number[][]
      top: { k: number; indices: number[][]; probs: number[][] }
    }
    const expected = readReference<ZeroShot>('zero_shot.json')
    const weights = expected.text_embeds.map(templates => {
      const units = templates.map(normalize)
      return normalize(units[0]!.map((_, d) => units.reduce((sum, unit) => sum + unit[d]!, 0) / units.length))
    })
    weights.forEach((weight, i) => expectNear(weight, expected.class_weights[i]!, 1e-7))
    expected.image_embeds.forEach((image, i) => {
      const cosines = weights.map(weight => cosineSimilarity(image, weight))
      expectNear(cosines, expected.cosine[i]!, 2e-7)
      const probabilities = softmax(cosines.map(cosine => expected.logit_scale_exp * cosine))
      expectNear(probabilities, expected.probs[i]!)
      const best = rank(probabilities, expected.top.k)
      expect(best).toEqual(expected.top.indices[i])
      expectNear(best.map(j => probabilities[j]!), expected.top.probs[i]!)
    })
  })
})

describe('vectors', () => {
  test('zero vectors have cosine 0 and stay zero', () => {
    expect(cosineSimilarity([0, 0], [1, 2])).toBe(0)
    expect(cosineSimilarity(new Float32Array(2), new Float32Array(2))).toBe(0)
    expect([...normalize([0, 0])]).toEqual([0, 0])
    expect(dot([], [])).toBe(0)
    expect(cosineSimilarity([], [])).toBe(0)
  })

  test('very large and very small values neither overflow nor vanish', () => {
    for (const size of [3e38, 1e200, 1e-200, 1e-310]) {
      expect(cosineSimilarity([3 * size, 4 * size], [3 * size, 4 * size])).toBeCloseTo(1, 12)
      expectNear(normalize([3 * size, 4 * size]), [0.6, 0.8])
    }
    const tiny = Float32Array.of(3e-44, 4e-44)
    expect(cosineSimilarity(tiny, tiny)).toBeCloseTo(1, 12)
  })

  test('cosine never leaves [-1, 1]', () => {
    for (let i = 1; i < 500; i++) {
      const vector = Array.from({ length: 7 }, (_, j) => Math.sin(i * 7 + j))
      expect(Math.abs(cosineSimilarity(vector, vector.map(x => -3 * x)))).toBeLessThanOrEqual(1)
    }
  })

  test('NaN is handed on', () => {
    expect(cosineSimilarity([NaN, 1], [1, 1])).toBeNaN()
  })

  test('views count, not their buffers; other realms are welcome; inputs stay as they are', () => {
    const view = new Float32Array([9, 3, 4, 9]).subarray(1, 3)
    expectNear(normalize(view), [0.6, 0.8])
    expect([...view]).toEqual([3, 4])
    expect(dot(view, [1, 1])).toBe(7)
    expect(dot(runInNewContext('Float32Array.of(1, 2)') as Float32Array, [1, 1])).toBe(3)
    expect(normalize([3, 4])).toBeInstanceOf(Float32Array)
  })

  test.each([dot, cosineSimilarity])('%p wants equal lengths and numbers', similarity => {
    const wrongValue = expect.objectContaining({ name: 'RangeError', code: 'ERR_CLIP_OUT_OF_RANGE' }) as Error
    const wrongKind = expect.objectContaining({ name: 'TypeError', code: 'ERR_CLIP_INVALID_ARGUMENT' }) as Error
    expect(() => similarity([1], [1, 2])).toThrow(wrongValue)
    expect(() => similarity([1], ['1'] as never)).toThrow(wrongKind)
    expect(() => similarity(undefined as never, [1])).toThrow(expect.objectContaining({ name: 'TypeError' }))
  })
})

describe('scores', () => {
  test('softmax: sum 1, extremes, masks, empty', () => {
    expectNear([softmax(Float32Array.of(1, 2, 3, 88)).reduce((a, b) => a + b)], [1])
    expect(softmax([1e308, -1e308])).toEqual([1, 0])
    expect(softmax([-Infinity, 0])).toEqual([0, 1])
    expect(softmax([])).toEqual([])
    expect(softmax([NaN, 0])).toEqual([NaN, NaN])
    expect(logSoftmax([0, -1000])).toEqual([0, -1000])
  })

  test('sigmoid of a number and of a list', () => {
    expect(sigmoid(0)).toBe(0.5)
    expect(sigmoid([-Infinity, 0, Infinity])).toEqual([0, 0.5, 1])
    expect(sigmoid(-745)).toBeGreaterThan(0)
    expect(() => sigmoid('1' as never)).toThrow(TypeError)
  })

  test('rank is stable and puts NaN last', () => {
    expect(rank([1, 3, 2, 3, NaN, -Infinity])).toEqual([1, 3, 2, 0, 5, 4])
    expect(rank([1, 3, 2], 2)).toEqual([1, 2])
    expect(rank([1, 3], 9)).toEqual([1, 0])
    expect(rank(Float32Array.of(0.5, 0.5))).toEqual([0, 1])
  })
})
