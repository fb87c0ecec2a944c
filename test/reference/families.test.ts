/**
 * Every family and layout against PyTorch: token ids, states of the blocks, embeddings, logits, classification, and the
 * same again from the GGUF files that `convert` makes. scripts/oracle/families.py makes the models; GGCLIP_FAMILIES
 * names a folder with more.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, convert } from '../../lib/index.js'
import type { ImageInput } from '../../lib/types.js'
import { expectClose, maxRelativeDifference } from '../helpers/compare'
import { fixtures, referenceModel, type Expected, withKernels } from '../helpers/oracle'

const f32 = { difference: 1e-4, cosine: 0.999999 }
const q8 = { cosine: 0.998 }
const raw = { normalize: false }
const folders = [path.join(fixtures, 'families'), process.env.GGCLIP_FAMILIES].filter(folder =>
  folder !== undefined && folder !== ''
)
const directories = folders
  .flatMap(folder => readdirSync(folder!).map(name => path.join(folder!, name)))
  .filter(directory => existsSync(path.join(directory, 'expected.json')))

interface FamilyExpected extends Expected {
  /** NaFlex: rows and columns of patches of each `pixel_values.N`. */
  grids?: [number, number][]
  /** Picture of the `debug.vision` states; default the first. */
  debug_image?: number
}

it('has every family', () => {
  expect(directories.length).toBeGreaterThanOrEqual(16)
})

describe.each(directories.map(directory => [path.basename(directory), directory] as const))('%s', (name, directory) => {
  const model = referenceModel(directory)
  const { tensors } = model
  const expected = model.expected as FamilyExpected
  const images = imagesOf()
  const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-families-'))
  afterAll(() => rmSync(scratch, { recursive: true, force: true }))

  function imagesOf(): ImageInput[] {
    if (!tensors.has('image_embeds')) return []
    if (!expected.grids) return tensors.rows('pixel_values').map(tensor => ({ tensor }))
    return expected.grids.map((_, i) => {
      const { shape } = tensors.tensor(`pixel_values.${i}`)
      return { tensor: tensors.floats(`pixel_values.${i}`), height: shape[1]!, width: shape[2]! }
    })
  }

  async function checkEmbeddings(
    clip: Clip,
    what: string,
    limits: { difference?: number; cosine: number },
  ): Promise<void> {
    if (images.length > 0) {
      expectClose(`${name} ${what} image`, await clip.encodeImage(images, raw), tensors.rows('image_embeds'), limits)
      const files = expected.e2e_images!.map(file => path.join(directory, file))
      expectClose(`${name} ${what} file`, await clip.encodeImage(files, raw), tensors.rows('e2e.image_embeds'), limits)
    }
    expectClose(`${name} ${what} text`, await clip.encodeText(expected.texts, raw), tensors.rows('text_embeds'), limits)
    // alone as in a batch
    expectClose(`${name} ${what} text alone`, [await clip.encodeText(expected.texts[1]!, raw)], [
      tensors.rows('text_embeds')[1]!,
    ], limits)
  }

  function checkIds(clip: Clip): void {
    const rows = tensors.ids('input_ids')
    const ids = clip.tokenize(expected.texts)
    const width = rows[0]!.length
    rows.forEach((row, i) =>
      expect([expected.texts[i], ...ids.subarray(i * width, (i + 1) * width)]).toEqual([expected.texts[i], ...row])
    )
  }

  describe.each(['portable', 'scalar', 'best'])('%s kernels', kernels => {
    let clip: Clip
    beforeAll(async () => {
      clip = await withKernels(kernels, () => Clip.load(directory, { threads: 2, dtype: 'f32' }))
    })
    afterAll(() => clip?.dispose())

    it('embeds', () => checkEmbeddings(clip, kernels, f32))

    it.each(['image', 'text'] as const)('has the states of every block of the %s tower', async tower => {
      const start = `debug.${tower === 'image' ? 'vision' : 'text'}.`
      const keys = tensors.names.filter(key => key.startsWith(start))
      if (keys.length === 0) return expect(tower === 'image' && images.length === 0).toBe(true)
      const input = tower === 'image' ? images[expected.debug_image ?? 0]! : expected.texts[0]!
      const states = await clip.intermediates(input, { tower })
      for (const key of keys) {
        const state = states[key.slice('debug.'.length)]!
        const { shape, data } = tensors.tensor(key)
        expect([key, state.tokens, state.width]).toEqual([key, ...shape])
        expect([key, maxRelativeDifference(state.data, data) <= 1e-5]).toEqual([key, true])
      }
    })
  })

  describe('files', () => {
    it('makes the token ids', async () => {
      await using clip = await Clip.load(directory, { dtype: 'f32' })
      checkIds(clip)
    })

    if (images.length > 0)
      it('classifies', async () => {
        await using clip = await Clip.load(directory, { dtype: 'f32' })
        const logits = tensors.rows('logits_per_image')
        const { logits: ours } = await clip.similarity(images, expected.texts)
        logits.forEach((row, i) => expect(maxRelativeDifference(ours[i]!, row)).toBeLessThanOrEqual(1e-4))
        const labels = ['a photo of a cat', expected.texts[3]!]
        const picked = labels.map(label => expected.texts.indexOf(label))
        const results = await clip.classify(images[0]!, labels, { templates: ['{}'] })
        const scores = scoresOf(picked.map(i => logits[0]![i < 0 ? 0 : i]!), clip.info.sigmoid)
        expect(Math.min(...picked)).toBeGreaterThanOrEqual(0)
        for (const { label, score } of results)
          expect(Math.abs(score - scores[labels.indexOf(label)]!)).toBeLessThan(1e-4)
      })

    it.each([['f32', f32], ['q8_0', q8]] as const)('converts to %s and reloads', async (type, limits) => {
      const file = path.join(scratch, `${type}.gguf`)
      await convert(directory, file, { dtype: type })
      for (const kernels of ['portable', 'best']) {
        await using clip = await withKernels(kernels, () => Clip.load(file))
        // the patch embedding is kept at 16 bits, which these files' weights fit
        await checkEmbeddings(clip, `${type} ${kernels}`, type === 'f32' ? f32 : limits)
        checkIds(clip)
      }
    })

    it('loads one tower alone', async () => {
      await using clip = await Clip.load(directory, { towers: 'text', dtype: 'f32' })
      expect(clip.info.vision).toBeNull()
      expectClose(`${name} text tower`, await clip.encodeText(expected.texts, raw), tensors.rows('text_embeds'), f32)
    })
  })
})

function scoresOf(logits: number[], sigmoid: boolean): number[] {
  if (sigmoid) return logits.map(logit => 1 / (1 + Math.exp(-logit)))
  const top = Math.max(...logits)
  const powers = logits.map(logit => Math.exp(logit - top))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map(power => power / sum)
}
