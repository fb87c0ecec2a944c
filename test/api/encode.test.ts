/** encodeImage and encodeText, one or many, and the generators. */
import { readFileSync } from 'node:fs'

import sharp from 'sharp'

import { Clip, type ImageInput } from '../../lib/index.js'
import { collect, failureOf, load, maxDifference, norm, picture, sample, sleep, tinyModel } from '../lifecycle/support'

const rocket = sample('rocket.png')

describe('encoding', () => {
  let clip: Clip
  beforeAll(async () => {
    clip = await Clip.load(tinyModel, load)
  })
  afterAll(() => clip.dispose())

  describe('results', () => {
    it('gives one unit vector of dim values for one input', async () => {
      for (const vector of [await clip.encodeImage(rocket), await clip.encodeText('a rocket')]) {
        expect(vector.constructor.name).toBe('Float32Array')
        expect(vector).toHaveLength(clip.info.dim)
        expect(norm(vector)).toBeCloseTo(1, 5)
      }
    })

    it('leaves the length alone with normalize: false, same direction', async () => {
      for (
        const encode of [
          (normalize?: boolean) => clip.encodeImage(rocket, { normalize }),
          (normalize?: boolean) => clip.encodeText('a rocket', { normalize }),
        ]
      ) {
        const raw = await encode(false)
        expect(Math.abs(norm(raw) - 1)).toBeGreaterThan(0.1)
        expect(maxDifference(raw.map(value => value / norm(raw)), await encode(true))).toBeLessThan(1e-6)
        expect(maxDifference(await encode(undefined), await encode(true))).toBeLessThan(1e-6)
      }
    })

    it('cuts to dimensions before it normalises, in every call', async () => {
      const cut = { dimensions: 20 }
      const expected = [await clip.encodeImage(rocket, { normalize: false }), await clip.encodeText('a rocket', {
        normalize: false,
      })]
        .map(vector => vector.subarray(0, 20))
      const raw = { ...cut, normalize: false }
      expect([await clip.encodeImage(rocket, raw), await clip.encodeText('a rocket', raw)]).toEqual(
        expected.map(part => part.slice()),
      )
      const units = expected.map(part => part.map(value => value / norm(part)))
      const results = [
        [await clip.encodeImage(rocket, cut), await clip.encodeText('a rocket', cut)],
        [(await clip.encodeImage([rocket], cut))[0]!, (await clip.encodeText(['a rocket'], cut))[0]!],
      ]
      for await (const image of clip.encodeImages([rocket], cut)) results.push([image, results[0]![1]!])
      for await (const text of clip.encodeTexts(['a rocket'], cut)) results.push([results[0]![0]!, text])
      expect(results).toHaveLength(4)
      for (const result of results)
        result.forEach((vector, i) => expect(maxDifference(vector, units[i]!)).toBeLessThan(1e-6))
      const all = { dimensions: clip.info.dim }
      expect(await clip.encodeText('a rocket', all)).toEqual(await clip.encodeText('a rocket'))
    })

    it('keeps the order of many, each as it is alone', async () => {
      const images = [0, 1, 2, 3, 4].map(seed => picture(seed))
      const texts = ['zebra', 'ant', 'a much longer text about a cat', 'ant']
      const imageVectors = await clip.encodeImage(images)
      const textVectors = await clip.encodeText(texts)
      expect(imageVectors).toHaveLength(5)
      expect(textVectors).toHaveLength(4)
      for (const [i, image] of images.entries())
        expect(maxDifference(imageVectors[i]!, await clip.encodeImage(image))).toBeLessThan(1e-5)
      for (const [i, text] of texts.entries())
        expect(maxDifference(textVectors[i]!, await clip.encodeText(text))).toBeLessThan(1e-5)
      expect(maxDifference(imageVectors[0]!, imageVectors[1]!)).toBeGreaterThan(1e-3)
    })

    it('gives lists for lists of one and of none', async () => {
      expect(await clip.encodeImage([])).toEqual([])
      expect(await clip.encodeText([])).toEqual([])
      expect(await clip.encodeImage([picture(1)])).toHaveLength(1)
      expect(await clip.encodeText(['x'])).toHaveLength(1)
    })

    it('does not let a result change later ones', async () => {
      const first = await clip.encodeText('aliased')
      const expected = first.slice()
      first.fill(7)
      const raw = await clip.encodeText('aliased', { normalize: false })
      raw.fill(9)
      expect(maxDifference(await clip.encodeText('aliased'), expected)).toBe(0)
      const [a, b] = await clip.encodeText(['aliased', 'aliased'])
      a!.fill(3)
      expect(maxDifference(b!, expected)).toBe(0)
      expect(a!.buffer).not.toBe(b!.buffer)
      const [c, d] = await clip.encodeImage([picture(1), picture(1)])
      c!.fill(3)
      expect(norm(d!)).toBeCloseTo(1, 5)
      expect(c!.buffer).not.toBe(d!.buffer)
    })

    it('encodes a repeated text once', async () => {
      const before = clip.stats().items
      const vectors = await clip.encodeText(['repeat me', 'repeat me', 'repeat me'])
      expect(clip.stats().items - before).toBe(1)
      expect(maxDifference(vectors[0]!, vectors[2]!)).toBe(0)
    })

    it('encodes texts of every kind: empty, too long, odd characters', async () => {
      const texts = ['', ' ', 'x '.repeat(50_000), 'a\0b', '\ud800', '👩‍👩‍👧 family', '<|endoftext|> then more', '中文']
      const vectors = await clip.encodeText(texts)
      for (const vector of vectors) expect(norm(vector)).toBeCloseTo(1, 5)
    })
  })

  describe('kinds of image', () => {
    it('gives the same for a file however it comes', async () => {
      const bytes = readFileSync(rocket)
      const padded = new Uint8Array(bytes.length + 7)
      padded.set(bytes, 5)
      const inputs: ImageInput[] = [
        bytes,
        new Uint8Array(bytes),
        padded.subarray(5, 5 + bytes.length),
        new Uint8Array(bytes).buffer,
        new Blob([bytes]),
        sharp(bytes),
      ]
      const expected = await clip.encodeImage(rocket)
      for (const input of inputs) expect(maxDifference(await clip.encodeImage(input), expected)).toBeLessThan(1e-5)
    })

    it('takes raw pixels, views with an offset and ready tensors', async () => {
      const raw = picture(3)
      const buffer = new Uint8Array(raw.data.length + 100)
      buffer.set(raw.data, 64)
      const view = { ...raw, data: buffer.subarray(64, 64 + raw.data.length) }
      const expected = await clip.encodeImage(raw)
      expect(maxDifference(await clip.encodeImage(view), expected)).toBe(0)
      expect(maxDifference(await clip.encodeImage({ ...raw, data: new Uint8ClampedArray(raw.data) }), expected)).toBe(0)
      const tensor = await clip.preprocess(raw)
      expect(maxDifference(await clip.encodeImage({ tensor }), expected)).toBeLessThan(1e-6)
      const offset = new Float32Array(tensor.length + 3)
      offset.set(tensor, 3)
      expect(maxDifference(await clip.encodeImage({ tensor: offset.subarray(3) }), expected)).toBeLessThan(1e-6)
    })

    it('composites transparency on the given background', async () => {
      const clear = { data: new Uint8Array(16 * 16 * 4), width: 16, height: 16, channels: 4 as const }
      const solid = (value: number) => ({
        data: new Uint8Array(16 * 16 * 3).fill(value),
        width: 16,
        height: 16,
        channels: 3 as const,
      })
      expect(maxDifference(await clip.encodeImage(clear), await clip.encodeImage(solid(255)))).toBeLessThan(1e-6)
      const black = await clip.encodeImage(clear, { background: [0, 0, 0] })
      expect(maxDifference(black, await clip.encodeImage(solid(0)))).toBeLessThan(1e-6)
    })
  })

  describe('generators', () => {
    it('yield in order from iterables and async iterables', async () => {
      const seeds = Array.from({ length: 70 }, (_, i) => i)
      const expected = await clip.encodeImage(seeds.map(seed => picture(seed, 8, 8)))
      let at = 0
      async function* source() {
        for (const seed of seeds) {
          if (seed % 20 === 0) await sleep(1)
          yield picture(seed, 8, 8)
        }
      }
      for await (const vector of clip.encodeImages(source()))
        expect(maxDifference(vector, expected[at++]!)).toBeLessThan(1e-5)
      expect(at).toBe(70)
      const texts = new Set(['one', 'two', 'three'])
      const vectors: Float32Array[] = []
      for await (const vector of clip.encodeTexts(texts, { normalize: false })) vectors.push(vector)
      expect(vectors.map(vector => vector.length)).toEqual([64, 64, 64])
      expect(maxDifference(vectors[1]!, await clip.encodeText('two', { normalize: false }))).toBeLessThan(1e-5)
      expect(await collect(clip.encodeTexts([]))).toEqual([])
    })

    it('read ahead only so far, and close the source on an early break', async () => {
      const small = await Clip.load(tinyModel, { ...load, maxBatch: 2 })
      let read = 0
      let closed = false
      function* source() {
        try {
          for (;;) yield `endless ${read++}`
        } finally {
          closed = true
        }
      }
      let taken = 0
      for await (const _ of small.encodeTexts(source())) {
        await sleep(3)
        expect(read - taken).toBeLessThanOrEqual(8)
        if (++taken === 12) break
      }
      expect(closed).toBe(true)
      await small.dispose()
    })

    it('hand over what is ready while the source is slow', async () => {
      let taken = 0
      async function* source() {
        for (let i = 0; i < 3; i++) {
          yield `live ${i}`
          const end = performance.now() + 10_000
          while (taken <= i && performance.now() < end) await sleep(2)
          if (taken <= i) throw new Error('the result was held back until the next input')
        }
      }
      for await (const _ of clip.encodeTexts(source())) taken++
      expect(taken).toBe(3)
    })

    it('throw a failure at its place, after the results before it', async () => {
      const images: ImageInput[] = [picture(1), picture(2), 'no such file.png', picture(3)]
      let taken = 0
      const error = await failureOf(async () => {
        for await (const _ of clip.encodeImages(images)) taken++
      })
      expect([taken, error.code]).toEqual([2, 'ERR_CLIP_FILE_NOT_FOUND'])
      expect(error.message).toContain('images[2]')
      function* broken() {
        yield 'fine'
        throw new Error('the source broke')
      }
      expect((await failureOf(() => collect(clip.encodeTexts(broken())))).message).toBe('the source broke')
    })

    it('do not run into the queue limit by themselves', async () => {
      const narrow = await Clip.load(tinyModel, { ...load, maxQueue: 2 })
      expect(await narrow.encodeImage(Array.from({ length: 12 }, (_, i) => picture(i)))).toHaveLength(12)
      expect(await collect(narrow.encodeTexts(['a', 'b', 'c', 'd', 'e', 'f', 'g']))).toHaveLength(7)
      await narrow.dispose()
    })
  })

  it('refuses calls beyond maxQueue by code and goes on', async () => {
    const narrow = await Clip.load(tinyModel, { ...load, maxQueue: 2 })
    const settled = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => narrow.encodeText(`call ${i}`)))
    const codes = settled.map(
      result => (result.status === 'fulfilled' ? 'ok' : (result.reason as { code: string }).code),
    )
    expect(codes.slice(0, 2)).toEqual(['ok', 'ok'])
    expect(codes.slice(2)).toEqual(Array(6).fill('ERR_CLIP_QUEUE_FULL'))
    expect(await narrow.encodeText('later')).toHaveLength(64)
    expect(narrow.stats().rejected).toBe(6)
    await narrow.dispose()
  })
})
