/** What a file may cost follows from its size: memory and time of every reader, and how soon a signal stops it. */
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { Clip, inspect } from '../../lib/index.js'
import { configOf, type Json, plain, safetensors, scratch, tensorsOf, writeFolder } from './support'

const { zip, pickle } = require('../fixtures/torch/zip.cjs') as {
  zip(entries: [string, Buffer][]): Buffer
  pickle(value: Buffer): Buffer
}
const { buildGguf, string, u32, u64 } = require('../fixtures/bad-input/model-files.cjs') as {
  buildGguf(file: object): Buffer
  string(text: string): Buffer
  u32(value: number): Buffer
  u64(value: number): Buffer
}

const folder = scratch('budgets')
const config = configOf(plain)
const tensors = tensorsOf(path.join(plain, 'model.safetensors'))
let copies = 0

/** Loads and inspects; gives the code, and fails when either takes long or much memory. */
async function cost(source: string, bytes: number): Promise<string> {
  const [began, before] = [process.cpuUsage(), process.resourceUsage().maxRSS]
  const code = await Clip.load(source, { threads: 1 }).then(async clip => {
    await clip.dispose()
    return 'loaded'
  }, (error: { code?: string }) => String(error.code))
  await inspect(source)
  expect((process.resourceUsage().maxRSS - before) * 1024).toBeLessThan(100e6 + 150 * bytes)
  const { user, system } = process.cpuUsage(began)
  expect((user + system) / 1e6).toBeLessThan(5) // of one core: machines that run tests are busy
  return code
}

function torch(value: Buffer, more: [string, Buffer][] = []): [string, Buffer] {
  return ['pytorch_model.bin', zip([['a/data.pkl', pickle(value)], ['a/data/0', Buffer.alloc(64)], ...more])]
}

async function costOf([file, bytes]: [string, Buffer], settings: Json = config): Promise<string> {
  const source = path.join(folder, String(copies++))
  mkdirSync(source)
  writeFileSync(path.join(source, 'config.json'), JSON.stringify(settings))
  writeFileSync(path.join(source, file), bytes)
  return cost(source, bytes.length)
}

const latin = (text: string): Buffer => Buffer.from(text, 'latin1')
const word = (text: string): Buffer => Buffer.concat([latin('X'), u32(text.length), latin(text)])
const times = (n: number, ...parts: Buffer[]): Buffer => {
  const one = Buffer.concat(parts)
  return Buffer.alloc(n * one.length, one)
}
const put = (i: number): Buffer => Buffer.from([0x71, i])
const get = (i: number): Buffer => Buffer.from([0x68, i])
const storage = Buffer.concat([latin('('), word('storage'), latin('ctorch\nFloatStorage\n'), word('0'), word('cpu'),
  latin('K\x10tQ')])
const tensor = Buffer.concat([latin('ctorch._utils\n_rebuild_tensor_v2\n('), storage,
  latin('K\x00K\x01\x85K\x01\x85tR')])

const limit = 'ERR_CLIP_FILE_LIMIT'
const bombs: [string, Buffer, string][] = [
  ['the name of a class, a megabyte long, again and again',
    Buffer.concat([word('__torch__'), put(0), latin('0'), word('A'.repeat(1e6)), put(1), latin('0'),
      times(3000, get(0), get(1), latin('\x930')), latin('}')]), limit],
  ['names of classes, each short',
    Buffer.concat([word('__torch__'), put(0), latin('0'), word('A'.repeat(490)), put(1), latin('0'),
      times(300_000, get(0), get(1), latin('\x930')), latin('}')]), limit],
  ['objects of one class',
    Buffer.concat([latin('c__torch__\nA\n'), put(0), latin('0'), times(400_000, get(0), latin(')\x810')), latin('}')]),
    'ERR_CLIP_'],
  ['the name of a tensor, a megabyte long',
    Buffer.concat([word('A'.repeat(1e6)), put(0), latin('0'), tensor, put(1), latin('0}('), times(1500, get(0), get(1)),
      latin('u')]), limit],
  ['the name of a tensor, many times',
    Buffer.concat([word('A'.repeat(1000)), put(0), latin('0'), tensor, put(1), latin('0}('),
      times(60_000, get(0), get(1)), latin('u')]), 'ERR_CLIP_TENSOR_DUPLICATE'],
  ['a long tuple of arguments, given again and again',
    Buffer.concat([latin('ctorch\nSize\n'), put(0), latin('0(N'), put(5), latin('0('), times(200_000, get(5)),
      latin('t'), put(1), latin('01'), times(200_000, get(0), get(1), latin('R0')), latin('}')]), 'ERR_CLIP_'],
  ['millions of values', Buffer.concat([times(2_200_000, latin('N0')), latin('}')]), limit],
  ['millions of marks', Buffer.concat([times(1_000_000, latin('(')), latin('}')]), limit],
  ['millions of places remembered', Buffer.concat([latin('N'), times(2_200_000, latin('\x94')), latin('}')]), limit],
  ['modules that hold one another twice, thirty deep', Buffer.concat([
    latin('c__torch__\nM\n'),
    put(99),
    latin('0'),
    word('a'),
    put(100),
    latin('0'),
    word('b'),
    put(101),
    latin('0'),
    get(99),
    latin(')\x81'),
    put(0),
    latin('0'),
    ...Array.from(
      { length: 30 },
      (_, i) =>
        Buffer.concat([get(99), latin(')\x81}('), get(100), get(i), get(101), get(i), latin('ub'), put(i + 1),
          latin('0')]),
    ),
    get(30),
  ]), limit],
]

