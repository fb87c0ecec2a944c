// Writes a full-size CLIP ViT-B/32 checkpoint with pseudo-random weights into a directory: the shapes of
// openai/clip-vit-base-patch32, values from a fixed generator, so that every machine measures the same model.
// usage: node make-b32.mjs DIR
import fs from 'node:fs'
import path from 'node:path'

const vision = { prefix: 'vision_model', width: 768, layers: 12, mlp: 3072 }
const text = { prefix: 'text_model', width: 512, layers: 12, mlp: 2048 }
const dim = 512

/** [name, shape, standard deviation, mean] of every tensor. */
function tensors() {
  const list = []
  for (const { prefix, width, layers, mlp } of [vision, text]) {
    const spread = 1 / Math.sqrt(width)
    for (let i = 0; i < layers; i++) {
      const block = `${prefix}.encoder.layers.${i}`
      for (const part of ['q', 'k', 'v', 'out']) {
        list.push([`${block}.self_attn.${part}_proj.weight`, [width, width], spread, 0], [`${block}.self_attn.${part}_proj.bias`, [width], 0.1, 0])
      }
      for (const norm of ['layer_norm1', 'layer_norm2']) list.push([`${block}.${norm}.weight`, [width], 0.2, 1], [`${block}.${norm}.bias`, [width], 0.1, 0])
      list.push([`${block}.mlp.fc1.weight`, [mlp, width], spread, 0], [`${block}.mlp.fc1.bias`, [mlp], 0.1, 0])
      list.push([`${block}.mlp.fc2.weight`, [width, mlp], spread / 2, 0], [`${block}.mlp.fc2.bias`, [width], 0.1, 0])
    }
  }
  for (const norm of ['vision_model.pre_layrnorm', 'vision_model.post_layernorm']) list.push([`${norm}.weight`, [768], 0.2, 1], [`${norm}.bias`, [768], 0.1, 0])
  list.push(['text_model.final_layer_norm.weight', [512], 0.2, 1], ['text_model.final_layer_norm.bias', [512], 0.1, 0])
  list.push(['vision_model.embeddings.class_embedding', [768], 0.5, 0], ['vision_model.embeddings.patch_embedding.weight', [768, 3, 32, 32], 0.02, 0])
  list.push(['vision_model.embeddings.position_embedding.weight', [50, 768], 0.3, 0], ['text_model.embeddings.position_embedding.weight', [77, 512], 0.1, 0])
  list.push(['text_model.embeddings.token_embedding.weight', [49408, 512], 0.25, 0])
  list.push(['visual_projection.weight', [dim, 768], 1 / 28, 0], ['text_projection.weight', [dim, 512], 1 / 22, 0], ['logit_scale', [], 0, Math.log(100)])
  return list
}

/** About normal: the sum of four uniform numbers of a 32-bit xorshift generator (Marsaglia 2003). */
function fill(values, spread, mean, seed) {
  let x = seed
  const next = () => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return (x >>> 0) / 2 ** 32
  }
  for (let i = 0; i < values.length; i++) values[i] = mean + spread * Math.sqrt(3) * (next() + next() + next() + next() - 2)
}

const config = {
  model_type: 'clip', architectures: ['CLIPModel'], projection_dim: dim,
  text_config: { model_type: 'clip_text_model', bos_token_id: 49406, eos_token_id: 49407 }, // the rest are the defaults
  vision_config: { model_type: 'clip_vision_model' },
}
const preprocessor = {
  image_processor_type: 'CLIPImageProcessor', do_resize: true, do_center_crop: true, do_rescale: true, do_normalize: true, do_convert_rgb: true,
  size: { shortest_edge: 224 }, crop_size: { height: 224, width: 224 }, resample: 3, rescale_factor: 1 / 255,
  image_mean: [0.48145466, 0.4578275, 0.40821073], image_std: [0.26862954, 0.26130258, 0.27577711],
}

export function makeB32(directory) {
  const file = path.join(directory, 'model.safetensors')
  if (fs.existsSync(file)) return directory
  fs.mkdirSync(directory, { recursive: true })
  const list = tensors()
  const header = {}
  let offset = 0
  for (const [name, shape] of list) {
    const bytes = 4 * shape.reduce((product, n) => product * n, 1)
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset += bytes] }
  }
  let json = JSON.stringify(header)
  json += ' '.repeat((8 - (json.length % 8)) % 8)
  const out = fs.openSync(`${file}.new`, 'w')
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  fs.writeSync(out, length)
  fs.writeSync(out, json)
  list.forEach(([, shape, spread, mean], i) => {
    const values = new Float32Array(shape.reduce((product, n) => product * n, 1))
    fill(values, spread, mean, 0x9e3779b9 + i)
    fs.writeSync(out, new Uint8Array(values.buffer))
  })
  fs.closeSync(out)
  fs.renameSync(`${file}.new`, file)
  fs.writeFileSync(path.join(directory, 'config.json'), JSON.stringify(config, null, 2))
  fs.writeFileSync(path.join(directory, 'preprocessor_config.json'), JSON.stringify(preprocessor, null, 2))
  return directory
}

if (process.argv[1] === import.meta.filename) makeB32(process.argv[2])
