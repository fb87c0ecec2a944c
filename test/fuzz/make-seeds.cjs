// Writes seeds/TARGET/*: the smallest models of each layout, and small forms of hostile files, which the fuzz targets start from. Their weights come from a
// rule, so that the files are the same at every run. Needs a build. Usage: node test/fuzz/make-seeds.cjs
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { convert } = require('../../dist/index.js')
const { parseGguf, buildGguf } = require('../fixtures/bad-input/model-files.cjs')
const torch = require('../fixtures/torch/zip.cjs')

const seeds = path.join(__dirname, 'seeds')

// ---- tensors -------------------------------------------------------------------------------------------------------

/** name -> shape of a block, [out, in] as PyTorch has it */
const layers = (prefix, pairs) =>
  pairs.flatMap((
    [name, out, into],
  ) => [[`${prefix}${name}.weight`, into === undefined ? [out] : [out, into]], [`${prefix}${name}.bias`, [out]]])

function hfTower(prefix, width, ff) {
  const block = `${prefix}encoder.layers.0.`
  return [
    ...layers(`${block}self_attn.`, ['q_proj', 'k_proj', 'v_proj', 'out_proj'].map(name => [name, width, width])),
    ...layers(block, [['layer_norm1', width], ['mlp.fc1', ff, width], ['mlp.fc2', width, ff], ['layer_norm2', width]]),
  ]
}

const hfClip = width => [
  ['vision_model.embeddings.class_embedding', [width]],
  ['vision_model.embeddings.patch_embedding.weight', [width, 3, 2, 2]],
  ['vision_model.embeddings.position_embedding.weight', [5, width]],
  ...layers('vision_model.', [['pre_layrnorm', width], ['post_layernorm', width]]),
  ...hfTower('vision_model.', width, width),
  ['text_model.embeddings.token_embedding.weight', [8, width]],
  ['text_model.embeddings.position_embedding.weight', [4, width]],
  ...layers('text_model.', [['final_layer_norm', width]]),
  ...hfTower('text_model.', width, width),
  ['visual_projection.weight', [width, width]],
  ['text_projection.weight', [width, width]],
  ['logit_scale', []],
]

const hfSiglip = width => [
  ['vision_model.embeddings.patch_embedding.weight', [width, 3, 2, 2]],
  ['vision_model.embeddings.patch_embedding.bias', [width]],
  ['vision_model.embeddings.position_embedding.weight', [4, width]],
  ...hfTower('vision_model.', width, width),
  ...layers('vision_model.', [['post_layernorm', width]]),
  ['vision_model.head.probe', [1, 1, width]],
  ['vision_model.head.attention.in_proj_weight', [3 * width, width]],
  ['vision_model.head.attention.in_proj_bias', [3 * width]],
  ...layers('vision_model.head.', [['attention.out_proj', width, width], ['layernorm', width], ['mlp.fc1', width,
    width], ['mlp.fc2', width, width]]),
  ['text_model.embeddings.token_embedding.weight', [8, width]],
  ['text_model.embeddings.position_embedding.weight', [4, width]],
  ...hfTower('text_model.', width, width),
  ...layers('text_model.', [['final_layer_norm', width], ['head', width, width]]),
  ['logit_scale', [1]],
  ['logit_bias', [1]],
]

function openClipTower(prefix, width, ff) {
  const block = `${prefix}transformer.resblocks.0.`
  return [
    [`${block}attn.in_proj_weight`, [3 * width, width]],
    [`${block}attn.in_proj_bias`, [3 * width]],
    ...layers(block, [['attn.out_proj', width, width], ['ln_1', width], ['mlp.c_fc', ff, width], ['mlp.c_proj', width,
      ff], ['ln_2', width]]),
  ]
}

/** OpenAI's layout needs heads of 64 values. */
const openClip = width => [
  ['visual.class_embedding', [width]],
  ['visual.positional_embedding', [5, width]],
  ['visual.proj', [width, width]],
  ['visual.conv1.weight', [width, 3, 2, 2]],
  ...layers('visual.', [['ln_pre', width], ['ln_post', width]]),
  ...openClipTower('visual.', width, 4 * width),
  ['token_embedding.weight', [8, width]],
  ['positional_embedding', [4, width]],
  ...layers('', [['ln_final', width]]),
  ...openClipTower('', width, 4 * width),
  ['text_projection', [width, width]],
  ['logit_scale', []],
]

/** Small values that are exact in 16 bits; norms near one. */
function values(name, count) {
  const norm = /(norm|ln)\w*\.weight$/.test(name) ? 1 : 0
  return Float32Array.from({ length: count }, (_, i) => norm + (((i * 37 + name.length * 11) % 65) - 32) / 64)
}

