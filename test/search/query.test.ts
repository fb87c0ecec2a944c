/** Queries as people type them. */
import path from 'node:path'

import { parseQuery } from '../../lib/index.js'
import { fromHalves, toHalves } from '../../lib/search/storage/half.js'

const rocket = path.join(__dirname, '..', '..', 'models', 'samples', 'rocket.png')

test.each([
  ['a dog', [{ text: 'a dog', weight: 1 }]],
  ['sunset - people', [{ text: 'sunset', weight: 1 }, { text: 'people', weight: -1 }]],
  ['sunset - 0.5*people + 2 * sea', [{ text: 'sunset', weight: 1 }, { text: 'people', weight: -0.5 }, {
    text: 'sea',
    weight: 2,
  }]],
  ['- people', [{ text: 'people', weight: -1 }]],
  ['a well-known T-shirt+hat', [{ text: 'a well-known T-shirt+hat', weight: 1 }]],
  ['"black + white" - "a - b"', [{ text: 'black + white', weight: 1 }, { text: 'a - b', weight: -1 }]],
  [`${rocket} + at night`, [{ image: rocket, weight: 1 }, { text: 'at night', weight: 1 }]],
  [`"${rocket}"`, [{ text: rocket, weight: 1 }]],
  ['no-such-file.png', [{ text: 'no-such-file.png', weight: 1 }]],
])('reads %s', (query, parts) => expect(parseQuery(query)).toEqual(parts))

test.each([
  ['', 'a non-empty string'],
  ['a - ', 'words or a picture on both sides of + and -'],
  ['a +  - b', 'words or a picture on both sides of + and -'],
  ['"a', 'a second " after each'],
  ['""', 'words between quotes'],
  ['"a" b', ' + or - after a closing quote'],
])('refuses %j', (query, expected) => {
  expect(() => parseQuery(query)).toThrow(
    expect.objectContaining({ code: 'ERR_CLIP_OUT_OF_RANGE', message: expect.stringContaining(expected) }),
  )
})

describe('halves', () => {
  it('restores every half', () => {
    const all = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i).filter(half => (half & 0x7c00) !== 0x7c00)
    expect(toHalves(fromHalves(all))).toEqual(all)
  })

  it('rounds to the nearest, ties to even', () => {
    const ulp = 2 ** -11 // of a half from 1/2 to 1, half of it between
    const values = [0.5 + ulp / 2, 0.5 + ulp * 1.5, 0.5 + ulp * 0.51, 65504, 65519, 65520, -1e9, NaN, 2 ** -25,
      2 ** -24 * 1.5, -0]
    const expected = [0.5, 0.5 + 2 * ulp, 0.5 + ulp, 65504, 65504, Infinity, -Infinity, NaN, 0, 2 ** -23, -0]
    expect([...fromHalves(toHalves(Float32Array.from(values)))]).toEqual(expected)
  })
})