describe('pickles', () => {
  it.each(bombs)('%s', async (_, value, code) => {
    expect(await costOf(torch(value))).toContain(code)
  })

  it('a storage with a long name, asked for again and again', async () => {
    const key = 'k'.repeat(60_000)
    const long = Buffer.concat([latin('ctorch._utils\n_rebuild_tensor_v2\n('), latin('('), word('storage'),
      latin('ctorch\nFloatStorage\n'), word(key), word('cpu'), latin('K\x10tQ'), latin('K\x00K\x01\x85K\x01\x85tR')])
    const names = Array.from({ length: 20_000 }, (_, i) => Buffer.concat([word(`t${i}`), get(1)]))
    expect(
      await costOf(
        torch(Buffer.concat([long, put(1), latin('0}('), ...names, latin('u')]), [[`a/data/${key}`, Buffer.alloc(64)]]),
      ),
    ).toBe(limit)
  })

  it('one storage for tensors that are many times the file', async () => {
    const names = Array.from({ length: 60_000 }, (_, i) => Buffer.concat([word(`t${i}`), get(1)]))
    const big = Buffer.concat([latin('ctorch._utils\n_rebuild_tensor_v2\n('), latin('('), word('storage'),
      latin('ctorch\nFloatStorage\n'), word('big'), word('cpu'), latin('J'), u32(250_000), latin('tQ'), latin('K\x00J'),
      u32(250_000), latin('\x85K\x01\x85tR')])
    expect(
      await costOf(
        torch(Buffer.concat([big, put(1), latin('0}('), ...names, latin('u')]), [['a/data/big',
          Buffer.alloc(1_000_000)]]),
      ),
    ).toBe(limit)
  })
})

describe('headers and configurations', () => {
  it('safetensors: as many tensors as may be, names with wrappers in wrappers, long names', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 65_000 }, (_, i) => [`visual.${i}`, { dtype: 'U8', shape: [0], data: Buffer.alloc(0) }]),
    )
    expect(await costOf(['model.safetensors', safetensors(many)])).toMatch(/^ERR_CLIP_TENSOR_MISSING/)
    const wrapped = Object.fromEntries(
      Array.from(
        { length: 5_000 },
        (_, i) => [`${'module.'.repeat(140)}${i}`, { dtype: 'U8', shape: [0], data: Buffer.alloc(0) }],
      ),
    )
    expect(await costOf(['model.safetensors', safetensors(wrapped)])).toMatch(/^ERR_CLIP_TENSOR_MISSING/)
    expect(
      await costOf(['model.safetensors',
        safetensors({ ['a'.repeat(1e6)]: { dtype: 'U8', shape: [0], data: Buffer.alloc(0) } })]),
    ).toBe(limit)
  })

  it('safetensors: hundreds of thousands of values and of brackets', async () => {
    const header = (
      text: string,
    ): [string, Buffer] => ['model.safetensors', Buffer.concat([u64(text.length), latin(text)])]
    expect(await costOf(header(`{"a":{"shape":[${'0,'.repeat(400_000)}0]}}`))).toMatch(/^ERR_CLIP_FILE_/)
    expect(await costOf(header('['.repeat(2e6)))).toBe(limit)
    expect(await costOf(header(`{"a":${'1'.repeat(1e6)}}`))).toMatch(/^ERR_CLIP_FILE_/)
  })

  it('config.json: keys that are all null', async () => {
    const keys = Object.fromEntries(Array.from({ length: 150_000 }, (_, i) => [`k${i}`, null]))
    const source = path.join(folder, 'nulls')
    mkdirSync(source)
    writeFileSync(
      path.join(source, 'open_clip_config.json'),
      JSON.stringify({ model_cfg: { vision_cfg: keys, text_cfg: keys } }),
    )
    writeFileSync(
      path.join(source, 'open_clip_model.safetensors'),
      safetensors({ 'visual.x': { dtype: 'U8', shape: [0], data: Buffer.alloc(0) } }),
    )
    expect(await cost(source, 10e6)).toMatch(/^ERR_CLIP_TENSOR/)
  })

  it('an index of thousands of shards', async () => {
    const map = Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`t${i}`, `shard-${i}.safetensors`]))
    expect(await costOf(['model.safetensors.index.json', Buffer.from(JSON.stringify({ weight_map: map }))])).toBe(limit)
  })

  it('GGUF: arrays of empty strings, many keys, one long string, a header without an end', async () => {
    const gguf = (keys: object[]): Buffer =>
      buildGguf({
        magic: 'GGUF',
        version: 3,
        keys: [{ key: 'general.architecture', type: 8, value: string('clip') }, ...keys],
        tensors: [],
        data: Buffer.alloc(0),
      })
    const strings = (n: number): Buffer => Buffer.concat([u32(8), u64(n), Buffer.alloc(8 * n)])
    const files: [Buffer, RegExp][] = [
      [
        gguf([{ key: 'clip.has_text_encoder', type: 7, value: Buffer.from([1]) }, {
          key: 'tokenizer.ggml.tokens',
          type: 9,
          value: strings(4_500_000),
        }]),
        /^ERR_CLIP_/,
      ],
      [
        gguf(
          Array.from(
            { length: 60_000 },
            (_, i) => ({ key: `${'k'.repeat(300)}${i}`, type: 0, value: Buffer.from([1]) }),
          ),
        ),
        /^ERR_CLIP_/,
      ],
      [gguf([{ key: 'long', type: 8, value: string('x'.repeat(5e6)) }]), /^ERR_CLIP_/],
    ]
    for (const [bytes, code] of files) {
      const file = path.join(folder, `${copies++}.gguf`)
      writeFileSync(file, bytes)
      expect(await cost(file, bytes.length)).toMatch(code)
    }
    const hole = path.join(folder, 'hole.gguf')
    writeFileSync(hole, Buffer.concat([latin('GGUF'), u32(3), u64(0), u64(1), string('k'), u32(8), u64(3_000_000_000)]))
    truncateSync(hole, 4_000_000_000) // sparse: no byte of it is on the disk
    expect(await cost(hole, 0)).toBe(limit)
  })
})

