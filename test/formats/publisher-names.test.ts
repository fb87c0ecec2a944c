/**
 * Checkpoints as their publishers' own code saves them, without a configuration: each holds the weights of a model of
 * test/fixtures/drawn, which drawn.wide.test.ts compares with PyTorch, and gives the same vectors under either names.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip } from '../../lib/index.js'
import { expectClose } from '../helpers/compare'
import { cache } from '../helpers/oracle'
import { TensorFile } from '../helpers/safetensors'

interface StoredTensor {
  dtype: string
  shape: number[]
  bytes: Buffer
}
type Tensors = Record<string, StoredTensor>

const { tensorsOf, fileOf } = require('../oracle/safetensors.cjs') as {
  tensorsOf(file: Buffer): Tensors
  fileOf(tensors: Tensors): Buffer
}
const { checkpoint } = require('../fixtures/torch/zip.cjs') as { checkpoint(tensors: object): Buffer }
const { pictures } = require('../oracle/drawn.cjs') as { pictures(of: object): Float32Array }

const drawn = path.join(cache, 'drawn')
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-publisher-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const limits = { difference: 1e-5, cosine: 0.9999999 }
const raw = { normalize: false }
const texts = ['a photo of a cat', '', 'two dogs in the snow']
const read = (model: string): Tensors => tensorsOf(readFileSync(path.join(drawn, model, 'open_clip_model.safetensors')))
const floats = ({ bytes }: StoredTensor): Float32Array => new Float32Array(new Uint8Array(bytes).buffer)
const tensor = (shape: number[], values: Float32Array): StoredTensor => ({
  dtype: 'F32',
  shape,
  bytes: Buffer.from(values.buffer),
})
const drawnImages = (side: number): { tensor: Float32Array; width: number; height: number }[] => {
  const values = pictures({ seed: 1, shape: [2, 3, side, side] })
  return [0, 1].map(i => ({
    tensor: values.slice(i * 3 * side * side, (i + 1) * 3 * side * side),
    width: side,
    height: side,
  }))
}

/** [rows, columns] -> [columns, rows] */
function transposed({ shape, bytes }: StoredTensor): StoredTensor {
  const [rows, columns] = shape as [number, number]
  const values = floats({ dtype: 'F32', shape, bytes })
  return tensor(
    [columns, rows],
    Float32Array.from(values, (_, i) => values[i % rows * columns + Math.floor(i / rows)]!),
  )
}

/** Writes a lone .pt file, and the tokenizer of a drawn model if it has texts. */
function writeTorch(name: string, tensors: Tensors): string {
  const folder = path.join(scratch, name)
  mkdirSync(folder)
  for (const file of ['vocab.json', 'merges.txt', 'tokenizer_config.json'])
    cpSync(path.join(drawn, 'pe-core', file), path.join(folder, file))
  const file = path.join(folder, `${name}.pt`)
  const entries = Object.entries(tensors).map(([key, { bytes: data, ...rest }]) => [key, { ...rest, data }] as const)
  writeFileSync(file, checkpoint(Object.fromEntries(entries)))
  return file
}

/** The same weights as OpenCLIP has them. */
function writeOpenClip(name: string, tensors: Tensors, modelConfig: object): string {
  const folder = path.join(scratch, name)
  mkdirSync(folder)
  for (const file of ['vocab.json', 'merges.txt', 'tokenizer_config.json'])
    cpSync(path.join(drawn, 'pe-core', file), path.join(folder, file))
  writeFileSync(
    path.join(folder, 'open_clip_config.json'),
    JSON.stringify({ model_cfg: modelConfig, preprocess_cfg: {} }),
  )
  writeFileSync(path.join(folder, 'open_clip_model.safetensors'), fileOf(tensors))
  return folder
}

const renamed = (name: string, pairs: readonly (readonly [string | RegExp, string])[]): string =>
  pairs.reduce((word, [from, to]) => word.replace(from, to), name)

