/** Pictures that are none, broken, too large or of the wrong size: a coded error each, neighbours unharmed. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'

import { Clip, type ImageInput } from '../../lib/index.js'
import { failureOf, load, maxDifference, oracle, picture, sample, tinyModel } from '../lifecycle/support'

const folder = mkdtempSync(join(tmpdir(), 'ggclip-bad-images-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const decode = 'ERR_CLIP_IMAGE_DECODE'
const empty = 'ERR_CLIP_IMAGE_EMPTY'
const tooLarge = 'ERR_CLIP_IMAGE_TOO_LARGE'
const notFound = 'ERR_CLIP_FILE_NOT_FOUND'
const outOfRange = 'ERR_CLIP_OUT_OF_RANGE'
const wrongKind = 'ERR_CLIP_INVALID_ARGUMENT'

const any = (value: unknown): any => value

function chunk(type: string, data: Buffer): Buffer {
  const bytes = Buffer.concat([Buffer.from(type, 'latin1'), data])
  let crc = ~0
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1))
  }
  const head = Buffer.alloc(4)
  const tail = Buffer.alloc(4)
  head.writeUInt32BE(data.length)
  tail.writeUInt32BE(~crc >>> 0)
  return Buffer.concat([head, bytes, tail])
}

/** A PNG whose header says so many pixels: a few bytes that would become gigabytes. */
function pngBomb(width: number, height: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const data = deflateSync(Buffer.alloc(100_000))
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', header), chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0))])
}

