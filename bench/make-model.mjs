// Writes a full-size CLIP checkpoint with pseudo-random weights into build/bench/<name>: the same bytes on every machine.
// The rule is the one of the reference files (test/fixtures/oracle/models/b32-config/WEIGHTS.md; vit-b-32 is that very file, byte for byte),
// carried over to other widths.
//
//   node bench/make-model.mjs [vit-b-32 | vit-b-16 | vit-l-14 ...]
import fs from 'node:fs'
import path from 'node:path'

import { benchModel, modelNames } from './models.mjs'

const vocabulary = 49408
const context = 77

/** 1 / sqrt(width), as the rule rounds it. */
const scales = { 512: 1 / 22, 768: 1 / 28, 1024: 1 / 32 }

/** [name, shape] of every tensor, sorted by name. */
export function tensors({ vision, text, dim, patch }) {
  const tokens = (224 / patch) ** 2 + 1
  const list = [
    ['vision_model.embeddings.class_embedding', [vision.width]],
    ['vision_model.embeddings.patch_embedding.weight', [vision.width, 3, patch, patch]],
    ['vision_model.embeddings.position_embedding.weight', [tokens, vision.width]],
    ['text_model.embeddings.position_embedding.weight', [context, text.width]],
    ['text_model.embeddings.token_embedding.weight', [vocabulary, text.width]],
    ['visual_projection.weight', [dim, vision.width]],
    ['text_projection.weight', [dim, text.width]],
    ['logit_scale', []],
  ]
  const affine = (name, out, ...rest) => list.push([`${name}.weight`, [out, ...rest]], [`${name}.bias`, [out]])
  for (const [tower, { width, layers = 12 }] of [['vision_model', vision], ['text_model', text]]) {
    for (let i = 0; i < layers; i++) {
      const block = `${tower}.encoder.layers.${i}`
      for (const part of ['q', 'k', 'v', 'out']) affine(`${block}.self_attn.${part}_proj`, width, width)
      for (const norm of [1, 2]) affine(`${block}.layer_norm${norm}`, width)
      affine(`${block}.mlp.fc1`, 4 * width, width)
      affine(`${block}.mlp.fc2`, width, 4 * width)
    }
  }
  for (const norm of ['pre_layrnorm', 'post_layernorm']) affine(`vision_model.${norm}`, vision.width)
  affine('text_model.final_layer_norm', text.width)
  return list.sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Mean and standard deviation of a tensor. */
function moments(name, { vision, text }) {
  const isVision = name.startsWith('vision')
  const scale = scales[name.startsWith('visual') ? vision.width : isVision ? vision.width : text.width]
  const isBias = name.endsWith('.bias')
  if (/layer_norm|layrnorm|layernorm/.test(name)) return isBias ? [0, 0.1] : [1, 0.2]
  if (name === 'logit_scale') return [4.605170249938965, 0]
  if (name.includes('class_embedding')) return [0, 0.5]
  if (name.includes('patch_embedding')) return [0, 0.02]
  if (name.includes('position_embedding')) return [0, isVision ? 0.3 : 0.1]
  if (name.includes('token_embedding')) return [0, 0.25]
  if (name.includes('projection')) return [0, scale]
  if (isBias) return name.includes('fc1') ? [-0.2, 0.25] : [0, 0.1]
  const factor = /[qk]_proj/.test(name) ? 1.4 : name.includes('fc2') ? 0.4 : name.includes('fc1') ? 1.1 : 0.8
  return [0, factor * scale]
}

function hash(text) { // FNV-1a
  let h = 0x811c9dc5
  for (const byte of Buffer.from(text)) h = Math.imul(h ^ byte, 0x01000193)
  return h
}

function mix(value) {
  let x = value ^ (value >>> 16)
  x = Math.imul(x, 0x7feb352d)
  x ^= x >>> 15
  x = Math.imul(x, 0x846ca68b)
  return (x ^ (x >>> 16)) >>> 0
}

/** Values `start` and on of the tensor `name`, into `out`. */
export function fill(out, name, model, start = 0) {
  const [mean, deviation] = moments(name, model)
  const [seedA, seedB] = [hash(`${name}#a`), hash(`${name}#b`)]
  for (let k = 0; k < out.length; k++) {
    const i = Math.imul(start + k, 0x9e3779b1)
    const a = mix((i + seedA) | 0)
    const b = mix((i + seedB) | 0)
    out[k] = mean + deviation * (((a & 0xffff) + (a >>> 16) + (b & 0xffff) + (b >>> 16) - 131070) / 37837.22)
  }
}

function configOf({ vision, text, dim, patch }) {
  const part = ({ width, heads, layers = 12 }) => ({
    hidden_size: width,
    intermediate_size: 4 * width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    hidden_act: 'quick_gelu',
    layer_norm_eps: 1e-5,
    projection_dim: dim,
  })
  return {
    model_type: 'clip',
    architectures: ['CLIPModel'],
    projection_dim: dim,
    text_config: {
      model_type: 'clip_text_model',
      ...part(text),
      vocab_size: vocabulary,
      max_position_embeddings: context,
      bos_token_id: 49406,
      eos_token_id: 49407,
      pad_token_id: 1,
    },
    vision_config: {
      model_type: 'clip_vision_model',
      ...part(vision),
      image_size: 224,
      patch_size: patch,
      num_channels: 3,
    },
  }
}

const preprocessor = {
  image_processor_type: 'CLIPImageProcessor',
  do_resize: true,
  do_center_crop: true,
  do_rescale: true,
  do_normalize: true,
  do_convert_rgb: true,
  size: { shortest_edge: 224 },
  crop_size: { height: 224, width: 224 },
  resample: 3,
  rescale_factor: 1 / 255,
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
}

/** Makes the checkpoint, in `build/bench` where no folder is named, unless it is there; returns the model. */
export function makeModel(name, directory = benchModel(name).directory) {
  const model = { ...benchModel(name), directory }
  const file = path.join(directory, 'model.safetensors')
  if (fs.existsSync(file)) return model
  fs.mkdirSync(directory, { recursive: true })
  fs.writeFileSync(path.join(directory, 'config.json'), JSON.stringify(configOf(model), null, 2))
  fs.writeFileSync(path.join(directory, 'preprocessor_config.json'), JSON.stringify(preprocessor, null, 2))
  const list = tensors(model).map(([tensor, shape]) => ({
    tensor,
    shape,
    count: shape.reduce((product, n) => product * n, 1),
  }))
  const header = {}
  let offset = 0
  for (const { tensor, shape, count } of list)
    header[tensor] = { dtype: 'F32', shape, data_offsets: [offset, offset += 4 * count] }
  let json = JSON.stringify(header)
  json += ' '.repeat((8 - (json.length % 8)) % 8)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  const out = fs.openSync(`${file}.new`, 'w')
  fs.writeSync(out, length)
  fs.writeSync(out, json)
  const chunk = new Float32Array(1 << 20)
  for (const { tensor, count } of list) {
    for (let start = 0; start < count; start += chunk.length) {
      const part = chunk.subarray(0, Math.min(chunk.length, count - start))
      fill(part, tensor, model, start)
      fs.writeSync(out, new Uint8Array(part.buffer, 0, part.byteLength))
    }
  }
  fs.closeSync(out)
  fs.renameSync(`${file}.new`, file)
  return model
}

if (process.argv[1] === import.meta.filename) {
  for (const name of process.argv.length > 2 ? process.argv.slice(2) : modelNames)
    process.stdout.write(`${makeModel(name).directory}\n`)
}
