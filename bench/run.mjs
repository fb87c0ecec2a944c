// The benchmark of the towers: see bench/README.md.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { interleave } from './interleave.mjs'
import { makeModel } from './make-model.mjs'
import { benchFile } from './models.mjs'
import { openOnnx } from './peers/onnxruntime.mjs'
import { openOpenVino } from './peers/openvino.mjs'

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'vit-b-32' },
    rounds: { type: 'string' },
    batches: { type: 'string' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    only: { type: 'string', default: '' },
    json: { type: 'string' },
    peers: { type: 'boolean', default: false },
  },
})
const numbers = text => text.split(',').map(Number)
const root = path.join(import.meta.dirname, '..')
const addon = createRequire(import.meta.url)(path.join(root, 'build', 'cmake', 'ggclip.node'))
const model = makeModel(options.model)
const rounds = Number(options.rounds ?? model.rounds)
const batches = options.batches ? numbers(options.batches) : model.batches
const only = new RegExp(options.only)
const imageValues = 3 * 224 * 224
const samples = Math.max(...batches) // whose accuracy is reported
const pixels = n => Float32Array.from({ length: n * imageValues }, (_, i) => Math.sin(i * 0.37))
const ids = (n, length) =>
  Array.from({ length: n }, () => [49406, ...Array.from({ length: length - 2 }, (_, i) => 320 + i), 49407]).flat()

/** A ggclip session on the towers themselves: no decoding, no tokenizer, as the peers are measured. */
async function openGgclip(
  { name, dtype, precision = 'default', kernels = process.env.GGCLIP_CPU ?? '', every },
  threads,
) {
  const loaded = await addon.loadModel(model.directory, { device: 'cpu', towers: 'both', dtype, precision, kernels })
    .promise
  const session = loaded.createSession(threads, 32)
  return {
    name,
    every,
    kernels: loaded.info().kernels,
    bytes: loaded.info().bytes,
    image: (data, n) =>
      session.encodeImages(
        Array.from({ length: n }, (_, i) => ({ tensor: data.subarray(i * imageValues, (i + 1) * imageValues) })),
        null,
      ).promise,
    text: (data, n) => session.encodeTexts(Int32Array.from(data), new Int32Array(n).fill(data.length / n)).promise,
    async close() {
      await session.dispose()
      loaded.dispose()
    },
  }
}

/** The lowest cosine of the rows. Wrong results are not worth timing. */
function cosines(a, b) {
  if (a.length !== b.length) throw new Error(`expected ${b.length} values, received ${a.length}`)
  let least = 1
  for (let row = 0; row < a.length; row += model.dim) {
    let [ab, aa, bb] = [0, 0, 0]
    for (let i = row; i < row + model.dim; i++) [ab, aa, bb] = [ab + a[i] * b[i], aa + a[i] * a[i], bb + b[i] * b[i]]
    least = Math.min(least, ab / Math.sqrt(aa * bb))
  }
  if (!(least > 0.9)) throw new Error(`the least cosine to f32 is ${least}`)
  return least
}

const variants = [
  { name: 'ggclip q8_0', dtype: 'q8_0' },
  { name: 'ggclip q8_0 fast', dtype: 'q8_0', precision: 'fast' },
  { name: 'ggclip q5_1', dtype: 'q5_1' },
  { name: 'ggclip q4_0', dtype: 'q4_0' },
  { name: 'ggclip bf16', dtype: 'bf16' },
  { name: 'ggclip f16', dtype: 'f16' },
  { name: 'ggclip f32', dtype: 'f32' },
  { name: 'plain ggml q8_0', dtype: 'q8_0', kernels: 'portable', every: 5 },
]

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
      cosine: cosines(out.image_embeds.data, wanted),
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
  const exact = await openGgclip({ name: 'reference', dtype: 'f32', precision: 'exact' }, threads)
  const wanted = await exact.image(pixels(samples), samples)
  await exact.close()
  return wanted
}

async function openSides(threads) {
  const wanted = await reference(threads)
  const sides = []
  for (const variant of variants.filter(({ name, kernels }) => only.test(name) && (model.plain || !kernels))) {
    const side = await openGgclip(variant, threads)
    sides.push({ ...side, cosine: cosines(await side.image(pixels(samples), samples), wanted) })
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

function show(name, rows, sides) {
  process.stdout.write(`\n${name} (ms each; ratio to ${rows[0].name})\n`)
  for (const row of rows) {
    const { cosine } = sides.find(side => side.name === row.name)
    const accuracy = cosine === undefined ? '' : `  cosine to f32 ${cosine.toFixed(6)}`
    process.stdout.write(
      `  ${row.name.padEnd(28)} ${row.ms.toFixed(2).padStart(8)}  (${row.min.toFixed(2)}..${row.max.toFixed(2)})  ${
        row.ratio.toFixed(2)
      }x${accuracy}\n`,
    )
  }
}

for (const threads of numbers(options.threads)) {
  const sides = await openSides(threads)
  for (const side of sides) {
    report.kernels ||= side.kernels ?? ''
    if (side.cosine !== undefined) report.accuracy[side.name] = side.cosine
    if (side.bytes !== undefined) report.bytes[side.name] = side.bytes
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
const file = options.json ?? benchFile(path.join('results', `${model.name}.json`))
fs.mkdirSync(path.dirname(file), { recursive: true })
fs.writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
process.stdout.write(`\n${report.cpu}, kernels ${report.kernels}; written to ${path.relative(process.cwd(), file)}\n`)
process.exit(0)
