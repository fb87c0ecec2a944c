// The benchmark: see bench/README.md.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { interleave } from './interleave.mjs'
import { makeB32 } from './make-b32.mjs'
import { openOnnx } from './peers/onnxruntime.mjs'
import { openOpenVino } from './peers/openvino.mjs'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' }, threads: { type: 'string', default: String(os.availableParallelism()) },
    only: { type: 'string', default: '' }, json: { type: 'string' }, peers: { type: 'boolean', default: false },
  },
})
const root = path.join(import.meta.dirname, '..')
const rounds = Number(options.rounds)
const threads = Number(options.threads)
const addon = createRequire(import.meta.url)(path.join(root, 'build', 'cmake', 'ggclip.node'))
const model = makeB32(path.join(root, 'build', 'bench', 'b32'))
const onnx = path.join(root, 'build', 'bench', 'onnx')

const pixels = n => Float32Array.from({ length: n * 3 * 224 * 224 }, (_, i) => Math.sin(i * 0.37))
const ids = (n, length) => Array.from({ length: n }, () => [49406, ...Array.from({ length: length - 2 }, (_, i) => 320 + i), 49407]).flat()

/** A ggclip session on the towers themselves: no decoding, no tokenizer, as the peers are measured. */
async function openGgclip({ dtype, precision = 'default', kernels = '' }) {
  const loaded = await addon.loadModel(model, { device: 'cpu', towers: 'both', dtype, precision, kernels }).promise
  const session = loaded.createSession(threads, 32)
  return {
    kernels: loaded.info().kernels,
    image: (data, n) => session.encodeImages(Array.from({ length: n }, (_, i) => ({ tensor: data.subarray(i * 150528, (i + 1) * 150528) })), null),
    text: (data, n) => session.encodeTexts(Int32Array.from(data), new Int32Array(n).fill(data.length / n)),
    async close() {
      await session.dispose()
      loaded.dispose()
    },
  }
}

function cosines(a, b, dim = 512) {
  let least = 1
  for (let row = 0; row < a.length; row += dim) {
    let [ab, aa, bb] = [0, 0, 0]
    for (let i = row; i < row + dim; i++) [ab, aa, bb] = [ab + a[i] * b[i], aa + a[i] * a[i], bb + b[i] * b[i]]
    least = Math.min(least, ab / Math.sqrt(aa * bb))
  }
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
  { name: 'plain ggml q8_0', dtype: 'q8_0', kernels: 'portable' },
]
const workloads = [
  { name: 'image, batch 1', kind: 'image', n: 1, call: side => side.image(pixels1, 1, 224) },
  { name: 'image, batch 8', kind: 'image', n: 8, call: side => side.image(pixels8, 8, 224) },
  { name: 'text of 10 tokens, batch 1', kind: 'text', n: 1, call: side => side.text(ids(1, 10), 1) },
  { name: 'text of 10 tokens, batch 8', kind: 'text', n: 8, call: side => side.text(ids(8, 10), 8) },
]
const pixels1 = pixels(1)
const pixels8 = pixels(8)

const sides = []
for (const variant of variants) sides.push({ ...variant, ...(await openGgclip(variant)) })
const exact = sides.find(side => side.name === 'ggclip f32')
const wanted = await exact.image(pixels8, 8)
for (const side of sides) side.cosine = cosines(await side.image(pixels8, 8), wanted)

if (options.peers) {
  for (const [name, suffix] of [['onnxruntime int8', '_quantized'], ['onnxruntime f32', '']]) {
    const vision = await openOnnx(onnx, `vision_model${suffix}.onnx`, threads)
    const text = await openOnnx(onnx, `text_model${suffix}.onnx`, threads)
    if (!vision || !text) {
      process.stderr.write(`${name}: not installed (bench/peers/install.sh)\n`)
      continue
    }
    const out = await vision.image(pixels8, 8, 224)
    sides.push({ name: `${name} ${vision.version}`, image: vision.image, text: text.text, cosine: cosines(out.image_embeds.data, wanted) })
  }
}

const openvino = options.peers ? await openOpenVino(onnx, threads) : null
if (openvino) sides.push({ name: `openvino calibrated int8 ${openvino.version}`, image: openvino.image, cosine: NaN })
else if (options.peers) process.stderr.write('openvino: not installed (bench/peers/install.sh)\n')

const report = {
  date: new Date().toISOString(), cpu: os.cpus()[0].model, cores: os.availableParallelism(), threads, rounds, node: process.version,
  kernels: sides[0].kernels, ggml: addon.build().ggml, model: 'ViT-B/32, random weights', cases: [],
}
const chosen = sides.filter(side => new RegExp(options.only).test(side.name))
for (const workload of workloads) {
  const able = chosen.filter(side => side[workload.kind])
  const rows = await interleave(able.map(side => ({ name: side.name, per: workload.n, run: () => workload.call(side) })), rounds)
  report.cases.push({ workload: workload.name, rows })
  process.stdout.write(`\n${workload.name} (ms each; ratio to ${rows[0].name})\n`)
  for (const [i, row] of rows.entries()) {
    const { cosine: c } = able[i]
    const cosine = workload.kind === 'image' && !Number.isNaN(c) ? `  cosine to f32 ${c.toFixed(6)}` : ''
    process.stdout.write(`  ${row.name.padEnd(28)} ${row.ms.toFixed(2).padStart(8)}  (${row.min.toFixed(2)}..${row.max.toFixed(2)})  ${row.ratio.toFixed(2)}x${cosine}\n`)
  }
}
report.accuracy = Object.fromEntries(chosen.map(side => [side.name, side.cosine]))
const file = options.json ?? path.join(root, 'bench', 'results', `${report.date.slice(0, 10)}.json`)
fs.mkdirSync(path.dirname(file), { recursive: true })
fs.writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
process.stdout.write(`\n${report.cpu}, ${threads} threads, kernels ${report.kernels}; written to ${path.relative(process.cwd(), file)}\n`)
process.exit(0)
