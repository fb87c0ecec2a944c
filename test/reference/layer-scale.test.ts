/** Layer scale, and attention without biases: timm's ViT of that kind against PyTorch in float64, and open_clip's own ViT. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, convert, quantize } from '../../lib/index.js'
import { expectClose } from '../helpers/compare'
import { fixtures, oracle, referenceModel, withKernels } from '../helpers/oracle'
import { TensorFile } from '../helpers/safetensors'

const f32 = { difference: 1e-4, cosine: 0.999999 }
const raw = { normalize: false }
const directory = path.join(path.dirname(fixtures), 'timm-layer-scale')
const { expected, tensors } = referenceModel(directory)
const images = tensors.rows('pixel_values').map(tensor => ({ tensor }))
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-layer-scale-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

async function checkEmbeddings(
  clip: Clip,
  what: string,
  limits: { difference?: number; cosine: number },
): Promise<void> {
  const [image, text] = [await clip.encodeImage(images, raw), await clip.encodeText(expected.texts, raw)]
  expectClose(`${what} image`, image, tensors.rows('image_embeds'), limits)
  expectClose(`${what} text`, text, tensors.rows('text_embeds'), limits)
  expect(await clip.encodeImage(images[1]!, raw)).toEqual(image[1]) // alone as in a batch
}

describe.each(['portable', 'scalar', 'best'])('timm, %s kernels', kernels => {
  it.each(
    [['f32', f32], ['f16', { cosine: 0.9999 }], ['q8_0', { cosine: 0.998 }], ['q4_0', { cosine: 0.98 }]] as const,
  )('embeds as %s', async (dtype, limits) => {
    await using clip = await withKernels(kernels, () => Clip.load(directory, { dtype, threads: 2 }))
    await checkEmbeddings(clip, `${kernels} ${dtype}`, limits)
  })

  it('names the outputs before they are scaled', async () => {
    await using clip = await withKernels(kernels, () => Clip.load(directory, { dtype: 'f32' }))
    const weights = new TensorFile(path.join(directory, 'open_clip_model.safetensors'))
    const states = await clip.intermediates(images[0]!, { tower: 'image' })
    const [before, after] = [states['vision.hidden.0']!, states['vision.hidden.1']!]
    const [attention, mlp] = [states['vision.block0.attn_out']!, states['vision.block0.mlp_out']!]
    const [ls1, ls2] = ['ls1', 'ls2'].map(part => weights.floats(`visual.trunk.blocks.0.${part}.gamma`))
    after.data.forEach((value, i) => {
      const channel = i % after.width
      const sum = before.data[i]! + ls1![channel]! * attention.data[i]! + ls2![channel]! * mlp.data[i]!
      expect(Math.abs(value - sum)).toBeLessThan(1e-5)
    })
  })
})

it('survives conversion and quantisation', async () => {
  const file = path.join(scratch, 'f32.gguf'), small = path.join(scratch, 'q8_0.gguf')
  await convert(directory, file, { dtype: 'f32' })
  await quantize(file, small, { dtype: 'q8_0' })
  for (const [source, limits] of [[file, f32], [small, { cosine: 0.998 }]] as const) {
    await using clip = await Clip.load(source)
    expect(clip.info.vision).toMatchObject({ layerScale: true, qkvBias: false })
    expect(clip.info.text).toMatchObject({ layerScale: false, qkvBias: true })
    await checkEmbeddings(clip, path.basename(source), limits)
  }
})

// Factors that are powers of two, with the weights before them divided by these, change no bit of the result.
it('open_clip: ls_init_value in both towers', async () => {
  const model = path.join(oracle, 'models', 'openclip-tiny'), scaled = path.join(scratch, 'open-clip')
  cpSync(model, scaled, { recursive: true })
  const weights = new TensorFile(path.join(model, 'open_clip_model.safetensors'))
  const config = JSON.parse(readFileSync(path.join(model, 'open_clip_config.json'), 'utf8')) as {
    model_cfg: Record<string, Record<string, number>>
  }
  for (const tower of ['vision_cfg', 'text_cfg']) config.model_cfg[tower]!.ls_init_value = 1e-5
  writeFileSync(path.join(scaled, 'open_clip_config.json'), JSON.stringify(config))
  writeFileSync(path.join(scaled, 'open_clip_model.safetensors'), withLayerScale(weights))

  await using plain = await Clip.load(model, { dtype: 'f32' })
  await using clip = await Clip.load(scaled, { dtype: 'f32' })
  expect([clip.info.vision!.layerScale, clip.info.text!.layerScale]).toEqual([true, true])
  const reference = referenceModel(model)
  const pictures = reference.tensors.rows('pixel_values').map(tensor => ({ tensor }))
  expectClose('open_clip image', await clip.encodeImage(pictures, raw), await plain.encodeImage(pictures, raw), f32)
  expectClose(
    'open_clip text',
    await clip.encodeText(reference.expected.texts, raw),
    await plain.encodeText(reference.expected.texts, raw),
    f32,
  )
})

function withLayerScale(weights: TensorFile): Buffer {
  const parts: [string, number[], Float32Array][] = []
  const factor = (channel: number): number => 2 ** ((channel % 5) - 2)
  for (const name of weights.names) {
    const { data, shape } = weights.tensor(name) as { data: Float32Array; shape: number[] }
    const output = /^(.*resblocks\.\d+\.)(attn\.out_proj|mlp\.c_proj)\.(weight|bias)$/.exec(name)
    const width = output?.[3] === 'weight' ? shape[1]! : 1
    parts.push([name, shape, output ? data.map((value, i) => value / factor(Math.floor(i / width))) : data])
    if (output?.[3] !== 'bias') continue
    parts.push([`${output[1]}ls_${output[2] === 'attn.out_proj' ? 1 : 2}.gamma`, shape, data.map((_, i) => factor(i))])
  }
  let at = 0
  const entries = parts.map(([name, shape, { byteLength }]) =>
    [name, { dtype: 'F32', shape, data_offsets: [at, at += byteLength] }] as const
  )
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, ...parts.map(([, , data]) =>
    Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  )])
}
