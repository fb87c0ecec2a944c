/** Which files make a model, over the layouts that are published. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { inspect } from '../../lib/index'
import { type Selection, selectFiles } from '../../lib/models/select-files'
import { failure } from './support'

const hfConfig = '{"model_type":"clip"}'
const timmConfig = '{"architecture":"vit_base_patch16_clip_224"}'

function select(files: readonly string[], wanted?: string, texts: Record<string, string> = {}): Promise<Selection> {
  return selectFiles({ name: 'a/b', paths: new Set(files), read: path => Promise.resolve(texts[path] ?? '') }, wanted)
}

const rest = ['.gitattributes', 'README.md', 'flax_model.msgpack', 'tf_model.h5', 'rust_model.ot', 'model.onnx',
  'onnx/model.onnx']
const bpe = ['vocab.json', 'merges.txt', 'tokenizer_config.json', 'special_tokens_map.json']

test.each<[string, string[], string[]]>([
  ['transformers', ['config.json', 'preprocessor_config.json', 'tokenizer.json', ...bpe, 'model.safetensors',
    'pytorch_model.bin'], ['config.json', 'preprocessor_config.json', 'tokenizer.json', 'tokenizer_config.json',
    'special_tokens_map.json', 'model.safetensors']],
  ['without tokenizer.json', ['config.json', ...bpe, 'model.safetensors'], ['config.json', ...bpe,
    'model.safetensors']],
  ['WordPiece', ['config.json', 'vocab.txt', 'pytorch_model.bin'], ['config.json', 'vocab.txt', 'pytorch_model.bin']],
  ['SentencePiece', ['config.json', 'spiece.model', 'tokenizer.json', 'model.safetensors'], ['config.json',
    'tokenizer.json', 'model.safetensors']],
  ['pickled only', ['config.json', 'tokenizer.json', 'pytorch_model.bin'], ['config.json', 'tokenizer.json',
    'pytorch_model.bin']],
  ['OpenCLIP', ['open_clip_config.json', 'tokenizer.json', 'open_clip_model.safetensors',
    'open_clip_pytorch_model.bin'], ['open_clip_config.json', 'tokenizer.json', 'open_clip_model.safetensors']],
  ['OpenCLIP, pickled', ['open_clip_config.json', 'open_clip_pytorch_model.bin'], ['open_clip_config.json',
    'open_clip_pytorch_model.bin']],
  ['transformers 5', ['config.json', 'processor_config.json', 'tokenizer.json', 'model.safetensors'], ['config.json',
    'processor_config.json', 'tokenizer.json', 'model.safetensors']],
])('%s', async (_, files, expected) => {
  const { files: chosen, entry } = await select([...rest, ...files])
  expect([chosen, entry]).toEqual([expected, ''])
})

const both = ['config.json', 'open_clip_config.json', 'tokenizer.json', 'model.safetensors',
  'open_clip_model.safetensors']

test('one model in both forms: the form that its config.json belongs to', async () => {
  expect((await select(both, undefined, { 'config.json': hfConfig })).files.at(-1)).toBe('model.safetensors')
  // timm's: its model.safetensors is the image encoder alone
  expect((await select(both, undefined, { 'config.json': timmConfig })).files.at(-1)).toBe(
    'open_clip_model.safetensors',
  )
})

test("OpenCLIP's files beside another program's config.json", async () => {
  const files = (await select(both, undefined, { 'config.json': '{"model_type":"bert"}' })).files
  expect(files.at(-1)).toBe('open_clip_model.safetensors')
})

test('the families whose config.json counts are those that the reader names', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ggclip-families-'))
  try {
    cpSync(path.join(__dirname, '../fixtures/reference/small-head-24'), folder, { recursive: true })
    writeFileSync(path.join(folder, 'config.json'), '{"model_type":"nothing"}')
    const { problems: [problem] } = await inspect(folder)
    const [, named] = /computes (.*?), found/.exec(problem!.message)!
    const types = named!.match(/[A-Za-z][\w-]*/g)!.filter(word =>
      !['their', 'vision_model', 'and', 'text_model'].includes(word)
    )
    expect(types).toEqual(expect.arrayContaining(['clip', 'siglip2', 'M-CLIP', 'dinov3_vit']))
    for (const type of types) {
      const { files } = await select(both, undefined, { 'config.json': JSON.stringify({ model_type: type }) })
      expect([type, files.at(-1)]).toEqual([type, 'model.safetensors'])
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test.each([
  ["Apple's", ['.gitattributes', 'LICENSE', 'README.md', 'config.json', 'mobileclip_s0.pt'], 'mobileclip_s0.pt'],
  ["Meta's", ['README.md', 'config.yaml', 'PE-Core-L14-336.pt'], 'PE-Core-L14-336.pt'],
])('%s own file of weights', async (_, files, weights) => {
  const found = await select(files)
  expect([found.entry, found.files.at(-1), found.tokenizer]).toEqual([weights, weights, false])
})

test("OpenCLIP's weights without a configuration", async () => {
  const files = ['README.md', 'open_clip_pytorch_model.bin', 'tokenizer.json']
  expect(await select(files)).toEqual({
    files: ['tokenizer.json', 'open_clip_pytorch_model.bin'],
    entry: 'open_clip_pytorch_model.bin',
    tokenizer: true,
  })
  expect((await select([...files, 'open_clip_model.safetensors'])).entry).toBe('open_clip_model.safetensors')
})

test.each([
  ['another lone file', ['config.json', 'model.pt']],
  ['two of them', ['mobileclip_s0.pt', 'mobileclip_s1.pt']],
  ['one in a folder', ['old/mobileclip_s0.pt']],
])('%s is not chosen', async (_, files) => {
  expect(await failure(select(files))).toMatchObject({ code: 'ERR_CLIP_HUB_FILES' })
})

test('a folder of its own', async () => {
  const files = ['config.json', 'modules.json', '0_CLIPModel/config.json', '0_CLIPModel/model.safetensors',
    '0_CLIPModel/vocab.json', '0_CLIPModel/merges.txt']
  expect(await select(files)).toEqual({
    files: ['0_CLIPModel/config.json', '0_CLIPModel/vocab.json', '0_CLIPModel/merges.txt',
      '0_CLIPModel/model.safetensors'],
    entry: '0_CLIPModel',
    tokenizer: true,
  })
})

test('several folders: one has to be chosen', async () => {
  const files = ['text_encoder/config.json', 'text_encoder/model.safetensors', 'image_encoder/config.json',
    'image_encoder/model.safetensors']
  expect(await failure(select(files))).toMatchObject({
    code: 'ERR_CLIP_HUB_FILES',
    message: expect.stringContaining("':text_encoder', ':image_encoder'"),
  })
  expect(await select(files, 'image_encoder')).toMatchObject({
    entry: 'image_encoder',
    files: ['image_encoder/config.json', 'image_encoder/model.safetensors'],
  })
})

test('a file of weights that is named', async () => {
  const files = ['config.json', 'tokenizer.json', 'model.safetensors', 'model.fp16.safetensors', 'README.md']
  expect(await select(files, 'model.fp16.safetensors')).toEqual({
    files: ['config.json', 'tokenizer.json', 'model.fp16.safetensors'],
    entry: 'model.fp16.safetensors',
    tokenizer: true,
  })
  expect(await failure(select(files, 'README.md'))).toMatchObject({
    code: 'ERR_CLIP_HUB_FILES',
    message: expect.stringContaining('is not a file of weights'),
  })
  expect(await failure(select(files, 'q8_0'))).toMatchObject({
    code: 'ERR_CLIP_HUB_FILES',
    message: expect.stringContaining("expected 'q8_0', found 'README.md'"),
  })
})

test.each([
  ['no JSON', 'x', /expected a JSON object/],
  ['no map', '{}', /expected the names of files beside it, found none/],
  ['a shard that is not there', '{"weight_map":{"a":"gone.safetensors"}}', /found 'gone\.safetensors'/],
  ['a shard outside', '{"weight_map":{"a":"../config.json"}}', /found '\.\.\/config\.json'/],
  ['a shard that is no name', '{"weight_map":{"a":7}}', /found ''/],
])('an index with %s', async (_, text, message) => {
  const error = await failure(
    select(['config.json', 'model.safetensors.index.json'], undefined, { 'model.safetensors.index.json': text }),
  )
  expect(error).toMatchObject({ code: 'ERR_CLIP_HUB_FILES', message: expect.stringMatching(message) })
})

test('GGUF: the only one needs no choice', async () => {
  expect(await select(['README.md', 'm.gguf'])).toEqual({ files: ['m.gguf'], entry: 'm.gguf', tokenizer: true })
  // a checkpoint goes before GGUF files beside it
  expect((await select(['config.json', 'model.safetensors', 'm.gguf'])).entry).toBe('')
})
