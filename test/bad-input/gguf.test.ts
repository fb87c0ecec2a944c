/** GGUF files that are wrong in every way: each is refused with its code, and the next good one loads. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Clip } from '../../lib/index.js'
import { failureOf, load, tinyGguf } from '../lifecycle/support'

interface Key {
  key: string | Buffer
  type: number
  value: Buffer
}
interface Tensor {
  name: string | Buffer
  dims: bigint[]
  type: number
  offset: bigint
}
interface Gguf {
  magic: string
  version: number
  keys: Key[]
  tensors: Tensor[]
  data: Buffer
  headerBytes: number
  keyCount?: bigint
  tensorCount?: bigint
}
interface Files {
  parseGguf(file: Buffer): Gguf
  buildGguf(gguf: Gguf): Buffer
  u32(value: number): Buffer
  u64(value: number | bigint): Buffer
  f32(value: number): Buffer
  string(text: string | Buffer): Buffer
}
const { parseGguf, buildGguf, u32, u64, f32, string } = require('../fixtures/bad-input/model-files.cjs') as Files

const folder = mkdtempSync(join(tmpdir(), 'ggclip-gguf-'))
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

const keyOf = (gguf: Gguf, name: string): Key => {
  const found = gguf.keys.find(({ key }) => key === name)
  if (!found) throw new Error(`the reference file has no key ${name}: ${gguf.keys.map(({ key }) => key).join(' ')}`)
  return found
}
const tensorOf = (gguf: Gguf, name: string): Tensor => {
  const found = gguf.tensors.find(tensor => tensor.name === name)
  if (!found)
    throw new Error(`the reference file has no tensor ${name}: ${gguf.tensors.map(tensor => tensor.name).join(' ')}`)
  return found
}
const set = (name: string, value: number) => (gguf: Gguf): void => {
  keyOf(gguf, name).value = u32(value)
}
const setFloat = (name: string, value: number) => (gguf: Gguf): void => {
  keyOf(gguf, name).value = f32(value)
}
const remove = (name: string) => (gguf: Gguf): void => {
  gguf.keys = gguf.keys.filter(({ key }) => key !== name)
}
const removeTensor = (name: string) => (gguf: Gguf): void => {
  gguf.tensors = gguf.tensors.filter(tensor => tensor.name !== name)
}

const matrix = 'v.blk.1.attn_q.weight'
const last = 2n ** 64n - 1n

/** What is done to the file, codes that are right, words of the message. */
type Case = [what: string, change: (gguf: Gguf) => void, codes: string | string[], words?: string[]]

const headers: Case[] = [
  ['another magic', gguf => {
    gguf.magic = 'GGML'
  }, format, ['GGUF']],
  ['version 1', gguf => {
    gguf.version = 1
  }, format, ['version']],
  ['version 99', gguf => {
    gguf.version = 99
  }, format, ['99']],
  ['big-endian', gguf => {
    gguf.version = 0x03000000
  }, format, ['big-endian']],
  ['2^64 - 1 tensors', gguf => {
    gguf.tensorCount = last
  }, limit],
  ['2^64 - 1 keys', gguf => {
    gguf.keyCount = last
  }, limit],
  ['one key too many announced', gguf => {
    gguf.keyCount = BigInt(gguf.keys.length + 1)
  }, [format, truncated, limit]],
  ['one tensor too many announced', gguf => {
    gguf.tensorCount = BigInt(gguf.tensors.length + 1)
  }, [format, truncated, limit]],
  ['no tensors', gguf => {
    gguf.tensors = []
  }, missing],
  ['no keys', gguf => {
    gguf.keys = []
  }, [config, unsupported, format]],
]

