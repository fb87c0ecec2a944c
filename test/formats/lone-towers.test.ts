/** Towers that come without the other, without a configuration, without a tokenizer or without the head that pools. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { Clip, convert, inspect } from '../../lib/index.js'
import { errorCodeOf } from '../../lib/errors.js'
import { publicClipSource } from '../../lib/tokenizer/files/public-clip'
import { createTokenizer } from '../../lib/tokenizer/tokenizer'
import { cache, oracle } from '../helpers/oracle'
import { configOf, type Json, picture, safetensors, scratch, tensorsOf, towerAlone, writeFolder } from './support'

const folder = scratch('lone-towers')
const drawn = path.join(cache, 'drawn')

describe('the public vocabulary', () => {
  it('is the list of merges of open_clip', () => {
    const merges = readFileSync(path.join(__dirname, '..', 'fixtures', 'oracle', 'tokenizer', 'merges.txt'), 'utf8')
    expect(publicClipSource().merges).toEqual(merges.trimEnd().split('\n').slice(1))
  })

  it('gives the ids of open_clip', () => {
    const tokenizer = createTokenizer(publicClipSource, { contextLength: 77, cleaning: 'open_clip' })
    expect(tokenizer.encode('a photo of a cat')).toEqual([49406, 320, 1125, 539, 320, 2368, 49407])
    expect([tokenizer.tokenCount, tokenizer.bosId, tokenizer.eosId]).toEqual([49408, 49406, 49407])
  })

  it('is not taken for another vocabulary', async () => {
    const source = path.join(folder, 'no-tokenizer')
    writeFolder(
      source,
      configOf(path.join(oracle, 'models', 'hf-clip-tiny')),
      tensorsOf(path.join(oracle, 'models', 'hf-clip-tiny', 'model.safetensors')),
      { beside: [] },
    )
    await using clip = await Clip.load(source, { threads: 1 })
    await expect(clip.encodeText('a')).rejects.toMatchObject({ code: 'ERR_CLIP_TOKENIZER_MISSING' })
    expect((await inspect(source)).problems.map(({ code }) => code)).toEqual(['ERR_CLIP_TOKENIZER_MISSING'])
  })
})

describe('a file without a configuration', () => {
  it('says that its vectors are pooled states', async () => {
    const source = path.join(drawn, 'clip-l-alone', 'clip_l.safetensors')
    await using clip = await Clip.load(source, { threads: 1 })
    expect(clip.info.text).toMatchObject({ pooledOutput: true, projection: false, activation: 'quick_gelu' })
    const states = await clip.hiddenStates('a cat', { tower: 'text', layer: -2 })
    expect([states.tokens, states.width]).toEqual([77, 64])
    expect(await inspect(source)).toMatchObject({ loadable: true, towers: ['text'], problems: [] })
    await convert(source, path.join(folder, 'clip_l.gguf'))
    await using again = await Clip.load(path.join(folder, 'clip_l.gguf'), { threads: 1 })
    expect(again.info.text!.pooledOutput).toBe(true)
  })

  it('with a projection gives embeddings', async () => {
    await using clip = await Clip.load(path.join(drawn, 'clip-g-alone', 'clip_g.safetensors'), { threads: 1 })
    expect(clip.info.text).toMatchObject({ pooledOutput: false, projection: true, activation: 'gelu', padId: 0 })
  })

  it('of another family is refused', async () => {
    const file = path.join(folder, 'unet.safetensors')
    const weight = { dtype: 'F32', shape: [2, 2], data: Buffer.alloc(16) }
    writeFileSync(file, safetensors({ 'down_blocks.0.resnets.0.conv1.weight': weight }))
    const failure = await Clip.load(file).catch((error: Error) => error)
    expect(errorCodeOf(failure)).toBe('ERR_CLIP_FILE_NOT_FOUND')
    expect((failure as Error).message).toContain("are not CLIP's or SigLIP's by their names")
  })

  it('with a table of positions that is no square is refused', async () => {
    const tensors = tensorsOf(path.join(drawn, 'clip-alone', 'weights.safetensors'))
    const name = 'vision_model.embeddings.position_embedding.weight'
    const { dtype, shape: [rows, width], data } = tensors[name]!
    tensors[name] = { dtype, shape: [rows! - 1, width!], data: data.subarray(0, (rows! - 1) * width! * 4) }
    const file = path.join(folder, 'odd.safetensors')
    writeFileSync(file, safetensors(tensors))
    await expect(Clip.load(file)).rejects.toMatchObject({
      code: 'ERR_CLIP_TENSOR_SHAPE',
      message: expect.stringContaining('expected a square number of patches, found 8') as string,
    })
  })
})

test('an image tower below a head of classes gives its pooled state', async () => {
  const { config, tensors } = towerAlone('vision')
  const alone = writeFolder(path.join(folder, 'tower'), config, tensors)
  const classes = { dtype: 'F32', shape: [2, 4], data: Buffer.alloc(32) }
  const below = writeFolder(
    path.join(folder, 'classes'),
    { model_type: 'clip', architectures: ['CLIPForImageClassification'], vision_config: config },
    { ...tensors, 'classifier.weight': classes },
  )
  await using first = await Clip.load(alone, { threads: 1 })
  await using second = await Clip.load(below, { threads: 1 })
  expect(second.info.vision!.pooledOutput).toBe(true)
  expect(await second.encodeImage(picture)).toEqual(await first.encodeImage(picture))
})

describe('SigLIP without its pooling head', () => {
  const plain = path.join(oracle, 'models', 'siglip-tiny')
  const source = path.join(folder, 'no-head')
  beforeAll(() => {
    const config = configOf(plain)
    const kept = Object.entries(tensorsOf(path.join(plain, 'model.safetensors')))
      .filter(([name]) => name.startsWith('vision_model.') && !name.startsWith('vision_model.head.'))
    const vision = { ...config.vision_config as Json, model_type: 'siglip_vision_model', vision_use_head: false }
    writeFolder(source, vision, Object.fromEntries(kept), { beside: [] })
    cpSync(path.join(plain, 'preprocessor_config.json'), path.join(source, 'preprocessor_config.json'))
  })

  it('has the states of the whole tower', async () => {
    await convert(source, path.join(folder, 'no-head.gguf'))
    await using whole = await Clip.load(plain, { threads: 1, towers: 'image' })
    const layers = { tower: 'image', layer: [0, -2, -1], norm: true } as const
    const states = await whole.hiddenStates(picture, layers)
    for (const file of [source, path.join(folder, 'no-head.gguf')]) {
      await using alone = await Clip.load(file, { threads: 1 })
      expect(await alone.hiddenStates(picture, layers)).toEqual(states)
    }
  })

  it('has no embedding', async () => {
    await using clip = await Clip.load(source, { threads: 1 })
    expect(clip.info.vision!.pooling).toBe('none')
    await expect(clip.encodeImage(picture)).rejects.toMatchObject({ code: 'ERR_CLIP_MODEL_UNSUPPORTED' })
  })
})
