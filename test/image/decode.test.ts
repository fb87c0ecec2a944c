import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import sharp from 'sharp'

import { ClipError } from '../../lib/errors'
import { decodeImage, isImageList } from '../../lib/image/image'
import { Gate } from '../../lib/async/gate'
import { reducedSize } from '../../lib/image/reduced-size'
import type { ImageInput } from '../../lib/types'
import { auto, encode, exact, failure, picture, pixelsOf } from './support'

const scratch = mkdtempSync(join(tmpdir(), 'ggclip-image-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe('kinds of input', () => {
  const rgb = picture(20, 10)
  let png: Buffer

  beforeAll(async () => {
    png = await encode(20, 10).png().toBuffer()
  })

  test('every kind of encoded input gives the same pixels', async () => {
    const path = join(scratch, 'kind.png')
    writeFileSync(path, png)
    const padded = new Uint8Array(png.length + 7)
    padded.set(png, 3)
    const shared = new Uint8Array(new SharedArrayBuffer(png.length))
    shared.set(png)
    const own = new Uint8Array(png).buffer
    const inputs: ImageInput[] = [
      path,
      png,
      new Uint8Array(png),
      padded.subarray(3, 3 + png.length),
      shared,
      own,
      new Blob([own]),
      sharp(png),
    ]
    for (const input of inputs) {
      const pixels = await pixelsOf(input)
      expect(pixels).toMatchObject({ width: 20, height: 10, channels: 3 })
      expect(Buffer.from(pixels.data).equals(rgb)).toBe(true)
    }
  })

  test('raw pixels and tensors pass as they are, views with their offset', async () => {
    const view = new Uint8Array(rgb.length + 5)
    view.set(rgb, 5)
    const pixels = await pixelsOf({ data: view.subarray(5), width: 20, height: 10, channels: 3 })
    expect(Buffer.from(pixels.data).equals(rgb)).toBe(true)
    const clamped = await pixelsOf({ data: new Uint8ClampedArray(4).fill(9), width: 1, height: 1, channels: 4 })
    expect([...clamped.data]).toEqual([9, 9, 9, 9])
    const tensor = new Float32Array(3 * 224 * 224)
    expect(await decodeImage({ tensor }, exact)).toEqual({ tensor })
  })

  test('a sharp instance keeps its pipeline and stays usable', async () => {
    const instance = sharp(png).resize(5, 5)
    expect(await pixelsOf(instance)).toMatchObject({ width: 5, height: 5 })
    expect((await instance.png().toBuffer()).length).toBeGreaterThan(0)
  })

  test('only arrays are lists', () => {
    expect(isImageList([png])).toBe(true)
    expect(isImageList(png)).toBe(false)
    expect(isImageList({ data: rgb, width: 20, height: 10, channels: 3 })).toBe(false)
  })

  test.each([
    [undefined],
    [null],
    [3],
    [true],
    [() => 1],
    [{}],
    [[1]],
    [new Float32Array(3)],
    [new Date()],
    [new Proxy({}, {})],
    [{ tensor: [1, 2] }],
    [{ data: 'x', width: 1, height: 1, channels: 3 }],
    [{ data: new Uint8Array(3), width: '1', height: 1, channels: 3 }],
    [{ data: new Uint8Array(3), width: 1, height: 1 }],
    [{ data: new Uint16Array(3), width: 1, height: 1, channels: 3 }],
  ])('wrong kind %p is a TypeError', async input => {
    const error = await failure(input)
    expect(error).toBeInstanceOf(TypeError)
    expect(error.code).toBe('ERR_CLIP_INVALID_ARGUMENT')
    expect(error.message).toMatch(/^expected .+ for image\b.* but received /)
  })

  test.each([
    [''],
    [{ tensor: new Float32Array(5) }],
    [{ data: new Uint8Array(3), width: 1, height: 1, channels: 2 }],
    [{ data: new Uint8Array(4), width: 1, height: 1, channels: 3 }],
    [{ data: new Uint8Array(3), width: 1.5, height: 2, channels: 1 }],
    [{ data: new Uint8Array(0), width: 0, height: 1, channels: 3 }],
    [{ data: new Uint8Array(3), width: -1, height: -1, channels: 3 }],
    [{ data: new Uint8Array(3), width: NaN, height: 1, channels: 3 }],
  ])('right kind with a wrong value %p is a RangeError', async input => {
    const error = await failure(input)
    expect(error).toBeInstanceOf(RangeError)
    expect(error.code).toBe('ERR_CLIP_OUT_OF_RANGE')
  })

  test('messages use the given name', async () => {
    expect((await failure(7, { ...exact, name: 'images[3]' })).message).toContain('images[3]')
    expect((await failure(Buffer.from('nonsense'), { ...exact, name: 'images[3]' })).message).toContain('images[3]')
  })
})

