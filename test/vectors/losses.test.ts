import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { contrastiveLoss, sigmoidLoss } from '../../lib/vectors/losses'
import { normalize } from '../../lib/vectors/similarity'

const reference = join(__dirname, '..', 'fixtures/math/losses_8x8.json')

test('equal to the reference, for raw and for normalised vectors', () => {
  const expected = JSON.parse(readFileSync(reference, 'utf8')) as {
    image_embeds: number[][]
    text_embeds: number[][]
    clip: { logit_scale_log: number; loss: number }
    siglip: { logit_scale_log: number; logit_bias: number; loss: number }
  }
  const { image_embeds: images, text_embeds: texts, clip, siglip } = expected
  for (const [a, b] of [[images, texts], [images.map(normalize), texts.map(normalize)]] as const) {
    const contrastive = contrastiveLoss(a, b, Math.exp(clip.logit_scale_log))
    expect(Math.abs(contrastive / clip.loss - 1)).toBeLessThan(1e-6)
    const sigmoid = sigmoidLoss(a, b, Math.exp(siglip.logit_scale_log), siglip.logit_bias)
    expect(Math.abs(sigmoid / siglip.loss - 1)).toBeLessThan(1e-6)
  }
})

test('known values', () => {
  const axes = [[1, 0], [0, 1]]
  const crossed = [[0, 1], [1, 0]]
  // two pairs, logits s and 0: log(1 + exp(-s)) when matched, log(1 + exp(s)) when crossed
  expect(contrastiveLoss(axes, axes, 2)).toBeCloseTo(Math.log1p(Math.exp(-2)), 12)
  expect(contrastiveLoss(axes, crossed, 2)).toBeCloseTo(Math.log1p(Math.exp(2)), 12)
  expect(contrastiveLoss([[1, 2]], [[-5, 3]], 100)).toBe(0)
  // per row: softplus(-(s + b)) for the match and softplus(b) for the other
  const softplus = (x: number): number => Math.log1p(Math.exp(x))
  expect(sigmoidLoss(axes, axes, 2, -1)).toBeCloseTo(softplus(-1) + softplus(-1), 12)
  expect(sigmoidLoss(axes, axes, 2)).toBeCloseTo(softplus(-2) + softplus(0), 12)
})

test('large scales do not overflow', () => {
  const axes = [[1, 0], [0, 1]]
  const crossed = [[0, 1], [1, 0]]
  expect(contrastiveLoss(axes, crossed, 1e5)).toBeCloseTo(1e5, 6)
  expect(sigmoidLoss(axes, crossed, 1e5)).toBeCloseTo(1e5 + Math.LN2, 6)
})

test.each([contrastiveLoss, sigmoidLoss])('%p checks its arguments', loss => {
  const wrongValue = expect.objectContaining({ name: 'RangeError', code: 'ERR_CLIP_OUT_OF_RANGE' }) as Error
  const wrongKind = expect.objectContaining({ name: 'TypeError', code: 'ERR_CLIP_INVALID_ARGUMENT' }) as Error
  expect(() => loss([], [], 1)).toThrow(wrongValue)
  expect(() => loss([[1]], [[1], [2]], 1)).toThrow(wrongValue)
  expect(() => loss([[1], [1, 2]], [[1], [1]], 1)).toThrow(wrongValue)
  expect(() => loss([[1]], [[1, 2]], 1)).toThrow(/for texts\[0\]/)
  expect(() => loss([[1]], [[1]], NaN)).toThrow(wrongValue)
  expect(() => loss([[1]], [[1]], '1' as never)).toThrow(wrongKind)
  expect(() => loss([['x']] as never, [[1]], 1)).toThrow(wrongKind)
})
