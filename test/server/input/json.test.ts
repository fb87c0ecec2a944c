/** JSON in and out: what is read and written in steps is what JSON.parse and JSON.stringify read and write. */
import { parseJson, type ValueBudget } from '../../../lib/server/input/parse-json'
import { decodeBase64 } from '../../../lib/server/input/image-bytes'
import { jsonPieces } from '../../../lib/server/output/json-pieces'
import { decodeSteps, decodeText } from '../../../lib/text-bytes'

function steps<T>(work: Generator<void, T, void>): { value: T; count: number } {
  for (let count = 1;; count++) {
    const { done, value } = work.next()
    if (done === true) return { value, count }
  }
}
const read = (text: string | Buffer, budget: ValueBudget = { values: 1e6 }): unknown =>
  steps(parseJson(Buffer.from(text as string), budget)).value

/** As JSON.parse has it, without null members. */
const expected = (text: string): unknown =>
  JSON.parse(text, function revive(this: unknown, _, value: unknown) {
    return value === null && !Array.isArray(this) && _ !== '' ? undefined : value
  })
const outcome = (work: () => unknown): unknown => {
  try {
    return { value: work() }
  } catch {
    return 'refused'
  }
}

const { randomFrom } = require('../../helpers/random.cjs') as { randomFrom(seed: number): (limit: number) => number }

const scalars = ['0', '-0', '1.5e3', '-12.25', '1E+2', '01', '+1', '.5', '1.', '1e', '-', 'true', 'false', 'null',
  'nul', 'True', 'NaN', 'undefined', '""', '"a"', '"é😀"', '"\\u00e9\\ud83d\\ude00"', '"\\ud83d"', '"\\n\\t\\"\\\\\\/"',
  '"\\x"', '"\\u12"', '"a\nb"', '"\u2028"', '"', "'a'", '"\\', '"\\"', '/* */1']

function generated(random: (limit: number) => number, depth = 0): string {
  const space = ['', '', ' ', '\n', '\t\r'][random(5)]!
  const choice = depth > 4 ? 0 : random(5)
  if (choice < 3) return `${space}${scalars[random(scalars.length)]!}${space}`
  const items = Array.from({ length: random(4) }, () => generated(random, depth + 1))
  if (choice === 3)
    return `${space}[${items.join(random(20) === 0 ? ',,' : ',')}${random(25) === 0 ? ',' : ''}]${space}`
  const names = ['a', 'b', '__proto__', 'constructor', '\\u0061', 'é']
  return `{${items.map(item => `${space}"${names[random(names.length)]!}"${space}:${item}`).join(',')}}`
}

