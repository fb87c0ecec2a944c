/** Every layout of a checkpoint gives the plain one's vectors, bit for bit, and convert, quantize and inspect know it too. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { Clip, convert, inspect, quantize } from '../../lib/index.js'
import { fixtures } from '../helpers/oracle'
import { configOf, type Form, forms, type Json, outcome, picture, plain, renamed, scratch, tensorsOf, text,
  tokenizerFiles, towerAlone, vectorsOf, writeFolder } from './support'

const folder = scratch('layouts')
const at = (...names: string[]): string => path.join(folder, ...names)
const config = configOf(plain)
const tensors = tensorsOf(path.join(plain, 'model.safetensors'))
let expected: Awaited<ReturnType<typeof vectorsOf>>
beforeAll(async () => {
  expected = await vectorsOf(plain)
})

/** Loads as it is, converted and quantised; inspect finds nothing wrong. */
async function expectKnown(
  source: string,
  vectors: Awaited<ReturnType<typeof vectorsOf>>,
  options: { towers?: 'image' | 'text' } = {},
): Promise<void> {
  expect(await vectorsOf(source, options)).toEqual(vectors)
  await convert(source, at('converted.gguf'), { threads: 1 })
  expect(await vectorsOf(at('converted.gguf'), options)).toEqual(vectors)
  await quantize(source, at('quantized.gguf'), { dtype: 'q8_0', threads: 1 })
  expect(Object.keys(await vectorsOf(at('quantized.gguf'), options))).toEqual(Object.keys(vectors))
  expect(await inspect(source)).toMatchObject({ loadable: true, problems: [] })
}

describe('names with wrappers', () => {
  const prefixes = ['module.', '_orig_mod.', 'model.', 'module._orig_mod.', '_orig_mod.module.',
    'model.module._orig_mod.', '_fsdp_wrapped_module.']
  const cases = prefixes.flatMap(prefix => (Object.keys(forms) as Form[]).map((form): [string, Form] => [prefix, form]))

  it.each(cases)('%s before all, %s', async (prefix, form) => {
    const source = writeFolder(at(`${prefix}${form}`), config, renamed(tensors, name => prefix + name), { form })
    expect(await vectorsOf(source)).toEqual(expected)
  })

  it('within names, of one tower, and beside a counter', async () => {
    const inner = renamed(
      tensors,
      name =>
        name.replace('vision_model.', 'vision_model._orig_mod.').replace(
          /layers\.(\d+)\./,
          'layers.$1._checkpoint_wrapped_module.',
        ),
    )
    await expectKnown(writeFolder(at('inner'), config, inner), expected)
    const tower = renamed(tensors, name => name.replace(/^text_model\./, 'text_model.module.'))
    expect(await vectorsOf(writeFolder(at('tower'), config, tower))).toEqual(expected)
    const averaged = {
      n_averaged: { dtype: 'I64', shape: [], data: Buffer.alloc(8) },
      ...renamed(tensors, name => `module.${name}`),
    }
    expect(await vectorsOf(writeFolder(at('averaged'), config, averaged))).toEqual(expected)
    const nested = renamed(
      tensors,
      name =>
        name === 'logit_scale'
          ? name
          : name.replace(/layers\.(\d+)\./, 'layers.$1.module._orig_mod.').replace(/^/, 'module.'),
    )
    expect(await vectorsOf(writeFolder(at('nested'), config, nested))).toEqual(expected)
  })

  it("the whole model below a task's head, under its name", async () => {
    const head = { 'decoder.film_mul.weight': tensors.logit_scale! }
    const below = { ...renamed(tensors, name => `clip.${name}`), ...head }
    expect(await vectorsOf(writeFolder(at('head'), config, below))).toEqual(expected)
  })

  it('two names that become one are refused', async () => {
    const twice = { ...tensors, '_orig_mod.logit_scale': tensors.logit_scale! }
    expect(await outcome(vectorsOf(writeFolder(at('twice'), config, twice)))).toBe('ERR_CLIP_TENSOR_DUPLICATE')
  })
})

it("OpenCLIP's files beside any config.json", async () => {
  const model = path.join(fixtures, 'small-open-clip')
  const own = await vectorsOf(model)
  const foreign = ['{"model_type":"bert","hidden_size":99}', '{"model_type":"llava","vision_config":{}}', '{broken',
    '[]', '{"model_type":"siglip"}',
    '{"model_type":"clip","vision_config":{"hidden_act":"quick_gelu","hidden_size":99}}']
  for (const [i, json] of foreign.entries()) {
    const source = at(`foreign-${i}`)
    cpSync(model, source, { recursive: true })
    writeFileSync(path.join(source, 'config.json'), json)
    if (i === 0) forms.safetensors(source, tensors) // of that other model
    if (json === '{broken') expect(await vectorsOf(source)).toEqual(own) // inspect reports it
    else await expectKnown(source, own)
  }
})