const keys: Case[] = [
  ['a key twice', gguf => gguf.keys.push(keyOf(gguf, 'general.architecture')), format, ['general.architecture',
    'twice']],
  ['a key without name', gguf => {
    gguf.keys[0]!.key = ''
  }, format],
  ['a key whose name is no UTF-8', gguf => gguf.keys.push({ key: Buffer.from([0xff, 0xfe]), type: 4, value: u32(1) }), [
    format,
    'ok',
  ]],
  ['an unknown kind of value', gguf => {
    gguf.keys[0]!.type = 77
  }, format, ['77']],
  ['an array of arrays',
    gguf => gguf.keys.push({ key: 'x', type: 9, value: Buffer.concat([u32(9), u64(1), u32(4), u64(0)]) }), format],
  ['an array of 2^61 numbers',
    gguf => gguf.keys.push({ key: 'x', type: 9, value: Buffer.concat([u32(10), u64(2n ** 61n)]) }), truncated],
  ['an array of 2^64 - 1 strings',
    gguf => gguf.keys.push({ key: 'x', type: 9, value: Buffer.concat([u32(8), u64(last)]) }), truncated],
  ['a string of 2^63 bytes', gguf => gguf.keys.push({ key: 'x', type: 8, value: u64(2n ** 63n) }), truncated],
  ['a boolean of 7', gguf => gguf.keys.push({ key: 'x', type: 7, value: Buffer.from([7]) }), format],
  ['alignment 0', gguf => gguf.keys.push({ key: 'general.alignment', type: 4, value: u32(0) }), format, ['alignment']],
  ['alignment 2^31', gguf => gguf.keys.push({ key: 'general.alignment', type: 4, value: u32(2 ** 31) }), format, [
    'alignment',
  ]],
  ['alignment as a string', gguf => gguf.keys.push({ key: 'general.alignment', type: 8, value: string('32') }), format,
    ['alignment']],
  ['another architecture', gguf => {
    keyOf(gguf, 'general.architecture').value = string('llama')
  }, unsupported, ['llama']],
  ['no architecture', remove('general.architecture'), [config, unsupported, format], ['general.architecture']],
  ['architecture as a number', gguf => Object.assign(keyOf(gguf, 'general.architecture'), { type: 4, value: u32(1) }), [
    config,
    format,
  ]],
]

const parameters: Case[] = [
  ['0 heads', set('clip.vision.attention.head_count', 0), config, ['head_count']],
  ['3 heads of 128', set('clip.vision.attention.head_count', 3), config, ['head_count', '128']],
  ['2^31 heads', set('clip.text.attention.head_count', 2 ** 31), [config, limit], ['head_count']],
  ['0 layers', set('clip.vision.block_count', 0), config, ['block_count']],
  ['one layer more than there is', set('clip.vision.block_count', 4), missing, ['v.blk.3.']],
  ['2^32 - 1 layers', set('clip.text.block_count', 2 ** 32 - 1), [config, limit], ['block_count']],
  ['another width', set('clip.vision.embedding_length', 256), [shape, config]],
  ['width 2^31 - 1', set('clip.vision.embedding_length', 2 ** 31 - 1), [config, limit], ['embedding_length']],
  ['another feed-forward width', set('clip.text.feed_forward_length', 256), shape],
  ['feed-forward width 0', set('clip.text.feed_forward_length', 0), [config, limit], ['feed_forward_length']],
  ['image size 0', set('clip.vision.image_size', 0), [config, limit], ['image_size']],
  ['image size 2^20', set('clip.vision.image_size', 2 ** 20), [config, limit], ['image_size']],
  ['another image size', set('clip.vision.image_size', 96), [shape, config]],
  ['patch size 0', set('clip.vision.patch_size', 0), [config, limit], ['patch_size']],
  ['patch size 65', set('clip.vision.patch_size', 65), [config, shape], ['patch']],
  // the tensors' shapes decide: files are known whose key is wrong
  ['another projection', set('clip.vision.projection_dim', 2 ** 30), ['ok', config]],
  ['context length 0', set('clip.text.context_length', 0), [config, limit], ['context_length']],
  ['context length 2^30', set('clip.text.context_length', 2 ** 30), [config, limit, shape], ['context_length']],
  ['eps NaN', setFloat('clip.vision.attention.layer_norm_epsilon', NaN), config, ['layer_norm_epsilon']],
  ['eps -1', setFloat('clip.text.attention.layer_norm_epsilon', -1), config, ['layer_norm_epsilon']],
  ['eps infinite', setFloat('clip.vision.attention.layer_norm_epsilon', Infinity), config, ['layer_norm_epsilon']],
  ['a count as a string',
    gguf => Object.assign(keyOf(gguf, 'clip.vision.block_count'), { type: 8, value: string('3') }), config, [
    'block_count',
  ]],
  ['a count of -3', gguf => Object.assign(keyOf(gguf, 'clip.vision.block_count'), { type: 5, value: u32(-3) }), config,
    ['block_count']],
  ['no layer count', remove('clip.vision.block_count'), config, ['block_count']],
  ['a standard deviation of 0', gguf => {
    const { value } = keyOf(gguf, 'clip.vision.image_std')
    keyOf(gguf, 'clip.vision.image_std').value = Buffer.concat([value.subarray(0, 12), f32(0), f32(1), f32(1)])
  }, config, ['image_std']],
  ['two mean values', gguf => {
    keyOf(gguf, 'clip.vision.image_mean').value = Buffer.concat([u32(6), u64(2), f32(0), f32(0)])
  }, config, ['image_mean']],
]

