/** timm's own image towers beyond their numbers, which drawn.wide.test.ts compares: what they say, and what is refused. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, inspect } from '../../lib/index.js'
import { cache } from '../helpers/oracle'

const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-timm-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

interface TimmConfig {
  num_classes: number
  global_pool?: string
  model_args?: Record<string, unknown>
  pretrained_cfg: Record<string, unknown>
}

const drawn = (name: string): string => path.join(cache, 'drawn', name)

/** A copy of a drawn model with another configuration. */
function copy(name: string, change: (config: TimmConfig) => void): string {
  const folder = mkdtempSync(path.join(scratch, 'model-'))
  cpSync(drawn(name), folder, { recursive: true })
  const file = path.join(folder, 'config.json')
  const config = JSON.parse(readFileSync(file, 'utf8')) as TimmConfig
  change(config)
  writeFileSync(file, JSON.stringify(config))
  return folder
}

const loads = async (folder: string): Promise<Record<string, unknown>> => {
  const { problems, model, towers, family } = await inspect(folder)
  expect([problems, family]).toEqual([[], 'image tower of timm'])
  expect(towers).toEqual(['image'])
  return model!.vision as unknown as Record<string, unknown>
}

it("prepares pictures as timm's evaluation does", async () => {
  // floor(64 / 0.9)
  expect(await loads(drawn('timm-clip'))).toMatchObject({
    resizeSize: 71,
    resizeMode: 'shortest',
    interpolation: 'bicubic',
  })
  const squashed = copy('timm-siglip', ({ pretrained_cfg: data }) => {
    Object.assign(data, { crop_mode: 'squash', crop_pct: 1, interpolation: 'bilinear', mean: [0.1, 0.2, 0.3] })
  })
  const { mean, ...rest } = await loads(squashed)
  expect(rest).toMatchObject({ resizeSize: 64, resizeMode: 'squash', interpolation: 'bilinear', pooledOutput: false })
  expect(mean).toEqual([0.1, 0.2, 0.3].map(value => expect.closeTo(value, 6) as number))
})

it('reads how pictures are prepared in files of older versions', async () => {
  const folder = copy('timm-clip', config => {
    const flat = config as unknown as Record<string, unknown>
    Object.assign(flat, config.pretrained_cfg, { crop_pct: 0.8 })
    delete flat.pretrained_cfg
  })
  expect(await loads(folder)).toMatchObject({ resizeSize: 80, imageSize: 64 })
})

it('says that a tower without a projection gives its pooled state', async () => {
  expect(await loads(drawn('timm-resnet-gap'))).toMatchObject({ pooledOutput: true, pooling: 'mean' })
  expect(await loads(drawn('timm-resnet'))).toMatchObject({ pooledOutput: false })
})

it('finds the pooling of a configuration that does not say it', async () => {
  for (const [name, pooling] of [['timm-clip', 'cls'], ['timm-siglip', 'attention']] as const) {
    const folder = copy(name, config => {
      delete config.global_pool
      delete config.model_args
    })
    expect(await loads(folder)).toMatchObject({ pooling })
  }
})

it('has no text tower', async () => {
  await expect(Clip.load(drawn('timm-clip'), { towers: 'text' })).rejects.toMatchObject({
    code: 'ERR_CLIP_TOWER_MISSING',
  })
  await using clip = await Clip.load(drawn('timm-clip'))
  await expect(clip.encodeText('a cat')).rejects.toMatchObject({ code: 'ERR_CLIP_TOWER_MISSING' })
})

it('takes its number of heads from the arguments', async () => {
  const folder = copy('timm-clip', config => {
    config.model_args!.num_heads = 6
  })
  expect(await loads(folder)).toMatchObject({ heads: 6 })
})

it("loads a named file beside OpenCLIP's form", async () => {
  const folder = copy('timm-resnet', () => {})
  cpSync(path.join(drawn('open-clip-resnet'), 'open_clip_config.json'), path.join(folder, 'open_clip_config.json'))
  await using alone = await Clip.load(path.join(folder, 'model.safetensors'))
  expect(alone.info.vision).toMatchObject({ resizeSize: 71 })
  cpSync(
    path.join(drawn('open-clip-resnet'), 'open_clip_model.safetensors'),
    path.join(folder, 'open_clip_model.safetensors'),
  )
  await using whole = await Clip.load(folder, { towers: 'image' })
  expect(whole.info.vision).toMatchObject({ resizeSize: 64 })
})

it.each<[string, (config: TimmConfig) => void, string]>([
  ['a classifier', config => {
    config.num_classes = 1000
  }, 'no classifier'],
  ['one of more classes', config => {
    config.num_classes = 21842
  }, 'no classifier'],
  ['arguments that change the network', config => {
    config.model_args!.qk_norm = true
  }, 'qk_norm'],
  ['borders', config => {
    config.pretrained_cfg.crop_mode = 'border'
  }, 'crop_mode'],
  ['a squashed picture that is cropped', config => {
    config.pretrained_cfg.crop_mode = 'squash'
  }, 'crop_mode'],
  ['oblong pictures', config => {
    config.pretrained_cfg.input_size = [3, 64, 32]
  }, 'square'],
  ['one channel', config => {
    config.pretrained_cfg.input_size = [1, 64, 64]
  }, '3 channels'],
])('refuses %s', async (_, change, message) => {
  await expect(Clip.load(copy('timm-clip', change))).rejects.toMatchObject({
    code: 'ERR_CLIP_MODEL_UNSUPPORTED',
    message: expect.stringContaining(message) as string,
  })
})
