/** Checkpoints of the other families that are wrong, or of a kind that is not computed: refused by code, naming what was found. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Clip, convert } from '../../lib/index.js'
import { fixtures } from '../helpers/oracle'
import { report, runChild } from '../lifecycle/support'

interface Entry {
  dtype: string
  shape: number[]
  data_offsets: [number, number]
}
interface Safetensors {
  header: Record<string, Entry>
  data: Buffer
}
const { parseSafetensors, buildSafetensors } = require('../fixtures/bad-input/model-files.cjs') as {
  parseSafetensors(file: Buffer): Safetensors
  buildSafetensors(file: Safetensors): Buffer
}

const families = join(fixtures, 'families')
const folder = mkdtempSync(join(tmpdir(), 'ggclip-bad-families-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const config = 'ERR_CLIP_CONFIG_INVALID'
const missing = 'ERR_CLIP_TENSOR_MISSING'
const shape = 'ERR_CLIP_TENSOR_SHAPE'
const unsupported = 'ERR_CLIP_MODEL_UNSUPPORTED'

let copies = 0
function copyOf(family: string): string {
  const copy = join(folder, String(copies++))
  cpSync(join(families, family), copy, { recursive: true })
  return copy
}

async function refusal(directory: string): Promise<{ code: string; message: string }> {
  try {
    await (await Clip.load(directory, { threads: 1 })).dispose()
    return { code: 'loaded', message: '' }
  } catch (error) {
    return error as { code: string; message: string }
  }
}

async function expectRefused(directory: string, code: string, words: string[]): Promise<void> {
  const found = await refusal(directory)
  expect([found.code, found.message]).toEqual([code, expect.any(String)])
  for (const word of words) expect(found.message).toContain(word)
}

type Json = Record<string, any> // a configuration taken apart and put together wrong
type ConfigCase = [family: string, what: string, change: (json: Json) => void, code: string, words: string[]]

const vision = (json: Json): Json => json.model_cfg.vision_cfg as Json
const text = (json: Json): Json => json.model_cfg.text_cfg as Json

const configurations: ConfigCase[] = [
  ...['fastvit_t8', 'convnext_base_rms', 'vit_medium_patch16_rope_reg1_gap_256', 'resnet50'].map(
    (name): ConfigCase => ['timm-clip', name, json => {
      vision(json).timm_model_name = name
    }, unsupported, ['timm_model_name', name]],
  ),
  ...[['fastvit_mci0', 'stem.0.conv_kxk'], ['convnext_base', 'stem.0.weight']].map(
    ([name, tensor]): ConfigCase => ['timm-clip', `${name} with a ViT's tensors`, json => {
      vision(json).timm_model_name = name
    }, 'ERR_CLIP_TENSOR_MISSING', [tensor!]],
  ),
  ['timm-clip', 'a timm name that is a number', json => {
    vision(json).timm_model_name = 5
  }, config, ['timm_model_name', '5']],
  ['timm-clip', 'a pooling of timm', json => {
    vision(json).timm_pool = 'abs_attn'
  }, unsupported, ['timm_pool', 'abs_attn']],
  ['timm-clip', 'no pooling', json => {
    vision(json).timm_pool = ''
  }, unsupported, ['timm_pool']],
  ['timm-clip', 'an MLP after the trunk', json => {
    vision(json).timm_proj = 'mlp'
  }, unsupported, ['timm_proj', 'mlp']],
  ['timm-clip', 'heads that do not divide', json => {
    vision(json).timm_model_kwargs = { num_heads: 7 }
  }, config, ['44', '7']],
  ['timm-siglip', 'a class token that is not there', json => {
    vision(json).timm_model_name = 'vit_base_patch16_clip_224'
  }, unsupported, ['pos_embed', '8 patches']],
  ['custom-text', 'ResNet stages', json => {
    vision(json).layers = [3, 4, 6, 3]
  }, 'ERR_CLIP_TENSOR_MISSING', ['visual.bn1']],
  ['clipa', 'an unknown cleaning', json => {
    text(json).tokenizer_kwargs.clean = 'x'
  }, unsupported, ['clean', 'x']],
  ['clipa', 'a tokenizer mode', json => {
    text(json).tokenizer_mode = 'clips'
  }, unsupported, ['tokenizer_mode', 'clips']],
  ['clipa', 'a pooling of text', json => {
    text(json).pool_type = 'none'
  }, unsupported, ['pool_type', 'none']],
  ['metaclip-2', 'an end token out of range', json => {
    text(json).eos_id = 1e6
  }, config, ['eos_id', '1000000']],
  ['xlm-roberta', 'another text model', json => {
    text(json).hf_model_name = 'mt5-base'
  }, unsupported, ['hf_model_name', 'mt5-base', 'RoBERTa']],
  ['xlm-roberta', 'a text model that is a list', json => {
    text(json).hf_model_name = []
  }, config, ['hf_model_name']],
  ['xlm-roberta', 'a pooler', json => {
    text(json).hf_pooler_type = 'max_pooler'
  }, unsupported, ['hf_pooler_type', 'max_pooler']],
  ['xlm-roberta', 'a projection', json => {
    text(json).hf_proj_type = 'none'
  }, unsupported, ['hf_proj_type', 'none']],
  ['roberta', 'another width', json => {
    text(json).hf_model_config.hidden_size = 45
  }, shape, ['text.proj.weight', '45', '42']],
  ['roberta', 'a padding token outside', json => {
    text(json).hf_model_config.pad_token_id = 5000
  }, config, ['pad_token_id', '5000']],
  ['roberta', 'no room for a text', json => {
    text(json).hf_model_config.max_position_embeddings = 2
  }, config, ['max_position_embeddings']],
  ['roberta', 'relative positions', json => {
    text(json).hf_model_config.position_embedding_type = 'relative_key'
  }, unsupported, ['position_embedding_type', 'relative_key']],
  ['chinese-clip', 'an activation', json => {
    json.text_config.hidden_act = 'mish'
  }, unsupported, ['hidden_act', 'mish']],
  ['chinese-clip', 'more blocks than tensors', json => {
    json.text_config.num_hidden_layers = 3
  }, missing, ['text_model.encoder.layer.2']],
  ['siglip-2-naflex', 'positions that are no square', json => {
    json.vision_config.num_patches = 24
  }, unsupported, ['num_patches', '24']],
  ['siglip-2-naflex', 'more positions than rows', json => {
    json.vision_config.num_patches = 36
  }, shape, ['position_embedding', '36', '25']],
  ['m-clip', 'another text model', json => {
    json.modelBase = 'gpt2'
  }, unsupported, ['modelBase', 'gpt2']],
  ['m-clip', 'no text model', json => {
    delete json.modelBase
  }, config, ['modelBase']],
  ['m-clip', 'another kind', json => {
    json.model_type = 'florence2'
  }, unsupported, ['model_type', 'florence2']],
  ['metaclip-2-hf', 'an end token outside', json => {
    json.text_config.eos_token_id = 5000
  }, config, ['eos_token_id', '5000']],
  ['tiny-clip-auto', 'a smaller MLP than any block has', json => {
    json.vision_config.intermediate_size = 40
  }, shape, ['mlp.fc1', '60', '40']],
]

describe('configurations', () => {
  it.each(configurations)('%s: %s', async (family, _, change, code, words) => {
    const copy = copyOf(family)
    const file = join(
      copy,
      readdirSync(copy).includes('open_clip_config.json') ? 'open_clip_config.json' : 'config.json',
    )
    const json = JSON.parse(readFileSync(file, 'utf8')) as Json
    change(json)
    writeFileSync(file, JSON.stringify(json))
    await expectRefused(copy, code, words)
  })

  it('patches of another size in the preprocessor', async () => {
    const copy = copyOf('siglip-2-naflex')
    const file = join(copy, 'preprocessor_config.json')
    writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as Json), patch_size: 8 }))
    await expectRefused(copy, config, ['patch_size', '7', '8'])
  })
})

/** Of every family: the file's own name of a tensor that only its layout has. */
const tensors: [family: string, name: string][] = [
  ['timm-clip', 'visual.trunk.norm_pre.weight'],
  ['timm-clip', 'visual.trunk.blocks.1.attn.qkv.bias'],
  ['timm-clip', 'visual.trunk.head.weight'],
  ['timm-quickgelu-linear', 'visual.head.proj.bias'],
  ['timm-siglip', 'visual.trunk.attn_pool.kv.weight'],
  ['timm-siglip', 'visual.trunk.attn_pool.latent'],
  ['timm-siglip', 'text.text_projection.bias'],
  ['clipa', 'visual.ln_post.weight'],
  ['xlm-roberta', 'text.proj.0.weight'],
  ['xlm-roberta', 'text.transformer.encoder.layer.1.attention.self.key.bias'],
  ['roberta', 'text.proj.weight'],
  ['m-clip', 'LinearTransformation.bias'],
  ['chinese-clip', 'text_model.embeddings.LayerNorm.bias'],
  ['siglip-2-naflex', 'vision_model.embeddings.patch_embedding.weight'],
  ['siglip-2-naflex', 'vision_model.head.attention.in_proj_weight'],
  ['tiny-clip-auto', 'vision_model.encoder.layers.1.self_attn.out_proj.weight'],
]

