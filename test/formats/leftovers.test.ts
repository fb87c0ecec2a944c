/** A tensor of a tower that nothing computes refuses the model; what lies outside, or changes no vector, does not. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { convert, inspect } from '../../lib/index.js'
import { fixtures } from '../helpers/oracle'
import { outcome, plain, safetensors, scratch, tensorsOf, towerAlone, vectorsOf, writeFolder } from './support'

interface Gguf {
  tensors: { name: string; dims: bigint[]; type: number; offset: bigint }[]
  data: Buffer
}
const { parseGguf, buildGguf } = require('../fixtures/bad-input/model-files.cjs') as {
  parseGguf(file: Buffer): Gguf
  buildGguf(file: Gguf): Buffer
}

const folder = scratch('leftovers')
const extra = { dtype: 'F32', shape: [3], data: Buffer.alloc(12) }
const refused = 'ERR_CLIP_MODEL_UNSUPPORTED'

/** A model of `fixtures` with more tensors. */
function withTensors(name: string, names: string[]): string {
  const source = path.join(folder, 'model')
  rmSync(source, { recursive: true, force: true })
  cpSync(path.join(fixtures, name), source, { recursive: true })
  const weights = path.join(source, readdirSync(source).find(file => /model\.safetensors$/.test(file))!)
  writeFileSync(
    weights,
    safetensors({ ...tensorsOf(weights), ...Object.fromEntries(names.map(added => [added, extra])) }),
  )
  return source
}

const hf = {
  image: 'vision_model.embeddings.position_embedding_res',
  text: 'text_model.encoder.layers.0.mlp.gate.weight',
}
const openClip = { image: 'visual.attn_pool.probe', text: 'transformer.resblocks.0.attn.logit_scale' }
const custom = { image: 'visual.trunk.blocks.0.ls1.gamma', text: 'text.cls_emb' }
const bert = {
  image: 'visual.transformer.resblocks.0.ls_1.gamma',
  text: 'text.transformer.encoder.layer.0.attention.self.distance_embedding.weight',
}
const schemes: [name: string, inside: { image?: string; text: string }][] = [
  ['small-head-80', hf],
  ['families/siglip-2-naflex', hf],
  ['families/chinese-clip', hf],
  ['families/m-clip', { text: 'transformer.adapter.weight' }],
  ['small-open-clip', openClip],
  ['families/custom-text', custom],
  ['families/timm-siglip', { ...custom, image: 'visual.trunk.attn_pool.pos_embed' }],
  ['families/xlm-roberta', bert],
]

describe.each(schemes)('%s', (name, inside) => {
  it.each(Object.entries(inside) as ['image' | 'text', string][])('a part of the %s tower', async (tower, added) => {
    const source = withTensors(name, [added, `${added}.more`])
    const message = expect.stringMatching(
      `tensor ${
        added.replaceAll('.', '\\.')
      }: the ${tower} tower has a part that this version does not compute \\(and 1 more`,
    ) as string
    await expect(vectorsOf(source)).rejects.toMatchObject({ code: refused, message })
    const other = tower === 'image' ? 'text' : 'image'
    expect(await inspect(source)).toMatchObject({
      loadable: false,
      towers: inside.image === undefined ? [] : [other],
      problems: [expect.objectContaining({ code: refused, message })],
    })
    if (inside.image !== undefined) expect(await outcome(vectorsOf(source, { towers: other }))).not.toBe(refused)
  })

  it('what lies outside and what changes no vector', async () => {
    const heads = /chinese/.test(name)
      ? ['text_model.pooler.dense.weight']
      : /roberta/.test(name)
      ? ['text.transformer.pooler.dense.bias']
      : []
    const buffers = Object.values(inside).flatMap(added =>
      ['position_ids', 'attn_mask', 'num_batches_tracked'].map(last => `${added}.${last}`)
    )
    const source = withTensors(name, ['optimizer.step', 'teacher.visual.proj', 'input_resolution', ...buffers,
      ...heads])
    expect(await inspect(source)).toMatchObject({
      loadable: true,
      problems: [],
      ignored: expect.arrayContaining(['optimizer.step']) as string[],
    })
  })
})

it.each(['vision', 'text'] as const)('a %s tower alone, under its own names', async tower => {
  const { config, tensors } = towerAlone(tower, { flat: true })
  expect(
    await outcome(
      vectorsOf(writeFolder(path.join(folder, tower), config, { ...tensors, 'encoder.layers.0.gate': extra })),
    ),
  ).toBe(refused)
  const other = tower === 'vision' ? 'text_model.x' : 'vision_model.x'
  expect(Object.keys(await vectorsOf(writeFolder(path.join(folder, tower), config, { ...tensors, [other]: extra }))))
    .toHaveLength(1)
})

it('GGUF: any name that is not of the other tower', async () => {
  const file = path.join(folder, 'model.gguf')
  await convert(plain, file, { threads: 1 })
  const whole = parseGguf(readFileSync(file))
  const at = Math.ceil(whole.data.length / 32) * 32
  const data = Buffer.concat([whole.data, Buffer.alloc(at + 32 - whole.data.length)])
  for (
    const [name, image, text] of [['v.blk.0.ls1.weight', false, true], ['t.position_embd_res.weight', true, false], [
      'register_tokens',
      false,
      false,
    ]] as const
  ) {
    writeFileSync(
      file,
      buildGguf({ ...whole, data, tensors: [...whole.tensors, { name, dims: [8n], type: 0, offset: BigInt(at) }] }),
    )
    expect(await outcome(vectorsOf(file))).toBe(refused)
    expect((await inspect(file)).towers).toEqual([...(image ? ['image'] : []), ...(text ? ['text'] : [])])
  }
})
