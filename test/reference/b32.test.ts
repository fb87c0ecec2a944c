/** The full-size ViT-B/32, in every weight type, against PyTorch's float64 embeddings. */
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'

import { Clip } from '../../lib/index.js'
import type { WeightType } from '../../lib/types.js'
import { b32Config, b32Images, makeB32 } from '../helpers/b32'
import { expectClose, type Limits } from '../helpers/compare'
import { embedIds, unpadded } from '../helpers/ids'
import { withKernels } from '../helpers/oracle'
import { TensorFile } from '../helpers/safetensors'

interface Case {
  dtype: WeightType
  kernels: string
  image: Limits
  text: Limits
}
const exact = { difference: 1e-4, cosine: 0.999999 }
/** Measured on these random weights, with some room for other machines' kernels; only ever to be tightened. */
const cases: Case[] = [
  { dtype: 'f32', kernels: 'portable', image: exact, text: exact },
  { dtype: 'f32', kernels: 'best', image: exact, text: exact },
  { dtype: 'f16', kernels: 'best', image: { cosine: 0.99999 }, text: { cosine: 0.99999 } },
  { dtype: 'bf16', kernels: 'best', image: { cosine: 0.9999 }, text: { cosine: 0.9999 } },
  { dtype: 'q8_0', kernels: 'portable', image: { cosine: 0.9995 }, text: { cosine: 0.999 } },
  { dtype: 'q8_0', kernels: 'best', image: { cosine: 0.9995 }, text: { cosine: 0.999 } },
  { dtype: 'q5_1', kernels: 'best', image: { cosine: 0.99 }, text: { cosine: 0.985 } },
  { dtype: 'q5_0', kernels: 'best', image: { cosine: 0.99 }, text: { cosine: 0.985 } },
  { dtype: 'q4_1', kernels: 'best', image: { cosine: 0.97 }, text: { cosine: 0.95 } },
  { dtype: 'q4_0', kernels: 'best', image: { cosine: 0.97 }, text: { cosine: 0.95 } },
]

describe('full-size ViT-B/32', () => {
  const tensors = new TensorFile(path.join(b32Config, 'expected.safetensors'))
  const images = b32Images()
  let directory = ''
  beforeAll(() => {
    directory = makeB32()
  }, 120_000)

  it('has the weights that the reference had', async () => {
    const { model_sha256: sum } = JSON.parse(readFileSync(path.join(b32Config, 'check.json'), 'utf8')) as {
      model_sha256: string
    }
    const hash = createHash('sha256')
    await pipeline(createReadStream(path.join(directory, 'model.safetensors'), { highWaterMark: 1 << 20 }), hash)
    expect(hash.digest('hex')).toBe(sum)
  })

  it('has the input that the reference had', () => {
    const first = [-1.2265383005142212, 1.005771517753601, 2.419110059738159, -0.562271773815155]
    expect([...images[0]!.tensor.subarray(0, 4)]).toEqual(first)
  })

  it('makes the token ids of the reference', async () => {
    await using clip = await Clip.load(directory, { towers: 'text' })
    const [cat, empty] = tensors.ids('input_ids')
    expect([...clip.tokenize(['a photo of a cat', ''])]).toEqual([...cat!, ...empty!])
  })

  it.each(cases)('$dtype, $kernels kernels: embeds images', async ({ dtype, kernels, image }) => {
    await using clip = await withKernels(kernels, () => Clip.load(directory, { dtype, towers: 'image' }))
    const vectors = await clip.encodeImage(images, { normalize: false })
    expectClose(`b32 ${dtype} ${kernels} image`, vectors, tensors.rows('image_embeds'), image)
  })

  it.each(cases)('$dtype, $kernels kernels: embeds token ids', async ({ dtype, kernels, text }) => {
    const ids = tensors.ids('input_ids').map(row => unpadded(row, 49407))
    const vectors = await embedIds(directory, ids, { dtype, kernels: kernels === 'best' ? '' : kernels })
    expectClose(`b32 ${dtype} ${kernels} text`, vectors, tensors.rows('text_embeds'), text)
  })

  it('gives the logits of the reference', async () => {
    await using clip = await Clip.load(directory)
    const { logits } = await clip.similarity(images, ['a photo of a cat', ''])
    const rows = tensors.rows('logits_per_image').map(row => row.subarray(0, 2))
    for (const [i, row] of rows.entries())
      for (const [j, value] of row.entries()) expect(Math.abs(logits[i]![j]! - value)).toBeLessThan(2e-3)
  })
})