describe('tensors', () => {
  const change = (family: string, edit: (file: Safetensors) => void): string => {
    const copy = copyOf(family)
    const name = readdirSync(copy).find(entry => entry.endsWith('model.safetensors'))!
    const file = parseSafetensors(readFileSync(join(copy, name)))
    edit(file)
    writeFileSync(join(copy, name), buildSafetensors(file))
    return copy
  }

  it.each(tensors)('%s without %s', async (family, name) => {
    const copy = change(family, file => {
      file.header[`another.${name}`] = file.header[name]! // its bytes stay: a hole would be an error of its own
      delete file.header[name]
    })
    await expectRefused(copy, missing, [name, 'expected'])
  })

  it.each(tensors)('%s with half of %s', async (family, name) => {
    const copy = change(family, file => {
      const entry = file.header[name]!
      // half of its bytes go to another tensor
      const [begin, end] = entry.data_offsets
      const half = begin + Math.floor((end - begin) / 4) * 2
      entry.data_offsets = [begin, half]
      entry.shape = [(half - begin) / 2]
      file.header[`another.${name}`] = { dtype: entry.dtype, shape: [(end - half) / 2], data_offsets: [half, end] }
    })
    await expectRefused(copy, shape, [name, 'found'])
  })
})

describe('DFN, whose configuration omits the activation', () => {
  const activationOf = async (directory: string): Promise<string> => {
    await using clip = await Clip.load(directory, { threads: 1 })
    return clip.info.vision!.activation
  }

  it.each([
    ['DFN2B-CLIP-ViT-B-16', 'quick_gelu'],
    ['models--apple--DFN5B-CLIP-ViT-H-14-378', 'quick_gelu'],
    ['DFN2B-CLIP-ViT-L-14-39B', 'gelu'],
    ['other', 'gelu'],
  ])('in a folder called %s: %s', async (name, activation) => {
    const copy = join(folder, name, 'snapshots', '0123')
    cpSync(join(families, 'average-then-norm-first'), copy, { recursive: true })
    expect(await activationOf(copy)).toBe(activation)
    const file = join(copy, 'open_clip_config.json')
    const json = JSON.parse(readFileSync(file, 'utf8')) as Json
    json.model_cfg.quick_gelu = activation === 'gelu'
    writeFileSync(file, JSON.stringify(json))
    expect(await activationOf(copy)).toBe(activation === 'gelu' ? 'quick_gelu' : 'gelu') // the key itself wins
  })

  it('beside a config.json that states it', async () => {
    const copy = copyOf('average-then-norm-first')
    const { vision_cfg: own } =
      (JSON.parse(readFileSync(join(copy, 'open_clip_config.json'), 'utf8')) as Json).model_cfg
    const vision = {
      hidden_act: 'quick_gelu',
      hidden_size: own.width,
      num_hidden_layers: own.layers,
      image_size: own.image_size,
      patch_size: own.patch_size,
    }
    writeFileSync(join(copy, 'config.json'), JSON.stringify({ model_type: 'clip', vision_config: vision }))
    expect(await activationOf(copy)).toBe('quick_gelu')
  })
})

