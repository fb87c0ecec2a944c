/** Checkpoints of jina-clip that are wrong, or of a kind that is not computed: refused by code, naming what was found. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Clip } from '../../lib/index.js'
import { maxRelativeDifference } from '../helpers/compare'
import { cache } from '../helpers/oracle'

interface Safetensors {
  header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>
  data: Buffer
}
const { parseSafetensors, buildSafetensors } = require('../fixtures/bad-input/model-files.cjs') as {
  parseSafetensors(file: Buffer): Safetensors
  buildSafetensors(file: Safetensors): Buffer
}

const config = 'ERR_CLIP_CONFIG_INVALID'
const missing = 'ERR_CLIP_TENSOR_MISSING'
const shape = 'ERR_CLIP_TENSOR_SHAPE'
const unsupported = 'ERR_CLIP_MODEL_UNSUPPORTED'

const folder = mkdtempSync(join(tmpdir(), 'ggclip-bad-jina-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Json = Record<string, any> // a configuration taken apart and put together wrong

let copies = 0
function changed(model: string, change: (json: Json) => void): string {
  const copy = join(folder, String(copies++))
  cpSync(join(cache, 'drawn', model), copy, { recursive: true })
  const file = join(copy, 'config.json')
  const json = JSON.parse(readFileSync(file, 'utf8')) as Json
  change(json)
  writeFileSync(file, JSON.stringify(json))
  return copy
}

async function expectRefused(directory: string, code: string, words: string[]): Promise<void> {
  const found = await Clip.load(directory, { threads: 1 }).then(
    async clip => {
      await clip.dispose()
      return { code: 'loaded', message: '' }
    },
    (error: unknown) => error as { code: string; message: string },
  )
  expect([found.code, found.message]).toEqual([code, expect.any(String)])
  for (const word of words) expect(found.message).toContain(word)
}

const text = (json: Json): Json => json.text_config as Json
const kwargs = (json: Json): Json => text(json).hf_model_config_kwargs as Json
const vision = (json: Json): Json => json.vision_config as Json

type ConfigCase = [model: string, what: string, change: (json: Json) => void, code: string, words: string[]]

const configurations: ConfigCase[] = [
  ['jina-clip-v1', 'another text model', json => {
    text(json).hf_model_name_or_path = 'jinaai/jina-embeddings-v4'
  }, unsupported, ['hf_model_name_or_path', 'jina-embeddings-v4']],
  ['jina-clip-v1', 'no text model', json => {
    delete text(json).hf_model_name_or_path
  }, config, ['hf_model_name_or_path']],
  ['jina-clip-v1', 'a text model changed by a key', json => {
    kwargs(json).use_qk_norm = true
  }, unsupported, ['hf_model_config_kwargs.use_qk_norm']],
  ['jina-clip-v1', 'another pooling', json => {
    text(json).pooler_type = 'max_pooler'
  }, unsupported, ['pooler_type', 'max_pooler']],
  ['jina-clip-v1', 'an instruction before every text', json => {
    text(json).default_instruction_task = 'retrieval.query'
  }, unsupported, ['default_instruction_task']],
  ['jina-clip-v1', 'an adapter that is not there', json => {
    text(json).default_lora_task = 'retrieval.query'
  }, unsupported, ['default_lora_task']],
  ['jina-clip-v1', 'vectors cut short', json => {
    json.truncate_dim = 16
  }, unsupported, ['truncate_dim']],
  ['jina-clip-v1', 'rotary positions of another grid', json => {
    vision(json).pt_hw_seq_len = 16
  }, config, ['pt_hw_seq_len', '16']],
  ['jina-clip-v1', 'rotary positions unlike the saved ones', json => {
    vision(json).pt_hw_seq_len = 16
    vision(json).intp_freq = true
  }, config, ['rope.freqs_cos']],
  ['jina-clip-v1', 'a head of another kind', json => {
    vision(json).proj_type = 'mlp'
  }, unsupported, ['proj_type', 'mlp']],
  ['jina-clip-v1', 'towers of different width', json => {
    vision(json).proj_type = 'linear'
  }, missing, ['vision_model.head.weight']],
  ['jina-clip-v1', 'heads that do not fill the width', json => {
    vision(json).head_width = 20
  }, config, ['head_width']],
  ['jina-clip-v2', 'an unknown task', json => {
    text(json).default_lora_task = 'separation'
  }, config, ['default_lora_task', 'separation']],
  ['jina-clip-v2', 'adapters without tasks', json => {
    delete kwargs(json).lora_adaptations
  }, config, ['lora_adaptations']],
  ['jina-clip-v2', 'adapters of another rank', json => {
    kwargs(json).lora_rank = 4
  }, shape, ['lora_A', '3', '4']],
]

it.each(configurations)('%s: %s', async (model, _, change, code, words) => {
  await expectRefused(changed(model, change), code, words)
})

function withTensors(model: string, change: (file: Safetensors) => void): string {
  const copy = changed(model, () => {})
  const weights = join(copy, 'model.safetensors')
  const file = parseSafetensors(readFileSync(weights))
  change(file)
  writeFileSync(weights, buildSafetensors(file))
  return copy
}

const layer = 'text_model.transformer.roberta.encoder.layers.1.'
const fc1 = `${layer}mlp.fc1`

/** Its bytes stay: a hole would be an error of its own. */
function remove(file: Safetensors, name: string): void {
  file.header[`another.${name}`] = file.header[name]!
  delete file.header[name]
}

