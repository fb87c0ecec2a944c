/** Rows that fill no whole block (an MLP of 179): quantised with zeros after them, in memory and in files. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, convert, inspect, quantize } from '../../lib/index.js'
import { expectClose } from '../helpers/compare'
import { cache, withKernels } from '../helpers/oracle'

const { parseGguf, buildGguf } = require('../fixtures/bad-input/model-files.cjs') as {
  parseGguf(file: Buffer): Gguf
  buildGguf(file: Gguf): Buffer
}
interface Gguf {
  tensors: { name: string; dims: bigint[]; type: number; offset: bigint }[]
}

const model = path.join(cache, 'drawn', 'timm-so400m-14-384')
const down = 'v.blk.0.ffn_down.weight'
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-block-rows-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
const at = (name: string): string => path.join(scratch, name)
const pictures = [1, 2].map(k => ({
  tensor: Float32Array.from({ length: 3 * 48 * 48 }, (_, i) => Math.sin(i * 0.37 * k)),
}))

async function vectors(source: string, dtype?: 'q8_0' | 'q4_0' | 'q4_1' | 'q5_1'): Promise<Float32Array[]> {
  await using clip = await Clip.load(source, { threads: 2, ...(dtype ? { dtype } : {}) })
  const raw = { normalize: false }
  return [...await clip.encodeImage(pictures, raw), ...await clip.encodeText(['a cat', 'the end of the road'], raw)]
}

const types = [['q8_0', 0.999], ['q4_0', 0.95], ['q4_1', 0.95], ['q5_1', 0.99]] as const

it.each(types)('%s: file, memory and kernels agree, and shapes are the true ones', async (dtype, cosine) => {
  const file = at(`${dtype}.gguf`)
  await convert(model, file, { dtype, threads: 2 })
  const { tensors, loadable } = await inspect(file)
  expect(loadable).toBe(true)
  expect(tensors.find(({ name }) => name === down)).toMatchObject({ type: dtype, shape: [48, 179] })
  expect(parseGguf(readFileSync(file)).tensors.find(({ name }) => name === down)!.dims).toEqual([192n, 48n])

  const fromFile = await vectors(file)
  expect(fromFile).toEqual(await vectors(model, dtype))
  const portable = await withKernels('portable', () => vectors(file))
  expectClose(`${dtype} portable`, fromFile, portable, { cosine: 0.999 })
  expectClose(`${dtype} exact`, fromFile, await vectors(model), { cosine })
})

it('is quantised again, and by importance', async () => {
  await quantize(at('q8_0.gguf'), at('again.gguf'), { dtype: 'q5_1' })
  mkdirSync(at('samples'))
  writeFileSync(at('samples/texts.txt'), 'a cat\nthe end of the road\n')
  await quantize(model, at('important.gguf'), { dtype: 'q5_1', importance: at('samples') })
  const exact = await vectors(model)
  for (const name of ['again.gguf', 'important.gguf'])
    expectClose(name, await vectors(at(name)), exact, { cosine: 0.98 })
})

it.each([[160n], [179n]])('rows of %d instead of 192 values are refused', async width => {
  const whole = parseGguf(readFileSync(at('q8_0.gguf')))
  const tensors = whole.tensors.map(tensor =>
    tensor.name === down ? { ...tensor, dims: [width, tensor.dims[1]!] } : tensor
  )
  writeFileSync(at('bad.gguf'), buildGguf({ ...whole, tensors }))
  await expect(vectors(at('bad.gguf'))).rejects.toMatchObject({
    code: width % 32n ? 'ERR_CLIP_FILE_FORMAT' : 'ERR_CLIP_TENSOR_SHAPE',
  })
})
