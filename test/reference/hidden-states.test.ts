/** Every intermediate state of the reference, by name. */
import path from 'node:path'

import { Clip } from '../../lib/index.js'
import { maxRelativeDifference } from '../helpers/compare'
import { oracle, referenceModel, withKernels } from '../helpers/oracle'

const prefix = 'debug.'
/** Sums in another order differ by this part of the largest value. */
const limit = 1e-5

for (const name of ['hf-clip-tiny', 'hf-clip-gelu-tiny', 'openclip-tiny', 'siglip-tiny']) {
  const directory = path.join(oracle, 'models', name)

  describe(name, () => {
    const { expected, tensors } = referenceModel(directory)
    const wanted = tensors.names.filter(key => key.startsWith(prefix)).map(key => key.slice(prefix.length))
    const image = { tensor: tensors.rows('pixel_values')[0]! }

    describe.each(['portable', 'best'])('%s kernels', kernels => {
      let clip: Clip
      beforeAll(async () => {
        clip = await withKernels(kernels, () => Clip.load(directory, { threads: 2 }))
      })
      afterAll(() => clip.dispose())

      it.each(
        [
          ['image', 'vision.', image],
          ['text', 'text.', expected.texts[0]!],
        ] as const,
      )('has every state of the %s tower', async (tower, start, input) => {
        const states = await clip.intermediates(input, { tower })
        const names = wanted.filter(key => key.startsWith(start))
        expect(names.length).toBeGreaterThanOrEqual(9)
        expect(names.filter(key => !(key in states))).toEqual([])
        const differences = names.map(key => {
          const reference = tensors.tensor(prefix + key)
          const state = states[key]!
          // the reference's post_ln of the class token alone has no token dimension
          const tokens = reference.shape.length === 1 ? 1 : reference.shape[0]!
          const width = reference.shape.at(-1)!
          if (state.width !== width) return [key, `width ${state.width}, expected ${width}`] as const
          if (state.tokens < tokens) return [key, `${state.tokens} tokens, expected ${tokens}`] as const
          return [key, maxRelativeDifference(state.data.subarray(0, tokens * width), reference.data)] as const
        })
        expect(
          differences.filter(([, difference]) => typeof difference === 'string' || !(difference <= limit)),
        ).toEqual([])
        if (process.env.GGCLIP_REPORT) {
          const worst = Math.max(...differences.map(([, difference]) => Number(difference)))
          process.stderr.write(
            `REPORT ${name} ${kernels} ${tower} states: max relative difference ${worst.toExponential(2)}\n`,
          )
        }
      })

      it('returns only the names asked for', async () => {
        const names = ['vision.hidden.0', 'vision.hidden.1']
        expect(Object.keys(await clip.intermediates(image, { tower: 'image', names })).sort()).toEqual(names)
      })

      it('hiddenStates counts layers from the front and from the back', async () => {
        const { layers, width } = clip.info.text!
        for (
          const [layer, index] of [
            [0, 0],
            [1, 1],
            [-1, layers],
            [-2, layers - 1],
          ] as const
        ) {
          const states = await clip.hiddenStates(expected.texts[0]!, { tower: 'text', layer })
          expect([states.tokens, states.width]).toEqual([clip.info.text!.contextLength, width])
          expect(
            maxRelativeDifference(states.data, tensors.floats(`${prefix}text.hidden.${index}`)),
          ).toBeLessThanOrEqual(limit)
        }
      })
    })
  })
}
