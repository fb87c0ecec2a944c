/** mT5 text towers: what a configuration beside the model tells, broken files, and OpenCLIP's model_cfg as config.json. */
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { Clip } from '../../lib/index.js'
import { cache } from '../helpers/oracle'
import { type Json, safetensors, scratch, tensorsOf } from './support'

const folder = scratch('mt5')
const drawn = path.join(cache, 'drawn')
const bias = 'text.transformer.block.0.layer.0.SelfAttention.relative_attention_bias.weight'

function copyOf(model: string, name: string): string {
  const copy = path.join(folder, name)
  cpSync(path.join(drawn, model), copy, { recursive: true })
  return copy
}

async function vectorOf(model: string): Promise<Float32Array> {
  await using clip = await Clip.load(model, { threads: 1 })
  return await clip.encodeText('Two dogs playing in the snow')
}

test('info tells what the tower has', async () => {
  await using clip = await Clip.load(path.join(drawn, 'mt5-narrow'), { threads: 1 })
  expect(clip.info.text).toMatchObject({
    heads: 3,
    headDim: 8,
    width: 48,
    positionBuckets: 16,
    positionBucketDistance: 128,
    scaledScores: false,
    norm: 'rms',
    mlpGate: true,
    activation: 'gelu_tanh',
    pooling: 'mean',
  })
})

test('a configuration of the same encoder beside the model counts, another one does not', async () => {
  const config = { model_type: 'mt5', d_model: 64, num_layers: 3, d_ff: 96, layer_norm_epsilon: 0.05 }
  const same = copyOf('mt5', 'same'), other = copyOf('mt5', 'other')
  writeFileSync(path.join(same, 'config.json'), JSON.stringify(config))
  writeFileSync(path.join(other, 'config.json'), JSON.stringify({ ...config, d_model: 65 }))
  await using first = await Clip.load(same, { threads: 1 })
  await using second = await Clip.load(other, { threads: 1 })
  expect([first.info.text!.normEpsilon, second.info.text!.normEpsilon]).toEqual([Math.fround(0.05), Math.fround(1e-6)])
})

test.each([
  ['buckets that are no multiple of 4', (shape: number[]): number[] => [shape[0]! - 2, shape[1]!], 'CONFIG_INVALID'],
  ['heads that do not divide the queries', (shape: number[]): number[] => [shape[0]!, shape[1]! - 1], 'TENSOR_SHAPE'],
])('%s are refused', async (what, change, code) => {
  const copy = copyOf('mt5', what)
  const file = path.join(copy, 'open_clip_model.safetensors')
  const tensors = tensorsOf(file)
  const { dtype, shape, data } = tensors[bias]!
  const smaller = change(shape)
  tensors[bias] = { dtype, shape: smaller, data: data.subarray(0, 4 * smaller[0]! * smaller[1]!) }
  writeFileSync(file, safetensors(tensors))
  await expect(Clip.load(copy, { threads: 1 })).rejects.toMatchObject({ code: `ERR_CLIP_${code}` })
})

test("OpenCLIP's model_cfg as config.json, with transformers' keys, as ViTamin's authors have it", async () => {
  const copy = copyOf('mt5', 'plain')
  const file = path.join(copy, 'open_clip_config.json')
  const { model_cfg: model } = JSON.parse(readFileSync(file, 'utf8')) as Json
  rmSync(file)
  const config = { _commit_hash: null, architectures: ['ViTaminCLIP'], auto_map: {}, ...model as Json }
  writeFileSync(path.join(copy, 'config.json'), JSON.stringify(config))
  renameSync(path.join(copy, 'open_clip_model.safetensors'), path.join(copy, 'model.safetensors'))
  expect(await vectorOf(copy)).toEqual(await vectorOf(path.join(drawn, 'mt5')))
  writeFileSync(path.join(copy, 'config.json'), JSON.stringify({ ...config, surprise: 1 }))
  await expect(Clip.load(copy)).rejects.toMatchObject({ code: 'ERR_CLIP_MODEL_UNSUPPORTED' })
})