describe('folders of folders', () => {
  it('sentence-transformers', async () => {
    writeFolder(at('st', '0_CLIPModel'), config, tensors)
    writeFileSync(
      at('st', 'modules.json'),
      JSON.stringify([{ idx: 0, name: '0', path: '0_CLIPModel', type: 'sentence_transformers.models.CLIPModel' }]),
    )
    writeFileSync(at('st', 'config_sentence_transformers.json'), '{}')
    await expectKnown(at('st'), expected)
    // and where another checkpoint lies beside it
    writeFolder(at('st', 'other'), config, renamed(tensors, name => `x.${name}`))
    expect(await vectorsOf(at('st'))).toEqual(expected)
    rmSync(at('st', 'modules.json'))
    await expect(Clip.load(at('st'))).rejects.toMatchObject({
      code: 'ERR_CLIP_HUB_FILES',
      message: expect.stringContaining('0_CLIPModel') as string,
    })
  })

  it('diffusers: text encoder, its tokenizer beside it, image encoder, its processor beside it', async () => {
    const root = at('pipeline')
    const encoder = towerAlone('text', { projection: true })
    const image = towerAlone('vision', { projection: true })
    writeFolder(path.join(root, 'text_encoder'), encoder.config, encoder.tensors, { beside: [] })
    writeFolder(path.join(root, 'image_encoder'), image.config, image.tensors, { beside: [] })
    writeFolder(path.join(root, 'safety_checker'), image.config, image.tensors)
    for (
      const [into, files] of [['tokenizer', tokenizerFiles], ['feature_extractor', [
        'preprocessor_config.json',
      ]]] as const
    ) {
      mkdirSync(path.join(root, into))
      for (const file of files) cpSync(path.join(plain, file), path.join(root, into, file))
    }
    writeFileSync(
      path.join(root, 'model_index.json'),
      JSON.stringify({
        _class_name: 'StableDiffusionPipeline',
        safety_checker: ['stable_diffusion', 'StableDiffusionSafetyChecker'],
        unet: ['diffusers', 'UNet2DConditionModel'],
        feature_extractor: ['transformers', 'CLIPImageProcessor'],
        image_encoder: ['transformers', 'CLIPVisionModelWithProjection'],
        text_encoder: ['transformers', 'CLIPTextModel'],
        tokenizer: ['transformers', 'CLIPTokenizer'],
      }),
    )
    await expectKnown(root, { text: expected.text! })
    await expectKnown(path.join(root, 'text_encoder'), { text: expected.text! })
    expect(await vectorsOf(path.join(root, 'text_encoder', 'model.safetensors'))).toEqual({ text: expected.text })
    expect(await vectorsOf(root, { towers: 'image' })).toEqual({ image: expected.image })
    await expectKnown(path.join(root, 'image_encoder'), { image: expected.image! }, { towers: 'image' })
  })

  it('a folder with nothing but a GGUF file', async () => {
    mkdirSync(at('gguf'))
    await convert(plain, at('gguf', 'some-model.gguf'), { threads: 1 })
    expect(await vectorsOf(at('gguf'))).toEqual(expected)
  })
})

describe('a tower alone', () => {
  it.each([[false], [true]])('without a projection, names flat: %s: the pooled state', async flat => {
    const [image, words] = [towerAlone('vision', { flat }), towerAlone('text', { flat })]
    const imageFolder = writeFolder(at(`vision-${flat}`), image.config, image.tensors)
    const textFolder = writeFolder(at(`text-${flat}`), words.config, words.tensors)
    await using whole = await Clip.load(plain, { threads: 1 })
    await using lone = await Clip.load(imageFolder, { threads: 1 })
    expect(lone.info).toMatchObject({ dim: 80, text: null, vision: { projection: false } })
    expect(whole.info).toMatchObject({ vision: { projection: true }, text: { projection: true } })
    expect((await lone.hiddenStates(picture, { tower: 'image' })).data).toEqual(
      (await whole.hiddenStates(picture, { tower: 'image' })).data,
    )
    const normed = (await whole.intermediates(picture, { tower: 'image', names: ['vision.pooled', 'vision.post_ln'] }))[
      'vision.post_ln'
    ]!.data
    const vector = await lone.encodeImage(picture, { normalize: false })
    vector.forEach((value, i) => expect(value).toBeCloseTo(normed[i]!, 4))
    await using loneText = await Clip.load(textFolder, { threads: 1 })
    expect(loneText.info).toMatchObject({ dim: 18, vision: null, text: { projection: false } })
    const states = await loneText.hiddenStates(text, { tower: 'text', norm: true })
    expect(states.data).toEqual((await whole.hiddenStates(text, { tower: 'text', norm: true })).data)
    const end = loneText.tokenize(text).indexOf(573)
    const pooled = await loneText.encodeText(text, { normalize: false })
    pooled.forEach((value, i) => expect(value).toBeCloseTo(states.data[end * 18 + i]!, 4))
    await expectKnown(imageFolder, await vectorsOf(imageFolder))
    await expectKnown(textFolder, await vectorsOf(textFolder))
  })

  it('with a projection: the vectors of the whole model; without the one it calls for: refused', async () => {
    for (const tower of ['vision', 'text'] as const) {
      const { config: own, tensors: some } = towerAlone(tower, { projection: true })
      const key = tower === 'vision' ? 'image' : 'text'
      expect(await vectorsOf(writeFolder(at(`${tower}-proj`), own, some))).toEqual({ [key]: expected[key] })
      const without = towerAlone(tower)
      expect(await outcome(vectorsOf(writeFolder(at(`${tower}-lacks`), own, without.tensors)))).toBe(
        'ERR_CLIP_TENSOR_MISSING',
      )
    }
  })
})