const apple = [['visual.trunk.', 'image_encoder.model.'], ['stem.', 'patch_embed.'], ['conv_kxk', 'rbr_conv'], [
  'conv_scale',
  'rbr_scale',
], [/identity(?=\.)/, 'rbr_skip'], ['final_conv', 'conv_exp'], ['large_conv', 'lkb_origin'], ['se.fc1', 'se.reduce'], [
  'se.fc2',
  'se.expand',
], ['mlp.', 'convffn.'], ['.gamma', '']] as const
const appleText = [['text.', 'text_encoder.'], ['text_projection', 'projection_layer'], ['token_embedding',
  'embedding_layer'], [/positional_embedding$/, 'positional_embedding.pos_embed.pos_embed'], ['ln_final',
  'final_layer_norm'], ['ln_1', 'pre_norm_mha.0'], ['attn.in_proj_', 'pre_norm_mha.1.qkv_proj.'], ['attn.out_proj',
  'pre_norm_mha.1.out_proj'], ['ln_2', 'pre_norm_ffn.0'], ['mlp.c_fc', 'pre_norm_ffn.1'], ['mlp.c_proj',
  'pre_norm_ffn.4'], ['transformer.resblocks.', 'transformer.']] as const

/** FastViT's stages and what stands between them, counted in one list. */
const network = (name: string): string =>
  name
    .replace(/stages\.(\d+)\.downsample\./, (_, stage: string) => `network.${2 * Number(stage) - 1}.`)
    .replace(/stages\.(\d+)\.pos_emb\.pos_enc\./, (_, stage: string) => `network.${2 * Number(stage)}.pe.`)
    .replace(/stages\.3\.blocks\./, 'network.7.')
    .replace(/stages\.(\d+)\.blocks\./, (_, stage: string) => `network.${2 * Number(stage)}.`)

const fastvit = read('fastvit-mci0')
const perception = read('pe-core')
const isText = (name: string): boolean => name.startsWith('text.')
const textTensors = Object.fromEntries(Object.entries(perception).filter(([name]) => isText(name)))
const head = fastvit['visual.trunk.head.fc.weight']!

const openClipMobile = (): string =>
  writeOpenClip('mobile-open-clip', {
    ...fastvit,
    'visual.trunk.head.fc.bias': tensor([24], new Float32Array(24)), // Apple's projection has none
    ...textTensors,
  }, {
    embed_dim: 24,
    vision_cfg: { image_size: 70, timm_model_name: 'fastvit_mci0', timm_pool: 'avg', timm_proj: null },
    text_cfg: { context_length: 16, vocab_size: 574, width: 32, heads: 2, layers: 1, no_causal_mask: true },
    custom_text: true,
  })

function appleTensors(): Tensors {
  const images = Object.entries(fastvit).filter(([name]) => !name.includes('head.fc'))
  const positions = textTensors['text.positional_embedding']!
  return Object.fromEntries([
    ...images.map(([name, value]) => [network(renamed(name, apple)), value] as const),
    ['image_encoder.model.head.proj', transposed(head)] as const,
    ...Object.entries(textTensors).map(([name, value]) => [renamed(name, appleText), value] as const),
    ['text_encoder.positional_embedding.pos_embed.pos_embed', {
      ...positions,
      shape: [1, 1, ...positions.shape],
    }] as const,
  ])
}

it("loads OpenAI's ResNets", async () => {
  const one = tensor([], Float32Array.of(1))
  const counters = { input_resolution: one, context_length: one, vocab_size: one }
  await using clip = await Clip.load(writeTorch('rn50', { ...read('modified-resnet'), ...counters }), {
    towers: 'image',
    dtype: 'f32',
  })
  const expected = new TensorFile(path.join(drawn, 'modified-resnet', 'expected.safetensors')).rows('image_embeds')
  expect(clip.info.vision!.imageSize).toBe(64)
  expectClose('ResNet', await clip.encodeImage(drawnImages(64), raw), expected, { difference: 1e-4, cosine: 0.999999 })
})

it("loads Apple's MobileCLIP, with pictures of any size", async () => {
  await using wanted = await Clip.load(openClipMobile(), { dtype: 'f32' })
  await using clip = await Clip.load(writeTorch('mobileclip', appleTensors()), { dtype: 'f32' })
  expect(clip.info.vision!.anyGrid).toBe(true)
  const images = drawnImages(70)
  expectClose('images', await clip.encodeImage(images, raw), await wanted.encodeImage(images, raw), limits)
  expectClose('texts', await clip.encodeText(texts, raw), await wanted.encodeText(texts, raw), limits)
  const mixed = [images[0]!, drawnImages(96)[1]!, drawnImages(48)[0]!]
  const together = await clip.encodeImage(mixed, raw)
  for (const [i, image] of mixed.entries()) expect(await clip.encodeImage(image, raw)).toEqual(together[i])
})