const tensors: Case[] = [
  ['a missing matrix', removeTensor(matrix), missing, [matrix]],
  ['a missing bias', removeTensor('t.blk.0.ln1.bias'), missing, ['t.blk.0.ln1.bias']],
  ['a tensor twice', gguf => gguf.tensors.push({ ...tensorOf(gguf, matrix) }), duplicate, [matrix]],
  ['a dimension of 0', gguf => {
    tensorOf(gguf, matrix).dims[1] = 0n
  }, format, [matrix]],
  ['a dimension of 2^63', gguf => {
    tensorOf(gguf, matrix).dims[1] = 2n ** 63n
  }, [format, limit], [matrix]],
  ['dimensions whose product overflows', gguf => {
    tensorOf(gguf, matrix).dims = [2n ** 32n, 2n ** 32n]
  }, limit, [matrix]],
  ['dimensions that wrap to the right size', gguf => {
    tensorOf(gguf, matrix).dims = [128n, 128n + 2n ** 57n]
  }, limit, [matrix]],
  ['five dimensions', gguf => {
    tensorOf(gguf, matrix).dims = [128n, 128n, 1n, 1n, 1n]
  }, format],
  ['no dimension', gguf => {
    tensorOf(gguf, 'v.post_ln.weight').dims = []
  }, shape, ['v.post_ln.weight']],
  ['a transposed shape', gguf => {
    tensorOf(gguf, 'v.blk.1.ffn_down.weight').dims.reverse()
  }, shape, ['v.blk.1.ffn_down.weight', '128']],
  ['an unknown type', gguf => {
    tensorOf(gguf, matrix).type = 200
  }, format, ['200']],
  ['a removed type', gguf => {
    tensorOf(gguf, matrix).type = 4
  }, format],
  ['a type that is no weight', gguf => {
    Object.assign(tensorOf(gguf, 'v.post_ln.weight'), { type: 26 })
  }, type, ['v.post_ln.weight']],
  ['an offset past the end', gguf => {
    tensorOf(gguf, matrix).offset = BigInt(gguf.data.length + 32)
  }, truncated, [matrix]],
  ['an offset of 2^64 - 32', gguf => {
    tensorOf(gguf, matrix).offset = 2n ** 64n - 32n
  }, truncated],
  ['an offset between the marks', gguf => {
    tensorOf(gguf, matrix).offset += 4n
  }, format],
  ['two tensors in one place', gguf => {
    tensorOf(gguf, matrix).offset = tensorOf(gguf, 'v.blk.2.attn_q.weight').offset
  }, format],
  ['a name of 10,000 bytes', gguf => {
    tensorOf(gguf, matrix).name = 'x'.repeat(10_000)
  }, limit],
  ['a name that is no UTF-8', gguf => {
    tensorOf(gguf, matrix).name = Buffer.from([0xff, 0x00, 0xc0])
  }, missing, [matrix]],
]