describe('parseJson', () => {
  test('takes and refuses what JSON.parse does', () => {
    const random = randomFrom(7)
    for (let i = 0; i < 5000; i++) {
      const text = generated(random)
      const cut = random(6) === 0 ? text.slice(0, random(text.length)) : text
      expect([cut, outcome(() => read(cut))]).toEqual([cut, outcome(() => expected(cut))])
    }
    for (
      const text of [...scalars, '', ' ', '{', '[', '{"a"}', '{"a":1,}', '[1 2]', '{"a":1 "b":2}', '{a:1}', '\ufeff1',
        ']', '[}', '{]', '1 1', '[]x']
    ) {
      expect([text, outcome(() => read(text))]).toEqual([text, outcome(() => expected(text.replace(/^\ufeff/, '')))])
    }
  })

  test('strings of any length and content, wherever they are cut', () => {
    const random = randomFrom(3)
    const bits = ['a', 'é', '€', '😀', '\\n', '\\\\', '\\"', '\\u0041', '\\ud83d\\ude00', '\\ud83d', ' ', '[{,:']
    for (let i = 0; i < 6; i++) {
      const text = `"${'x'.repeat(2 ** 18 - random(9))}${
        Array.from({ length: 150_000 }, () => bits[random(bits.length)]!).join('')
      }"`
      expect(read(text) === JSON.parse(text)).toBe(true)
      expect(read(`{"input":["a",${text}]}`)).toEqual({ input: ['a', JSON.parse(text) as string] })
    }
  })

  test('what is large is read in steps of bounded size', () => {
    for (
      const text of [`"${'a'.repeat(2 ** 23)}"`, `"${'\\n'.repeat(2 ** 22)}"`, `"${'\\"'.repeat(2 ** 22)}"`,
        `"${'\\\\'.repeat(2 ** 22)}"`, `${' '.repeat(2 ** 23)}1`, `[${'1,'.repeat(30_000)}1]`,
        `[${'{"a":{}},'.repeat(10_000)}1]`]
    ) {
      const { value, count } = steps(parseJson(Buffer.from(text), { values: 1e6 }))
      expect(value).toEqual(JSON.parse(text))
      expect([text.slice(0, 12), count >= Math.max(text.length / 2 ** 19, (text.match(/[,{[]/g) ?? []).length / 2048)])
        .toEqual([text.slice(0, 12), true])
    }
    expect(() => read(`"${'\\'.repeat(2 ** 22)}`)).toThrow('a string that ends')
  })

  test('UTF-8, or UTF-16 with its mark; a BOM counts for nothing', () => {
    const utf16 = Buffer.from(`\ufeff{"input":"é${'😀'.repeat(300_000)}"}`, 'utf16le')
    expect(read(utf16)).toEqual({ input: `é${'😀'.repeat(300_000)}` })
    expect(() => read(Buffer.from([0x22, 0xe9, 0x22]))).toThrow('it is not UTF-8')
    expect(read('\ufeff{"input":"\ufeffa"}')).toEqual({ input: '\ufeffa' })
  })

  test.each([
    ['['.repeat(65), 'ERR_CLIP_REQUEST_INVALID'],
    ['{"a":'.repeat(65), 'ERR_CLIP_REQUEST_INVALID'],
    [`[${'1,'.repeat(1000)}1]`, 'ERR_CLIP_REQUEST_TOO_LARGE'],
    [`[${'{},'.repeat(600)}1]`, 'ERR_CLIP_REQUEST_TOO_LARGE'],
    [`{"${'a'.repeat(65)}":1}`, 'ERR_CLIP_UNKNOWN_OPTION'],
    ['{"17":1}', 'ERR_CLIP_UNKNOWN_OPTION'],
  ])(
    '%.40s is refused',
    (text, code) => expect(() => read(text, { values: 1000 })).toThrow(expect.objectContaining({ code })),
  )

  test('several readers share one count', () => {
    const budget = { values: 10 }
    read('[1,2,3]', budget)
    expect(budget.values).toBe(7)
    expect(() => read('[1,2,3,4,5,6,7,8]', budget)).toThrow('values')
  })
})

describe('jsonPieces', () => {
  test('is JSON.stringify, in pieces', () => {
    const half = String.fromCharCode(0xd83d)
    const values: unknown[] = [1, 'a', null, true, [], {}, [undefined], {
      a: undefined,
      b: [1, NaN, -0, 1e-7],
      c: { d: [[], {}, [[1]]] },
    }, `${half}a`, 'x'.repeat(100_000), `${'x'.repeat(2 ** 15 - 1)}😀${'y'.repeat(2 ** 15)}${half}`,
      '"\\\n\u2028'.repeat(30_000), Array.from({ length: 3000 }, (_, i) => i / 7), {
      lazy: { toJSON: () => ({ a: [1] }) },
    }]
    for (const value of values) expect([...jsonPieces(value)].join('')).toBe(JSON.stringify(value))
    expect([...jsonPieces({ a: Float32Array.of(0.5, 0.1, NaN) })].join('')).toBe(
      JSON.stringify({ a: [0.5, Math.fround(0.1), null] }),
    )
  })

  test('no piece is long, and what is lazy is made when it is written', () => {
    let made = 0
    const data = Array.from(
      { length: 200 },
      () => ({ embedding: { toJSON: () => (made++, new Float32Array(512).fill(1 / 3)) } }),
    )
    const pieces = jsonPieces({ data, text: 'é"'.repeat(500_000) })
    pieces.next()
    expect(made).toBeLessThan(20)
    for (const piece of pieces) expect(piece.length).toBeLessThan(2 ** 18)
    expect(made).toBe(200)
  })
})

describe('decodeBase64', () => {
  const decode = (text: string, from = 0, escapes = false): string | undefined =>
    steps(decodeBase64(text, { from, escapes })).value?.toString('hex')
  const bytes = Buffer.from(Array.from({ length: 300_001 }, (_, i) => (i * 7919) % 251))
  const plain = bytes.toString('base64')
  const hex = bytes.toString('hex')

  test('bytes, however they are written and cut', () => {
    expect(decode(plain) === hex).toBe(true)
    expect(decode(bytes.toString('base64url')) === hex).toBe(true)
    for (const width of [1, 3, 76])
      expect(decode(`${plain.replace(new RegExp(`.{${width}}`, 'g'), '$&\r\n')} `) === hex).toBe(true)
    expect(decode(`data:,${plain.replace(/[+/=]/g, encodeURIComponent)}`, 6, true) === hex).toBe(true)
    for (let shift = 0; shift < 5; shift++)
      expect(decode(`${' '.repeat(shift)}${'%2B'.repeat(2 ** 17)}`, 0, true)).toBe(
        Buffer.from('+'.repeat(2 ** 17), 'base64').toString('hex'),
      )
    expect(decode('')).toBe('')
  })

  test('nothing but base64', () => {
    for (
      const text of [`${plain}${plain}`, `${plain}a`, `${plain.slice(0, 1000)}?${plain.slice(1000)}`, 'A', 'AAAAA',
        'AA%', 'é', `${'A'.repeat(2 ** 17 - 2)}==AAAA`]
    ) expect([text.slice(0, 9), decode(text)]).toEqual([text.slice(0, 9), undefined])
  })

  test('in steps', () =>
    expect(steps(decodeBase64('A'.repeat(2 ** 22), { from: 0, escapes: false })).count).toBeGreaterThan(16))
})

test('text is decoded in steps as at once', () => {
  const text = `\ufeffé${'😀€a'.repeat(200_000)}`
  for (
    const bytes of [Buffer.from(text), Buffer.from(text.slice(1)), Buffer.from(text, 'utf16le'),
      Buffer.from(text, 'utf16le').swap16(), Buffer.alloc(0)]
  ) {
    const { value, count } = steps(decodeSteps(bytes))
    expect(value === decodeText(bytes)).toBe(true)
    expect(count).toBe(Math.max(1, Math.ceil(bytes.length / 2 ** 18)))
  }
  for (const bytes of [Buffer.from([0xe9]), Buffer.from([0xc3]), Buffer.from('a\0')])
    expect(() => steps(decodeSteps(bytes))).toThrow()
})
