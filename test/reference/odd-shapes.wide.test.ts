/**
 * Networks of unusual shapes against PyTorch: head sizes 20 to 128, widths and hidden layers of no round size, pictures
 * that the patches do not fill, f16, bf16, shards. scripts/oracle/odd_shapes.py makes them; four small ones are kept as
 * fixtures, GGCLIP_ODD_SHAPES names a folder with more.
 */
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'

import { Clip } from '../../lib/index.js'
import type { WeightType } from '../../lib/types.js'
import { expectClose, maxRelativeDifference } from '../helpers/compare'
import { fixtures, referenceModel, withKernels } from '../helpers/oracle'

const f32 = { difference: 1e-4, cosine: 0.999999 }
/** With 16-bit weights plain ggml rounds activations to 16 bits, and kernels with VNNI round both to 13. */
const rounded = { f16: { difference: 5e-3, cosine: 0.99999 }, bf16: { difference: 5e-2, cosine: 0.9995 } }
const folders = [fixtures, process.env.GGCLIP_ODD_SHAPES].filter(folder => folder !== undefined && folder !== '')
const directories = folders
  .flatMap(folder => readdirSync(folder!).map(name => path.join(folder!, name)))
  .filter(directory => existsSync(path.join(directory, 'expected.json')))
const allTypes: WeightType[] = [
  'f32',
  'f16',
  'bf16',
  'q8_0',
  'q5_1',
  'q5_0',
  'q4_1',
  'q4_0',
  'q6_k',
  'q5_k',
  'q4_k',
  'iq4_nl',
]

describe('fixtures', () => {
  it('are the four small ones', () => {
    expect(directories.length).toBeGreaterThanOrEqual(4)
  })
})

describe.each(directories.map(directory => [path.basename(directory), directory] as const))('%s', (name, directory) => {
  const { expected, tensors } = referenceModel(directory)
  const hasImages = tensors.has('image_embeds')
  const hasTexts = tensors.has('text_embeds')
  const images = hasImages ? tensors.rows('pixel_values').map(tensor => ({ tensor })) : []
  const raw = { normalize: false }

  describe.each(['portable', 'scalar', 'best'])('%s kernels', kernels => {
    let clip: Clip
    beforeAll(async () => {
      clip = await withKernels(kernels, () => Clip.load(directory, { threads: 2 }))
    })
    afterAll(() => clip?.dispose())

    const limits = () => {
      if (kernels === 'scalar') return f32
      return 'bf16' in clip.info.types ? rounded.bf16 : 'f16' in clip.info.types ? rounded.f16 : f32
    }

    it('has the towers of the checkpoint', () => {
      expect([clip.info.vision !== null, clip.info.text !== null]).toEqual([hasImages, hasTexts])
    })

    if (hasImages) {
      it('embeds images', async () => {
        expectClose(
          `${name} ${kernels} image`,
          await clip.encodeImage(images, raw),
          tensors.rows('image_embeds'),
          limits(),
        )
      })

      it('embeds a picture file', async () => {
        const files = expected.e2e_images!.map(file => path.join(directory, file))
        expectClose(
          `${name} ${kernels} file`,
          await clip.encodeImage(files, raw),
          tensors.rows('e2e.image_embeds'),
          limits(),
        )
      })
    }

    if (hasTexts) {
      it('makes the token ids', () => {
        expect([...clip.tokenize(expected.texts)]).toEqual(tensors.ids('input_ids').flatMap(row => [...row]))
      })

      it('embeds texts', async () => {
        expectClose(
          `${name} ${kernels} text`,
          await clip.encodeText(expected.texts, raw),
          tensors.rows('text_embeds'),
          limits(),
        )
      })
    }

    if (hasImages && hasTexts) {
      it('gives the logits', async () => {
        const { logits } = await clip.similarity(images, expected.texts)
        const rows = tensors.rows('logits_per_image')
        for (const [i, row] of rows.entries())
          expect(maxRelativeDifference(logits[i]!, row)).toBeLessThanOrEqual(limits().difference)
      })
    }
  })

  it.each(allTypes)('loads as %s with packed kernels near plain ggml', async dtype => {
    await using packed = await Clip.load(directory, { dtype })
    await using plain = await withKernels('portable', () => Clip.load(directory, { dtype }))
    const pairs: [Float32Array[], Float32Array[]][] = []
    if (hasImages) pairs.push([await packed.encodeImage(images, raw), await plain.encodeImage(images, raw)])
    if (hasTexts)
      pairs.push([await packed.encodeText(expected.texts, raw), await plain.encodeText(expected.texts, raw)])
    for (const [ours, theirs] of pairs) expectClose(`${name} ${dtype} packed to plain`, ours, theirs, { cosine: 0.997 })
  })
})
