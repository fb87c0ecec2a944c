/** GGUF files in clip.cpp's layout against the embeddings of their dequantised weights. */
import { readFileSync } from 'node:fs'
import path from 'node:path'

import { Clip } from '../../lib/index.js'
import { expectClose, maxRelativeDifference } from '../helpers/compare'
import { oracle, withKernels } from '../helpers/oracle'
import { TensorFile } from '../helpers/safetensors'

/** Activations may be rounded (8 bits before quantised weights), so the small networks' cosines are what is judged. */
const files = [
  { model: 'hf-clip-gelu-tiny', kind: 'f32', limits: { difference: 1e-3, cosine: 0.999999 } },
  { model: 'hf-clip-tiny', kind: 'f16', limits: { difference: 5e-3, cosine: 0.99999 } },
  { model: 'hf-clip-tiny', kind: 'q8_0', limits: { cosine: 0.998 } },
  { model: 'hf-clip-tiny', kind: 'q4_0', limits: { cosine: 0.998 } },
]
/** With `precision: 'exact'` no activation is rounded. */
const exact = { difference: 1e-3, cosine: 0.999999 }

for (const { model, kind, limits } of files) {
  const file = path.join(oracle, 'gguf', `${model}-${kind}.gguf`)
  const reference = path.join(oracle, 'gguf', `${model}-expected.safetensors`)

  describe(path.basename(file), () => {
    const tensors = new TensorFile(reference)
    const images = tensors.rows('pixel_values').map(tensor => ({ tensor }))
    const all = (JSON.parse(readFileSync(path.join(oracle, 'models', model, 'expected.json'), 'utf8')) as {
      texts: string[]
    }).texts
    // hf-clip-gelu-tiny pads with "!", so its tokenizer takes every "!" for a token of its own; the layout, which has
    // no special tokens, cannot say so
    const known = all.flatMap((text, i) => (text.includes('!') ? [] : [i]))
    const texts = known.map(i => all[i]!)
    const knownOf = <T>(rows: readonly T[]): T[] => known.map(i => rows[i]!)

    describe.each(
      [
        ['portable', 'default', limits],
        ['scalar', 'default', limits],
        ['best', 'default', limits],
        ['best', 'exact', exact],
      ] as const,
    )('%s kernels, %s precision', (kernels, precision, bounds) => {
      let clip: Clip
      beforeAll(async () => {
        clip = await withKernels(kernels, () => Clip.load(file, { threads: 2, precision }))
      })
      afterAll(() => clip.dispose())

      it('embeds images', async () => {
        const vectors = await clip.encodeImage(images, { normalize: false })
        expectClose(
          `${model}-${kind}.gguf ${kernels} ${precision} image`,
          vectors,
          tensors.rows(`${kind}/image_embeds`),
          bounds,
        )
      })

      it('embeds texts', async () => {
        const vectors = await clip.encodeText(texts, { normalize: false })
        expectClose(
          `${model}-${kind}.gguf ${kernels} ${precision} text`,
          vectors,
          knownOf(tensors.rows(`${kind}/text_embeds`)),
          bounds,
        )
      })

      it('gives logits, with the scale that the layout lacks', async () => {
        expect(clip.info.logitScale).toBeCloseTo(100, 2)
        const { logits } = await clip.similarity(images, texts)
        const rows = tensors.rows(`${kind}/logits_per_image`)
        const bound = kind.startsWith('q') && precision === 'default' ? 0.1 : 2e-3
        for (const [i, row] of rows.entries())
          expect(maxRelativeDifference(logits[i]!, Float32Array.from(knownOf([...row])))).toBeLessThanOrEqual(bound)
      })

      it('makes the token ids of the reference from its token list', () => {
        const ids = clip.tokenize(texts)
        const length = ids.length / texts.length
        knownOf(tensors.ids('input_ids')).forEach((row, i) => {
          const end = row.indexOf(clip.info.text!.eosId) + 1 // the layout does not say how to pad
          expect([...ids.subarray(i * length, i * length + end)]).toEqual([...row.subarray(0, end)])
        })
      })
    })
  })
}
