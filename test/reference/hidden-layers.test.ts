/** hiddenStates with the final norm, skipped blocks and several layers, against the reference's states. */
import path from 'node:path'

import { Clip } from '../../lib/index.js'
import { maxRelativeDifference } from '../helpers/compare'
import { oracle, referenceModel, withKernels } from '../helpers/oracle'
import { TensorFile } from '../helpers/safetensors'

const limit = 1e-5

/** LayerNorm of each row in float64. */
function layerNorm(rows: Float32Array, weight: Float32Array, bias: Float32Array, eps: number): Float64Array {
  const width = weight.length
  const out = new Float64Array(rows.length)
  for (let at = 0; at < rows.length; at += width) {
    const row = rows.subarray(at, at + width)
    const mean = row.reduce((sum, value) => sum + value, 0) / width
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width
    row.forEach((value, i) => {
      out[at + i] = ((value - mean) / Math.sqrt(variance + eps)) * weight[i]! + bias[i]!
    })
  }
  return out
}

const models = [
  ['hf-clip-tiny', 'model.safetensors', 'text_model.final_layer_norm', 'vision_model.post_layernorm', 1e-5],
  ['openclip-tiny', 'open_clip_model.safetensors', 'ln_final', 'visual.ln_post', 1e-5],
  ['siglip-tiny', 'model.safetensors', 'text_model.final_layer_norm', 'vision_model.post_layernorm', 1e-6],
] as const

for (const [name, file, textNorm, visionNorm, eps] of models) {
  const directory = path.join(oracle, 'models', name)

  describe(name, () => {
    const { expected, tensors } = referenceModel(directory)
    const weights = new TensorFile(path.join(directory, file))
    const inputs = { text: expected.texts[0]!, image: { tensor: tensors.rows('pixel_values')[0]! } }

    describe.each(['portable', 'best'])('%s kernels', kernels => {
      let clip: Clip
      beforeAll(async () => {
        clip = await withKernels(kernels, () => Clip.load(directory, { threads: 2 }))
      })
      afterAll(() => clip.dispose())

      it.each([['text', 'text', textNorm], ['image', 'vision', visionNorm]] as const)(
        '%s: any layer with the final norm',
        async (tower, word, norm) => {
          const { layers } = clip.info[word]!
          for (const skip of [0, 1]) {
            const states = await clip.hiddenStates(inputs[tower], { tower, skip, norm: true })
            const hidden = tensors.floats(`debug.${word}.hidden.${layers - skip}`)
            const reference = layerNorm(hidden, weights.floats(`${norm}.weight`), weights.floats(`${norm}.bias`), eps)
            expect(maxRelativeDifference(states.data, reference)).toBeLessThanOrEqual(limit)
          }
        },
      )

      it("the last layer with the final norm is the reference's own", async () => {
        const reference = tensors.floats('debug.text.post_ln')
        const { data } = await clip.hiddenStates(inputs.text, { tower: 'text', norm: true })
        expect(maxRelativeDifference(data, reference)).toBeLessThanOrEqual(limit)
      })

      it('several layers from one run, in the order asked for', async () => {
        const all = await clip.hiddenStates(inputs.text, { tower: 'text', layer: [-1, 0, -2] as const })
        const one = await Promise.all(
          [-1, 0, -2].map(layer => clip.hiddenStates(inputs.text, { tower: 'text', layer })),
        )
        expect(all).toEqual(one)
        expect(await clip.hiddenStates(inputs.text, { tower: 'text', skip: 1 })).toEqual(one[2])
      })

      it.each([
        ['layer and skip', { layer: -1, skip: 1 }, 'ERR_CLIP_OUT_OF_RANGE'],
        ['more blocks than there are', { skip: 99 }, 'ERR_CLIP_OUT_OF_RANGE'],
        ['a negative skip', { skip: -1 }, 'ERR_CLIP_OUT_OF_RANGE'],
        ['no layers', { layer: [] }, 'ERR_CLIP_OUT_OF_RANGE'],
        ['a layer that is none', { layer: [0, 99] }, 'ERR_CLIP_OUT_OF_RANGE'],
        ['a layer by name', { layer: 'last' }, 'ERR_CLIP_INVALID_ARGUMENT'],
        ['a norm by name', { norm: 'final' }, 'ERR_CLIP_INVALID_ARGUMENT'],
      ])('refuses %s', async (_, options, code) => {
        await expect(clip.hiddenStates(inputs.text, { tower: 'text', ...(options as object) })).rejects.toMatchObject({
          code,
        })
      })
    })
  })
}