/** Apple's files of MobileCLIP2, and the later ones of MobileCLIP, have OpenCLIP's names. */
const beside = (file: string): string => {
  writeFileSync(path.join(path.dirname(file), 'config.json'), '{"model":"of Apple\'s code"}')
  return file
}

it("loads Apple's MobileCLIP2 beside a configuration of other code", async () => {
  const tensors = { ...fastvit, 'visual.trunk.head.fc.bias': tensor([24], new Float32Array(24)), ...textTensors }
  await using wanted = await Clip.load(path.join(scratch, 'mobile-open-clip'), { dtype: 'f32' })
  await using clip = await Clip.load(beside(writeTorch('mobileclip2_s0', tensors)), { dtype: 'f32' })
  const { interpolation, mean, std } = clip.info.vision!
  expect([interpolation, mean, std]).toEqual(['bilinear', [0, 0, 0], [1, 1, 1]])
  const images = drawnImages(70)
  expectClose('images', await clip.encodeImage(images, raw), await wanted.encodeImage(images, raw), limits)
  expectClose('texts', await clip.encodeText(texts, raw), await wanted.encodeText(texts, raw), limits)
})

it("prepares pictures for Apple's S3 and S4 as open_clip does", async () => {
  const file = writeTorch('mobileclip2_s4', { ...read('fastvit-mci3'), ...textTensors })
  await using clip = await Clip.load(file, { dtype: 'f32', towers: 'image' })
  const { interpolation, resizeMode, mean } = clip.info.vision!
  expect([interpolation, resizeMode, mean[0]]).toEqual(['bilinear', 'shortest', expect.closeTo(0.48145466, 6)])
})

it("loads Apple's L-14", async () => {
  const trunk = tensorsOf(readFileSync(path.join(drawn, 'timm-clip', 'model.safetensors')))
  const images = Object.entries(trunk).map(([name, value]) => [`visual.trunk.${name}`, value] as const)
  const tensors = { ...Object.fromEntries(images), ...textTensors }
  const config = {
    embed_dim: 24,
    vision_cfg: {
      image_size: 64,
      timm_model_name: 'vit_large_patch14_clip_224',
      timm_model_kwargs: { num_heads: 3 }, // as of a lone file that narrow
      timm_pool: 'token',
      timm_proj: null,
    },
    text_cfg: { context_length: 16, vocab_size: 574, width: 32, heads: 2, layers: 1, no_causal_mask: true },
  }
  await using wanted = await Clip.load(writeOpenClip('mobile-l14-open-clip', tensors, config), { dtype: 'f32' })
  await using clip = await Clip.load(beside(writeTorch('mobileclip2_l14', tensors)), { dtype: 'f32' })
  expect(clip.info.text!.causal).toBe(false)
  const pixels = drawnImages(64)
  expect(await clip.encodeImage(pixels, raw)).toEqual(await wanted.encodeImage(pixels, raw))
  expect(await clip.encodeText(texts, raw)).toEqual(await wanted.encodeText(texts, raw))
  await expect(Clip.load(writeTorch('vit', tensors))).rejects.toMatchObject({ code: 'ERR_CLIP_TENSOR_MISSING' })
})

/** S0's text tower: mixers that change nothing, or that take the token before each. */
function mixed(at: number): Tensors {
  const width = 32
  const kernel = Float32Array.from({ length: width * 11 }, (_, i) => i % 11 === at ? 1 : 0)
  const zero = (...shape: number[]): StoredTensor =>
    tensor(shape, new Float32Array(shape.reduce((product, n) => product * n, 1)))
  const norm = (name: string): Tensors => ({
    [`${name}.weight`]: tensor([width], new Float32Array(width).fill(1)),
    [`${name}.bias`]: zero(width),
    [`${name}.running_mean`]: zero(width),
    [`${name}.running_var`]: tensor([width], new Float32Array(width).fill(1)),
  })
  const mixer = (name: string): Tensors => ({
    [`${name}.token_mixer.reparam_conv.weight`]: tensor([width, 1, 1, 11], kernel),
    [`${name}.token_mixer.reparam_conv.bias`]: zero(width),
    [`${name}.convffn.conv.conv.weight`]: zero(width, 1, 1, 11),
    ...norm(`${name}.convffn.conv.bn`),
    [`${name}.convffn.fc1.weight`]: zero(40, width, 1, 1),
    [`${name}.convffn.fc1.bias`]: zero(40),
    [`${name}.convffn.fc2.weight`]: zero(width, 40, 1, 1),
    [`${name}.convffn.fc2.bias`]: zero(width),
  })
  const shifted = Object.entries(appleTensors()).map(([name, value]) =>
    [name.replace('text_encoder.transformer.0.', 'text_encoder.transformer.1.'), value] as const
  )
  return {
    ...Object.fromEntries(shifted),
    ...mixer('text_encoder.transformer.0'),
    ...mixer('text_encoder.transformer.2'),
  }
}

