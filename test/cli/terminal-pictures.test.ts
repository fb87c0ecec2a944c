/** Pictures in terminals: each protocol is read back. */
import path from 'node:path'
import sharp from 'sharp'

import { drawn, sixel } from '../../lib/cli/terminal-pictures.js'

const file = { path: path.join(__dirname, '..', '..', 'models', 'samples', 'pizza.webp') }

test('kitty and iTerm get a small PNG', async () => {
  const kitty = await drawn(file, 'kitty')
  const pieces = [...kitty.matchAll(/\x1b_G([^;]*);([^\x1b]*)\x1b\\/g)]
  expect(pieces.map(([, keys]) => keys)).toEqual(
    pieces.map((_, i) => `${i === 0 ? 'a=T,f=100,q=2,' : ''}m=${i < pieces.length - 1 ? 1 : 0}`),
  )
  expect(pieces.every(([, , data]) => data!.length <= 4096)).toBe(true)
  const iterm = /^\x1b\]1337;File=inline=1;size=(\d+):([^\x07]*)\x07\n$/.exec(await drawn(file, 'iterm'))!
  for (const data of [pieces.map(([, , piece]) => piece).join(''), iterm[2]!]) {
    const { format, width, height } = await sharp(Buffer.from(data, 'base64')).metadata()
    expect([format, Math.max(width, height) <= 180]).toEqual(['png', true])
  }
  expect(Buffer.from(iterm[2]!, 'base64')).toHaveLength(Number(iterm[1]))
})

test('sixels have every pixel once, in its colour', () => {
  const [width, height] = [9, 8]
  const levels = Array.from({ length: width * height * 3 }, (_, i) => ((i * 7) % 11) % 6)
  const text = sixel(Uint8Array.from(levels, level => level * 51), { width, height, channels: 3 })
  const [, size, body] = /^\x1bPq"1;1;(\d+;\d+)((?:.|\n)*)\x1b\\$/.exec(text)!
  expect(size).toBe('9;8')
  const palette = new Map<string, number[]>()
  const drawing = body!.replace(/#(\d+);2;(\d+);(\d+);(\d+)/g, (_, colour: string, ...parts: string[]) => {
    palette.set(colour, parts.slice(0, 3).map(part => Math.round(Number(part) / 20)))
    return ''
  })
  const found = new Array<number[] | undefined>(width * height)
  drawing.split('-').forEach((band, at) => {
    for (const line of band.split('$')) {
      const [, colour, runs] = /^#(\d+)(.*)$/s.exec(line)!
      const columns = runs!.replace(/!(\d+)(.)/gs, (_, n: string, character: string) => character.repeat(Number(n)))
      expect(columns).toHaveLength(width)
      Array.from(columns).forEach((character, x) => {
        for (let bit = 0; bit < 6; bit++) {
          if (((character.charCodeAt(0) - 63) >> bit & 1) === 0) continue
          const place = (6 * at + bit) * width + x
          expect(found[place]).toBeUndefined()
          found[place] = palette.get(colour!)
        }
      })
    }
  })
  expect(found.flat()).toEqual(levels)
})

test('a file that cannot be drawn is left out', async () => {
  for (const protocol of ['kitty', 'iterm', 'sixel'] as const)
    expect(await drawn({ path: __filename }, protocol)).toBe('')
})