describe('bad pictures', () => {
  let clip: Clip
  let expected: Float32Array
  beforeAll(async () => {
    clip = await Clip.load(tinyModel, { ...load, maxPixels: 1_000_000 })
    expected = await clip.encodeImage(picture(1))
  })
  afterAll(() => clip.dispose())
  afterEach(async () => expect(maxDifference(await clip.encodeImage(picture(1)), expected)).toBe(0))

  it.each(['rocket.png', 'guitar.jpg', 'pizza.webp'])('%s truncated', async name => {
    const bytes = readFileSync(sample(name))
    expect(await clip.encodeImage(bytes)).toHaveLength(64)
    for (const part of [0.9, 0.5, 0.1, 0]) {
      const cut = bytes.subarray(0, Math.floor(bytes.length * part))
      const file = join(folder, `cut-${part}-${name}`)
      writeFileSync(file, cut)
      for (const input of [cut, file]) {
        const error = await failureOf(() => clip.encodeImage(input))
        expect([part, error.code]).toEqual([part, part === 0 ? empty : decode])
      }
    }
  })

  it('no picture at all', async () => {
    const inputs: [unknown, string][] = [
      [Buffer.alloc(0), empty],
      [new ArrayBuffer(0), empty],
      [new Blob([]), empty],
      [Buffer.from('not an image'), decode],
      [Buffer.alloc(100_000, 0xff), decode],
      [Buffer.from('<svg'), decode],
      [new Blob([Buffer.from('GIF89a')]), decode],
      [Buffer.from('%PDF-1.4\n'), decode],
      [__filename, decode],
      [join(tinyModel, 'model.safetensors'), decode],
      [join(folder, 'absent.png'), notFound],
      [folder, notFound],
      ['/dev/zero', notFound],
      ['a\0b.png', notFound],
      [[...Array<number>(10)], wrongKind],
      [{}, wrongKind],
      [5, wrongKind],
      [new URL('file:///x.png'), notFound],
      [new URL('https://example.org/x.png'), wrongKind],
      [new Proxy({}, {}), wrongKind],
    ]
    for (const [input, code] of inputs) {
      const calls = Array.isArray(input) ? [() => clip.encodeImage(any([input]))] : [
        () => clip.encodeImage(any(input)),
        () => clip.preprocess(any(input)),
        () => clip.classify(any(input), ['a', 'b']),
        () => clip.similarity(any(input), 'a'),
        () => clip.hiddenStates(any(input), { tower: 'image' }),
      ]
      for (const call of calls) expect((await failureOf(call)).code).toBe(code)
    }
  })

  it('an empty folder entry and an empty file', async () => {
    mkdirSync(join(folder, 'folder.png'))
    writeFileSync(join(folder, 'empty.png'), '')
    expect((await failureOf(() => clip.encodeImage(join(folder, 'folder.png')))).code).toBe(notFound)
    const error = await failureOf(() => clip.encodeImage(join(folder, 'empty.png')))
    expect([error.code, error.message]).toEqual([empty, expect.stringContaining('empty.png')])
  })

  it('more pixels than maxPixels, in a file, raw, as SVG and as a bomb', async () => {
    const inputs: ImageInput[] = [
      picture(1, 1001, 1000),
      pngBomb(2000, 2000),
      pngBomb(60_000, 60_000),
      pngBomb(2 ** 31 - 1, 2 ** 31 - 1),
      Buffer.from(
        '<svg xmlns="http://www.w3.org/2000/svg" width="5000" height="5000"><rect width="9" height="9"/></svg>',
      ),
    ]
    const codes = await Promise.all(inputs.map(async input => (await failureOf(() => clip.encodeImage(input))).code))
    expect(codes.slice(0, 3)).toEqual([tooLarge, tooLarge, tooLarge])
    expect([tooLarge, decode]).toContain(codes[3]) // beyond what PNG allows
    expect(codes[4]).toBe(tooLarge)
    expect(await clip.encodeImage(picture(1, 1000, 1000))).toHaveLength(64)
  })

  it('raw pixels of the wrong size or kind', async () => {
    const data = new Uint8Array(12)
    const inputs: [unknown, string][] = [
      [{ data, width: 2, height: 2, channels: 4 }, outOfRange],
      [{ data, width: 3, height: 2, channels: 3 }, outOfRange],
      [{ data, width: 0, height: 2, channels: 3 }, outOfRange],
      [{ data, width: -2, height: -2, channels: 3 }, outOfRange],
      [{ data, width: 2.5, height: 2, channels: 3 }, outOfRange],
      [{ data, width: NaN, height: 2, channels: 3 }, outOfRange],
      [{ data, width: '2', height: 2, channels: 3 }, wrongKind],
      [{ data, width: 2, height: 3, channels: 2 }, outOfRange],
      [{ data, width: 2, height: 2, channels: null }, wrongKind],
      [{ data, width: 2, height: 2 }, wrongKind],
      [{ data: [...data], width: 2, height: 2, channels: 3 }, wrongKind],
      [{ data: new Float32Array(12), width: 2, height: 2, channels: 3 }, wrongKind],
      [{ data, width: 2 ** 40, height: 2 ** 40, channels: 3 }, tooLarge],
      [{ data, width: 2 ** 53, height: 1, channels: 3 }, outOfRange],
      [{ tensor: new Float32Array(5) }, outOfRange],
      [{ tensor: new Float64Array(12288) }, wrongKind],
      [{ tensor: null }, wrongKind],
    ]
    for (const [input, code] of inputs) {
      expect([input, (await failureOf(() => clip.encodeImage(any(input)))).code]).toEqual([input, code])
      expect([input, (await failureOf(() => clip.preprocess(any(input)))).code]).toEqual([input, code])
    }
  })

  it('pictures of extreme shape are no error', async () => {
    for (const [width, height] of [[1, 1], [1, 4000], [4000, 1], [3, 65]] as const) {
      expect(await clip.encodeImage(picture(2, width, height))).toHaveLength(64)
    }
  })

  it('values that are no numbers are refused, and their neighbours are not', async () => {
    const tensor = new Float32Array(3 * 64 * 64).fill(NaN)
    const [good, bad, neighbour] = await Promise.all([clip.encodeImage(picture(1)), failureOf(() =>
      clip.encodeImage({ tensor })
    ), clip.encodeImage(picture(1))])
    expect(maxDifference(good, expected)).toBeLessThan(1e-5)
    expect(maxDifference(neighbour, expected)).toBeLessThan(1e-5)
    expect([bad.code, bad.message]).toEqual(['ERR_CLIP_OUT_OF_RANGE', expect.stringContaining('image.tensor[0]')])
  })

  it('a bad picture never fails its neighbours in a batch', async () => {
    const inputs: unknown[] = [picture(1), Buffer.from('bad'), picture(1), 'absent.png', {
      data: new Uint8Array(1),
      width: 9,
      height: 9,
      channels: 3,
    }, picture(1)]
    const settled = await Promise.allSettled(inputs.map(input => clip.encodeImage(any(input))))
    expect(settled.map(result => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'rejected',
      'fulfilled'])
    for (const result of settled)
      if (result.status === 'fulfilled') expect(maxDifference(result.value, expected)).toBeLessThan(1e-5)
    const error = await failureOf(() => clip.encodeImage(any(inputs)))
    expect([error.code, error.message]).toEqual([decode, expect.stringContaining('images[1]')])
  })

  it('whatever changes in a picture file, it is decoded or refused by code', async () => {
    let state = 99
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    const outcomes = new Set<string>()
    for (const name of ['rocket.png', 'guitar.jpg', 'pizza.webp']) {
      const bytes = readFileSync(sample(name))
      for (let i = 0; i < 30; i++) {
        const broken = Buffer.from(bytes)
        for (let n = 1 + random(6); n > 0; n--) broken[random(i % 2 === 0 ? 120 : broken.length)] = random(256)
        outcomes.add(await clip.encodeImage(broken).then(() => 'ok', (error: { code: string }) => error.code))
      }
    }
    for (const outcome of outcomes) expect(['ok', decode, tooLarge]).toContain(outcome)
    expect(outcomes.has(decode)).toBe(true)
  })

  it('the pictures of the oracle all decode', async () => {
    const unlimited = await Clip.load(tinyModel, load)
    const { readdirSync } = require('node:fs') as typeof import('node:fs')
    const files = readdirSync(join(oracle, 'preprocess', 'images')).map(name =>
      join(oracle, 'preprocess', 'images', name)
    )
    expect(files.length).toBeGreaterThan(10)
    expect(await unlimited.encodeImage(files)).toHaveLength(files.length)
    await unlimited.dispose()
  })
})