it("loads the text tower of Apple's S0", async () => {
  await using plain = await Clip.load(path.join(scratch, 'mobileclip', 'mobileclip.pt'), { dtype: 'f32' })
  await using same = await Clip.load(writeTorch('mixers', mixed(5)), { dtype: 'f32' })
  await using moved = await Clip.load(writeTorch('mixers-moved', mixed(4)), { dtype: 'f32' })
  expect(same.info.text).toMatchObject({ mixerKernel: 11, mixerMlpWidth: 40, layers: 1 })
  const wanted = await plain.encodeText(texts, raw)
  expectClose('mixers without effect', await same.encodeText(texts, raw), wanted, limits)
  expect(await moved.encodeText(texts[0]!, raw)).not.toEqual(wanted[0])
})

const pe = [['visual.trunk.', 'visual.'], ['patch_embed.proj', 'conv1'], ['cls_token', 'class_embedding'], ['pos_embed',
  'positional_embedding'], ['blocks.', 'transformer.resblocks.'], ['norm_pre', 'ln_pre'], ['visual.norm.',
  'visual.ln_post.'], ['norm1', 'ln_1'], ['norm2', 'ln_2'], ['mlp.fc1', 'mlp.c_fc'], ['mlp.fc2', 'mlp.c_proj'], [
  'attn_pool.latent',
  'attn_pool.probe',
], ['attn_pool.norm', 'attn_pool.layernorm'], ['attn_pool.proj', 'attn_pool.attn.out_proj'], ['attn.qkv.',
  'attn.in_proj_'], ['attn.proj', 'attn.out_proj']] as const

it("loads Meta's Perception Encoder", async () => {
  const tensors: Tensors = {}
  for (const [name, value] of Object.entries(perception)) {
    const [, part, suffix] = /attn_pool\.(q|kv)\.(weight|bias)$/.exec(name) ?? []
    if (part === 'kv' || name.startsWith('visual.trunk.head.')) continue
    const other = part && perception[name.replace('.q.', '.kv.')]!
    if (part && other) {
      tensors[`visual.attn_pool.attn.in_proj_${suffix}`] = {
        ...value,
        shape: [3 * value.shape[0]!, ...value.shape.slice(1)],
        bytes: Buffer.concat([value.bytes, other.bytes]),
      }
    } else {
      const squeezed = /cls_token|pos_embed$/.test(name) ? value.shape.filter(n => n > 1) : value.shape
      tensors[isText(name) ? name.slice('text.'.length) : renamed(name, pe)] = { ...value, shape: squeezed }
    }
  }
  tensors['visual.proj'] = transposed(perception['visual.trunk.head.weight']!)
  const config = JSON.parse(readFileSync(path.join(drawn, 'pe-core', 'open_clip_config.json'), 'utf8')) as {
    model_cfg: { vision_cfg: object }
  }
  const vision = { ...config.model_cfg.vision_cfg, timm_model_kwargs: { num_heads: 6 } } // as of a lone file that wide
  const noBias = { ...perception, 'visual.trunk.head.bias': tensor([24], new Float32Array(24)) }
  await using wanted = await Clip.load(
    writeOpenClip('pe-open-clip', noBias, { ...config.model_cfg, vision_cfg: vision }),
    {
      dtype: 'f32',
    },
  )
  await using clip = await Clip.load(writeTorch('pe', tensors), { dtype: 'f32' })
  const images = drawnImages(64)
  expectClose('images', await clip.encodeImage(images, raw), await wanted.encodeImage(images, raw), limits)
  expectClose('texts', await clip.encodeText(texts, raw), await wanted.encodeText(texts, raw), limits)
})

it('refuses what it does not know beside the names that it does', async () => {
  const file = writeTorch('more', {
    ...appleTensors(),
    'image_encoder.model.adapter.weight': tensor([4], new Float32Array(4)),
  })
  await expect(Clip.load(file)).rejects.toMatchObject({
    code: 'ERR_CLIP_MODEL_UNSUPPORTED',
    message: expect.stringContaining('adapter.weight') as string,
  })
})
