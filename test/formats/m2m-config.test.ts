/** NLLB's text tower: what its configuration and its tensors may say. The numbers: test/reference/drawn.wide.test.ts. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip } from '../../lib/index.js'
import { cache } from '../helpers/oracle'

const { buildSafetensors, parseSafetensors } = require('../fixtures/bad-input/model-files.cjs') as {
  parseSafetensors(bytes: Buffer): { header: Record<string, { dtype: string; shape: number[] }>; data: Buffer }
  buildSafetensors(parts: { text: string; data: Buffer }): Buffer
}

const model = path.join(cache, 'drawn', 'nllb')
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-m2m-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

interface OpenClip {
  model_cfg: { text_cfg: Record<string, unknown> }
}

let count = 0
/** The model with other settings of text_cfg, files beside it, or one more tensor of zeros. */
function changed(
  { text = {}, config, tensor }: { text?: object; config?: object; tensor?: { name: string; shape: number[] } },
): string {
  const folder = path.join(scratch, String(count++))
  cpSync(model, folder, { recursive: true })
  const file = path.join(folder, 'open_clip_config.json')
  const all = JSON.parse(readFileSync(file, 'utf8')) as OpenClip
  Object.assign(all.model_cfg.text_cfg, text)
  writeFileSync(file, JSON.stringify(all))
  if (config) writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config))
  if (tensor) {
    const weights = path.join(folder, 'open_clip_model.safetensors')
    const { header, data } = parseSafetensors(readFileSync(weights))
    const size = 4 * tensor.shape.reduce((product, n) => product * n, 1)
    const added = { dtype: 'F32', shape: tensor.shape, data_offsets: [data.length, data.length + size] }
    const json = JSON.stringify({ ...header, [tensor.name]: added })
    const padded = json.padEnd(Math.ceil(json.length / 8) * 8)
    writeFileSync(weights, buildSafetensors({ text: padded, data: Buffer.concat([data, Buffer.alloc(size)]) }))
  }
  return folder
}

async function embed(folder: string, text = 'a photo of a cat'): Promise<Float32Array> {
  await using clip = await Clip.load(folder, { towers: 'text' })
  return await clip.encodeText(text)
}

const same = { model_type: 'm2m_100', d_model: 48, encoder_layers: 2, encoder_ffn_dim: 72 }

it('takes a configuration of this encoder, and no other', async () => {
  const own = await embed(model)
  expect(await embed(changed({ config: { ...same, encoder_attention_heads: 16 } }))).toEqual(own)
  expect(await embed(changed({ config: { ...same, d_model: 64, encoder_attention_heads: 4 } }))).toEqual(own)
  for (const other of [{ encoder_attention_heads: 4 }, { scale_embedding: false }, { activation_function: 'gelu' }])
    expect(await embed(changed({ config: { ...same, ...other } }))).not.toEqual(own)
  const unknown = embed(changed({ config: { ...same, activation_function: 'swish' } }))
  await expect(unknown).rejects.toMatchObject({ code: 'ERR_CLIP_MODEL_UNSUPPORTED' })
  const heads = embed(changed({ config: { ...same, encoder_attention_heads: 7 } }))
  await expect(heads).rejects.toMatchObject({ code: 'ERR_CLIP_CONFIG_INVALID' })
})

it('computes as many positions as the context asks for', async () => {
  const long = 'a photo of two dogs and a cat in the snow '.repeat(4)
  expect(await embed(changed({ text: { context_length: 60 } }))).toEqual(await embed(model))
  expect(await embed(changed({ text: { context_length: 60 } }), long)).not.toEqual(await embed(model, long))
})

it('pools as the configuration says', async () => {
  const own = await embed(model)
  expect(await embed(changed({ text: { hf_pooler_type: 'cls_last_hidden_state_pooler' } }))).toEqual(own)
  expect(await embed(changed({ text: { hf_pooler_type: 'mean_pooler' } }))).not.toEqual(own)
  const max = embed(changed({ text: { hf_pooler_type: 'max_pooler' } }))
  await expect(max).rejects.toMatchObject({ code: 'ERR_CLIP_MODEL_UNSUPPORTED' })
})

it('ignores the positions that old files have, and refuses learned ones', async () => {
  const name = 'text.transformer.embed_positions.weights'
  expect(await embed(changed({ tensor: { name, shape: [1026, 48] } }))).toEqual(await embed(model))
  const learned = { name: 'text.transformer.embed_positions.weight', shape: [1026, 48] }
  await expect(embed(changed({ tensor: learned }))).rejects.toMatchObject({ code: 'ERR_CLIP_MODEL_UNSUPPORTED' })
})