const tokens: Case[] = [
  ['fewer tokens than rows', gguf => {
    keyOf(gguf, 'tokenizer.ggml.tokens').value = Buffer.concat([u32(8), u64(1), string('a')])
  }, ['ok', config, 'ERR_CLIP_TOKENIZER_INVALID']],
  ['tokens that are no UTF-8', gguf => {
    const bad = Buffer.concat(Array.from({ length: 2514 }, () => string(Buffer.from([0xc3, 0x28]))))
    keyOf(gguf, 'tokenizer.ggml.tokens').value = Buffer.concat([u32(8), u64(2514), bad])
  }, ['ok', config, 'ERR_CLIP_TOKENIZER_INVALID']],
  ['tokens as numbers', gguf => {
    keyOf(gguf, 'tokenizer.ggml.tokens').value = Buffer.concat([u32(4), u64(1), u32(1)])
  }, ['ok', config]],
  ['no tokens', remove('tokenizer.ggml.tokens'), 'ERR_CLIP_TOKENIZER_MISSING'],
]

describe('GGUF', () => {
  const bytes = readFileSync(tinyGguf)
  const file = join(folder, 'model.gguf')
  let good: Clip
  beforeAll(async () => {
    good = await Clip.load(tinyGguf, load)
  })
  afterAll(() => good.dispose())
  afterEach(async () => expect(await good.encodeText('still alive')).toHaveLength(64))

  /** Code of what the file leads to: the first failure of loading, a text and a picture; or 'ok'. */
  async function outcome(path: string): Promise<{ code: string; message: string }> {
    let clip: Clip | undefined
    try {
      clip = await Clip.load(path, load)
      await clip.encodeImage({ data: new Uint8Array(12), width: 2, height: 2, channels: 3 })
      await clip.encodeText(['a cat', 'ünknown'])
      return { code: 'ok', message: '' }
    } catch (error) {
      return error as { code: string; message: string }
    } finally {
      await clip?.dispose()
    }
  }

  it('is put together again as it was', async () => {
    expect(buildGguf(parseGguf(bytes)).equals(bytes)).toBe(true)
    expect((await outcome(tinyGguf)).code).toBe('ok')
  })

  describe.each([['header', headers], ['keys', keys], ['hyper-parameters', parameters], ['tensors', tensors], ['tokens',
    tokens]])('%s', (_, cases) => {
      it.each(cases)('%s', async (_what, change, codes, words = []) => {
        const gguf = parseGguf(Buffer.from(bytes))
        change(gguf)
        writeFileSync(file, buildGguf(gguf))
        const { code, message } = await outcome(file)
        expect({ code, message }).toEqual({
          code: expect.stringMatching(new RegExp(`^(${[codes].flat().join('|')})$`)),
          message,
        })
        for (const word of words) expect(message).toContain(word)
        if (code !== 'ok') expect(message).toContain('model.gguf')
      })
    })

  it('truncated anywhere', async () => {
    const { headerBytes } = parseGguf(bytes)
    const lengths = [1, 3, 4, 8, 16, 23, 24, 30, 200, headerBytes >> 1, headerBytes - 1, headerBytes, headerBytes + 40,
      bytes.length >> 1, bytes.length - 1]
    for (const length of lengths) {
      writeFileSync(file, bytes.subarray(0, length))
      expect([length, (await outcome(file)).code]).toEqual([length,
        expect.stringMatching(/^ERR_CLIP_FILE_(TRUNCATED|FORMAT)$/)])
    }
  })

  it('no model at all: empty, text, a folder, a picture', async () => {
    writeFileSync(file, '')
    expect(['ERR_CLIP_FILE_TRUNCATED', format]).toContain((await outcome(file)).code)
    writeFileSync(file, 'GGU')
    expect(['ERR_CLIP_FILE_TRUNCATED', format]).toContain((await outcome(file)).code)
    writeFileSync(file, 'once upon a time there was no model')
    expect((await outcome(file)).code).toBe(format)
    const odd = join(folder, 'model.txt')
    writeFileSync(odd, 'once upon a time there was no model')
    expect((await outcome(odd)).code).toBe(format)
    mkdirSync(join(folder, 'folder.gguf'))
    expect((await failureOf(() => Clip.load(join(folder, 'folder.gguf')))).code).toBe('ERR_CLIP_FILE_NOT_FOUND')
  })
})