describe('what cannot be decoded', () => {
  test.each([
    ['a file that is not there', join('no', 'such', 'file.png')],
    ['a directory', scratch],
    ['a path with NUL', 'a\0b'],
  ])('%s: ERR_CLIP_FILE_NOT_FOUND', async (_, path) => {
    const error = await failure(path)
    expect(error).toBeInstanceOf(ClipError)
    expect(error.code).toBe('ERR_CLIP_FILE_NOT_FOUND')
  })

  test('nothing: ERR_CLIP_IMAGE_EMPTY', async () => {
    const path = join(scratch, 'empty.jpg')
    writeFileSync(path, '')
    for (const input of [path, Buffer.alloc(0), new ArrayBuffer(0), new Blob([])]) {
      expect((await failure(input)).code).toBe('ERR_CLIP_IMAGE_EMPTY')
    }
  })

  test('truncated and damaged files: ERR_CLIP_IMAGE_DECODE', async () => {
    const big = encode(200, 150)
    const damaged = await big.clone().png().toBuffer()
    damaged[damaged.length >> 1]! ^= 0x55
    const inputs = [damaged]
    for (const format of ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const) {
      const whole = await big.clone().toFormat(format).toBuffer()
      inputs.push(whole.subarray(0, whole.length >> 1), whole.subarray(0, 20))
    }
    const progressive = await big.clone().jpeg({ progressive: true }).toBuffer()
    inputs.push(progressive.subarray(0, progressive.length * 0.8))
    for (const input of inputs) {
      const error = await failure(input)
      expect(error).toBeInstanceOf(ClipError)
      expect(error.code).toBe('ERR_CLIP_IMAGE_DECODE')
      expect(error.message.split('\n')).toHaveLength(1)
      expect(error.cause).toBeDefined()
    }
  })

  test('more than maxPixels: ERR_CLIP_IMAGE_TOO_LARGE, for every kind', async () => {
    const png = await encode(20, 10).png().toBuffer()
    const raw = { data: picture(20, 10), width: 20, height: 10, channels: 3 }
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="30000" height="30000"/>')
    for (const input of [png, sharp(png), raw, svg]) {
      expect((await failure(input, { ...exact, maxPixels: 199 })).code).toBe('ERR_CLIP_IMAGE_TOO_LARGE')
    }
    expect((await failure(svg)).code).toBe('ERR_CLIP_IMAGE_TOO_LARGE')
    expect(await pixelsOf(png, { ...exact, maxPixels: 200 })).toMatchObject({ width: 20 })
  })

  test('an aborted signal: its own reason', async () => {
    const reason = new Error('enough')
    await expect(decodeImage(Buffer.from('x'), { ...exact, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const running = decodeImage(await encode(300, 300).png().toBuffer(), { ...exact, signal: controller.signal })
    controller.abort(reason)
    await expect(running).rejects.toBe(reason)
  })
})

describe('colours', () => {
  test('alpha is kept, grey becomes RGB(A)', async () => {
    const gray = await pixelsOf(await encode(9, 7, 1).toColourspace('b-w').png().toBuffer())
    const values = picture(9, 7, 1)
    expect(gray.data.length).toBe(9 * 7 * gray.channels)
    for (let i = 0; i < values.length; i++) expect(gray.data[i * gray.channels]).toBe(values[i])
    const rgba = await pixelsOf(await encode(9, 7, 4).png().toBuffer())
    expect(rgba.channels).toBe(4)
    expect(Buffer.from(rgba.data).equals(picture(9, 7, 4))).toBe(true)
  })

  test('16 bits lose the lower byte', async () => {
    const plain = encode(12, 8)
    const deep = await plain.clone().toColourspace('rgb16').png().toBuffer()
    expect((await sharp(deep).metadata()).depth).toBe('ushort')
    expect(Buffer.from((await pixelsOf(deep)).data).equals(picture(12, 8))).toBe(true)
  })

  test('CMYK by the plain formula', async () => {
    const file = await encode(16, 16).toColourspace('cmyk').tiff({ compression: 'none' }).toBuffer()
    const stored = sharp(file, { ignoreIcc: true }).pipelineColourspace('cmyk').toColourspace('cmyk')
    const inks = await stored.raw().toBuffer()
    const { data, channels } = await pixelsOf(file)
    expect(channels).toBe(3)
    for (let i = 0; i < 256; i++) {
      for (let c = 0; c < 3; c++) {
        const light = (255 - inks[i * 4 + 3]!) / 255
        expect(Math.abs(data[i * 3 + c]! - (255 - inks[i * 4 + c]!) * light)).toBeLessThanOrEqual(1)
      }
    }
  })

  test('an embedded profile is ignored, as Pillow does', async () => {
    const p3 = await encode(12, 8).withIccProfile('p3').png().toBuffer()
    const stored = await sharp(p3, { ignoreIcc: true }).raw().toBuffer()
    expect(Buffer.from((await pixelsOf(p3)).data).equals(stored)).toBe(true)
  })

  test('SVG is rendered, the first frame of an animation is taken', async () => {
    const red = '<rect width="4" height="2" fill="#f00"/>'
    const svg = Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="4" height="2">${red}</svg>`)
    expect(await pixelsOf(svg)).toMatchObject({ width: 4, height: 2, channels: 4 })
    const frames = [0, 255].map(value =>
      sharp(Buffer.alloc(72, value), { raw: { width: 6, height: 4, channels: 3 } }).png().toBuffer()
    )
    const gif = await sharp(await Promise.all(frames), { join: { animated: true } }).gif().toBuffer()
    expect((await sharp(gif).metadata()).pages).toBe(2)
    const first = await pixelsOf(gif)
    expect(first).toMatchObject({ width: 6, height: 4 })
    expect(first.data[0]).toBe(0)
  })
})

describe('orientation', () => {
  test.each([2, 3, 4, 5, 6, 7, 8])('EXIF %i is applied unless orient is false', async orientation => {
    const file = await encode(30, 20).withMetadata({ orientation }).png().toBuffer()
    const turned = await sharp(file).autoOrient().raw().toBuffer({ resolveWithObject: true })
    const found = await pixelsOf(file)
    expect([found.width, found.height]).toEqual([turned.info.width, turned.info.height])
    expect(Buffer.from(found.data).equals(turned.data)).toBe(true)
    const stored = await pixelsOf(file, { ...exact, orient: false })
    expect(stored).toMatchObject({ width: 30, height: 20 })
    expect(Buffer.from(stored.data).equals(picture(30, 20))).toBe(true)
    expect(await pixelsOf(sharp(file))).toMatchObject({ width: found.width, height: found.height })
  })

  test('applies to reduced decoding, too', async () => {
    const file = await encode(300, 100).withMetadata({ orientation: 6 }).jpeg().toBuffer()
    expect(await pixelsOf(file, { ...auto, size: 12 })).toMatchObject({ width: 24, height: 72 })
  })
})

describe('decode: auto', () => {
  test.each(
    [
      // format, width, height, size, mode, expected
      ['jpeg', 4000, 3000, 224, 'shortest', [597, 448]],
      ['jpeg', 3000, 4000, 224, 'shortest', [448, 597]],
      ['jpeg', 4000, 3000, 224, 'squash', [597, 448]],
      ['jpeg', 4000, 3000, 224, 'longest', [448, 336]],
      ['jpeg', 3000, 4000, 224, 'longest', [336, 448]],
      ['jpeg', 4000, 4000, 224, 'shortest', [448, 448]],
      ['jpeg', 1344, 1344, 224, 'shortest', [448, 448]],
      ['jpeg', 1343, 1344, 224, 'shortest', undefined], // too small for 1/2
      ['jpeg', 4000, 2667, 224, 'shortest', [800, 534]], // 1/4 would drop 3 rows; 1/2 drops 1
      ['jpeg', 1501, 1501, 224, 'shortest', undefined], // 1/2 would drop 0.15 pixels of the result
      ['webp', 4000, 3000, 224, 'shortest', [597, 448]],
      ['png', 4000, 3000, 224, 'shortest', undefined],
    ] as const,
  )('%s %i x %i to %i (%s)', (format, width, height, size, mode, expected) => {
    const found = reducedSize({ format, width, height }, { size, mode })
    expect(found && [found.width, found.height]).toEqual(expected)
  })

  test('keeps at least twice the target, the aspect and the number of pixels after the resize', () => {
    for (let i = 0; i < 3000; i++) {
      const width = 300 + ((i * 7919) % 9000)
      const height = 300 + ((i * 104729) % 7000)
      const size = [64, 224, 256, 336][i % 4]!
      const found = reducedSize({ format: 'jpeg', width, height }, { size, mode: 'shortest' })
      if (!found) continue
      const [short, long] = [Math.min(found.width, found.height), Math.max(found.width, found.height)]
      expect(short).toBeGreaterThanOrEqual(2 * size)
      expect(found.width > found.height).toBe(width > height)
      const planned = Math.floor((size * Math.max(width, height)) / Math.min(width, height))
      expect(Math.floor((size * long) / short)).toBe(planned)
    }
  })

  test('small pictures and decode: exact are decoded as they are', async () => {
    const file = await encode(600, 500).jpeg().toBuffer()
    expect(await pixelsOf(file, { ...auto, size: 32, decode: 'exact' })).toMatchObject({ width: 600, height: 500 })
    expect(await pixelsOf(file, auto)).toMatchObject({ width: 600, height: 500 })
    expect(await pixelsOf(file, { ...auto, size: 0 })).toMatchObject({ width: 600, height: 500 })
    expect(await pixelsOf(file, { ...auto, size: 32 })).toMatchObject({ width: 77, height: 64 })
  })
})

describe('Gate', () => {
  test('runs so many at a time, in order; an aborted waiter leaves', async () => {
    const gate = new Gate(2)
    const finish: (() => void)[] = []
    const started: number[] = []
    const controller = new AbortController()
    const runs = [0, 1, 2, 3, 4].map(i =>
      gate.run(() => {
        started.push(i)
        return new Promise<number>(resolve => finish.push(() => resolve(i)))
      }, i === 2 ? controller.signal : undefined)
    )
    runs[2]!.catch(() => undefined)
    const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
    await turn()
    expect(started).toEqual([0, 1])
    controller.abort(new Error('no more'))
    await expect(runs[2]).rejects.toThrow('no more')
    finish[0]!()
    await turn()
    expect(started).toEqual([0, 1, 3])
    finish[1]!()
    finish[2]!()
    await turn()
    expect(started).toEqual([0, 1, 3, 4])
    finish[3]!()
    expect(await Promise.all([runs[0], runs[1], runs[3], runs[4]])).toEqual([0, 1, 3, 4])
    await expect(gate.run(() => Promise.reject(new Error('inside')))).rejects.toThrow('inside')
    expect(await gate.run(() => Promise.resolve(7))).toBe(7)
  })
})
