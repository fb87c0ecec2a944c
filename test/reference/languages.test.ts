/** The language of a text (NLLB): the reference's ids and embeddings, from the checkpoint and from a GGUF file. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, convert } from '../../lib/index.js'
import { expectClose } from '../helpers/compare'
import { cache } from '../helpers/oracle'

const model = path.join(cache, 'drawn', 'nllb')
const readJson = <T>(file: string): T => JSON.parse(readFileSync(path.join(model, file), 'utf8')) as T
const { texts } = readJson<{ texts: string[] }>('expected.json')
const { deu_Latn: german, embeds, legacy } = readJson<Record<'deu_Latn' | 'embeds' | 'legacy', number[][]>>(
  'languages.json',
)
const language = 'deu_Latn'
const raw = { normalize: false }
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-languages-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const limits = { difference: 1e-4, cosine: 0.999999 }

it.each(['the checkpoint', 'a GGUF file'])('changes the token and the embedding, from %s', async from => {
  const file = path.join(scratch, 'nllb.gguf')
  if (from !== 'the checkpoint') await convert(model, file, { dtype: 'f32' })
  await using clip = await Clip.load(from === 'the checkpoint' ? model : file)
  expect([...clip.tokenize(texts, { language })]).toEqual(german.flat())
  const english = await clip.encodeText(texts, raw) // of the same texts: each language has its own cached vectors
  for (const what of ['computed', 'cached']) {
    expectClose(`${from}, ${what}`, await clip.encodeText(texts, { ...raw, language }), embeds, limits)
    expect(await clip.encodeText(texts, raw)).toEqual(english)
  }
  expect(english).not.toEqual(await clip.encodeText(texts, { ...raw, language }))
  expect(await clip.encodeText(texts, { ...raw, language: 'eng_Latn' })).toEqual(english)
  const streamed: Float32Array[] = []
  for await (const vector of clip.encodeTexts(texts, { ...raw, language })) streamed.push(vector)
  expectClose(`${from}, stream`, streamed, embeds, limits)
})

it('reaches the labels of a classifier', async () => {
  await using clip = await Clip.load(model)
  const labels = texts.filter(text => text !== '')
  const classifier = await clip.classifier(labels, { templates: '{}', language })
  const wanted = await clip.encodeText(labels, { language })
  expectClose('labels', classifier.vectors, wanted, limits)
  const picture = { tensor: new Float32Array(3 * 16 * 16).fill(0.5) }
  const scores = async (options: { language?: string }) =>
    (await clip.classify(picture, labels, { templates: '{}', ...options })).map(({ score }) => score)
  expect(await scores({ language })).not.toEqual(await scores({}))
})

it('stands after the text in the former layout', async () => {
  const folder = path.join(scratch, 'legacy')
  cpSync(model, folder, { recursive: true })
  const config = readJson<object>('tokenizer_config.json')
  writeFileSync(path.join(folder, 'tokenizer_config.json'), JSON.stringify({ ...config, legacy_behaviour: true }))
  await using clip = await Clip.load(folder)
  expect([...clip.tokenize(texts)]).toEqual(legacy.flat())
})

it('refuses languages that the model does not have', async () => {
  await using clip = await Clip.load(model)
  const code = 'ERR_CLIP_OUT_OF_RANGE'
  await expect(clip.encodeText('a', { language: 'deu_Lat' })).rejects.toMatchObject({
    code,
    message: expect.stringContaining("one of the model's 4 codes such as 'deu_Latn'") as string,
  })
  await expect(clip.encodeText('a', { language: '<s>' })).rejects.toMatchObject({ code })
  expect(() => clip.tokenize('a', { language: 7 as never })).toThrow(TypeError)
  await using plain = await Clip.load()
  await expect(plain.encodeText('a', { language })).rejects.toMatchObject({ code, name: 'RangeError' })
  const folder = path.join(scratch, 'unknown')
  cpSync(model, folder, { recursive: true })
  const config = readJson<object>('tokenizer_config.json')
  writeFileSync(path.join(folder, 'tokenizer_config.json'), JSON.stringify({ ...config, src_lang: 'xxx_Latn' }))
  await using broken = await Clip.load(folder)
  await expect(broken.encodeText('a')).rejects.toMatchObject({ code: 'ERR_CLIP_TOKENIZER_INVALID' })
})
