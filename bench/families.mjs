// The image towers of other families than OpenAI's ViT beside the best peers: see bench/README.md.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { interleave } from './interleave.mjs'
import { benchFile } from './models.mjs'
import { openOnnx } from './peers/onnxruntime.mjs'
import { openOpenVino } from './peers/openvino.mjs'

const { values: options } = parseArgs({
  options: {
    models: { type: 'string' },
    rounds: { type: 'string', default: '9' },
    batches: { type: 'string', default: '1,8' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    openvino: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
})
const root = path.join(import.meta.dirname, '..')
const addon = createRequire(import.meta.url)(path.join(root, 'build', 'cmake', 'ggclip.node'))
const folder = benchFile('family')
const threads = Number(options.threads)
const names = options.models?.split(',') ?? fs.readdirSync(folder).sort()
const pixels = (n, size) => Float32Array.from({ length: n * 3 * size * size }, (_, i) => Math.sin(i * 0.37))

const variants = [
  { name: 'ggclip q8_0', dtype: 'q8_0' },
  { name: 'ggclip q8_0 fast', dtype: 'q8_0', precision: 'fast' },
  { name: 'ggclip f16', dtype: 'f16' },
  { name: 'ggclip f32', dtype: 'f32' },
]

async function openGgclip(directory, { name, dtype, precision = 'default' }) {
  const kernels = process.env.GGCLIP_CPU ?? ''
  const loaded = await addon.loadModel(directory, { device: 'cpu', towers: 'image', dtype, precision, kernels }).promise
  const session = loaded.createSession(threads, 32)
  const info = loaded.info()
  return {
    name,
    info,
    image: (data, n) => {
      const values = data.length / n
      const tensors = Array.from({ length: n }, (_, i) => ({ tensor: data.subarray(i * values, (i + 1) * values) }))
      return session.encodeImages(tensors, null).promise
    },
    async close() {
      await session.dispose()
      loaded.dispose()
    },
  }
}

function cosine(a, b) {
  if (a.length !== b.length) throw new Error(`expected ${b.length} values, received ${a.length}`)
  let [ab, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) [ab, aa, bb] = [ab + a[i] * b[i], aa + a[i] * a[i], bb + b[i] * b[i]]
  return ab / Math.sqrt(aa * bb)
}

async function openPeers(directory, size) {
  const sides = []
  for (
    const [name, file] of [['onnxruntime int8', 'vision_model_quantized.onnx'], ['onnxruntime f32',
      'vision_model.onnx']]
  ) {
    const session = await openOnnx(directory, file, threads)
    if (!session) continue
    const image = async (data, n) => (await session.image(data, n, size)).image_embeds.data
    sides.push({ name: `${name} ${session.version}`, image, close: session.close })
  }
  const openvino = options.openvino ? await openOpenVino(directory, threads, size) : null
  if (openvino) {
    const name = `openvino calibrated int8 ${openvino.version}`
    sides.push({ name, image: openvino.image, timesItself: true, close: openvino.close })
  }
  return sides
}

const report = {
  date: new Date().toISOString(),
  cpu: os.cpus()[0].model,
  cores: os.availableParallelism(),
  threads,
  node: process.version,
  kernels: '',
  cases: [],
}
for (const model of names) {
  const directory = path.join(folder, model)
  const sides = []
  for (const variant of variants) sides.push(await openGgclip(directory, variant))
  const { info } = sides[0]
  report.kernels = info.kernels
  const size = info.vision.imageSize
  sides.push(...await openPeers(directory, size))
  const one = pixels(1, size)
  const wanted = await sides.find(side => side.name === 'ggclip f32').image(one, 1)
  for (const side of sides.filter(side => !side.timesItself)) {
    side.cosine = cosine(await side.image(one, 1), wanted)
    if (!(side.cosine > 0.9)) throw new Error(`${model}, ${side.name}: cosine ${side.cosine} to f32`)
  }
  for (const batch of options.batches.split(',').map(Number)) {
    const data = pixels(batch, size)
    const rows = await interleave(
      sides.map(side => ({ name: side.name, per: batch, run: () => side.image(data, batch) })),
      Number(options.rounds),
    )
    for (const row of rows) row.cosine = sides.find(side => side.name === row.name).cosine
    report.cases.push({ model, size, batch, rows })
    process.stdout.write(
      `\n${model}, ${size} pixels, batch ${batch}, ${threads} thread(s) (ms each; ratio to ${rows[0].name})\n`,
    )
    for (const row of rows)
      process.stdout.write(
        `  ${row.name.padEnd(36)} ${row.ms.toFixed(2).padStart(8)}  (${row.min.toFixed(2)}..${row.max.toFixed(2)})  ${
          row.ratio.toFixed(2)
        }x  ${row.cosine === undefined ? '' : `cosine to f32 ${row.cosine.toFixed(6)}`}\n`,
      )
  }
  for (const side of sides) await side.close()
}
const file = options.json ?? benchFile(path.join('results', 'families.json'))
fs.mkdirSync(path.dirname(file), { recursive: true })
fs.writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
process.stdout.write(`\n${report.cpu}, kernels ${report.kernels}; written to ${path.relative(process.cwd(), file)}\n`)
process.exit(0)
