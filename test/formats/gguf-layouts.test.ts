/** GGUF files of other projects: CrispEmbed's two files for a model, and layouts that are refused by name. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, convert, inspect } from '../../lib/index.js'
import { fixtures, oracle } from '../helpers/oracle'

interface Key {
  key: string
  type: number
  value: Buffer
}
interface TensorInfo {
  name: string
  dims: bigint[]
  type: number
  offset: bigint
}
interface Gguf {
  magic: string
  version: number
  keys: Key[]
  tensors: TensorInfo[]
  data: Buffer
}
const { parseGguf, buildGguf, u32, u64, f32, string } = require('../fixtures/bad-input/model-files.cjs') as {
  parseGguf(file: Buffer): Gguf
  buildGguf(file: Gguf): Buffer
  u32(value: number): Buffer
  u64(value: number | bigint): Buffer
  f32(value: number): Buffer
  string(text: string): Buffer
}

const folder = mkdtempSync(path.join(tmpdir(), 'ggclip-layouts-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const place = (name: string): string => path.join(folder, name)

const word = (key: string, value: string): Key => ({ key, type: 8, value: string(value) })
const count = (key: string, value: number): Key => ({ key, type: 4, value: u32(value) })
const real = (key: string, value: number): Key => ({ key, type: 6, value: f32(value) })
const flag = (key: string, value: boolean): Key => ({ key, type: 7, value: Buffer.from([value ? 1 : 0]) })
const reals = (key: string, values: number[]): Key => ({
  key,
  type: 9,
  value: Buffer.concat([u32(6), u64(values.length), ...values.map(f32)]),
})

const outer: Record<string, string> = {
  'v.patch_embd': 'patch_embed',
  'v.position_embd': 'position_embd',
  'v.pre_ln': 'pre_ln',
  'v.post_ln': 'post_ln',
  visual_projection: 'visual_proj',
  'v.head.attn_out': 'head.attn.o',
  'v.head.ln': 'head.ln',
  'v.head.ffn_up': 'head.mlp.fc1',
  'v.head.ffn_down': 'head.mlp.fc2',
  't.token_embd': 'token_embd',
  't.position_embd': 'position_embd',
  't.post_ln': 'final_ln',
}
const inner: Record<string, string> = {
  ln1: 'ln1',
  ln2: 'ln2',
  attn_q: 'attn.q',
  attn_k: 'attn.k',
  attn_v: 'attn.v',
  attn_out: 'attn.o',
  ffn_up: 'ffn.fc1',
  ffn_down: 'ffn.fc2',
}

/** The names of CrispEmbed's layout for one tower of a file of ours; the pooling head's thirds are put together. */
function crispEmbed(ours: Gguf, tower: 'v' | 't', siglip: boolean, keys: Key[]): Gguf {
  const parts: { name: string; dims: bigint[]; type: number; data: Buffer }[] = []
  const sizes = { 0: 4, 1: 2 } as Record<number, number>
  const thirds: Record<string, Buffer[]> = {}
  for (const { name, dims, type, offset } of ours.tensors) {
    const bytes = Number(dims.reduce((product, n) => product * n, 1n)) * sizes[type]!
    const data = ours.data.subarray(Number(offset), Number(offset) + bytes)
    const add = (theirs: string, shape = dims): void => void parts.push({ name: theirs, dims: shape, type, data })
    const [, stem = name, suffix = ''] = /^(.*)\.(weight|bias)$/.exec(name) ?? []
    const block = new RegExp(`^${tower}\\.blk\\.(\\d+)\\.(.*)$`).exec(stem)
    const third = /^v\.head\.attn_[qkv]$/.exec(stem)
    if (block) add(`enc.${block[1]}.${inner[block[2]!]}.${suffix}`)
    else if (third && tower === 'v') (thirds[suffix] ??= []).push(data)
    else if (name === 'v.class_embd' && tower === 'v') add('cls_token')
    else if (name === 'v.head.probe' && tower === 'v') add('head.probe')
    else if (stem === 'text_projection' && tower === 't') add(`${siglip ? 'head' : 'text_proj'}.${suffix}`)
    else if (stem === 'visual_projection' ? tower === 'v' : stem.startsWith(`${tower}.`)) {
      add(
        `${outer[stem]!}.${suffix}`,
        stem === 'v.patch_embd' && suffix === 'weight' && siglip ? [dims[0]! * dims[1]! * dims[2]!, dims[3]!] : dims,
      )
    }
  }
  for (const [suffix, data] of Object.entries(thirds)) {
    const n = data[0]!.length / 4
    const width = BigInt(suffix === 'bias' ? n : Math.sqrt(n))
    parts.push({
      name: `head.attn.in_proj.${suffix}`,
      dims: suffix === 'bias' ? [3n * width] : [width, 3n * width],
      type: 0,
      data: Buffer.concat(data),
    })
  }
  let at = 0
  const tensors = parts.map(({ name, dims, type, data }) => {
    const offset = BigInt(at)
    at += Math.ceil(data.length / 32) * 32
    return { name, dims, type, offset }
  })
  const data = Buffer.concat(
    parts.map(part => Buffer.concat([part.data, Buffer.alloc((32 - (part.data.length % 32)) % 32)])),
  )
  return { magic: 'GGUF', version: 3, keys, tensors, data }
}

