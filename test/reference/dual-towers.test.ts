/** CoCa's hidden states and masks, and what is refused of CoCa, vision-text-dual-encoder, AltCLIP and BLIP. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, inspect } from '../../lib/index.js'
import { maxRelativeDifference } from '../helpers/compare'
import { cache, withKernels } from '../helpers/oracle'
import { TensorFile } from '../helpers/safetensors'

const drawn = path.join(cache, 'drawn')
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-dual-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe.each(['portable', 'best'])('CoCa, %s kernels', kernels => {
  const load = (): Promise<Clip> => withKernels(kernels, () => Clip.load(path.join(drawn, 'coca'), { dtype: 'f32' }))
  const expected = new TensorFile(path.join(drawn, 'coca', 'expected.safetensors')).rows('text_states')
  const { texts } = JSON.parse(readFileSync(path.join(drawn, 'coca', 'expected.json'), 'utf8')) as { texts: string[] }

  it('gives the states of all tokens, padding and the class token', async () => {
    await using clip = await load()
    for (const [i, text] of [texts[0]!, texts[3]!].entries()) {
      const states = await clip.hiddenStates(text, { tower: 'text' })
      expect([states.tokens, states.width]).toEqual([clip.info.text!.contextLength + 1, clip.info.text!.width])
      expect(maxRelativeDifference(states.data, expected[i]!)).toBeLessThanOrEqual(1e-4)
    }
  })

  it('refuses the states of a text with the id of padding inside', async () => {
    await using clip = await load()
    await expect(clip.hiddenStates(texts[4]!, { tower: 'text' })).rejects.toMatchObject({
      code: 'ERR_CLIP_MODEL_UNSUPPORTED',
      message: expect.stringContaining('id of padding (0)'),
    })
  })

  it('embeds texts of every length together as alone', async () => {
    await using clip = await load()
    const together = await clip.encodeText(texts)
    for (const [i, text] of texts.entries()) expect(await clip.encodeText(text)).toEqual(together[i])
  })
})

type Json = Record<string, any> // a configuration taken apart and put together wrong

describe('refused', () => {
  const cases: [model: string, change: (json: Json) => void, word: string][] = [
    ['coca', json => json.model_cfg.vision_cfg.attentional_pool = 'parallel', 'attentional_pool'],
    ['coca', json => json.model_cfg.vision_cfg.pool_type = 'avg', 'pool_type'],
    ['coca', json => json.model_cfg.vision_cfg.attn_pooler_heads = 7, 'heads of the attention pooling'],
    ['coca-one-width', json => delete json.model_cfg.vision_cfg.attentional_pool, 'attn_pool'],
    ['coca', json => json.model_cfg.text_cfg.embed_cls = false, 'positional_embedding'],
    ['coca', json => json.model_cfg.text_cfg.no_causal_mask = true, 'no_causal_mask'],
    ['dual-encoder', json => json.vision_config.model_type = 'vit', 'vision_config.model_type'],
    ['dual-encoder', json => json.text_config.model_type = 'distilbert', 'text_config.model_type'],
    ['altclip', json => json.text_config.project_dim = 35, 'text_projection'],
    ['blip-retrieval', json => json.vision_config.hidden_act = 'swish', 'hidden_act'],
    ['blip-retrieval', json => json.text_config.vocab_size = 30, 'word_embeddings'],
  ]
  it.each(cases.map(([model, change, word], i) => ({ model, change, word, i })))('$i $model: $word', async of => {
    const folder = path.join(scratch, String(of.i))
    cpSync(path.join(drawn, of.model), folder, { recursive: true })
    const file = path.join(folder, of.model.startsWith('coca') ? 'open_clip_config.json' : 'config.json')
    const json = JSON.parse(readFileSync(file, 'utf8')) as Json
    of.change(json)
    writeFileSync(file, JSON.stringify(json))
    await expect(Clip.load(folder, { threads: 1 })).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_CLIP_(MODEL_UNSUPPORTED|CONFIG_INVALID|TENSOR_(SHAPE|MISSING))$/),
      message: expect.stringContaining(of.word),
    })
    const found = await inspect(folder)
    expect(found.problems.some(problem => problem.message.includes(of.word))).toBe(true)
  })
})
