/** Folders of sentence-transformers whose modules are a text transformer, its pooling and a dense layer. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { Clip } from '../../lib/index.js'
import { selectFiles } from '../../lib/models/select-files'
import { cache } from '../helpers/oracle'
import { scratch } from './support'

const plain = path.join(cache, 'drawn', 'st-distilbert')
const folder = scratch('sentence')
let count = 0

/** The model with some of its files replaced by JSON. */
function changed(files: Record<string, unknown>): string {
  const copy = path.join(folder, String(count++))
  cpSync(plain, copy, { recursive: true })
  for (const [file, value] of Object.entries(files)) writeFileSync(path.join(copy, file), JSON.stringify(value))
  return copy
}

const entryOf = (kind: string, folderName: string): object => ({
  path: folderName,
  type: `sentence_transformers.models.${kind}`,
})
const transformer = entryOf('Transformer', '')
const pooling = entryOf('Pooling', '1_Pooling')
const dense = {
  in_features: 48,
  out_features: 40,
  bias: false,
  activation_function: 'torch.nn.modules.linear.Identity',
}

it('gives the same vectors with the transformer in a folder of its own', async () => {
  const root = path.join(folder, 'nested')
  mkdirSync(root)
  cpSync(plain, path.join(root, '0_Transformer'), { recursive: true })
  for (const name of ['1_Pooling', '2_Dense'])
    cpSync(path.join(plain, name), path.join(root, name), { recursive: true })
  const modules = [entryOf('Transformer', '0_Transformer'), pooling, entryOf('Dense', '2_Dense')]
  writeFileSync(path.join(root, 'modules.json'), JSON.stringify(modules))
  for (const name of ['modules.json', '1_Pooling', '2_Dense'])
    rmSync(path.join(root, '0_Transformer', name), { recursive: true })
  await using nested = await Clip.load(root, { threads: 1 })
  await using whole = await Clip.load(plain, { threads: 1 })
  expect(await nested.encodeText('two dogs')).toEqual(await whole.encodeText('two dogs'))
})

it('needs no dense layer', async () => {
  await using clip = await Clip.load(changed({ 'modules.json': [transformer, pooling] }), { threads: 1 })
  expect([clip.info.dim, clip.info.text!.projection, clip.info.text!.contextLength]).toEqual([48, false, 12])
})

it.each<[string, Record<string, unknown>, string, string]>([
  ['another module', { 'modules.json': [transformer, pooling, entryOf('LSTM', '2_LSTM')] }, 'UNSUPPORTED', 'LSTM'],
  ['another order', { 'modules.json': [pooling, transformer] }, 'UNSUPPORTED', 'a Transformer, then a Pooling'],
  ['no pooling', { 'modules.json': [transformer] }, 'UNSUPPORTED', 'Pooling'],
  ['a folder elsewhere', { 'modules.json': [transformer, entryOf('Pooling', '../x')] }, 'INVALID',
    'a folder of the model'],
  ['the maximum', { '1_Pooling/config.json': { pooling_mode_max_tokens: true } }, 'UNSUPPORTED',
    'pooling_mode_max_tokens'],
  ['tanh', { '2_Dense/config.json': { ...dense, activation_function: 'torch.nn.modules.activation.Tanh' } },
    'UNSUPPORTED', 'activation_function'],
  ['another width', { '2_Dense/config.json': { ...dense, in_features: 47 } }, 'INVALID', 'in_features'],
])('refuses %s', async (_, files, code, message) => {
  await expect(Clip.load(changed(files))).rejects.toMatchObject({
    code: expect.stringMatching(new RegExp(`^ERR_CLIP_(MODEL|CONFIG)_${code}$`)) as string,
    message: expect.stringContaining(message) as string,
  })
})

it('downloads the modules behind the transformer', async () => {
  const paths = ['modules.json', 'config.json', 'model.safetensors', 'sentence_bert_config.json', 'vocab.txt',
    '1_Pooling/config.json', '2_Dense/config.json', '2_Dense/model.safetensors', '2_Dense/pytorch_model.bin',
    'README.md']
  const read = (): Promise<string> => Promise.resolve('{"model_type":"distilbert"}')
  const { files } = await selectFiles({ name: 'a/b', paths: new Set(paths), read })
  expect(files.sort()).toEqual(paths.filter(file => !/README|\.bin$/.test(file)).sort())
})