it('a text tower that its own folder describes', async () => {
  const copy = copyOf('roberta')
  const file = join(copy, 'open_clip_config.json')
  const json = JSON.parse(readFileSync(file, 'utf8')) as Json
  const description = text(json).hf_model_config as Json
  delete text(json).hf_model_config
  text(json).hf_model_name = 'tower'
  writeFileSync(file, JSON.stringify(json))
  await expectRefused(copy, unsupported, ['hf_model_name', 'tower'])
  mkdirSync(join(copy, 'tower'))
  writeFileSync(join(copy, 'tower', 'config.json'), JSON.stringify(description))
  await using clip = await Clip.load(copy, { threads: 1 })
  await using reference = await Clip.load(join(families, 'roberta'), { threads: 1 })
  expect(clip.info.text).toEqual(reference.info.text)
})

describe('inputs', () => {
  it('NaFlex tensors need edges of whole patches', async () => {
    await using clip = await Clip.load(join(families, 'siglip-2-naflex'), { threads: 1 })
    const tensor = new Float32Array(3 * 14 * 21)
    expect(await clip.encodeImage({ tensor, width: 21, height: 14 })).toHaveLength(45)
    await expect(clip.encodeImage({ tensor, width: 14, height: 22 })).rejects.toMatchObject({
      code: 'ERR_CLIP_OUT_OF_RANGE',
    })
    await expect(clip.encodeImage({ tensor: new Float32Array(3 * 8 * 9), width: 9, height: 8 })).rejects.toMatchObject({
      code: 'ERR_CLIP_INPUT_SHAPE',
    })
    await expect(clip.encodeImage({ tensor })).rejects.toMatchObject({ code: 'ERR_CLIP_INPUT_SHAPE' })
    const square = new Float32Array(3 * 21 * 21).fill(0.5)
    expect(await clip.encodeImage({ tensor: square })).toEqual(
      await clip.encodeImage({ tensor: square, width: 21, height: 21 }),
    )
    await expect(clip.encodeImage({ tensor, width: 0, height: 14 })).rejects.toMatchObject({
      code: 'ERR_CLIP_OUT_OF_RANGE',
    })
    // a picture of one pixel, and one that is all width
    expect(await clip.encodeImage({ data: new Uint8Array(3), width: 1, height: 1, channels: 3 })).toHaveLength(45)
    expect(await clip.encodeImage({ data: new Uint8Array(3 * 9000), width: 9000, height: 1, channels: 3 }))
      .toHaveLength(45)
  })
})

describe('changed at random', () => {
  it.each(['siglip-2-naflex', 'chinese-clip', 'xlm-roberta', 'timm-siglip', 'tiny-clip-auto'])('%s', async family => {
    const gguf = join(folder, `${family}.gguf`)
    await convert(join(families, family), gguf, { dtype: 'f32' })
    const count = process.env.GGCLIP_FUZZ ?? '30'
    const ended = await runChild('bad-input/fuzz.cjs', [gguf, join(families, family), count, '3'], {
      timeoutMs: Math.max(110_000, Number(count) * 500),
    })
    const { outcomes } = report<{ outcomes: Record<string, number> }>(ended)
    expect(Object.keys(outcomes).filter(outcome => outcome !== 'ok' && !/^ERR_CLIP_[A-Z_]+$/.test(outcome))).toEqual([])
    expect(outcomes.ERR_CLIP_INTERNAL).toBeUndefined()
    expect(outcomes.ok).toBeGreaterThanOrEqual(2)
  }, 300_000)
})
