/** Files of OpenCLIP's weights without a configuration, as laion's CoCa is published: the tensors tell what it would. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip } from '../../lib/index.js'
import { expectClose } from '../helpers/compare'
import { cache } from '../helpers/oracle'
import { TensorFile } from '../helpers/safetensors'

const { pictures } = require('../oracle/drawn.cjs') as { pictures(of: object): Float32Array }

const weights = 'open_clip_model.safetensors'
const limits = { difference: 1e-5, cosine: 0.9999999 }
const raw = { normalize: false }
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-lone-open-clip-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

function copied(name: string, from: string, files: readonly string[]): string {
  const folder = path.join(scratch, name)
  mkdirSync(folder)
  for (const file of files) cpSync(path.join(from, file), path.join(folder, file))
  return folder
}

it('CoCa: attention pooling and a class token after the text', async () => {
  const from = path.join(cache, 'drawn', 'coca')
  const files = [weights, 'vocab.json', 'merges.txt', 'tokenizer_config.json']
  const config = JSON.parse(readFileSync(path.join(from, 'open_clip_config.json'), 'utf8')) as {
    model_cfg: { vision_cfg: object; text_cfg: object }
  }
  Object.assign(config.model_cfg.vision_cfg, { head_width: 64, attn_pooler_heads: 8 }) // as of all published ones
  Object.assign(config.model_cfg.text_cfg, { heads: 1 })
  const configured = copied('coca-configured', from, files)
  writeFileSync(path.join(configured, 'open_clip_config.json'), JSON.stringify(config))

  await using wanted = await Clip.load(configured, { dtype: 'f32' })
  await using clip = await Clip.load(path.join(copied('coca', from, files), weights), { dtype: 'f32' })
  expect(clip.info.text).toEqual(wanted.info.text)
  expect(clip.info.vision).toEqual(wanted.info.vision)
  const values = pictures({ seed: 1, shape: [2, 3, 24, 24] })
  const images = [0, 1].map(i => ({ tensor: values.slice(i * 1728, (i + 1) * 1728), width: 24, height: 24 }))
  expectClose('images', await clip.encodeImage(images, raw), await wanted.encodeImage(images, raw), limits)
  const texts = ['a photo of a cat', '', 'the cat and the dog and the bird in the snow']
  expectClose('texts', await clip.encodeText(texts, raw), await wanted.encodeText(texts, raw), limits)
})

it('XLM-RoBERTa as the text tower, with tokenizer.json alone', async () => {
  const from = path.join(__dirname, '../fixtures/reference/families/xlm-roberta')
  const { texts } = JSON.parse(readFileSync(path.join(from, 'expected.json'), 'utf8')) as { texts: string[] }
  const expected = new TensorFile(path.join(from, 'expected.safetensors')).rows('text_embeds')
  const file = path.join(copied('xlm-roberta', from, [weights, 'tokenizer.json']), weights)
  await using clip = await Clip.load(file, { dtype: 'f32', towers: 'text' })
  expectClose('texts', await clip.encodeText(texts.slice(0, 4), raw), expected.slice(0, 4), limits)
})
