/** Checkpoint directories that are wrong in every way: each is refused with its code, and the next good one loads. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Clip } from '../../lib/index.js'
import { load, oracle } from '../lifecycle/support'

interface Entry {
  dtype: unknown
  shape: unknown
  data_offsets: unknown
}
interface Safetensors {
  header: Record<string, Entry>
  data: Buffer
  headerBytes: number
  text?: string | Buffer
  length?: number | bigint
}
const { parseSafetensors, buildSafetensors } = require('../fixtures/bad-input/model-files.cjs') as {
  parseSafetensors(file: Buffer): Safetensors
  buildSafetensors(file: Safetensors): Buffer
}

// the smallest
const model = join(oracle, 'models', 'hf-clip-gelu-tiny')
const folder = mkdtempSync(join(tmpdir(), 'ggclip-checkpoint-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const format = 'ERR_CLIP_FILE_FORMAT'
const truncated = 'ERR_CLIP_FILE_TRUNCATED'
const limit = 'ERR_CLIP_FILE_LIMIT'
const config = 'ERR_CLIP_CONFIG_INVALID'
const missing = 'ERR_CLIP_TENSOR_MISSING'
const duplicate = 'ERR_CLIP_TENSOR_DUPLICATE'
const shape = 'ERR_CLIP_TENSOR_SHAPE'
const type = 'ERR_CLIP_TENSOR_TYPE'
const unsupported = 'ERR_CLIP_MODEL_UNSUPPORTED'
const notFound = 'ERR_CLIP_FILE_NOT_FOUND'

const matrix = 'vision_model.encoder.layers.0.self_attn.q_proj.weight'

const entry = (file: Safetensors, name = matrix): Entry => {
  const found = file.header[name]
  if (!found) throw new Error(`the reference file has no tensor ${name}`)
  return found
}

type Case = [what: string, change: (file: Safetensors) => void, codes: string | string[], words?: string[]]

const weights: Case[] = [
  ['a header of 2^63 bytes', file => {
    file.length = 2n ** 63n
  }, limit, ['header']],
  ['a header longer than the file', file => {
    file.length = 50_000_000
  }, truncated],
  ['a header of 0 bytes', file => {
    file.length = 0
  }, format],
  ['a header that is no JSON', file => {
    file.text = '{"a": '
  }, format],
  ['a header that is a list', file => {
    file.text = '[]'
  }, format],
  ['a header that is no UTF-8', file => {
    file.text = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])
  }, format],
  ['a header nested 100,000 deep', file => {
    file.text = '['.repeat(100_000)
  }, [format, limit]],
  ['an empty header', file => {
    file.text = '{}'
  }, [format, missing]],
  ['a missing tensor', file => {
    const name = 'text_model.final_layer_norm.bias' // its bytes stay: a hole would be an error of its own
    file.header.another = entry(file, name)
    delete file.header[name]
  }, missing, ['text_model.final_layer_norm.bias']],
  ['a hole', file => {
    delete file.header['text_model.final_layer_norm.bias']
  }, format, ['hole']],
  ['a name twice', file => {
    file.text = JSON.stringify(file.header).replace(/\}$/, `,"${matrix}":${JSON.stringify(entry(file))}}`)
  }, duplicate, [matrix]],
  ['an entry that is a number', file => {
    ;(file.header as Record<string, unknown>)[matrix] = 5
  }, format, [matrix]],
  ['no dtype', file => {
    entry(file).dtype = undefined
  }, format, ['dtype']],
  ['an unknown dtype', file => {
    entry(file).dtype = 'F31'
  }, format, ['F31']],
  ['integers for weights', file => {
    entry(file).dtype = 'I32'
  }, type, [matrix]],
  ['a dtype of another size', file => {
    entry(file).dtype = 'F16'
  }, format, [matrix]],
  ['no shape', file => {
    entry(file).shape = undefined
  }, format, ['shape']],
  ['a shape of strings', file => {
    entry(file).shape = ['64', '64']
  }, format],
  ['a negative dimension', file => {
    entry(file).shape = [-64, -64]
  }, format],
  ['a fractional dimension', file => {
    entry(file).shape = [64.5, 64]
  }, format],
  ['a product that overflows', file => {
    entry(file).shape = [2 ** 32, 2 ** 32]
  }, [limit, format]],
  ['a huge dimension', file => {
    entry(file).shape = [1e30, 64]
  }, [limit, format]],
  ['nine dimensions', file => {
    entry(file).shape = [1, 1, 1, 1, 1, 1, 1, 64, 64]
  }, limit],
  ['another shape of the same size', file => {
    const [a, b] = entry(file).shape as [number, number]
    entry(file).shape = [a / 2, b * 2]
  }, shape, [matrix]],
  ['offsets past the end', file => {
    const [a, b] = entry(file).data_offsets as [number, number]
    entry(file).data_offsets = [a + 1e9, b + 1e9]
  }, truncated, [matrix]],
  ['offsets that fall', file => {
    ;(entry(file).data_offsets as number[]).reverse()
  }, format],
  ['negative offsets', file => {
    entry(file).data_offsets = [-4, 0]
  }, format],
  ['one offset', file => {
    entry(file).data_offsets = [0]
  }, format],
  ['offsets of 2^64', file => {
    file.text = JSON.stringify(file.header).replace(/"data_offsets":\[\d+,/, '"data_offsets":[18446744073709551616,')
  }, [format, limit]],
  ['overlapping tensors', file => {
    entry(file).data_offsets = [...entry(file, matrix.replace('q_proj', 'k_proj')).data_offsets as number[]]
  }, format],
  ['bytes behind the last tensor', file => {
    file.data = Buffer.concat([file.data, Buffer.alloc(8)])
  }, format],
  ['bytes missing at the end', file => {
    file.data = file.data.subarray(0, -8)
  }, truncated],
]

type Json = Record<string, any>
type JsonCase = [what: string, change: (json: Json) => unknown, codes: string | string[], words?: string[]]

const vision = (values: Json) => (json: Json): void => {
  Object.assign(json.vision_config as Json, values)
  if (json.vision_config_dict) Object.assign(json.vision_config_dict as Json, values)
}
const text = (values: Json) => (json: Json): void => {
  Object.assign(json.text_config as Json, values)
  if (json.text_config_dict) Object.assign(json.text_config_dict as Json, values)
}

const configs: JsonCase[] = [
  ['an empty file', () => '', truncated],
  ['no JSON', () => '{"model_type": "clip",', format],
  ['a list', () => '[1, 2]', [format, config]],
  ['null', () => 'null', [format, config]],
  ['a Git LFS pointer', () => 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n', format],
  ['no UTF-8', () => Buffer.from('{"model_type": "\xff\xfe"}', 'latin1'), [format, config, unsupported]],
  ['deep nesting', () => '{"a":'.repeat(200_000), [format, limit]],
  ['a key twice', () => '{"model_type": "clip", "model_type": "clip"}', [format, missing, shape, config]],
  ['another model', json => {
    json.model_type = 'bert'
  }, unsupported, ['bert']],
  ['a model type that is a number', json => {
    json.model_type = 5
  }, config],
  ['0 heads', vision({ num_attention_heads: 0 }), config, ['num_attention_heads']],
  ['heads that do not divide', text({ num_attention_heads: 7 }), config, ['num_attention_heads']],
  ['0 layers', vision({ num_hidden_layers: 0 }), config, ['num_hidden_layers']],
  ['10^9 layers', vision({ num_hidden_layers: 1e9 }), config, ['num_hidden_layers']],
  ['a layer more than there is', text({ num_hidden_layers: 9 }), missing],
  ['-1 layers', text({ num_hidden_layers: -1 }), config, ['num_hidden_layers']],
  ['2.5 layers', text({ num_hidden_layers: 2.5 }), config, ['num_hidden_layers']],
  ['layers as a string', text({ num_hidden_layers: '3' }), config, ['num_hidden_layers']],
  ['another width', vision({ hidden_size: 8 * 31 }), [shape, config]],
  ['width 10^12', vision({ hidden_size: 1e12 }), config, ['hidden_size']],
  ['image size 0', vision({ image_size: 0 }), config, ['image_size']],
  ['image size 10^6', vision({ image_size: 1e6 }), config, ['image_size']],
  ['patch size 0', vision({ patch_size: 0 }), config, ['patch_size']],
  ['4 channels', vision({ num_channels: 4 }), [config, unsupported], ['num_channels']],
  ['eps -1', vision({ layer_norm_eps: -1 }), config, ['layer_norm_eps']],
  ['eps as a string', text({ layer_norm_eps: 'NaN' }), config, ['layer_norm_eps']],
  ['eps 10^999', json => JSON.stringify(json).replaceAll(/"layer_norm_eps":[^,}]+/g, '"layer_norm_eps":1e999'), [config,
    format]],
  ['an unknown activation', text({ hidden_act: 'swish' }), unsupported, ['swish']],
  ['a context of 10^9', text({ max_position_embeddings: 1e9 }), [config, shape]],
  ['a vocabulary of 1', text({ vocab_size: 1 }), [shape, config]],
  ['towers that are numbers', json => {
    json.vision_config = 5
    delete json.vision_config_dict
  }, config],
]

const preprocessors: JsonCase[] = [
  ['no JSON', () => '{', format],
  ['a size of 0', json => {
    json.size = 0
    json.crop_size = 0
  }, config],
  ['a size of 10^9', json => {
    json.size = { shortest_edge: 1e9 }
  }, config],
  ['a crop unlike the tower', json => {
    json.crop_size = { height: 32, width: 48 }
  }, [config, unsupported]],
  ['a standard deviation of 0', json => {
    json.image_std = [0, 0, 0]
  }, config, ['image_std']],
  ['two means', json => {
    json.image_mean = [0.5, 0.5]
  }, config, ['image_mean']],
  ['an unknown filter', json => {
    json.resample = 77
  }, [config, unsupported], ['resample']],
]

describe('checkpoint directories', () => {
  let good: Clip
  let number = 0
  beforeAll(async () => {
    good = await Clip.load(model, load)
  })
  afterAll(() => good.dispose())
  afterEach(async () => expect(await good.encodeText('still alive')).toHaveLength(good.info.dim))

  function copy(): string {
    const directory = join(folder, `model-${number++}`)
    cpSync(model, directory, { recursive: true, filter: source => !source.includes('expected.') })
    for (const name of ['model.safetensors', 'config.json', 'preprocessor_config.json']) {
      rmSync(join(directory, name), { force: true }) // the originals are read-only
      writeFileSync(join(directory, name), readFileSync(join(model, name)))
    }
    return directory
  }

  async function expectOutcome(path: string, codes: string | string[], words: string[] = []): Promise<void> {
    let clip: Clip | undefined
    let outcome = { code: 'ok', message: '' }
    try {
      clip = await Clip.load(path, load)
      await clip.encodeImage({ data: new Uint8Array(12), width: 2, height: 2, channels: 3 })
      await clip.encodeText('a cat')
    } catch (error) {
      const { code, message } = error as typeof outcome
      outcome = { code, message }
    }
    await clip?.dispose()
    expect(outcome).toEqual({
      code: expect.stringMatching(new RegExp(`^(${[codes].flat().join('|')})$`)),
      message: outcome.message,
    })
    for (const word of words) expect(outcome.message).toContain(word)
    rmSync(path, { recursive: true, force: true })
  }

  it('a copy is as good as the original', () => expectOutcome(copy(), 'ok'))

  describe('model.safetensors', () => {
    it.each(weights)('%s', async (_, change, codes, words = []) => {
      const directory = copy()
      const file = parseSafetensors(readFileSync(join(directory, 'model.safetensors')))
      change(file)
      writeFileSync(join(directory, 'model.safetensors'), buildSafetensors(file))
      await expectOutcome(directory, codes, words)
    })

    it('truncated anywhere, and empty', async () => {
      const bytes = readFileSync(join(model, 'model.safetensors'))
      const { headerBytes } = parseSafetensors(bytes)
      for (
        const length of [0, 1, 7, 8, 9, headerBytes - 1, headerBytes, headerBytes + 1, bytes.length >> 1,
          bytes.length - 1]
      ) {
        const directory = copy()
        writeFileSync(join(directory, 'model.safetensors'), bytes.subarray(0, length))
        await expectOutcome(directory, truncated)
      }
    })
  })

  describe.each([['config.json', configs], ['preprocessor_config.json', preprocessors]])('%s', (name, cases) => {
    it.each(cases)('%s', async (_, change, codes, words = []) => {
      const directory = copy()
      const json = JSON.parse(readFileSync(join(directory, name), 'utf8')) as Json
      const changed = change(json)
      writeFileSync(
        join(directory, name),
        typeof changed === 'string' || Buffer.isBuffer(changed) ? changed : JSON.stringify(json),
      )
      await expectOutcome(directory, codes, words)
    })
  })

  it('files that are missing, or are no files', async () => {
    let directory = copy()
    rmSync(join(directory, 'config.json'))
    await expectOutcome(directory, notFound, ['config.json'])
    directory = copy()
    rmSync(join(directory, 'model.safetensors'))
    await expectOutcome(directory, notFound, ['safetensors'])
    directory = copy()
    rmSync(join(directory, 'model.safetensors'))
    mkdirSync(join(directory, 'model.safetensors'))
    await expectOutcome(directory, notFound)
    directory = copy()
    rmSync(join(directory, 'config.json'))
    symlinkSync(join(directory, 'nowhere'), join(directory, 'config.json'))
    await expectOutcome(directory, notFound)
    directory = copy()
    rmSync(join(directory, 'model.safetensors'))
    writeFileSync(join(directory, 'pytorch_model.bin'), 'x')
    await expectOutcome(directory, format, ['pytorch_model.bin'])
  })

  it('an index that names files elsewhere, twice, absent or nothing', async () => {
    const indexes: [unknown, string | string[]][] = [
      [{}, config],
      [{ weight_map: {} }, config],
      [{ weight_map: 5 }, config],
      ['{', format],
      [{ weight_map: { a: '../model.safetensors' } }, config],
      [{ weight_map: { a: '/etc/passwd' } }, config],
      [{ weight_map: { a: 'absent.safetensors' } }, notFound],
      [{ weight_map: { a: 5 } }, config],
      [{ weight_map: { a: 'part.safetensors' } }, missing],
    ]
    for (const [index, codes] of indexes) {
      const directory = copy()
      cpSync(join(directory, 'model.safetensors'), join(directory, 'part.safetensors'))
      rmSync(join(directory, 'model.safetensors'))
      writeFileSync(
        join(directory, 'model.safetensors.index.json'),
        typeof index === 'string' ? index : JSON.stringify(index),
      )
      await expectOutcome(directory, codes)
    }
  })

  it('a broken tokenizer spoils texts, not images', async () => {
    const broken: [string, string][] = [['tokenizer.json', '{'], ['tokenizer.json', '{"model": {"type": "BPE"}}'], [
      'tokenizer_config.json',
      '[',
    ]]
    for (const [name, content] of broken) {
      const directory = copy()
      rmSync(join(directory, name), { force: true })
      writeFileSync(join(directory, name), content)
      const clip = await Clip.load(directory, load)
      await expect(clip.encodeText('a')).rejects.toMatchObject({ code: 'ERR_CLIP_TOKENIZER_INVALID' })
      expect(await clip.encodeImage({ data: new Uint8Array(12), width: 2, height: 2, channels: 3 })).toHaveLength(
        clip.info.dim,
      )
      await clip.dispose()
      rmSync(directory, { recursive: true, force: true })
    }
  })
})
