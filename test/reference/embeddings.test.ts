/** Tokens, embeddings, logits and whole pictures of the small reference models against PyTorch's numbers. */
import { existsSync } from 'node:fs'
import path from 'node:path'

import { Clip } from '../../lib/index.js'
import { expectClose, maxRelativeDifference } from '../helpers/compare'
import { oracle, referenceModel, withKernels } from '../helpers/oracle'

const models = ['hf-clip-tiny', 'hf-clip-gelu-tiny', 'openclip-tiny', 'siglip-tiny']
/** AVX2 where it can be; the others exist everywhere. */
const levels = ['portable', 'scalar', ...(process.arch === 'x64' ? ['avx2'] : []), 'best']
const f32 = { difference: 1e-4, cosine: 0.999999 }

for (const name of models) {
  const directory = path.join(oracle, 'models', name)

  describe(name, () => {
    const { expected, tensors } = referenceModel(directory)
    const images = tensors.rows('pixel_values').map(tensor => ({ tensor }))

    describe.each(levels)('%s kernels', kernels => {
      let clip: Clip
      beforeAll(async () => {
        clip = await withKernels(kernels, () => Clip.load(directory, { threads: 2 }))
      })
      afterAll(() => clip?.dispose())

      it('runs the kernels that were asked for', () => {
        if (kernels === 'best') expect(clip.info.kernels).not.toBe('portable')
        else expect(clip.info.kernels).toBe(kernels)
      })

      it('embeds images', async () => {
        const vectors = await clip.encodeImage(images, { normalize: false })
        expectClose(`${name} ${kernels} image`, vectors, tensors.rows('image_embeds'), f32)
      })

      it('embeds texts', async () => {
        const vectors = await clip.encodeText(expected.texts, { normalize: false })
        expectClose(`${name} ${kernels} text`, vectors, tensors.rows('text_embeds'), f32)
      })

      it('gives vectors of unit length', async () => {
        expectClose(
          `${name} ${kernels} unit image`,
          await clip.encodeImage(images),
          tensors.rows('image_embeds_normalized'),
          f32,
        )
        expectClose(
          `${name} ${kernels} unit text`,
          await clip.encodeText(expected.texts),
          tensors.rows('text_embeds_normalized'),
          f32,
        )
      })

      it('gives the logits of every pair', async () => {
        const { logits } = await clip.similarity(images, expected.texts)
        const reference = tensors.rows('logits_per_image')
        expect(logits).toHaveLength(reference.length)
        for (const [i, row] of reference.entries())
          expect(maxRelativeDifference(logits[i]!, row)).toBeLessThanOrEqual(1e-4)
      })
    })

    describe('files', () => {
      let clip: Clip
      beforeAll(async () => {
        clip = await Clip.load(directory, { threads: 2 })
      })
      afterAll(() => clip.dispose())

      it('makes the token ids of the reference', () => {
        const rows = tensors.ids('input_ids')
        const ids = clip.tokenize(expected.texts)
        expect(ids).toHaveLength(rows.length * rows[0]!.length)
        rows.forEach((row, i) => {
          expect({ text: expected.texts[i], ids: [...ids.subarray(i * row.length, (i + 1) * row.length)] }).toEqual({
            text: expected.texts[i],
            ids: [...row],
          })
        })
      })

      it('embeds picture files end to end', async () => {
        const files = expected.e2e_images!.map(file => path.join(directory, file))
        expect(files.filter(file => !existsSync(file))).toEqual([])
        const vectors = await clip.encodeImage(files, { normalize: false })
        expectClose(`${name} files`, vectors, tensors.rows('e2e.image_embeds'), f32)
      })
    })
  })
}
