/**
 * Every model of test/fixtures/drawn against PyTorch in float64: token ids, embeddings in batches and alone, at the portable
 * and the best kernels, and again from the GGUF files that `convert` makes. scripts/oracle/drawn.py describes them.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, convert } from '../../lib/index.js'
import type { ImageInput } from '../../lib/types.js'
import { expectClose, maxRelativeDifference } from '../helpers/compare'
import { cache, withKernels } from '../helpers/oracle'
import { TensorFile } from '../helpers/safetensors'

const { pictures } = require('../oracle/drawn.cjs') as { pictures(of: Pictures): Float32Array }

interface Pictures {
  seed: number
  shape: [number, number, number, number]
}

interface DrawnExpected {
  texts: string[]
  /** The inputs of the image tower: drawn, too. */
  pictures?: Pictures
  /** What is loaded, relative to the model's folder; default the folder itself. */
  load?: string
  /** Least cosine with 8-bit weights; default 0.99: the rows of so small models are short. */
  q8?: number
  /** Least cosine with 4-bit weights; default 0.95. */
  q4?: number
  /** Names of dtypes that `convert` is tried with beside f32; default q8_0. */
  dtypes?: string[]
}

const f32 = { difference: 1e-4, cosine: 0.999999 }
const folder = path.join(cache, 'drawn')
const names = readdirSync(folder).filter(name => !name.endsWith('.stamp'))

describe.each(names)('%s', name => {
  const directory = path.join(folder, name)
  const expected = JSON.parse(readFileSync(path.join(directory, 'expected.json'), 'utf8')) as DrawnExpected
  const tensors = new TensorFile(path.join(directory, 'expected.safetensors'))
  const model = path.join(directory, expected.load ?? '.')
  const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-drawn-'))
  afterAll(() => rmSync(scratch, { recursive: true, force: true }))

  const images = (): ImageInput[] => {
    if (!expected.pictures) return []
    const { shape: [count, channels, height, width] } = expected.pictures
    const values = pictures(expected.pictures)
    const size = channels * height * width
    return Array.from({ length: count }, (_, i) => ({ tensor: values.slice(i * size, (i + 1) * size), height, width }))
  }

  async function check(clip: Clip, what: string, limits: { difference?: number; cosine: number }): Promise<void> {
    const raw = { normalize: false }
    const embed = {
      image: { inputs: images(), encode: (input: ImageInput[]) => clip.encodeImage(input, raw) },
      text: { inputs: expected.texts, encode: (input: string[]) => clip.encodeText(input, raw) },
    }
    for (const tower of ['image', 'text'] as const) {
      const { inputs, encode } = embed[tower]
      if (inputs.length === 0) continue
      const rows = tensors.rows(`${tower}_embeds`)
      const run = encode as (input: typeof inputs) => Promise<Float32Array[]>
      expectClose(`${name} ${what} ${tower}`, await run(inputs), rows, limits)
      for (const i of [0, inputs.length - 1])
        expectClose(`${name} ${what} ${tower} alone`, await run([inputs[i]!] as typeof inputs), [rows[i]!], limits)
    }
  }

  function checkIds(clip: Clip): void {
    if (expected.texts.length === 0) return
    const rows = tensors.ids('input_ids')
    const width = rows[0]!.length
    const ids = clip.tokenize(expected.texts)
    expect(rows.map((_, i) => [...ids.subarray(i * width, (i + 1) * width)])).toEqual(rows.map(row => [...row]))
  }

  it.each(['portable', 'scalar', 'best'])('embeds with %s kernels', async kernels => {
    await using clip = await withKernels(kernels, () => Clip.load(model, { threads: 2, dtype: 'f32' }))
    checkIds(clip)
    await check(clip, kernels, f32)
  })

  const debug = tensors.names.filter(key => key.startsWith('debug.')).map(key => key.slice('debug.'.length))
  if (debug.length > 0) {
    it.each(['portable', 'best'])('has every state with %s kernels', async kernels => {
      await using clip = await withKernels(kernels, () => Clip.load(model, { threads: 2, dtype: 'f32' }))
      const states = {
        ...await clip.intermediates(images()[0]!, { tower: 'image' }),
        ...await clip.intermediates(expected.texts[0]!, { tower: 'text' }),
      }
      const far = debug.filter(key =>
        !(maxRelativeDifference(states[key]?.data ?? [], tensors.floats(`debug.${key}`)) <= 1e-5)
      )
      expect(far).toEqual([])
    })
  }

  it.each(['f32', ...(expected.dtypes ?? ['q8_0'])])('converts to %s and reloads', async dtype => {
    const file = path.join(scratch, `${dtype}.gguf`)
    await convert(model, file, { dtype: dtype as 'f32' })
    for (const kernels of ['portable', 'best']) {
      await using clip = await withKernels(kernels, () => Clip.load(file))
      checkIds(clip)
      const cosine = dtype === 'q4_0' ? expected.q4 ?? 0.95 : expected.q8 ?? 0.99
      await check(clip, `${dtype} ${kernels}`, dtype === 'f32' ? f32 : { cosine })
    }
  })
})
