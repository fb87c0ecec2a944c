/**
 * Start, end and padding ids are the tokenizer's, whatever the configuration says and however many rows the token table has:
 * tiny models with weights from a seed, whose embeddings must not change with either, in folders and in GGUF files.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Clip, convert } from '../../lib/index.js'
import { bos, eos, fixtures, randomOf } from './support'

const root = mkdtempSync(join(tmpdir(), 'ggclip-ids-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const [width, context, tokens] = [16, 12, 1714]
const texts = ['a photo of a cat', 'hello  World! 42', '', 'a cat! '.repeat(9), '<|endoftext|> x']

type Shapes = Record<string, number[]>

/** A safetensors file; a tensor's values follow from its name, a longer table begins like a shorter one. */
function writeWeights(path: string, shapes: Shapes): void {
  const header: Record<string, object> = {}
  const data: Buffer[] = []
  let at = 0
  for (const [name, shape] of Object.entries(shapes)) {
    const count = shape.reduce((product, size) => product * size, 1)
    const random = randomOf([...name].reduce((hash, char) => (hash * 31 + char.charCodeAt(0)) % 65_521, 7))
    const values = Float32Array.from({ length: count }, () => (random(2001) - 1000) / 1000)
    data.push(Buffer.from(values.buffer))
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at += 4 * count] }
  }
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  writeFileSync(path, Buffer.concat([length, text, ...data]))
}

const both = (name: string, shape: number[]): Shapes => ({ [`${name}.weight`]: shape, [`${name}.bias`]: [shape[0]!] })

function hfTower(name: string): Shapes {
  const layer = `${name}.encoder.layers.0`
  return Object.assign(
    {},
    ...['q_proj', 'k_proj', 'v_proj', 'out_proj'].map(part => both(`${layer}.self_attn.${part}`, [width, width])),
    both(`${layer}.layer_norm1`, [width]),
    both(`${layer}.layer_norm2`, [width]),
    both(`${layer}.mlp.fc1`, [32, width]),
    both(`${layer}.mlp.fc2`, [width, 32]),
  ) as Shapes
}

function openClipTower(name: string): Shapes {
  const block = `${name}.resblocks.0`
  return {
    ...both(`${block}.ln_1`, [width]),
    ...both(`${block}.ln_2`, [width]),
    ...both(`${block}.mlp.c_fc`, [64, width]),
    ...both(`${block}.mlp.c_proj`, [width, 64]),
    [`${block}.attn.in_proj_weight`]: [48, width],
    [`${block}.attn.in_proj_bias`]: [48],
    ...both(`${block}.attn.out_proj`, [width, width]),
  }
}

let folders = 0
function folder(files: Record<string, object>): string {
  const path = join(root, String(folders++))
  mkdirSync(path)
  for (const name of ['vocab.json', 'merges.txt', 'tokenizer_config.json'])
    copyFileSync(join(fixtures, name), join(path, name))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), JSON.stringify(content))
  return path
}

function hfFolder(rows: number, ids: object): string {
  const tower = {
    hidden_size: width,
    intermediate_size: 32,
    num_attention_heads: 2,
    num_hidden_layers: 1,
    hidden_act: 'quick_gelu',
  }
  const path = folder({
    'config.json': {
      model_type: 'clip',
      projection_dim: 8,
      text_config: { ...tower, vocab_size: rows, max_position_embeddings: context, ...ids },
      vision_config: { ...tower, image_size: 16, patch_size: 8 },
    },
  })
  writeWeights(join(path, 'model.safetensors'), {
    logit_scale: [],
    'text_model.embeddings.token_embedding.weight': [rows, width],
    'text_model.embeddings.position_embedding.weight': [context, width],
    ...hfTower('text_model'),
    ...both('text_model.final_layer_norm', [width]),
    'text_projection.weight': [8, width],
    'vision_model.embeddings.class_embedding': [width],
    'vision_model.embeddings.patch_embedding.weight': [width, 3, 8, 8],
    'vision_model.embeddings.position_embedding.weight': [5, width],
    ...both('vision_model.pre_layrnorm', [width]),
    ...hfTower('vision_model'),
    ...both('vision_model.post_layernorm', [width]),
    'visual_projection.weight': [8, width],
  })
  return path
}

function openClipFolder(rows: number, pooling: object): string {
  const path = folder({
    'open_clip_config.json': {
      model_cfg: {
        embed_dim: 8,
        vision_cfg: { layers: 1, width, head_width: 8, patch_size: 8, image_size: 16 },
        text_cfg: { context_length: context, vocab_size: rows, width, heads: 2, layers: 1, ...pooling },
      },
      preprocess_cfg: {},
    },
  })
  writeWeights(join(path, 'open_clip_model.safetensors'), {
    logit_scale: [],
    'token_embedding.weight': [rows, width],
    positional_embedding: [context, width],
    ...openClipTower('transformer'),
    ...both('ln_final', [width]),
    text_projection: [width, 8],
    'visual.class_embedding': [width],
    'visual.conv1.weight': [width, 3, 8, 8],
    'visual.positional_embedding': [5, width],
    ...both('visual.ln_pre', [width]),
    ...openClipTower('visual.transformer'),
    ...both('visual.ln_post', [width]),
    'visual.proj': [width, 8],
  })
  return path
}

async function answers(path: string): Promise<{ ids: number[][]; vectors: number[][] }> {
  const clip = await Clip.load(path, { towers: 'text' })
  try {
    return {
      ids: texts.map(text => Array.from(clip.tokenize(text))),
      vectors: (await clip.encodeText(texts, { normalize: false })).map(vector => Array.from(vector)),
    }
  } finally {
    await clip.dispose()
  }
}

async function expectAlike(path: string, wanted: Awaited<ReturnType<typeof answers>>): Promise<void> {
  expect(await answers(path)).toEqual(wanted)
  const file = join(path, 'converted.gguf')
  await convert(path, file)
  expect(await answers(file)).toEqual(wanted)
}

test('transformers: enlarged tables and ids of old configurations', async () => {
  const wanted = await answers(hfFolder(tokens, { bos_token_id: bos, eos_token_id: eos, pad_token_id: 0 }))
  expect(wanted.ids[0]!.slice(0, 2)).toEqual([bos, 320])
  expect(wanted.ids[2]).toEqual([bos, eos, ...new Array<number>(context - 2).fill(0)])
  for (const rows of [tokens, tokens + 6]) {
    await expectAlike(hfFolder(rows, { bos_token_id: 0, eos_token_id: 2, pad_token_id: 1 }), wanted) // pooled at the highest id
    await expectAlike(hfFolder(rows, { bos_token_id: 0, eos_token_id: eos, pad_token_id: 1 }), wanted) // repaired end
  }
})

test.each([{}, { pool_type: 'last' }, { pool_type: 'first' }])('open_clip: enlarged tables, %j', async pooling => {
  const wanted = await answers(openClipFolder(tokens, pooling))
  expect(wanted.ids[2]).toEqual([bos, eos, ...new Array<number>(context - 2).fill(0)])
  expect(wanted.ids[3]!.at(-1)).toBe(eos)
  await expectAlike(openClipFolder(tokens + 8, pooling), wanted)
})

test('added tokens stay in a GGUF file', async () => {
  const path = hfFolder(tokens + 3, { bos_token_id: 0, eos_token_id: 2 })
  writeFileSync(join(path, 'added_tokens.json'), JSON.stringify({ Cat: tokens, 'a  b': tokens + 1 }))
  const found = await answers(path)
  expect(found.ids[0]).toContain(tokens)
  await expectAlike(path, found)
})