describe('a tower that was not asked for', () => {
  const broken: [string, (config: Json, tensors: ReturnType<typeof tensorsOf>) => void][] = [
    ['an activation that is not computed', own => {
      own.hidden_act = 'relu'
    }],
    ['a number that is a word', own => {
      own.hidden_size = 'many'
    }],
    ['heads that do not divide', own => {
      own.num_attention_heads = 7
    }],
    ['sizes of another model', own => {
      own.hidden_size = 1024
    }],
    ['no configuration', own => {
      for (const key of Object.keys(own)) delete own[key]
    }],
  ]
  it.each(broken)('%s', async (_, change) => {
    for (const [own, key, towers] of [['text_config', 'image', 'image'], ['vision_config', 'text', 'text']] as const) {
      const changed = structuredClone(config)
      change(changed[own] as Json, tensors)
      const source = writeFolder(at('unasked'), changed, tensors)
      expect(await vectorsOf(source, { towers })).toEqual({ [key]: expected[key] })
      expect(await inspect(source)).toMatchObject({ loadable: false, towers: [key] })
    }
  })

  it.each(Object.keys(forms) as Form[])('weights that are missing, misshaped or of no use, %s', async form => {
    const odd = { dtype: 'F32', shape: [3], data: Buffer.alloc(12) }
    for (const [part, key] of [['text', 'image'], ['vis', 'text']] as const) {
      const some = Object.fromEntries(
        Object.entries(tensors).flatMap((
          [name, tensor],
          i,
        ) => (!name.startsWith(part) ? [[name, tensor]] : i % 3 === 0 ? [] : [[name, odd]])),
      )
      expect(await vectorsOf(writeFolder(at(`weights-${form}`), config, some, { form }), { towers: key })).toEqual({
        [key]: expected[key],
      })
    }
  })

  it('a shard with nothing but the other tower, a tokenizer, an image processor', async () => {
    const source = writeFolder(at('parts'), config, tensors, { form: 'safetensors in shards' })
    rmSync(path.join(source, 'part-2-of-2.safetensors'))
    for (const file of tokenizerFiles) rmSync(path.join(source, file))
    expect(await vectorsOf(source, { towers: 'image' })).toEqual({ image: expected.image })
    const words = writeFolder(at('words'), config, tensors, { form: 'safetensors in shards' })
    rmSync(path.join(words, 'part-1-of-2.safetensors'))
    writeFileSync(path.join(words, 'preprocessor_config.json'), '{ "size"')
    expect(await vectorsOf(words, { towers: 'text' })).toEqual({ text: expected.text })
    expect(await outcome(vectorsOf(words))).toMatch(/^ERR_CLIP_/)
  })

  it('OpenCLIP: a text tower or an image tower that is not computed', async () => {
    const open = path.join(fixtures, 'small-open-clip')
    const whole = await vectorsOf(open)
    for (
      const [key, change] of [
        ['image', (json: Json) => {
          json.model_cfg.text_cfg = { hf_model_name: 'google/electra-base' }
        }],
        ['image', (json: Json) => {
          json.model_cfg.text_cfg.surprise = 1
        }],
        ['text', (json: Json) => {
          json.model_cfg.vision_cfg = { timm_model_name: 'fastvit_mci0' }
        }],
        ['text', (json: Json) => {
          json.model_cfg.vision_cfg.layers = [3, 4, 6, 3]
          json.preprocess_cfg.mode = 'L'
        }],
      ] as const
    ) {
      cpSync(open, at('open'), { recursive: true })
      const json = require(path.join(open, 'open_clip_config.json')) as Json
      const changed = structuredClone(json)
      change(changed)
      writeFileSync(at('open', 'open_clip_config.json'), JSON.stringify(changed))
      expect(await vectorsOf(at('open'), { towers: key })).toEqual({ [key]: whole[key] })
      expect(await outcome(vectorsOf(at('open')))).toMatch(/^ERR_CLIP_/)
    }
  })

  it('a tower that is not there is said to be missing', async () => {
    const { config: own, tensors: some } = towerAlone('vision')
    const source = writeFolder(at('lone'), own, some)
    expect(await outcome(vectorsOf(source, { towers: 'text' }))).toBe('ERR_CLIP_TOWER_MISSING')
    const part = writeFolder(
      at('part'),
      config,
      Object.fromEntries(Object.entries(tensors).filter(([name]) => !name.startsWith('text'))),
    )
    expect(await outcome(vectorsOf(part, { towers: 'text' }))).toBe('ERR_CLIP_TOWER_MISSING')
    expect(await vectorsOf(part)).toEqual({ image: expected.image })
  })
})
