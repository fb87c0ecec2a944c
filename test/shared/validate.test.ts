import { runInNewContext } from 'node:vm'

import { checkBoolean, checkFloat32Array, checkFunction, checkInteger, checkLabels, checkNonEmptyArray, checkNumber,
  checkOneOf, checkOptions, checkSignal, checkString, checkTemplates, checkVector } from '../../lib/validate'

const wrongKind = { code: 'ERR_CLIP_INVALID_ARGUMENT', name: 'TypeError' }
const wrongValue = { code: 'ERR_CLIP_OUT_OF_RANGE', name: 'RangeError' }
const unknownKey = { code: 'ERR_CLIP_UNKNOWN_OPTION', name: 'TypeError' }

/** `action` throws an error with the properties of `kind` whose message has `message` in it. */
function expectThrown(action: () => unknown, kind: { code: string; name: string }, message = ''): void {
  let thrown: unknown
  try {
    action()
  } catch (error) {
    thrown = error
  }
  expect(thrown).toMatchObject({ ...kind, message: expect.stringContaining(message) as unknown })
}

test('checkString', () => {
  expect(checkString('s', 'a')).toBe('a')
  expect(checkString('s', '', { empty: true })).toBe('')
  expectThrown(() => checkString('s', ''), wrongValue)
  expectThrown(() => checkString('s', new String('a')), wrongKind)
})

test('checkBoolean and checkFunction', () => {
  expect(checkBoolean('b', false)).toBe(false)
  expectThrown(() => checkBoolean('b', 0), wrongKind)
  expect(checkFunction('f', Math.max)).toBe(Math.max)
  expectThrown(() => checkFunction('f', {} as never), wrongKind)
})

test('checkInteger', () => {
  expect(checkInteger('n', 3, { min: 3, max: 3 })).toBe(3)
  for (const value of [2, 4, 3.5, NaN, Infinity]) {
    expectThrown(() => checkInteger('n', value, { min: 3, max: 3 }), wrongValue)
  }
  expectThrown(() => checkInteger('n', 2 ** 53), wrongValue)
  for (const value of ['3', 3n, null, undefined, [3]]) {
    expectThrown(() => checkInteger('n', value), wrongKind)
  }
  const message = 'expected an integer from 1 to 8 for threads but received 0 of type number'
  expectThrown(() => checkInteger('threads', 0, { min: 1, max: 8 }), wrongValue, message)
  expectThrown(() => checkInteger('n', 9, { max: 8 }), wrongValue, 'an integer of at most 8')
  expectThrown(() => checkInteger('n', 0, { min: 1 }), wrongValue, 'an integer of at least 1')
})

test('checkNumber', () => {
  expect(checkNumber('x', 0.5, { min: 0, max: 1 })).toBe(0.5)
  expect(checkNumber('x', Infinity, { max: Infinity })).toBe(Infinity)
  for (const value of [NaN, Infinity, -Infinity])
    expectThrown(() => checkNumber('x', value), wrongValue, 'a finite number')
  expectThrown(() => checkNumber('x', '1'), wrongKind)
})

test('checkOneOf', () => {
  const device: 'cpu' | 'cuda' = checkOneOf('device', 'cpu', ['cpu', 'cuda'])
  expect(device).toBe('cpu')
  const message = "expected one of 'cpu', 'cuda' for device but received 'CPU' of type string"
  expectThrown(() => checkOneOf('device', 'CPU', ['cpu', 'cuda']), wrongValue, message)
  expectThrown(() => checkOneOf('device', 1, ['cpu']), wrongKind)
  expectThrown(() => checkOneOf('device', 'toString', ['cpu']), wrongValue)
})

test('checkSignal takes any AbortSignal by its shape', () => {
  const { signal } = new AbortController()
  expect(checkSignal('signal', signal)).toBe(signal)
  expect(checkSignal('signal', undefined)).toBeUndefined()
  const shaped = { aborted: false, addEventListener() {}, removeEventListener() {} }
  expect(checkSignal('signal', shaped)).toBe(shaped)
  for (const value of [null, {}, { aborted: true }, new AbortController(), 'x']) {
    expectThrown(() => checkSignal('signal', value), wrongKind)
  }
})

