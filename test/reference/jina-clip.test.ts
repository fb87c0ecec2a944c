/** jina-clip beyond its numbers, which drawn.wide.test.ts compares: what is said of it, its pictures, long texts. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, inspect } from '../../lib/index.js'
import { cache } from '../helpers/oracle'

const directory = (name: string): string => path.join(cache, 'drawn', name)
const folder = mkdtempSync(path.join(tmpdir(), 'ggclip-jina-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it.each(
  [
    ['jina-clip-v1', { alibiMaxBias: 8, rotary: 'none', mlpGate: true, mlpBias: true, mlpFirstBias: false }, 0],
    [
      'jina-clip-v2',
      { alibiMaxBias: 0, rotary: 'halves', rotaryBase: 20000, mlpGate: false, mlpBias: true, mlpFirstBias: true },
      16,
    ],
  ] as const,
)('says what %s is', async (name, text, rotaryGrid) => {
  const { family, problems, model } = await inspect(directory(name))
  expect([family, problems]).toEqual(['jina-clip (Hugging Face)', []])
  expect(model).toMatchObject({
    family: 'jina-clip',
    dim: 48,
    text: { ...text, pooling: 'mean', normOrder: 'post', positionTable: false, causal: false, seesPadding: false },
    vision: {
      rotary: 'neighbours',
      rotaryGrid,
      mlpGate: true,
      mlpNorm: true,
      attentionNorm: true,
      keyBias: false,
      pooling: 'cls',
      resizeMode: 'shortest',
      interpolation: 'bicubic',
      cropRounding: 'half_even',
    },
  })
})

it('embeds long texts of a batch as it embeds them alone', async () => {
  const copy = path.join(folder, 'long')
  cpSync(directory('jina-clip-v1'), copy, { recursive: true })
  const file = path.join(copy, 'tokenizer_config.json')
  const tokenizer = JSON.parse(readFileSync(file, 'utf8')) as object
  writeFileSync(file, JSON.stringify({ ...tokenizer, model_max_length: 1e30 }))
  await using clip = await Clip.load(copy, { threads: 2, maxBatch: 32, towers: 'text' })
  expect(clip.info.text!.contextLength).toBe(8192)
  // more tokens than run at once
  const texts = Array.from({ length: 14 }, (_, i) => 'cat dog '.repeat(i % 3 === 0 ? 2 : 700 + i))
  const batch = await clip.encodeText(texts)
  for (const i of [0, 5, 13]) expect(batch[i]).toEqual(await clip.encodeText(texts[i]!))
})
