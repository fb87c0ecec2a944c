/** load options, info, stats, tokenize, preprocess, hiddenStates. */
import { join } from 'node:path'

import { Clip } from '../../lib/index.js'
import { loadAddon } from '../../lib/native/load.js'
import { withKernels } from '../helpers/oracle'
import { failureOf, load, maxDifference, norm, oracle, picture, root, sample, tinyGguf,
  tinyModel } from '../lifecycle/support'

describe('a loaded model', () => {
  let clip: Clip
  beforeAll(async () => {
    clip = await Clip.load(tinyModel, load)
  })
  afterAll(() => clip.dispose())

  describe('info', () => {
    it('tells what the model is and cannot be changed', () => {
      const { info } = clip
      expect(info).toMatchObject({
        architecture: 'clip',
        family: 'clip',
        format: 'safetensors',
        dim: 64,
        sigmoid: false,
        logitBias: 0,
        threads: 1,
        sessions: 1,
        vision: { width: 128, layers: 3, heads: 2, imageSize: 64, patchSize: 16, tokens: 17, activation: 'quick_gelu' },
        text: { width: 128, layers: 3, contextLength: 77, vocabSize: 2514, causal: true, eosId: 2513 },
      })
      expect(info.logitScale).toBeCloseTo(100, 1)
      expect(info.bytes).toBe(info.vision!.bytes + info.text!.bytes)
      expect(Object.values(info.types).reduce((sum, type) => sum + type.bytes, 0)).toBeLessThanOrEqual(info.bytes)
      expect(() => {
        ;(info as { dim: number }).dim = 1
      }).toThrow(TypeError)
    })
  })

  describe('load options', () => {
    it('loads one tower alone; the other one is missing by code', async () => {
      const text = await Clip.load(tinyModel, { ...load, towers: 'text' })
      expect([text.info.vision, text.info.bytes]).toEqual([null, clip.info.text!.bytes])
      expect(maxDifference(await text.encodeText('a cat'), await clip.encodeText('a cat'))).toBeLessThan(1e-6)
      for (
        const call of [() => text.encodeImage(picture(1)), () => text.preprocess(picture(1)),
          () => text.classify(picture(1), ['a']), () => text.hiddenStates(picture(1), { tower: 'image' })]
      ) {
        expect((await failureOf(call)).code).toBe('ERR_CLIP_TOWER_MISSING')
      }
      await text.dispose()
      const image = await Clip.load(tinyModel, { ...load, towers: 'image' })
      expect([image.info.text, image.info.bytes]).toEqual([null, clip.info.vision!.bytes])
      expect(maxDifference(await image.encodeImage(picture(1)), await clip.encodeImage(picture(1)))).toBeLessThan(1e-6)
      for (
        const call of [() => image.encodeText('a'), () => image.tokenize('a'),
          () => image.hiddenStates('a', { tower: 'text' })]
      ) {
        expect((await failureOf(call)).code).toBe('ERR_CLIP_TOWER_MISSING')
      }
      await image.dispose()
    })

    it('converts the weights to another dtype', async () => {
      const small = await Clip.load(tinyModel, { ...load, dtype: 'q8_0' })
      expect(Object.keys(small.info.types)).toContain('q8_0')
      expect(small.info.bytes).toBeLessThan(clip.info.bytes / 2)
      const [a, b] = [await small.encodeImage(picture(1)), await clip.encodeImage(picture(1))]
      expect(a.reduce((sum, value, i) => sum + value * b[i]!, 0)).toBeGreaterThan(0.99)
      await small.dispose()
    })

    it('gives the same numbers with every device, precision and number of sessions and threads', async () => {
      const expected = await clip.encodeImage(picture(5))
      for (
        const options of [{ device: 'cpu' }, { precision: 'exact' }, { sessions: 3 }, { threads: 3 }, { maxBatch: 1 }, {
          maxWaitMs: 5,
        }] as const
      ) {
        const other = await Clip.load(tinyModel, { ...load, ...options })
        const vectors = await other.encodeImage([picture(4), picture(5), picture(6)])
        expect(maxDifference(vectors[1]!, expected)).toBeLessThan(1e-5)
        await other.dispose()
      }
      expect((await failureOf(() => Clip.load(tinyModel, { device: 'vulkan' }))).code).toBe(
        'ERR_CLIP_DEVICE_UNAVAILABLE',
      )
    })

    it('takes kernels that only a name chooses, or says what they lack (GGCLIP_CPU=amx)', async () => {
      const named = () => withKernels('amx', () => Clip.load(tinyModel, { ...load, device: 'cpu' }))
      const { kernels } = loadAddon().build()
      expect(clip.info.kernels).toBe(kernels[0])
      if (kernels.includes('amx')) {
        const other = await named()
        expect(other.info.kernels).toBe('amx')
        expect(maxDifference(await other.encodeImage(picture(5)), await clip.encodeImage(picture(5)))).toBeLessThan(
          0.05,
        )
        await other.dispose()
      } else {
        const { code, message } = await failureOf(named)
        expect(code).toBe('ERR_CLIP_DEVICE_UNAVAILABLE')
        expect(message).toMatch(/^kernels: level 'amx' (needs|is only in|is a level of) /)
      }
    })

    it('gives the same for a checkpoint and its GGUF file', async () => {
      const gguf = await Clip.load(tinyGguf, load)
      expect(gguf.info).toMatchObject({ format: 'gguf', dim: 64 })
      expect([...gguf.tokenize('a photo of a cat')]).toEqual([...clip.tokenize('a photo of a cat')])
      const [a, b] = [await gguf.encodeText('a cat'), await clip.encodeText('a cat')]
      expect(a.reduce((sum, value, i) => sum + value * b[i]!, 0)).toBeGreaterThan(0.9999)
      await gguf.dispose()
    })

    it.each(['hf-clip-gelu-tiny', 'openclip-tiny'])('loads %s', async name => {
      const other = await Clip.load(`${oracle}/models/${name}`, load)
      expect(norm(await other.encodeImage(picture(1)))).toBeCloseTo(1, 5)
      expect(norm(await other.encodeText('a cat'))).toBeCloseTo(1, 5)
      await other.dispose()
    })
  })

  describe('stats', () => {
    it('counts what was done', async () => {
      const other = await Clip.load(tinyModel, load)
      expect(other.stats()).toMatchObject({
        queued: 0,
        running: 0,
        batches: 0,
        items: 0,
        meanBatchSize: 0,
        cachedTexts: 0,
      })
      await Promise.all([other.encodeText('a'), other.encodeText('b'), other.encodeText(['c', 'd'])])
      await other.encodeText('a')
      const stats = other.stats()
      expect(stats).toMatchObject({
        queued: 0,
        running: 0,
        items: 4,
        failed: 0,
        rejected: 0,
        aborted: 0,
        cachedTexts: 4,
      })
      expect(stats.meanBatchSize).toBe(stats.items / stats.batches)
      expect(stats.runMs.max).toBeGreaterThan(0)
      await other.dispose()
    })

    it('shows that calls made together are batched', async () => {
      const before = clip.stats()
      await Promise.all(Array.from({ length: 10 }, (_, i) => clip.encodeText(`together ${i}`)))
      const after = clip.stats()
      expect([after.items - before.items, after.batches - before.batches]).toEqual([10, 1])
    })
  })

  describe('tokenize', () => {
    it('pads to the context length, start and end token included', () => {
      const ids = clip.tokenize('a cat')
      expect(ids.constructor.name).toBe('Int32Array')
      expect(ids).toHaveLength(77)
      expect(ids[0]).toBe(2512)
      const end = ids.indexOf(2513)
      expect(end).toBeGreaterThan(1)
      expect(ids.subarray(end).every(id => id === 2513)).toBe(true)
    })

    it('gives rows for many and nothing for none; keeps the end token when it truncates', () => {
      const rows = clip.tokenize(['a cat', 'word '.repeat(500)])
      expect(rows).toHaveLength(2 * 77)
      expect([...rows.subarray(0, 77)]).toEqual([...clip.tokenize('a cat')])
      expect(rows[2 * 77 - 1]).toBe(2513)
      expect(rows[2 * 77 - 2]).not.toBe(2513)
      expect(clip.tokenize([])).toHaveLength(0)
    })
  })

  describe('preprocess', () => {
    it('gives [3, H, W] that the encoder takes', async () => {
      const tensor = await clip.preprocess(sample('rocket.png'))
      expect(tensor).toHaveLength(3 * 64 * 64)
      expect(maxDifference(await clip.encodeImage({ tensor }), await clip.encodeImage(sample('rocket.png'))))
        .toBeLessThan(1e-6)
      const { mean, std } = clip.info.vision!
      const white = await clip.preprocess({ data: new Uint8Array(3 * 9).fill(255), width: 3, height: 3, channels: 3 })
      for (let c = 0; c < 3; c++) expect(white[c * 4096]).toBeCloseTo((1 - mean[c]!) / std[c]!, 5)
    })

    it('copies a tensor that is ready', async () => {
      const tensor = new Float32Array(3 * 64 * 64).fill(0.5)
      const copy = await clip.preprocess({ tensor })
      copy[0] = 9
      expect(tensor[0]).toBe(0.5)
    })
  })

  describe('hiddenStates', () => {
    it('gives tokens x width of any layer, counted from either end', async () => {
      const first = await clip.hiddenStates('a cat', { tower: 'text', layer: 0 })
      const last = await clip.hiddenStates('a cat', { tower: 'text' })
      expect([first.tokens, first.width, first.data.length]).toEqual([77, 128, 77 * 128])
      expect(maxDifference(last.data, (await clip.hiddenStates('a cat', { tower: 'text', layer: 3 })).data)).toBe(0)
      expect(maxDifference(first.data, (await clip.hiddenStates('a cat', { tower: 'text', layer: -4 })).data)).toBe(0)
      expect(maxDifference(first.data, last.data)).toBeGreaterThan(0.01)
    })

    it('takes images too', async () => {
      const states = await clip.hiddenStates(picture(1), { tower: 'image' })
      expect([states.tokens, states.width, states.data.length]).toEqual([17, 128, 17 * 128])
    })

    it('lists all named states when none is named', async () => {
      const names = Object.keys(await clip.intermediates('a cat', { tower: 'text' }))
      for (const name of ['text.hidden.0', 'text.hidden.3']) expect(names).toContain(name)
    })
  })
})

const embedded = join(root, 'models', 'emoji-clip.gguf')

describe('the default model', () => {
  it('is what load() without a source gives, and knows the samples', async () => {
    const clip = await Clip.load(undefined, load)
    expect(clip.info).toMatchObject({ format: 'gguf', path: embedded, sigmoid: false })
    expect(clip.info.license).not.toBe('')
    const labels = ['rocket', 'guitar', 'pizza', 'umbrella with rain drops', 'red heart']
    for (
      const [file, label] of [['rocket.png', 'rocket'], ['guitar.jpg', 'guitar'], ['pizza.webp', 'pizza']] as const
    ) {
      expect((await clip.classify(sample(file), labels, { topK: 1 }))[0]!.label).toBe(label)
    }
    await clip.dispose()
  })
})
