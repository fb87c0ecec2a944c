/** inspect: everything about a good file, as much as can be had of a bad one, and the reasons. */
import { copyFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync,
  writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, inspect } from '../../lib/index.js'
import { fixtures, oracle } from '../helpers/oracle'

const root = path.join(__dirname, '..', '..')
const embedded = path.join(root, 'models', 'emoji-clip.gguf')
const { zip, op, global, text, dict, pickle, tensor, tuple } = require('../fixtures/torch/zip.cjs') as Record<
  'zip' | 'op' | 'global' | 'text' | 'dict' | 'pickle' | 'tensor' | 'tuple',
  (...values: any[]) => Buffer
>
const { parseGguf, buildGguf, parseSafetensors, buildSafetensors } = require(
  '../fixtures/bad-input/model-files.cjs',
) as Record<'parseGguf' | 'buildGguf' | 'parseSafetensors' | 'buildSafetensors', (value: any) => any>

const folder = mkdtempSync(path.join(tmpdir(), 'ggclip-inspect-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const place = (name: string): string => path.join(folder, name)

describe('a good model', () => {
  it('GGUF: agrees with what loading it says', async () => {
    const found = await inspect(embedded)
    await using clip = await Clip.load(embedded)
    expect(found).toMatchObject({
      path: embedded,
      format: 'gguf',
      loadable: true,
      problems: [],
      missing: [],
      ignored: [],
      family: "clip in ggclip's GGUF layout",
    })
    expect(found.model).toMatchObject({
      dim: clip.info.dim,
      vision: { width: clip.info.vision!.width, imageSize: 64 },
      text: { vocabSize: clip.info.text!.vocabSize },
    })
    expect(found.tensors).toHaveLength(173)
    expect(found.tensors.find(({ name }) => name === 'visual_projection.weight')).toMatchObject({
      shape: [256, 256],
      file: embedded,
    })
    expect(found.tensors.find(({ name }) => name === 't.token_embd.weight')!.shape).toEqual([clip.info.text!.vocabSize,
      256])
    expect(Object.values(found.types).reduce((sum, { tensors }) => sum + tensors, 0)).toBe(173)
    const keys = new Map(found.keys.map(({ name, kind, value }) => [name, [kind, value]]))
    expect(keys.get('general.architecture')).toEqual(['string', 'clip'])
    expect(keys.get('clip.vision.image_size')).toEqual(['u32', '64'])
    expect(keys.get('clip.vision.image_mean')).toEqual(['array', '[0.5, 0.5, 0.5]'])
    expect(keys.get('tokenizer.huggingface.json')![1]!.length).toBeLessThanOrEqual(203)
  })

  it.each(['small-head-24', 'small-open-clip', 'small-sharded'])('directory %s', async name => {
    const found = await inspect(path.join(fixtures, name))
    expect(found).toMatchObject({ format: 'safetensors', loadable: true, problems: [], missing: [] })
    expect(found.family).toMatch(name === 'small-open-clip' ? 'OpenCLIP' : 'CLIP (Hugging Face)')
    expect(found.files.map(file => path.basename(file.path)).filter(file => file.endsWith('safetensors')).length).toBe(
      name === 'small-sharded' ? 3 : 1,
    )
    expect(found.keys.some(({ name: key }) => /patch_size$/.test(key))).toBe(true)
  })

  it('a PyTorch file loads, and its missing tokenizer is told', async () => {
    const found = await inspect(path.join(root, 'test', 'fixtures', 'torch', 'openai', 'model.pt'))
    expect(found).toMatchObject({ format: 'torch', loadable: true, problems: [{ code: 'ERR_CLIP_TOKENIZER_MISSING' }] })
    expect(found.types).toMatchObject({ f16: { tensors: 38 } })
  })
})

describe('a bad one', () => {
  function copy(name: string): string {
    const target = place(`${name}-${readdirSync(folder).length}`)
    cpSync(path.join(fixtures, name), target, { recursive: true })
    return target
  }

  it('all missing and misshaped tensors, not the first alone', async () => {
    const model = copy('small-head-80')
    const file = path.join(model, 'model.safetensors')
    const parts = parseSafetensors(readFileSync(file)) as { header: Record<string, { shape: number[] }> }
    const rename = (from: string): void => {
      parts.header[`odd.${from}`] = parts.header[from]!
      delete parts.header[from]
    }
    rename('vision_model.post_layernorm.weight')
    rename('text_model.encoder.layers.0.mlp.fc1.bias')
    parts.header['vision_model.pre_layrnorm.bias']!.shape = [2, 40]
    writeFileSync(file, buildSafetensors(parts) as Buffer)
    const found = await inspect(model)
    expect(found.loadable).toBe(false)
    expect(found.model).toBeNull()
    expect(found.missing.sort()).toEqual(['text_model.encoder.layers.0.mlp.fc1.bias',
      'vision_model.post_layernorm.weight'])
    expect(found.problems.map(({ code }) => code).sort()).toEqual(['ERR_CLIP_TENSOR_MISSING', 'ERR_CLIP_TENSOR_MISSING',
      'ERR_CLIP_TENSOR_SHAPE'])
    expect(found.tensors.length).toBeGreaterThan(50)
    await expect(Clip.load(model)).rejects.toMatchObject({
      message: expect.stringContaining('2 more tensors') as string,
    })
  })

  it('a directory without weights, without a configuration, with a broken one', async () => {
    const model = copy('small-head-80')
    rmSync(path.join(model, 'model.safetensors'))
    expect(await inspect(model)).toMatchObject({
      loadable: false,
      format: 'unknown',
      problems: [{ code: 'ERR_CLIP_FILE_NOT_FOUND' }],
    })
    const bare = copy('small-head-80')
    rmSync(path.join(bare, 'config.json'))
    expect(await inspect(bare)).toMatchObject({
      loadable: false,
      format: 'safetensors',
      family: 'CLIP (Hugging Face)',
      problems: [{ code: 'ERR_CLIP_FILE_NOT_FOUND' }],
    })
    const broken = copy('small-head-80')
    writeFileSync(path.join(broken, 'config.json'), '{ "model_type": ')
    expect(await inspect(broken)).toMatchObject({ loadable: false, problems: [{ code: 'ERR_CLIP_FILE_FORMAT' }] })
  })

  it('half a GGUF file: keys and the list of tensors', async () => {
    const file = place('half.gguf')
    copyFileSync(embedded, file)
    truncateSync(file, 3_000_000)
    const found = await inspect(file)
    expect(found).toMatchObject({
      format: 'gguf',
      loadable: false,
      problems: [{ code: 'ERR_CLIP_FILE_TRUNCATED' }],
      family: "clip in ggclip's GGUF layout",
    })
    expect(found.tensors).toHaveLength(173)
    truncateSync(file, 2000)
    const less = await inspect(file)
    expect(less).toMatchObject({ loadable: false, tensors: [], problems: [{ code: 'ERR_CLIP_FILE_TRUNCATED' }] })
    expect(less.keys.map(({ name }) => name)).toContain('general.architecture')
  })

  it('a projector of a language model is called one', async () => {
    const parts = parseGguf(readFileSync(embedded)) as { keys: { key: string; type: number; value: Buffer }[] }
    const word = Buffer.from('mlp')
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(3n)
    parts.keys.push({ key: 'clip.projector_type', type: 8, value: Buffer.concat([length, word]) })
    writeFileSync(place('mmproj.gguf'), buildGguf(parts) as Buffer)
    const found = await inspect(place('mmproj.gguf'))
    expect(found).toMatchObject({ loadable: false, family: 'projector of a multimodal language model (llama.cpp)' })
    expect(found.problems).toEqual([{
      code: 'ERR_CLIP_MODEL_UNSUPPORTED',
      message: expect.stringContaining('clip.projector_type') as string,
    }])
  })

  it('a pickle that would run code', async () => {
    const value = Buffer.concat([global('os', 'system'), tuple([text('true')]), op('R')])
    writeFileSync(place('evil.bin'), zip([['a/data.pkl', pickle(value)]]))
    const found = await inspect(place('evil.bin'))
    expect(found).toMatchObject({ format: 'torch', loadable: false, tensors: [] })
    expect(found.problems[0]).toEqual({
      code: 'ERR_CLIP_MODEL_UNSUPPORTED',
      message: expect.stringContaining('os.system') as string,
    })
  })

  it('tensors of another kind of model', async () => {
    const data = Buffer.alloc(64)
    const one = tensor({ elements: 16, shape: [4, 4], stride: [4, 1] })
    writeFileSync(
      place('llm.bin'),
      zip([['a/data.pkl', pickle(dict([[text('lm_head.weight'), one]]))], ['a/data/0', data]]),
    )
    const found = await inspect(place('llm.bin'))
    expect(found).toMatchObject({
      family: 'language model',
      loadable: false,
      tensors: [{ name: 'lm_head.weight', shape: [4, 4], type: 'f32', bytes: 64 }],
    })
  })

  it('a file of another kind, an empty one, nothing at all', async () => {
    expect(await inspect(path.join(root, 'README.md'))).toMatchObject({
      format: 'unknown',
      family: 'unknown',
      problems: [{ code: 'ERR_CLIP_FILE_FORMAT' }],
    })
    writeFileSync(place('empty'), '')
    expect(await inspect(place('empty'))).toMatchObject({
      loadable: false,
      tensors: [],
      problems: [{ code: 'ERR_CLIP_FILE_TRUNCATED' }],
    })
    await expect(inspect(place('nothing'))).rejects.toMatchObject({ code: 'ERR_CLIP_FILE_NOT_FOUND' })
    await expect(inspect(7 as never)).rejects.toMatchObject({ code: 'ERR_CLIP_INVALID_ARGUMENT' })
  })

  it('any bytes changed anywhere: an inspection, never a failure', async () => {
    const file = place('fuzz.gguf')
    const whole = readFileSync(embedded)
    const { headerBytes } = parseGguf(whole) as { headerBytes: number }
    const head = whole.subarray(0, headerBytes + 4096)
    let seed = 3
    const random = (below: number): number => ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8) % below
    for (let i = 0; i < 60; i++) {
      const bytes = Buffer.from(head)
      const near = random(3) === 0 ? 3000 : headerBytes
      for (let n = 0; n < 3; n++) bytes[random(near)] = random(256)
      writeFileSync(file, bytes)
      const found = await inspect(file)
      expect(found.loadable).toBe(false)
      expect(found.problems.length).toBeGreaterThan(0)
      for (const { code } of found.problems) expect(code).toMatch(/^ERR_CLIP_(?!INTERNAL)/)
    }
  })
})

describe('models of the oracle', () => {
  it.each(['hf-clip-tiny', 'hf-clip-gelu-tiny', 'openclip-tiny', 'siglip-tiny'])('%s loads', async name => {
    expect(await inspect(path.join(oracle, 'models', name))).toMatchObject({ loadable: true, problems: [] })
  })

  it("clip.cpp's layout", async () => {
    const files = readdirSync(path.join(oracle, 'gguf')).filter(name => name.endsWith('.gguf'))
    expect(files.length).toBeGreaterThan(0)
    for (const name of files)
      expect(await inspect(path.join(oracle, 'gguf', name))).toMatchObject({
        loadable: true,
        family: "CLIP in clip.cpp's GGUF layout",
      })
  })
})
