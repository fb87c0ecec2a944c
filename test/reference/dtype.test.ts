/** Weight types: conversion while loading equals conversion to a file; batches equal single calls; towers alone. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, convert } from '../../lib/index.js'
import { errorCodeOf } from '../../lib/errors.js'
import type { WeightType } from '../../lib/types.js'
import { closeness, expectClose } from '../helpers/compare'
import { oracle, referenceModel } from '../helpers/oracle'
import { where } from '../helpers/skips'

const directory = path.join(oracle, 'models', 'hf-clip-tiny')
const types: WeightType[] = ['f32', 'f16', 'bf16', 'q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0']
/** Least cosine to the unquantised reference. On so small a random network few bits are bad, as the oracle says. */
const least: Record<string, number> = {
  f32: 0.999999,
  f16: 0.99999,
  bf16: 0.9995,
  q8_0: 0.997,
  q5_1: 0.9,
  q5_0: 0.95,
  q4_1: 0.85,
  q4_0: 0.75,
}

describe('weight types', () => {
  const { expected, tensors } = referenceModel(directory)
  const images = tensors.rows('pixel_values').map(tensor => ({ tensor }))
  const { texts } = expected
  const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-dtype-'))
  afterAll(() => rmSync(scratch, { recursive: true, force: true }))

  it.each(types)('%s: loading as this type equals converting to it and loading', async dtype => {
    const file = path.join(scratch, `${dtype}.gguf`)
    await convert(directory, file, { dtype })
    await using direct = await Clip.load(directory, { dtype })
    await using converted = await Clip.load(file)
    expect(Object.keys(direct.info.types)).toContain(dtype)
    expect(converted.info.types).toEqual(direct.info.types)
    const raw = { normalize: false }
    expect(await converted.encodeImage(images, raw)).toEqual(await direct.encodeImage(images, raw))
    const texts1 = await direct.encodeText(texts, raw)
    expect(await converted.encodeText(texts, raw)).toEqual(texts1)
    expect(converted.tokenize(texts)).toEqual(direct.tokenize(texts))
    // x86 without VNNI: activations of 7 bits; rows as short as these gain nothing by finer ranges
    const sevenBits = ['avx2', 'sse41'].includes(direct.info.kernels)
    const limits = { cosine: dtype === 'q8_0' && sevenBits ? 0.993 : least[dtype]! }
    expectClose(
      `hf-clip-tiny ${dtype} image`,
      await direct.encodeImage(images, raw),
      tensors.rows('image_embeds'),
      limits,
    )
    expectClose(`hf-clip-tiny ${dtype} text`, texts1, tensors.rows('text_embeds'), limits)
  })

  it.each(['f32', 'q8_0'] as const)('%s: a ragged batch equals single calls', async dtype => {
    await using batched = await Clip.load(directory, { dtype, maxBatch: 32 })
    await using single = await Clip.load(directory, { dtype, maxBatch: 1 })
    const words = 'one two three four five six seven eight nine ten'.split(' ')
    const ragged = Array.from(
      { length: 40 },
      (_, i) => Array.from({ length: (i * 7) % 81 }, (_, j) => words[(i + j) % 10]).join(' ') + ` ${i}`,
    )
    const together = await batched.encodeText(ragged, { normalize: false })
    const alone: Float32Array[] = []
    for (const text of ragged) alone.push(await single.encodeText(text, { normalize: false }))
    expect(batched.stats().batches).toBeLessThan(10)
    expect(closeness(together, alone).difference).toBeLessThanOrEqual(1e-5)
    const many = Array.from({ length: 9 }, (_, i) => images[i % images.length]!)
    const rows = await batched.encodeImage(many, { normalize: false })
    const each = await Promise.all(many.map(image => single.encodeImage(image, { normalize: false })))
    expect(closeness(rows, each).difference).toBeLessThanOrEqual(1e-5)
  })

  it('loads one tower alone, with the same embeddings', async () => {
    await using both = await Clip.load(directory)
    await using text = await Clip.load(directory, { towers: 'text' })
    await using image = await Clip.load(directory, { towers: 'image' })
    expect(text.info.vision).toBeNull()
    expect(image.info.text).toBeNull()
    expect(text.info.bytes).toBeLessThan(both.info.bytes - 1_000_000)
    expect(image.info.bytes).toBeLessThan(both.info.bytes - 1_000_000)
    expect(await text.encodeText(texts)).toEqual(await both.encodeText(texts))
    expect(await image.encodeImage(images)).toEqual(await both.encodeImage(images))
    await expect(text.encodeImage(images[0]!).catch(errorCodeOf)).resolves.toBe('ERR_CLIP_TOWER_MISSING')
    await expect(image.encodeText('a').catch(errorCodeOf)).resolves.toBe('ERR_CLIP_TOWER_MISSING')
  })

  where('linux', it)('does not touch the image weights for the text tower', async () => {
    const file = path.join(scratch, 'both.gguf')
    await convert(directory, file)
    await using both = await Clip.load(file)
    const imageBytes = both.info.vision!.bytes
    await using text = await Clip.load(directory, { towers: 'text' })
    const weights = path.join(directory, 'model.safetensors')
    const { size, resident } = residentBytes(weights)
    expect(size === 0 || resident < size - imageBytes / 2).toBe(true)
    expect(text.info.text!.layers).toBe(3)
  })
})

/** How much of a file's mappings this process has touched. */
function residentBytes(file: string): { size: number; resident: number } {
  const total = { size: 0, resident: 0 }
  let inFile = false
  for (const line of readFileSync('/proc/self/smaps', 'utf8').split('\n')) {
    const [, kilobytes] = /^(?:Size|Rss): +(\d+) kB/.exec(line) ?? []
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) inFile = line.endsWith(path.resolve(file))
    else if (inFile && kilobytes) total[line.startsWith('Size') ? 'size' : 'resident'] += Number(kilobytes) * 1024
  }
  return total
}