describe("CrispEmbed's layout", () => {
  describe.each([['hf-clip-tiny', false], ['siglip-tiny', true]] as const)('%s', (name, siglip) => {
    const directory = path.join(oracle, 'models', name)
    let source: Clip
    let ours: Gguf
    beforeAll(async () => {
      source = await Clip.load(directory)
      await convert(directory, place(`${name}.gguf`), { dtype: 'f32' })
      ours = parseGguf(readFileSync(place(`${name}.gguf`)))
    })
    afterAll(() => source.dispose())

    const tower = (prefix: string, kind: 'vision' | 'text'): Key[] => {
      const { width, layers, heads, mlpWidth, activation } = source.info[kind]!
      return [
        count(`${prefix}.hidden_size`, width),
        count(`${prefix}.num_hidden_layers`, layers),
        count(`${prefix}.num_attention_heads`, heads),
        count(`${prefix}.intermediate_size`, mlpWidth),
        real(`${prefix}.layer_norm_eps`, siglip ? 1e-6 : 1e-5),
        word(`${prefix}.hidden_act`, activation),
        count(`${prefix}.projection_dim`, source.info.dim),
      ]
    }

    it('the image tower', async () => {
      const { imageSize, patchSize, mean, std } = source.info.vision!
      const keys = [
        word('general.architecture', 'vit'),
        word('vit.model_type', siglip ? 'siglip' : 'clip'),
        ...tower('vit', 'vision'),
        count('vit.image_size', imageSize),
        count('vit.patch_size', patchSize),
        count('vit.num_channels', 3),
        reals('vit.image_mean', mean),
        reals('vit.image_std', std),
        flag('vit.has_cls_token', !siglip),
        flag('vit.has_attn_pool', siglip),
        flag('vit.has_visual_proj', !siglip),
      ]
      const file = place(`${name}-vit.gguf`)
      writeFileSync(file, buildGguf(crispEmbed(ours, 'v', siglip, keys)))
      expect(await inspect(file)).toMatchObject({
        loadable: true,
        ignored: [],
        problems: [],
        family: `one tower of ${siglip ? 'SigLIP' : 'CLIP or SigLIP'} in CrispEmbed's GGUF layout`,
      })
      await using clip = await Clip.load(file)
      expect(clip.info.text).toBeNull()
      const picture = {
        data: Uint8Array.from({ length: 4800 }, (_, i) => (i * 31) % 256),
        width: 40,
        height: 40,
        channels: 3 as const,
      }
      expect(await clip.encodeImage(picture)).toEqual(await source.encodeImage(picture))
      await expect(clip.encodeText('a')).rejects.toMatchObject({ code: 'ERR_CLIP_TOWER_MISSING' })
      // it is a source like any other
      await convert(file, place('again.gguf'))
      await using again = await Clip.load(place('again.gguf'))
      expect(await again.encodeImage(picture)).toEqual(await source.encodeImage(picture))
    })

    it('the text tower', async () => {
      const { vocabSize, contextLength, causal, bosId, eosId } = source.info.text!
      const keys = [
        word('general.architecture', 'clip_text'),
        ...tower('clip_text', 'text'),
        count('clip_text.vocab_size', vocabSize),
        count('clip_text.max_position_embeddings', contextLength),
        flag('clip_text.causal', causal),
        flag('clip_text.has_head', siglip),
        count('clip_text.bos_token_id', Math.max(0, bosId)),
        count('clip_text.eos_token_id', eosId),
        count('tokenizer.ggml.type', siglip ? 2 : 1),
        ...ours.keys.filter(({ key }) => /^tokenizer\.ggml\.(tokens|merges)$/.test(key)),
      ]
      const file = place(`${name}-text.gguf`)
      writeFileSync(file, buildGguf(crispEmbed(ours, 't', siglip, keys)))
      await using clip = await Clip.load(file)
      expect(clip.info.vision).toBeNull()
      expect(clip.info.text).toMatchObject({ causal, contextLength, vocabSize, pooling: source.info.text!.pooling })
      if (siglip) {
        // SentencePiece: better none than wrong ids
        await expect(clip.encodeText('a cat')).rejects.toMatchObject({ code: 'ERR_CLIP_TOKENIZER_MISSING' })
      } else {
        expect(await clip.encodeText('a cat')).toEqual(await source.encodeText('a cat'))
      }
    })
  })
})

describe('refused by name', () => {
  it("a checkpoint's own tensor names without keys", async () => {
    await convert(path.join(fixtures, 'small-head-24'), place('raw.gguf'))
    const file = parseGguf(readFileSync(place('raw.gguf')))
    const names = file.tensors.map(({ name }, i) => (name.startsWith('v.') ? `vision_model.${i}` : `text_model.${i}`))
    file.tensors = file.tensors.map((info, i) => ({ ...info, name: names[i]! }))
    file.keys = [word('general.architecture', 'clip')]
    writeFileSync(place('raw.gguf'), buildGguf({ ...file, magic: 'GGUF' }))
    await expect(Clip.load(place('raw.gguf'))).rejects.toMatchObject({
      code: 'ERR_CLIP_MODEL_UNSUPPORTED',
      message: expect.stringMatching(/checkpoint's names .*convert/) as string,
    })
  })

  it('a CrispEmbed file whose keys are missing or wrong', async () => {
    const base = [word('general.architecture', 'vit')]
    for (
      const [keys, message] of [[base, /vit\.hidden_size/], [[...base, count('vit.hidden_size', 0)],
        /vit\.hidden_size/]] as const
    ) {
      writeFileSync(
        place('bad.gguf'),
        buildGguf({ magic: 'GGUF', version: 3, keys: [...keys], tensors: [], data: Buffer.alloc(0) }),
      )
      await expect(Clip.load(place('bad.gguf'))).rejects.toMatchObject({
        code: 'ERR_CLIP_CONFIG_INVALID',
        message: expect.stringMatching(message) as string,
      })
    }
  })
})
