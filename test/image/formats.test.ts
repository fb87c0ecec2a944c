/** Which files are read, with whose pixels, and what is said of the others. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { encode, exact, failure, picture, pixelsOf } from './support'

const fixture = (name: string): string => join(__dirname, '..', 'fixtures', 'image', name)

describe('JPEG that decoders warn about has the pixels of the sound file', () => {
  let sound: Buffer
  let pixels: Uint8Array
  beforeAll(async () => {
    sound = await encode(64, 48).jpeg().toBuffer()
    pixels = (await pixelsOf(sound)).data
  })
  const at = (file: Buffer, marker: number): number => file.indexOf(Buffer.from([0xff, marker]))
  const adobe = Buffer.from([0xff, 0xee, 0, 14, ...Buffer.from('Adobe'), 0, 100, 0, 0, 0, 0, 5])

  test.each<[string, (file: Buffer) => Buffer]>([
    ['spectral selection 0', file => {
      file[at(file, 0xda) + 12] = 0
      return file
    }],
    ['spectral selection 64', file => {
      file[at(file, 0xda) + 12] = 64
      return file
    }],
    ['JFIF 2', file =>
      Buffer.concat([file.subarray(0, 2), Buffer.from('ffe000104a46494600020100000100010000', 'hex'),
        file.subarray(2)])],
    ['Adobe transform 5', file =>
      Buffer.concat([file.subarray(0, 2), adobe, file.subarray(2)])],
    ['bytes between segments', file =>
      Buffer.concat([file.subarray(0, at(file, 0xc0)), Buffer.from([1, 2]), file.subarray(at(file, 0xc0))])],
    ['bytes after the end', file => Buffer.concat([file, Buffer.alloc(100, 7)])],
  ])('%s', async (_, change) => {
    const found = await pixelsOf(change(Buffer.from(sound)))
    expect(Buffer.from(found.data).equals(pixels)).toBe(true)
  })

  test('cut anywhere it stays refused', async () => {
    for (const part of [0.3, 0.6, 0.95])
      expect((await failure(sound.subarray(0, sound.length * part))).code).toBe('ERR_CLIP_IMAGE_DECODE')
  })
})

test('AVIF: colours at half resolution are smoothed as in Pillow', async () => {
  const want = readFileSync(fixture('edges.rgb')) // by Pillow 13, libavif
  const { data, width, channels } = await pixelsOf(fixture('edges.avif'))
  expect([width, channels]).toEqual([64, 3])
  const differences = Array.from(want, (value, i) => Math.abs(value - data[i]!))
  expect(Math.max(...differences)).toBeLessThanOrEqual(2)
  expect(differences.reduce((sum, d) => sum + d, 0) / want.length).toBeLessThan(0.3)
})

function bmp(width: number, height: number, rgb: Buffer, { topDown = false, bits = 24 } = {}): Buffer {
  const row = Math.ceil((width * bits) / 32) * 4
  const file = Buffer.alloc(54 + row * height)
  file.write('BM')
  file.writeUInt32LE(54, 10)
  file.writeUInt32LE(40, 14)
  file.writeInt32LE(width, 18)
  file.writeInt32LE(topDown ? -height : height, 22)
  file.writeUInt16LE(1, 26)
  file.writeUInt16LE(bits, 28)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const to = 54 + row * (topDown ? y : height - 1 - y) + (x * bits) / 8
      for (let c = 0; c < 3; c++) file[to + 2 - c] = rgb[(y * width + x) * 3 + c]!
    }
  }
  return file
}

describe('BMP and PNM', () => {
  const rgb = picture(13, 7)
  const grey = picture(13, 7, 1)
  const text = (head: string, values: Iterable<number>): Buffer => Buffer.from(`${head}\n${[...values].join('\n')}\n`)
  test.each<[string, Buffer, Buffer]>([
    ['BMP', bmp(13, 7, rgb), rgb],
    ['BMP from the top', bmp(13, 7, rgb, { topDown: true }), rgb],
    ['BMP of 32 bits', bmp(13, 7, rgb, { bits: 32 }), rgb],
    ['P6', Buffer.concat([Buffer.from('P6\n# a comment\n13 7\n255\n'), rgb]), rgb],
    ['P5', Buffer.concat([Buffer.from('P5 13 7 255\n'), grey]), grey],
    ['P5 of 16 bits',
      Buffer.concat([Buffer.from('P5 13 7 65535\n'), Buffer.from([...grey].flatMap(value => [value, value]))]), grey],
    ['P3', text('P3 13 7 255', rgb), rgb],
    ['P2', text('P2 13 7 255', grey), grey],
    ['P4', Buffer.concat([Buffer.from('P4 9 1\n'), Buffer.from([0b10100000, 0x80])]),
      Buffer.from([0, 255, 0, 255, 255, 255, 255, 255, 0])],
    ['P1', Buffer.from('P1 3 1 101'), Buffer.from([0, 255, 0])],
  ])('%s', async (_, file, want) => {
    const { data } = await pixelsOf(file)
    expect(Buffer.from(data).equals(want)).toBe(true)
  })

  test('cut, contradictory and too large: coded errors', async () => {
    const files = [bmp(13, 7, rgb), Buffer.concat([Buffer.from('P6 13 7 255\n'), rgb]), text('P3 13 7 255', rgb)]
    for (const file of files) {
      for (const part of [0.2, 0.5, 0.99])
        expect((await failure(file.subarray(0, file.length * part - 3))).code).toBe('ERR_CLIP_IMAGE_DECODE')
      expect((await failure(file, { ...exact, maxPixels: 90 })).code).toBe('ERR_CLIP_IMAGE_TOO_LARGE')
    }
    for (const head of ['P6 0 7 255\n', 'P6 13 7 0\n', 'P6 x 7 255\n', 'P5 99999999999 7 255\n']) {
      expect((await failure(Buffer.from(head))).code).toMatch(/^ERR_CLIP_IMAGE_(?:DECODE|TOO_LARGE)$/)
    }
  })
})

test('HEIC says what it needs', async () => {
  expect((await failure(fixture('picture.heic'))).message).toMatch(/it is a HEIC .*npm install heic-decode.*JPEG, PNG/)
})

test.each<[RegExp, Buffer]>([
  [/a PDF; JPEG, PNG/, Buffer.from('%PDF-1.7\n')],
  [/a web page/, Buffer.from('<!DOCTYPE html><html></html>')],
  [/a text/, Buffer.from('hello')],
  [/JSON/, Buffer.from('{"a": 1}')],
  [/data URI/, Buffer.from('data:image/png;base64,AAAA')],
  [/base64/, Buffer.from('iVBORw0KGgoAAAANSUhEUg')],
  [/Git LFS/, Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:0\n')],
  [/video/, Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'latin1')],
  [/JPEG XL/, Buffer.from([0xff, 0x0a, 0, 0])],
  [/icon/, Buffer.from([0, 0, 1, 0, 1, 0])],
  [/ZIP/, Buffer.from('PK\x03\x04')],
  [/zeros/, Buffer.alloc(500)],
  [/unknown kind/, Buffer.from([1, 2, 3, 0xfe, 0xff, 0])],
])('%s is what the error says of it', async (pattern, bytes) => {
  const error = await failure(bytes)
  expect(error.code).toBe('ERR_CLIP_IMAGE_DECODE')
  expect(error.message).toMatch(pattern)
})

describe('paths', () => {
  test('file: URLs are read, other URLs and pictures written as strings are refused at once', async () => {
    expect(await pixelsOf(pathToFileURL(fixture('edges.avif')))).toMatchObject({ width: 64 })
    expect((await failure(new URL('https://example.org/a.png'))).code).toBe('ERR_CLIP_INVALID_ARGUMENT')
    for (
      const text of ['data:image/png;base64,AAAA', 'https://example.org/a.png', 'file:///a.png',
        `iVBORw0KGgo${'A'.repeat(1_000_000)}`, 'x'.repeat(40_000)]
    ) {
      const error = await failure(text)
      expect(error.code).toBe('ERR_CLIP_OUT_OF_RANGE')
      expect(error.message.length).toBeLessThan(300)
    }
  })
})
