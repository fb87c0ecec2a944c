/** A tensor of another shape than the configuration calls for is refused, or is the same in other words: never other numbers. */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import { Clip, convert, inspect, quantize } from '../../lib/index.js'
import { withKernels } from '../helpers/oracle'
import { configOf, type Form, outcome, plain, safetensors, scratch, type Stored, type Tensors, tensorsOf, towerAlone,
  vectorsOf, writeFolder } from './support'

interface Gguf {
  tensors: { name: string; dims: bigint[]; type: number; offset: bigint }[]
  data: Buffer
}
const { parseGguf, buildGguf } = require('../fixtures/bad-input/model-files.cjs') as {
  parseGguf(file: Buffer): Gguf
  buildGguf(file: Gguf): Buffer
}

const folder = scratch('shapes')
const blocks = { q8_0: [8, 34], iq4_nl: [20, 18] } as const

/** The shapes that hold as many values, and a few that do not. */
function otherShapes(shape: number[]): number[][] {
  const n = shape.reduce((a, b) => a * b, 1)
  return [
    [n],
    [1, n],
    [n, 1],
    [1, ...shape],
    [...shape, 1],
    [...shape].reverse(),
    shape.filter(extent => extent !== 1),
    [...shape.slice(0, -2), shape.slice(-2).reduce((a, b) => a * b, 1)],
    ...(n % 2 === 0 ? [[2, n / 2], [n / 2, 2]] : []),
    [1, 1, 1, n],
  ].filter((other, i, all) =>
    String(other) !== String(shape) && all.findIndex(one => String(one) === String(other)) === i
  )
}

it.each(['safetensors', 'torch'] as Form[])('every tensor, every shape of as many values: %s', async form => {
  // few and small ones: a tensor of each role
  const alone = [towerAlone('vision', { projection: true }), towerAlone('text', { projection: true })]
  for (const { config, tensors } of alone) {
    const expected = await vectorsOf(writeFolder(path.join(folder, `same-${form}`), config, tensors, { form }))
    const roles = Object.entries(tensors).filter(([name]) => !name.includes('layers.1.'))
    const counts = { refused: 0, same: 0 }
    for (const [i, [name, tensor]] of roles.entries()) {
      for (const shape of otherShapes(tensor.shape).filter((_, j) => (i + j) % 3 === 0)) {
        const changed: Tensors = { ...tensors, [name]: { ...tensor, shape } }
        const found = await outcome(
          vectorsOf(writeFolder(path.join(folder, `changed-${form}`), config, changed, { form })),
        )
        if (typeof found === 'string') expect(found).toBe('ERR_CLIP_TENSOR_SHAPE')
        else expect([name, shape, found]).toEqual([name, shape, expected])
        counts[typeof found === 'string' ? 'refused' : 'same']++
      }
    }
    expect(Math.min(counts.refused, counts.same)).toBeGreaterThan(5)
  }
})

/** A text tower whose MLP is one wide: its second matrix has rows of one value, and as many values as one row of blocks. */
async function narrow(): Promise<Gguf> {
  const f16 = (shape: number[], value: number): Stored => ({
    dtype: 'F16',
    shape,
    data: Buffer.alloc(2 * shape.reduce((a, b) => a * b), Buffer.from([0, value])),
  })
  const config = {
    ...configOf(plain).text_config as object,
    hidden_size: 32,
    intermediate_size: 1,
    num_hidden_layers: 1,
    architectures: ['CLIPTextModel'],
  }
  const tensors = Object.fromEntries(
    Object.entries(towerAlone('text').tensors).filter(([name]) => !name.includes('layers.1.')).map((
      [name, { shape }],
    ) => [
      name,
      f16(
        shape.map(extent => (extent === 18 ? 32 : extent === 25 ? 1 : extent)),
        name.endsWith('weight') ? 0x2c : 0x28,
      ),
    ]),
  )
  await convert(writeFolder(path.join(folder, 'narrow'), config, tensors), path.join(folder, 'narrow.gguf'), {
    threads: 1,
  })
  return parseGguf(readFileSync(path.join(folder, 'narrow.gguf')))
}

