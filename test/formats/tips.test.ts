/** TIPS: the scores' factor, towers saved alone, a text without tokens, and configurations that are refused. */
import { cpSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { Clip, inspect } from '../../lib/index.js'
import { cache } from '../helpers/oracle'
import { configOf, type Json, safetensors, scratch, tensorsOf } from './support'

const folder = scratch('tips')
const drawn = path.join(cache, 'drawn')

/** A copy of a drawn model with another configuration and other tensors; a tensor becomes '' to leave it out. */
function changed(
  name: string,
  model: string,
  change: (json: Json) => Json,
  rename: (tensor: string) => string = tensor => tensor,
): string {
  const copy = path.join(folder, name)
  cpSync(path.join(drawn, model), copy, { recursive: true })
  writeFileSync(path.join(copy, 'config.json'), JSON.stringify(change(configOf(copy))))
  const file = path.join(copy, 'model.safetensors')
  const kept = Object.entries(tensorsOf(file)).map(([tensor, value]) => [rename(tensor), value] as const)
  writeFileSync(file, safetensors(Object.fromEntries(kept.filter(([tensor]) => tensor !== ''))))
  return copy
}

test.each([
  ['tips', 1 / 0.015], // the tensor
  ['tips-google', 1 / 0.004], // config.json
])('%s divides scores by its temperature', async (model, scale) => {
  await using clip = await Clip.load(path.join(drawn, model), { threads: 1 })
  expect(clip.info.logitScale).toBeCloseTo(scale, 3)
})

test('pictures are squeezed to the square, and not normalised', async () => {
  await using clip = await Clip.load(path.join(drawn, 'tips'), { threads: 1 })
  expect(clip.info.vision).toMatchObject({
    resizeMode: 'squash',
    interpolation: 'bilinear',
    resizeSize: 40,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    positionFilter: 'bilinear_antialias',
  })
})

test.each([['tips', 'vision_encoder.'], ['tips-transformers', 'vision_model.']])(
  '%s: an image tower saved alone, without a prefix',
  async (model, prefix) => {
    const alone = changed(
      `${model}-image`,
      model,
      json => ({ ...json.vision_config as Json, architectures: ['Tipsv2VisionModel'] }),
      name => (name.startsWith(prefix) ? name.slice(prefix.length) : ''),
    )
    const image = { tensor: Float32Array.from({ length: 3 * 40 * 40 }, (_, i) => Math.sin(i)), width: 40, height: 40 }
    await using whole = await Clip.load(path.join(drawn, model), { threads: 1 })
    await using part = await Clip.load(alone, { threads: 1 })
    expect(await part.encodeImage(image)).toEqual(await whole.encodeImage(image))
    await expect(part.encodeText('a')).rejects.toMatchObject({ code: 'ERR_CLIP_TOWER_MISSING' })
  },
)

test.each([['tips', 'text_encoder.'], ['tips-transformers', 'text_model.']])(
  '%s: a text tower saved alone, without a prefix',
  async (model, prefix) => {
    const alone = changed(
      `${model}-text`,
      model,
      json => ({ ...json.text_config as Json, architectures: ['Tipsv2TextModel'] }),
      name => (name.startsWith(prefix) ? name.slice(prefix.length) : ''),
    )
    await using whole = await Clip.load(path.join(drawn, model), { threads: 1 })
    await using part = await Clip.load(alone, { threads: 1 })
    expect(await part.encodeText('a photo of a cat')).toEqual(await whole.encodeText('a photo of a cat'))
  },
)

test('a text without a token is refused by its name', async () => {
  await using clip = await Clip.load(path.join(drawn, 'tips'), { threads: 1 })
  await expect(clip.encodeText(['a photo', ' '])).rejects.toMatchObject({
    code: 'ERR_CLIP_OUT_OF_RANGE',
    message: expect.stringContaining('texts[1]') as string,
  })
})

const refused: [model: string, change: (json: Json) => Json, word: string][] = [
  ['tips-google', json => ({ ...json, vision_fn: 'vit_nano' }), 'vision_fn'],
  ['tips-google', json => ({ ...json, ffn_layer: 'swish' }), 'ffn_layer'],
  ['tips-google', json => ({ ...json, ffn_layer: 'mlp' }), 'mlp.fc2'],
  ['tips-google', json => ({ ...json, temperature: 0 }), 'temperature'],
  ['tips', json => ({ ...json, text_config: { ...json.text_config as Json, hidden_act: 'swish' } }), 'hidden_act'],
  ['tips', json => ({ ...json, vision_config: { ...json.vision_config as Json, use_swiglu_ffn: true } }), 'mlp.w12'],
  ['tips', json => ({ ...json, model_type: 'tipsv2_dpt' }), 'tipsv2_dpt'],
]

test.each(refused.map(([model, change, word], i) => ({ model, change, word, i })))('$i $model: $word', async of => {
  const copy = changed(`refused-${of.i}`, of.model, of.change)
  await expect(Clip.load(copy, { threads: 1 })).rejects.toMatchObject({
    code: expect.stringMatching(/^ERR_CLIP_(MODEL_UNSUPPORTED|CONFIG_INVALID|TENSOR_MISSING)$/) as string,
    message: expect.stringContaining(of.word) as string,
  })
  const found = await inspect(copy)
  expect(found.problems.some(problem => problem.message.includes(of.word))).toBe(true)
})

test('a temperature that is no number above 0 is refused', async () => {
  const copy = changed('cold', 'tips', json => json)
  const file = path.join(copy, 'model.safetensors')
  const tensors = tensorsOf(file)
  tensors.temperature!.data = Buffer.alloc(4)
  writeFileSync(file, safetensors(tensors))
  await expect(Clip.load(copy, { threads: 1 })).rejects.toMatchObject({
    code: 'ERR_CLIP_CONFIG_INVALID',
    message: expect.stringContaining('tensor temperature') as string,
  })
})
