/** Weights, inputs and results that are not finite, or too large for a type: right numbers or a coded error, never NaN. */
import { readFileSync } from 'node:fs'
import path from 'node:path'

import { Clip } from '../../lib/index.js'
import type { LoadOptions } from '../../lib/types.js'
import { maxRelativeDifference } from '../helpers/compare'
import { withKernels } from '../helpers/oracle'

// weights of 1e5 and 7e4 in bf16, embeddings by transformers in float64
const model = path.join(__dirname, '..', 'fixtures', 'overflow')
const expected = JSON.parse(readFileSync(path.join(model, 'expected.json'), 'utf8')) as {
  texts: { text: string; embedding: number[] }[]
  image: number[]
}
const raw = { normalize: false }

describe.each(['portable', 'scalar', 'best'])('%s kernels', kernels => {
  const load = (options: LoadOptions) => withKernels(kernels, () => Clip.load(model, { threads: 1, ...options }))
  const types = [undefined, 'f32', 'bf16', 'f16', 'q8_0', 'q5_1', 'q4_1', 'q4_0', 'iq4_nl'] as const
  const tolerance = { q5_1: 0.2, q4_1: 0.4, q4_0: 0.5, iq4_nl: 0.4 } as Record<string, number>

  it.each(types)('weights beyond f16 keep their values as %s', async dtype => {
    await using clip = await load(dtype === undefined ? {} : { dtype })
    const limit = tolerance[dtype ?? ''] ?? 0.02
    const { text, embedding } = expected.texts[0]!
    expect(maxRelativeDifference(await clip.encodeText(text, raw), embedding)).toBeLessThan(limit)
    expect(maxRelativeDifference(await clip.encodeImage(path.join(model, 'picture.png'), raw), expected.image))
      .toBeLessThan(limit)
    if (dtype === 'f16') expect(Object.keys(clip.info.types)).toContain('bf16')
  })

  it('a member that overflows fails alone, with the model and its own name', async () => {
    await using clip = await load({})
    const size = 3 * 16 * 16
    const good = Array.from(
      { length: 4 },
      (_, seed) => ({ tensor: Float32Array.from({ length: size }, (_value, i) => Math.sin(i * (seed + 1))) }),
    )
    const bad = { tensor: new Float32Array(size).map((_, i) => (i % 2 === 0 ? 3e38 : -3e38)) }
    const alone = await Promise.all(good.map(picture => clip.encodeImage(picture)))
    const together = await Promise.allSettled(
      [good[0]!, bad, good[1]!, good[2]!, bad, good[3]!].map(picture => clip.encodeImage(picture)),
    )
    const vectors = together.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    expect(vectors).toEqual(alone)
    for (const outcome of [together[1]!, together[4]!]) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { code: 'ERR_CLIP_NOT_FINITE', message: expect.stringContaining(`${model}: image: `) },
      })
    }
    await expect(clip.encodeImage([good[0]!, bad])).rejects.toMatchObject({
      code: 'ERR_CLIP_NOT_FINITE',
      message: expect.stringContaining('images[1]'),
    })
    await expect(clip.hiddenStates(bad, { tower: 'image' })).rejects.toMatchObject({
      code: 'ERR_CLIP_NOT_FINITE',
      message: expect.stringContaining('vision.hidden'),
    })
    await expect(clip.similarity([good[0]!, bad], ['a'])).rejects.toMatchObject({ code: 'ERR_CLIP_NOT_FINITE' })
    await expect(clip.classify(bad, ['a', 'b'])).rejects.toMatchObject({ code: 'ERR_CLIP_NOT_FINITE' })
  })
})

it.each([NaN, Infinity, -Infinity])('a tensor with %s is refused by its place', async value => {
  await using clip = await Clip.load(model, { threads: 1 })
  const tensor = new Float32Array(3 * 16 * 16)
  tensor[17] = value
  const refused = { name: 'RangeError', code: 'ERR_CLIP_OUT_OF_RANGE', message: expect.stringContaining('tensor[17]') }
  await expect(clip.encodeImage({ tensor })).rejects.toMatchObject(refused)
  await expect(clip.preprocess({ tensor })).rejects.toMatchObject(refused)
  await expect(clip.hiddenStates({ tensor }, { tower: 'image' })).rejects.toMatchObject(refused)
  const [bad, good] = await Promise.allSettled([clip.encodeImage({ tensor }),
    clip.encodeImage({ tensor: new Float32Array(3 * 16 * 16) })])
  expect([bad.status, good.status]).toEqual(['rejected', 'fulfilled'])
})
