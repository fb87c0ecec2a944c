// The benchmark of the towers: see bench/README.md.
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { interleave } from './interleave.mjs'
import { makeModel } from './make-model.mjs'
import { benchFile } from './models.mjs'
import { openOnnx } from './peers/onnxruntime.mjs'
import { openOpenVino } from './peers/openvino.mjs'
import { addon, keep, leastCosine, openGgclip, show } from './sides.mjs'

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'vit-b-32' },
    rounds: { type: 'string' },
    batches: { type: 'string' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    only: { type: 'string', default: '' },
    json: { type: 'string' },
    peers: { type: 'boolean', default: false },
    level: { type: 'string' }, // the same once more, held to another level of kernels
  },
})
const numbers = text => text.split(',').map(Number)
const model = makeModel(options.model)
const rounds = Number(options.rounds ?? model.rounds)
const batches = options.batches ? numbers(options.batches) : model.batches
const only = new RegExp(options.only)
const imageValues = 3 * 224 * 224
const samples = Math.max(...batches) // whose accuracy is reported
const pixels = n => Float32Array.from({ length: n * imageValues }, (_, i) => Math.sin(i * 0.37))
const ids = (n, length) =>
  Array.from({ length: n }, () => [49406, ...Array.from({ length: length - 2 }, (_, i) => 320 + i), 49407]).flat()

const variants = [
  { name: 'ggclip q8_0', dtype: 'q8_0' },
  { name: 'ggclip q8_0 fast', dtype: 'q8_0', precision: 'fast' },
  { name: 'ggclip q5_1', dtype: 'q5_1' },
  { name: 'ggclip q4_0', dtype: 'q4_0' },
  { name: 'ggclip bf16', dtype: 'bf16' },
  { name: 'ggclip f16', dtype: 'f16' },
  { name: 'ggclip f32', dtype: 'f32' },
  { name: 'plain ggml q8_0', dtype: 'q8_0', kernels: 'portable', every: 5 },
  { name: 'ggclip q4_k', dtype: 'q4_k' },
  { name: 'plain ggml q4_k', dtype: 'q4_k', kernels: 'portable', every: 5 },
]
if (options.level) {
  const others = variants.filter(({ dtype, kernels }) => !kernels && dtype !== 'f32' && dtype !== 'bf16')
  variants.push(...others.map(variant => ({
    ...variant,
    name: `${variant.name} (${options.level})`,
    kernels: options.level,
  })))
}

async function openPeers(threads, wanted) {
  const sides = []
  for (const [name, suffix] of [['onnxruntime int8', '_quantized'], ['onnxruntime f32', '']]) {
    if (!only.test(name)) continue
    const vision = await openOnnx(model.onnx, `vision_model${suffix}.onnx`, threads)
    const text = await openOnnx(model.onnx, `text_model${suffix}.onnx`, threads)
    if (!vision || !text) {
      process.stderr.write(`${name}: not installed (bench/peers/install.sh ${model.name})\n`)
      continue
    }
    const out = await vision.image(pixels(samples), samples, 224)
    sides.push({
      name: `${name} ${vision.version}`,
      image: (data, n) => vision.image(data, n, 224),
      text: text.text,
      cosine: leastCosine(out.image_embeds.data, wanted, model.dim),
      close: () => Promise.all([vision.close(), text.close()]),
    })
  }
  const openvino = only.test('openvino calibrated int8') ? await openOpenVino(model.onnx, threads) : null
  if (openvino)
    sides.push({ name: `openvino calibrated int8 ${openvino.version}`, image: openvino.image, close: openvino.close })
  else if (only.test('openvino'))
    process.stderr.write(`openvino: not installed (bench/peers/install.sh ${model.name})\n`)
  return sides
}

/** The embeddings in f32 arithmetic: the reference for accuracy. */
async function reference(threads) {
  const exact = await openGgclip(
    model.directory,
    { name: 'reference', dtype: 'f32', precision: 'exact' },
    threads,
  )
  const wanted = await exact.image(pixels(samples), samples)
  await exact.close()
  return wanted
}

async function openSides(threads) {
  const wanted = await reference(threads)
  const sides = []
  for (
    const variant of variants.filter(({ name, kernels }) => only.test(name) && (model.plain || kernels !== 'portable'))
  ) {
    const side = await openGgclip(model.directory, { ...variant, towers: 'both' }, threads)
    sides.push({ ...side, cosine: leastCosine(await side.image(pixels(samples), samples), wanted, model.dim) })
  }
  if (options.peers) sides.push(...await openPeers(threads, wanted))
  if (sides.length === 0) throw new Error(`--only ${options.only}: no side has such a name`)
  return sides
}

const report = {
  date: new Date().toISOString(),
  cpu: os.cpus()[0].model,
  cores: os.availableParallelism(),
  rounds,
  node: process.version,
  kernels: '',
  ggml: addon.build().ggml,
  model: model.name,
  cases: [],
  accuracy: {},
  bytes: {},
}

for (const threads of numbers(options.threads)) {
  const sides = await openSides(threads)
  for (const side of sides) {
    report.kernels ||= side.info?.kernels ?? ''
    if (side.cosine !== undefined) report.accuracy[side.name] = side.cosine
    if (side.info) report.bytes[side.name] = side.info.bytes
  }
  for (const kind of ['image', 'text']) {
    for (const batch of batches) {
      const able = sides.filter(side => side[kind])
      const data = kind === 'image' ? pixels(batch) : ids(batch, 10)
      const rows = await interleave(
        able.map(side => ({ name: side.name, per: batch, every: side.every, run: () => side[kind](data, batch) })),
        rounds,
      )
      report.cases.push({
        workload: `${kind === 'image' ? 'image' : 'text of 10 tokens'}, batch ${batch}`,
        kind,
        batch,
        threads,
        rows,
      })
      show(`${model.name}, ${kind}, batch ${batch}, ${threads} thread(s)`, rows, sides)
    }
  }
  for (const side of sides) await side.close()
}
keep(report, options.json ?? benchFile(path.join('results', `${model.name}.json`)))
process.exit(0)