describe('checkOptions', () => {
  interface Options {
    topK?: number
    signal?: AbortSignal
  }
  const keys = ['topK', 'signal'] as const

  test('copies known keys, leaves undefined ones out', () => {
    const given: Options = { topK: 3, signal: undefined }
    const options = checkOptions<Options>('options', given, keys)
    expect(options).toEqual({ topK: 3 })
    expect(options).not.toBe(given)
    expect('signal' in options).toBe(false)
    expect(checkOptions<Options>('options', undefined, keys)).toEqual({})
    const bare = Object.assign(Object.create(null), given) as Options
    expect(checkOptions<Options>('options', bare, keys)).toEqual({ topK: 3 })
    expect(checkOptions<Options>('options', runInNewContext('({ topK: 3 })') as Options, keys)).toEqual({ topK: 3 })
  })

  test('reads a getter once', () => {
    let reads = 0
    checkOptions<Options>('options', {
      get topK() {
        return ++reads
      },
    }, keys)
    expect(reads).toBe(1)
  })

  test('rejects unknown keys by name, undefined or not', () => {
    for (const value of [{ topk: 1 }, { topk: undefined }]) {
      const message = "'topk' in options, did you mean 'topK'?"
      expectThrown(() => checkOptions('options', value as Options, keys), unknownKey, message)
    }
    const polluted = JSON.parse('{"__proto__": {"topK": 1}}') as Options
    expectThrown(() => checkOptions('options', polluted, keys), unknownKey)
  })

  test.each([null, 1, 'x', [], new Map(), new Date(), () => 1, Object.create({ topK: 1 })])('rejects %p', value => {
    expectThrown(() => checkOptions('options', value as Options, keys), wrongKind)
  })
})

test('checkNonEmptyArray', () => {
  const foreign = runInNewContext('[1]') as number[]
  expect(checkNonEmptyArray('a', foreign)).toBe(foreign)
  expectThrown(() => checkNonEmptyArray('a', []), wrongValue)
  expectThrown(() => checkNonEmptyArray('a', { length: 1 } as never), wrongKind)
})

describe('checkFloat32Array', () => {
  test('takes views and other realms, keeps the view', () => {
    const view = new Float32Array([1, 2, 3, 4]).subarray(1, 3)
    expect(checkFloat32Array('t', view, { length: 2 })).toBe(view)
    expect(view.byteOffset).toBe(4)
    expect(checkFloat32Array('t', runInNewContext('new Float32Array(2)'))).toHaveLength(2)
  })

  test('takes nothing else', () => {
    const lookalike: unknown = Object.setPrototypeOf(new Float64Array(2), Float32Array.prototype)
    for (const value of [[1], new Float64Array(1), Buffer.alloc(4), new ArrayBuffer(4), lookalike, undefined]) {
      expectThrown(() => checkFloat32Array('t', value), wrongKind)
    }
    const message = 'expected a Float32Array of length 2 for t but received an array of 3 of type Float32Array'
    expectThrown(() => checkFloat32Array('t', new Float32Array(3), { length: 2 }), wrongValue, message)
  })
})

test('checkVector', () => {
  expect(checkVector('v', [1, 2])).toEqual([1, 2])
  expect(checkVector('v', new Int8Array(2), { length: 2 })).toHaveLength(2)
  expectThrown(() => checkVector('v', [1, '2'] as never), wrongKind, 'for v[1]')
  for (const value of ['12', { length: 0 }, new BigInt64Array(1), new DataView(new ArrayBuffer(1)), null]) {
    expectThrown(() => checkVector('v', value as never), wrongKind)
  }
  expectThrown(() => checkVector('v', [1], { length: 2 }), wrongValue)
})

describe('checkLabels', () => {
  test('copies; a label may stand twice', () => {
    const labels = ['cat', 'dog', 'cat']
    expect(checkLabels('labels', labels)).toEqual(labels)
    expect(checkLabels('labels', labels)).not.toBe(labels)
  })

  test('wants strings that are not blank', () => {
    expectThrown(() => checkLabels('labels', []), wrongValue)
    expectThrown(() => checkLabels('labels', 'cat' as never), wrongKind)
    expectThrown(() => checkLabels('labels', ['a', 1] as never), wrongKind, 'labels[1]')
    expectThrown(() => checkLabels('labels', new Array(1) as never), wrongKind, 'labels[0]')
    expectThrown(() => checkLabels('labels', ['a', ' \n']), wrongValue, 'labels[1]')
  })
})

describe('checkTemplates', () => {
  const apply = (template: string | ((label: string) => string), label: string): string =>
    checkTemplates('templates', template)[0]!(label)

  test('puts the label in every place, as it is', () => {
    expect(apply('a photo of {}', 'cat')).toBe('a photo of cat')
    expect(apply('{label} and {}', 'cat')).toBe('cat and cat')
    expect(apply('a {}', '$& {} {label}')).toBe('a $& {} {label}')
    expect(apply('{other} {}', 'cat')).toBe('{other} cat')
    expect(apply(label => `my ${label}`, 'cat')).toBe('my cat')
    expect(checkTemplates('templates', ['a {}', 'b {}', String])).toHaveLength(3)
  })

  test('rejects what is no template', () => {
    expectThrown(() => checkTemplates('templates', []), wrongValue)
    const message = "for templates[1] but received 'a photo'"
    expectThrown(() => checkTemplates('templates', ['{}', 'a photo']), wrongValue, message)
    expectThrown(() => checkTemplates('templates', [1] as never), wrongKind)
    expectThrown(() => checkTemplates('templates', null as never), wrongKind, 'for templates but')
    expectThrown(() => apply(() => 1 as never, 'cat'), wrongKind, 'the result of templates')
  })
})