it.each(Object.entries(blocks))('blocks of %s along a dimension that is none of a row', async (_, [type, bytes]) => {
  const file = await narrow()
  expect((await vectorsOf(path.join(folder, 'narrow.gguf'))).text).toHaveLength(32)
  for (const part of ['ffn_down', 'ffn_up', 'attn_q']) {
    for (const dims of [[32n], [32n, 1n], [32n, 1n, 1n, 1n]]) {
      const tensors = file.tensors.map(
        tensor => (tensor.name === `t.blk.0.${part}.weight` ? { ...tensor, dims, type } : tensor),
      )
      const target = path.join(folder, 'squeezed.gguf')
      writeFileSync(target, buildGguf({ ...file, tensors }))
      expect(bytes).toBeLessThan(64) // it lies within what was there
      if (part === 'ffn_up') continue // [32] is one row of 32 inputs there
      for (const level of ['', 'portable', 'scalar']) {
        expect(await withKernels(level, () => outcome(vectorsOf(target)))).toBe('ERR_CLIP_TENSOR_SHAPE')
      }
      const { loadable, problems } = await inspect(target)
      expect([loadable, problems[0]?.code]).toEqual([false, 'ERR_CLIP_TENSOR_SHAPE'])
      for (const work of [convert, quantize]) {
        await expect(work(target, path.join(folder, 'out.gguf'), { threads: 1 })).rejects.toMatchObject({
          code: 'ERR_CLIP_TENSOR_SHAPE',
        })
      }
    }
  }
})

it('GGUF: every tensor, every shape of as many values', async () => {
  await quantize(plain, path.join(folder, 'quantized.gguf'), { dtype: 'q8_0', threads: 1 })
  const expected = await vectorsOf(path.join(folder, 'quantized.gguf'))
  const file = parseGguf(readFileSync(path.join(folder, 'quantized.gguf')))
  for (const [i, tensor] of file.tensors.filter(({ name }) => !name.includes('blk.1.')).entries()) {
    for (
      const shape of otherShapes(tensor.dims.map(Number)).filter((other, j) => other.length <= 4 && (i + j) % 4 === 0)
    ) {
      const tensors = file.tensors.map(one => (one === tensor ? { ...one, dims: shape.map(BigInt) } : one))
      const target = path.join(folder, 'mutated.gguf')
      writeFileSync(target, buildGguf({ ...file, tensors }))
      const found = await outcome(vectorsOf(target))
      if (typeof found === 'string') expect(found).toMatch(/^ERR_CLIP_(TENSOR_SHAPE|FILE_FORMAT|CONFIG_INVALID)$/)
      else expect([tensor.name, shape, found]).toEqual([tensor.name, shape, expected])
    }
  }
})

it('scalars may have any number of dimensions, of one value', async () => {
  const tensors = tensorsOf(path.join(plain, 'model.safetensors'))
  for (
    const [shape, data, code] of [[[1, 1], tensors.logit_scale!.data, ''], [[2],
      Buffer.alloc(2 * tensors.logit_scale!.data.length), 'ERR_CLIP_TENSOR_SHAPE'], [[0], Buffer.alloc(0),
      'ERR_CLIP_TENSOR_SHAPE']] as const
  ) {
    const source = writeFolder(path.join(folder, 'scalar'), configOf(plain), {})
    writeFileSync(
      path.join(source, 'model.safetensors'),
      safetensors({ ...tensors, logit_scale: { ...tensors.logit_scale!, shape: [...shape], data } }),
    )
    const found = await Clip.load(source, { threads: 1 }).then(async clip => {
      await clip.dispose()
      return ''
    }, (error: { code: string }) => error.code)
    expect(found).toBe(code)
  }
})