const half = floats =>
  Uint16Array.from(floats, value => {
    const bits = new Uint32Array(Float32Array.of(value).buffer)[0]
    if (value === 0) return 0
    return ((bits >>> 16) & 0x8000) | (((bits >>> 23) - 112) & 0x1f) << 10 | ((bits >>> 13) & 0x3ff)
  })

function tensorsOf(list, dtype) {
  return Object.fromEntries(list.map(([name, shape]) => {
    const floats = values(name, shape.reduce((a, b) => a * b, 1))
    const array = dtype === 'F16' ? half(floats) : floats
    return [name, { dtype, shape, data: Buffer.from(array.buffer) }]
  }))
}

function safetensors(tensors) {
  let at = 0
  const header = Object.fromEntries(
    Object.entries(tensors).map((
      [name, { dtype, shape, data }],
    ) => [name, { dtype, shape, data_offsets: [at, at += data.length] }]),
  )
  const json = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, ...Object.values(tensors).map(({ data }) => data)])
}

// ---- configurations ------------------------------------------------------------------------------------------------

const tower = (width, more) => ({
  hidden_size: width,
  intermediate_size: width,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  ...more,
})
const hfConfig = (type, width, more) => ({
  model_type: type,
  projection_dim: width,
  text_config: tower(width, { vocab_size: 8, max_position_embeddings: 4, bos_token_id: 6, eos_token_id: 7 }),
  vision_config: tower(width, { image_size: 5, patch_size: 2 }),
  ...more,
})
const openClipConfig = width => ({
  model_cfg: {
    embed_dim: width,
    vision_cfg: { image_size: 5, layers: 1, width, patch_size: 2, head_width: 4 },
    text_cfg: { context_length: 4, vocab_size: 8, width, heads: 2, layers: 1 },
  },
  preprocess_cfg: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], interpolation: 'bicubic', resize_mode: 'squash' },
})
const preprocessor = {
  image_mean: [0.5, 0.4, 0.3],
  image_std: [0.5, 0.5, 0.5],
  size: { shortest_edge: 5 },
  crop_size: { height: 5, width: 5 },
  resample: 3,
  do_resize: true,
  do_center_crop: true,
  do_normalize: true,
  do_rescale: true,
  rescale_factor: 1 / 255,
}

/** The files of a folder in the form that folder-fuzz.cpp takes. */
const folder = files =>
  Buffer.concat(
    Object.entries(files).flatMap((
      [name, content],
    ) => [Buffer.from(`\n== ${name}\n`), Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content))]),
  )

// ---- hostile files ---------------------------------------------------------------------------------------------------

/** As many values as before in rows of another length, which blocks of 32 do not divide as they did. */
function squeezed(file, name, dims) {
  const parts = parseGguf(file)
  return buildGguf({
    ...parts,
    tensors: parts.tensors.map(tensor => (tensor.name === name ? { ...tensor, dims } : tensor)),
  })
}

/** Pickles that cost far more than their size, each way with what it grows by: a class's name, a tensor's, arguments, modules. */
function bombs() {
  const { op, text, global, tuple, tensor } = torch
  const put = i => op(`q${String.fromCharCode(i)}`), get = i => op(`h${String.fromCharCode(i)}`)
  const times = (n, ...parts) => Buffer.concat(Array.from({ length: n }, () => Buffer.concat(parts)))
  const one = tensor({ elements: 16, shape: [1], stride: [1] })
  const module = (i, parts) => Buffer.concat([get(99), op(')\x81}('), ...parts, op('ub'), put(i), op('0')])
  return {
    'class-name': [text('__torch__'), put(0), op('0'), text('A'.repeat(2000)), put(1), op('0'),
      times(60, get(0), get(1), op('\x930')), op('}')],
    'tensor-name': [text('A'.repeat(2000)), put(0), op('0'), one, put(1), op('0}('), times(60, get(0), get(1)),
      op('u')],
    'arguments': [global('torch', 'Size'), put(0), op('0'), tuple(Array.from({ length: 200 }, () => op('N'))), put(1),
      op('0'), times(60, get(0), get(1), op('R0')), op('}')],
    'modules': [global('__torch__', 'M'), put(99), op('0'), text('a'), put(100), op('0'), text('b'), put(101), op('0'),
      module(0, []), ...Array.from({ length: 12 }, (_, i) => module(i + 1, [get(100), get(i), get(101), get(i)])),
      get(12)],
    'marks': [times(500, op('(')), op('}')],
  }
}