describe('tokenizers', () => {
  const files: [string, string, Buffer][] = [
    ['tokenizer.json of empty objects', 'tokenizer.json', latin(`[${'{},'.repeat(5e6)}{}]`)],
    ['vocab.txt of empty lines', 'vocab.txt', Buffer.alloc(5e6, '\n')],
    ['a SentencePiece model of empty fields', 'spiece.model', times(1.2e6, Buffer.from([0x22, 0]))],
  ]
  it.each(files)('%s', async (_, file, bytes) => {
    const source = writeFolder(path.join(folder, file), config, tensors, { beside: ['preprocessor_config.json'] })
    writeFileSync(path.join(source, file), bytes)
    expect(await cost(source, bytes.length)).toBe('loaded') // images need none
    await using clip = await Clip.load(source, { threads: 1 })
    await expect(clip.encodeText('a')).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_CLIP_(FILE_LIMIT|TOKENIZER_INVALID)$/) as string,
    })
  })
})

describe('a signal', () => {
  const values = latin(`{"a":{"shape":[${'1e5,'.repeat(850_000)}0]}}`)
  it.each([
    ['safetensors', ['model.safetensors', Buffer.concat([u64(values.length), values])]],
    ['pickle',
      torch(Buffer.concat([times(1_900_000, latin('N0')), latin('N'), times(10_000_000, latin('20')), latin('}')]))],
  ] as [string, [string, Buffer]][])('stops a slow reader: %s', async (name, [file, bytes]) => {
    const source = path.join(folder, `slow-${name}`)
    mkdirSync(source)
    writeFileSync(path.join(source, 'config.json'), JSON.stringify(config))
    writeFileSync(path.join(source, file), bytes)
    const whole = performance.now()
    await expect(Clip.load(source)).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_CLIP_/) as string })
    const duration = performance.now() - whole
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('enough')), duration / 5)
    const began = performance.now()
    await expect(Clip.load(source, { signal: controller.signal })).rejects.toThrow('enough')
    expect(performance.now() - began).toBeLessThan(0.8 * duration)
  })

  it('stops the reading of a large table', async () => {
    const table = 'text_model.embeddings.token_embedding.weight'
    const [rows, width] = [4_000_000, 18]
    const others = Object.fromEntries(Object.entries(tensors).filter(([name]) => name !== table))
    const file = safetensors(others)
    const end = 8 + Number(file.readBigUInt64LE(0))
    const header = JSON.parse(file.toString('utf8', 8, end)) as Json
    header[table] = {
      dtype: 'F16',
      shape: [rows, width],
      data_offsets: [file.length - end, file.length - end + 2 * rows * width],
    }
    const bytes = Buffer.from(JSON.stringify(header))
    const source = writeFolder(path.join(folder, 'large'), {
      ...config,
      text_config: { ...(config.text_config as Json), vocab_size: rows },
    }, {})
    writeFileSync(path.join(source, 'model.safetensors'), Buffer.concat([u64(bytes.length), bytes, file.subarray(end)]))
    truncateSync(path.join(source, 'model.safetensors'), 8 + bytes.length + file.length - end + 2 * rows * width) // sparse
    const began = performance.now()
    await expect(Clip.load(source, { dtype: 'f32', threads: 1, signal: AbortSignal.timeout(50) })).rejects
      .toMatchObject({ name: 'TimeoutError' })
    const stopped = performance.now() - began
    await using clip = await Clip.load(source, { dtype: 'f32', threads: 1 })
    expect(clip.info.text).toMatchObject({ vocabSize: rows })
    expect(stopped).toBeLessThan((performance.now() - began - stopped) / 2 + 200)
  })
})
