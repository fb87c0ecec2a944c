// GGUF files in clip.cpp's layout, as scripts/oracle/reference/gguf_lib.py wrote them with the gguf package: the same bytes.
// The rounding is that package's, not ggclip's.
'use strict'

const { buildGguf, parseSafetensors, u32, u64, f32, string } = require('../fixtures/bad-input/model-files.cjs')

/** Numbers of the tensor types, and those that clip.cpp stores for a file. */
const types = { f32: 0, f16: 1, q4_0: 2, q8_0: 8 }
const fileTypes = { f32: 0, f16: 1, q4_0: 2, q8_0: 8 }

/**
 * @param {Buffer} weights the safetensors file of a Hugging Face CLIP
 * @param {{ config: any, preprocessor: any, tokens: string[], name: string, kind: 'f32' | 'f16' | 'q8_0' | 'q4_0' }} model
 */
function clipCppFile(weights, { config, preprocessor, tokens, name, kind }) {
  const tensors = []
  const parts = []
  let offset = 0
  const { header, data } = parseSafetensors(weights)
  for (const [key, { shape, data_offsets: offsets }] of Object.entries(header)) {
    if (key === '__metadata__' || key === 'logit_scale' || key.endsWith('position_ids')) continue
    const [begin, end] = offsets
    const values = new Float32Array(data.buffer.slice(data.byteOffset + begin, data.byteOffset + end))
    const type = shape.length === 4 ? 'f16' : key.endsWith('.weight') && shape.length === 2 ? kind : 'f32'
    const bytes = encode(values, type)
    tensors.push({ name: nameOf(key), dims: [...shape].reverse(), type: types[type], offset })
    parts.push(bytes, Buffer.alloc((32 - (bytes.length % 32)) % 32))
    offset += Math.ceil(bytes.length / 32) * 32
  }
  const { text_config: text, vision_config: vision } = config
  const word = (key, value) => ({ key, type: 8, value: string(value) })
  const flag = (key, value) => ({ key, type: 7, value: Buffer.from([value ? 1 : 0]) })
  const count = (key, value) => ({ key, type: 4, value: u32(value) })
  const real = (key, value) => ({ key, type: 6, value: f32(value) })
  const list = (key, type, items) => ({ key, type: 9, value: Buffer.concat([u32(type), u64(items.length), ...items]) })
  const tower = (prefix, of) => [
    count(`${prefix}.embedding_length`, of.hidden_size),
    count(`${prefix}.feed_forward_length`, of.intermediate_size),
    count(`${prefix}.projection_dim`, config.projection_dim),
    count(`${prefix}.attention.head_count`, of.num_attention_heads),
    real(`${prefix}.attention.layer_norm_epsilon`, 1e-5),
    count(`${prefix}.block_count`, of.num_hidden_layers),
  ]
  const keys = [
    word('general.architecture', 'clip'),
    flag('clip.has_text_encoder', true),
    flag('clip.has_vision_encoder', true),
    count('general.file_type', fileTypes[kind]),
    word('general.name', name),
    word('general.description', 'two-tower CLIP model'),
    ...(kind.startsWith('q') ? [count('general.quantization_version', 2)] : []),
    count('clip.text.context_length', 77),
    ...tower('clip.text', text),
    list('tokenizer.ggml.tokens', 8, tokens.map(string)),
    count('clip.vision.image_size', vision.image_size),
    count('clip.vision.patch_size', vision.patch_size),
    ...tower('clip.vision', vision),
    list('clip.vision.image_mean', 6, preprocessor.image_mean.map(f32)),
    list('clip.vision.image_std', 6, preprocessor.image_std.map(f32)),
    flag('clip.use_gelu', vision.hidden_act === 'gelu'),
  ]
  return buildGguf({ magic: 'GGUF', version: 3, keys, tensors, data: Buffer.concat(parts) })
}

/** clip.cpp calls the first matrix of an MLP ffn_down, and the second ffn_up. */
const renames = [
  ['text_model', 't'],
  ['vision_model', 'v'],
  ['encoder.layers', 'blk'],
  ['embeddings.', ''],
  ['_proj', ''],
  ['self_attn.', 'attn_'],
  ['layer_norm', 'ln'],
  ['layernorm', 'ln'],
  ['mlp.fc1', 'ffn_down'],
  ['mlp.fc2', 'ffn_up'],
  ['embedding', 'embd'],
  ['final', 'post'],
  ['layrnorm', 'ln'],
]
function nameOf(key) {
  return key.includes('projection') ? key : renames.reduce((name, [from, to]) => name.replaceAll(from, to), key)
}

function encode(values, type) {
  if (type === 'f32') return Buffer.from(values.buffer)
  const halves = Buffer.alloc(2 * values.length)
  values.forEach((value, i) => halves.writeUInt16LE(half(value), 2 * i))
  if (type === 'f16') return halves
  // quantised files were made from the f16 ones
  const rounded = values.map((_, i) => single(halves.readUInt16LE(2 * i)))
  const blocks = []
  for (let at = 0; at < rounded.length; at += 32)
    blocks.push((type === 'q8_0' ? q8 : q4)(rounded.subarray(at, at + 32)))
  return Buffer.concat(blocks)
}

function q8(block) {
  const scale = Math.fround(block.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127)
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale)
  const bytes = Buffer.alloc(34)
  bytes.writeUInt16LE(half(scale))
  block.forEach((value, i) => {
    const scaled = Math.fround(value * inverse)
    bytes.writeInt8(Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5), 2 + i)
  })
  return bytes
}

function q4(block) {
  const widest = block.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0)
  const scale = Math.fround(widest / -8)
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale)
  const bytes = Buffer.alloc(18)
  bytes.writeUInt16LE(half(scale))
  block.forEach((value, i) => {
    bytes[2 + (i % 16)] |= Math.min(15, Math.trunc(Math.fround(Math.fround(value * inverse) + 8.5))) << (i < 16 ? 0 : 4)
  })
  return bytes
}

const number = new Float32Array(1)
const word = new Uint32Array(number.buffer)

/** float16 of a number, to the nearest, ties to even. */
function half(value) {
  number[0] = value
  const sign = (word[0] >>> 16) & 0x8000
  const size = Math.abs(number[0])
  if (size >= 65520) return sign | 0x7c00
  const exponent = Math.max(-14, Math.floor(Math.log2(size)))
  const steps = size * 2 ** (10 - exponent) // exact: a power of two
  const down = Math.floor(steps)
  const rest = steps - down
  const rounded = down + (rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? 1 : 0)
  // a mantissa that overflows carries into the exponent, as it should
  return sign | (rounded + (exponent + 14) * 1024)
}

function single(bits) {
  const exponent = (bits >> 10) & 31
  const size = exponent === 0 ? (bits & 1023) * 2 ** -24 : (1024 + (bits & 1023)) * 2 ** (exponent - 25)
  return bits & 0x8000 ? -size : size
}

module.exports = { clipCppFile }