const bombArchive = parts =>
  torch.zip([['a/data.pkl', torch.pickle(Buffer.concat(parts))], ['a/data/0', Buffer.alloc(64)]])

// ---- files ---------------------------------------------------------------------------------------------------------

function write(target, name, bytes) {
  fs.mkdirSync(path.join(seeds, target), { recursive: true })
  fs.writeFileSync(path.join(seeds, target, name), bytes)
}

async function writeGguf(name, dtype, files) {
  const scratch = fs.mkdtempSync(path.join(require('node:os').tmpdir(), 'ggclip-seeds-'))
  try {
    for (const [file, content] of Object.entries(files))
      fs.writeFileSync(path.join(scratch, file), Buffer.isBuffer(content) ? content : JSON.stringify(content))
    const out = path.join(scratch, 'out.gguf')
    await convert(scratch, out, { dtype })
    write('gguf', name, fs.readFileSync(out))
  } finally {
    fs.rmSync(scratch, { recursive: true })
  }
}

async function main() {
  fs.rmSync(seeds, { recursive: true, force: true })
  const clip = tensorsOf(hfClip(8), 'F32'), clip16 = tensorsOf(hfClip(8), 'F16'), clip32 = tensorsOf(hfClip(32), 'F16')
  const siglip = tensorsOf(hfSiglip(8), 'F16'),
    open = tensorsOf(openClip(8), 'F16'),
    openai = tensorsOf(openClip(64), 'F16')

  write('safetensors', 'clip-f32', safetensors(clip))
  write('safetensors', 'clip-f16', safetensors(clip16))
  write('torch', 'clip-f32.pt', torch.checkpoint(clip))
  write('torch', 'clip-f16-zip64.pt', torch.checkpoint(clip16, { zip64: true }))
  write('torch', 'openai.pt', torch.checkpoint(openai))
  for (const [name, parts] of Object.entries(bombs())) write('torch', `bomb-${name}.pt`, bombArchive(parts))
  write(
    'folder',
    'clip',
    folder({
      'config.json': hfConfig('clip', 8),
      'preprocessor_config.json': preprocessor,
      'tokenizer_config.json': { tokenizer_class: 'CLIPTokenizer' },
      'model.safetensors': safetensors(clip16),
    }),
  )
  write(
    'folder',
    'siglip',
    folder({
      'config.json': hfConfig('siglip', 8),
      'preprocessor_config.json': { size: { height: 5, width: 5 } },
      'model.safetensors': safetensors(siglip),
    }),
  )
  write(
    'folder',
    'open-clip',
    folder({ 'open_clip_config.json': openClipConfig(8), 'open_clip_model.safetensors': safetensors(open) }),
  )
  const names = Object.keys(clip16)
  const part = which => Object.fromEntries(names.filter((_, i) => i % 2 === which).map(name => [name, clip16[name]]))
  const file = which => `model-0000${which + 1}-of-00002.safetensors`
  write(
    'folder',
    'shards',
    folder({
      'config.json': hfConfig('clip', 8),
      [file(0)]: safetensors(part(0)),
      [file(1)]: safetensors(part(1)),
      'model.safetensors.index.json': {
        metadata: {},
        weight_map: Object.fromEntries(names.map((name, i) => [name, file(i % 2)])),
      },
    }),
  )
  await writeGguf('clip-f32', 'f32', { 'config.json': hfConfig('clip', 8), 'model.safetensors': safetensors(clip) })
  await writeGguf('siglip-f16', 'f16', {
    'config.json': hfConfig('siglip', 8),
    'model.safetensors': safetensors(siglip),
  })
  for (const dtype of ['q8_0', 'q4_1', 'iq4_nl'])
    await writeGguf(`clip-${dtype}`, dtype, {
      'config.json': hfConfig('clip', 32),
      'model.safetensors': safetensors(clip32),
    })
  const blocks = fs.readFileSync(path.join(seeds, 'gguf', 'clip-q8_0'))
  write('gguf', 'squeezed-row', squeezed(blocks, 't.blk.0.ffn_down.weight', [1024n]))
  write('gguf', 'squeezed-column', squeezed(blocks, 'v.blk.0.ffn_up.weight', [1n, 1024n]))
  for (let i = 0; i < 4; i++)
    write(
      'resize',
      `mode-${i}`,
      Buffer.from([0, 0, i, 0, 0, 2, 0, 0, 1, 0, 0, 1, 0, 0, 31, 0, 0, 9, 0, 0, 2, 0, 0, 1, 0, 0, 40, 0, 0, 1, 0, 0,
        30]),
    )
}

main()