function add(file: Safetensors, name: string, dimensions: number[]): void {
  const begin = file.data.length
  const bytes = 4 * dimensions.reduce((product, n) => product * n)
  file.header[name] = { dtype: 'F32', shape: dimensions, data_offsets: [begin, begin + bytes] }
  file.data = Buffer.concat([file.data, Buffer.alloc(bytes)])
}

type TensorCase = [what: string, change: (file: Safetensors) => void, code: string, word: string]

const tensors: TensorCase[] = [
  ['an adapter without its second half', file => {
    remove(file, `${fc1}.parametrizations.weight.0.lora_B`)
  }, missing, 'mlp.fc1.parametrizations.weight.0.lora_B'],
  ['an adapter of a matrix that is not there', file => {
    remove(file, `${fc1}.parametrizations.weight.original`)
  }, missing, 'mlp.fc1.weight'],
  ['a matrix beside an adapted one', file => {
    add(file, `${fc1}.weight`, [80, 48])
  }, 'ERR_CLIP_TENSOR_DUPLICATE', 'mlp.fc1.weight'],
  ['a second adapter', file => {
    add(file, `${fc1}.parametrizations.weight.1.lora_A`, [3, 3, 48])
  }, unsupported, 'mlp.fc1.parametrizations.weight.1.lora_A'],
  ['a norm of the queries', file => {
    add(file, `${layer}mixer.norm_q.weight`, [8])
  }, unsupported, 'mixer.norm_q.weight'],
  ['angles of another base', file => {
    add(file, `${layer}mixer.rotary_emb.inv_freq`, [4])
  }, config, 'mixer.rotary_emb.inv_freq'],
  ['a projection that nothing asks for', file => {
    add(file, 'text_model.proj.weight', [48, 48])
  }, unsupported, 'text_model.proj.weight'],
  ['a head that nothing asks for', file => {
    add(file, 'vision_model.head.weight', [48, 48])
  }, unsupported, 'vision_model.head.weight'],
]

it.each(tensors)('%s', async (_, change, code, word) => {
  await expectRefused(withTensors('jina-clip-v2', change), code, [word])
})

it('accepts the angles that it computes', async () => {
  const directory = withTensors('jina-clip-v2', file => {
    add(file, `${layer}mixer.rotary_emb.inv_freq`, [4])
    for (let j = 0; j < 4; j++) file.data.writeFloatLE(20000 ** (-j / 4), file.data.length - 16 + 4 * j)
  })
  await using clip = await Clip.load(directory, { threads: 1, towers: 'text' })
  expect(await clip.encodeText('a photo of a cat')).toHaveLength(48)
})

it('takes the adapter of the task that the configuration names, or none', async () => {
  const vectors = []
  for (const task of ['retrieval.query', 'retrieval.passage', null]) {
    const directory = changed('jina-clip-v2', json => {
      text(json).default_lora_task = task
    })
    await using clip = await Clip.load(directory, { threads: 1, towers: 'text' })
    vectors.push(await clip.encodeText('a photo of a cat'))
  }
  for (const [i, j] of [[0, 1], [0, 2], [1, 2]] as const)
    expect(maxRelativeDifference(vectors[i]!, vectors[j]!)).toBeGreaterThan(0.01)
})
