import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { runInNewContext } from 'node:vm'

import { ClipError, describeValue, errorCodeOf, errorCodes, fromNative, invalidArgument, nativeErrorCodes, outOfRange,
  unknownOption } from '../../lib/errors'
import { nearestName } from '../../lib/nearest-name'

const root = join(__dirname, '..', '..')

describe('the list of codes', () => {
  test('equals the list of the native side, in its order', () => {
    const header = readFileSync(join(root, 'cpp/engine/error.h'), 'utf8')
    const native = [...header.matchAll(/^ {4}X\((\w+)\)/gm)].map(match => `ERR_CLIP_${match[1]}`)
    expect(native.length).toBeGreaterThan(10)
    expect([...nativeErrorCodes]).toEqual(native)
  })

  test('is documented: every code with class, when, example and remedy, and no other', () => {
    const sections = readFileSync(join(root, 'docs/errors.md'), 'utf8').split(/^### /m).slice(1)
    const documented = sections.map(section => section.slice(0, section.indexOf('\n')))
    expect(documented.sort()).toEqual([...errorCodes].sort())
    for (const section of sections) {
      expect(section).toMatch(/^`(ClipError|TypeError|RangeError)`\. \*\*When:\*\*/m)
      expect(section).toMatch(/^\*\*Example:\*\* `/m)
      expect(section).toMatch(/^\*\*Remedy:\*\* /m)
    }
  })

  test('has no code twice, all of one form', () => {
    expect(new Set(errorCodes).size).toBe(errorCodes.length)
    for (const code of errorCodes) expect(code).toMatch(/^ERR_CLIP(_[A-Z][A-Z0-9]*)+$/)
  })
})

describe('ClipError', () => {
  test('has code, name, message, cause and stack', () => {
    const cause = new Error('below')
    const error = new ClipError('ERR_CLIP_IMAGE_DECODE', 'cannot decode', { cause })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ code: 'ERR_CLIP_IMAGE_DECODE', name: 'ClipError', message: 'cannot decode', cause })
    expect(error.stack).toMatch(/^ClipError: cannot decode\n.*errors\.test/s)
    expect(String(error)).toBe('ClipError: cannot decode')
    expect(inspect(error)).toContain("code: 'ERR_CLIP_IMAGE_DECODE'")
    expect('cause' in new ClipError('ERR_CLIP_INTERNAL', 'x')).toBe(false)
  })
})

describe('argument errors', () => {
  test('invalidArgument', () => {
    const error = invalidArgument('labels', 'a non-empty array of strings', 3)
    expect(error).toBeInstanceOf(TypeError)
    expect(error.code).toBe('ERR_CLIP_INVALID_ARGUMENT')
    expect(error.message).toBe('expected a non-empty array of strings for labels but received 3 of type number')
    expect(error.stack).not.toContain('invalidArgument')
  })

  test('outOfRange', () => {
    const error = outOfRange('threads', 'an integer of at least 1', 0)
    expect(error).toBeInstanceOf(RangeError)
    expect(error.code).toBe('ERR_CLIP_OUT_OF_RANGE')
    expect(error.message).toBe('expected an integer of at least 1 for threads but received 0 of type number')
  })

  test('unknownOption suggests the nearest name', () => {
    const error = unknownOption('options', 'thread', ['device', 'threads'])
    expect(error).toBeInstanceOf(TypeError)
    expect(error.code).toBe('ERR_CLIP_UNKNOWN_OPTION')
    expect(error.message).toBe("unknown option 'thread' in options, did you mean 'threads'? (known: device, threads)")
    expect(unknownOption('options', 'zzz', ['device']).message).toBe("unknown option 'zzz' in options (known: device)")
    expect(unknownOption('options', 'zzz', []).message).toBe("unknown option 'zzz' in options (none is known)")
  })

  test.each([
    ['topk', 'topK'],
    ['maxbatch', 'maxBatch'],
    ['sgnal', 'signal'],
    ['singal', 'signal'],
    ['quantum', undefined],
    ['x'.repeat(10_000), undefined],
  ])('nearestName(%s)', (word, expected) => {
    expect(nearestName(word, ['topK', 'signal', 'maxBatch'])).toBe(expected)
  })
})

describe('describeValue', () => {
  class Picture {}
  test.each<[unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    ['cat', "'cat' of type string"],
    ['line\n"quoted"', '\'line\\n"quoted"\' of type string'],
    ['a'.repeat(1000), `'${'a'.repeat(39)}\u2026' of type string`],
    ['pg://me:pass@word@host/a@b', "'pg://...@host/a@b' of type string"],
    [NaN, 'NaN of type number'],
    [-0, '-0 of type number'],
    [12n, '12n of type bigint'],
    [true, 'true of type boolean'],
    [Symbol('s'), 'Symbol(s) of type symbol'],
    [() => 1, 'a function'],
    [[1, 2], 'an array of 2 of type Array'],
    [new Float64Array(3), 'an array of 3 of type Float64Array'],
    [new Map(), 'an object of type Map'],
    [new Date(0), 'an object of type Date'],
    [new Date(NaN), 'a Date that is no time'],
    [new Picture(), 'an object of type Picture'],
    [Object.create(null), 'an object of type Object'],
    [new Proxy({}, {}), 'a proxy'],
  ])('%p', (value, expected) => {
    expect(describeValue(value)).toBe(expected)
  })

  test('survives hostile objects', () => {
    const hostile = {
      get constructor(): never {
        throw new Error('no')
      },
      toString: () => {
        throw new Error('no')
      },
    }
    expect(describeValue(hostile)).toBe('an object of type Object')
    expect(describeValue(Object.create(hostile))).toBe('an object')
    expect(describeValue(
      new Proxy({}, {
        getPrototypeOf() {
          throw new Error('no')
        },
      }),
    )).toBe('a proxy')
  })
})

describe('fromNative', () => {
  test('gives coded errors a class and a stack', () => {
    const native = Object.assign(new Error('model.gguf: magic'), { code: 'ERR_CLIP_FILE_FORMAT' })
    const error = fromNative(native)
    expect(error).toBeInstanceOf(ClipError)
    expect(error).toMatchObject({ code: 'ERR_CLIP_FILE_FORMAT', message: 'model.gguf: magic', cause: native })
    expect(error.stack).toContain('errors.test')
    expect(error.stack).not.toContain('fromNative')
  })

  test('takes errors of other realms and plain objects', () => {
    const foreign: unknown = runInNewContext("Object.assign(new Error('gone'), { code: 'ERR_CLIP_ABORTED' })")
    expect(errorCodeOf(foreign)).toBe('ERR_CLIP_ABORTED')
    expect(fromNative(foreign)).toBeInstanceOf(ClipError)
    expect(fromNative({ code: 'ERR_CLIP_ABORTED', message: 'gone' })).toMatchObject({ message: 'gone' })
  })

  test('lets our own errors pass', () => {
    const own = new ClipError('ERR_CLIP_DISPOSED', 'x')
    const argument = invalidArgument('a', 'b', 1)
    expect(fromNative(own)).toBe(own)
    expect(fromNative(argument)).toBe(argument)
  })

  test.each([new Error('boom'), Object.assign(new Error('boom'), { code: 'ENOENT' }), 'boom', undefined])(
    'anything else is ERR_CLIP_INTERNAL: %p',
    thrown => {
      expect(fromNative(thrown)).toMatchObject({ code: 'ERR_CLIP_INTERNAL', cause: thrown })
    },
  )
})
