// The image towers of other families than OpenAI's ViT beside the best peers: see bench/README.md.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { interleave } from './interleave.mjs'
import { benchFile } from './models.mjs'
import { openOnnx } from './peers/onnxruntime.mjs'
import { openOpenVino } from './peers/openvino.mjs'
import { keep, leastCosine, openGgclip, show } from './sides.mjs'

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
  for (const variant of variants) sides.push(await openGgclip(directory, variant, threads))
  const { info } = sides[0]
  report.kernels = info.kernels
  const size = info.vision.imageSize
  sides.push(...await openPeers(directory, size))
  const one = pixels(1, size)
  const wanted = await sides.find(side => side.name === 'ggclip f32').image(one, 1)
  for (const side of sides.filter(side => !side.timesItself))
    side.cosine = leastCosine(await side.image(one, 1), wanted, wanted.length)
  for (const batch of options.batches.split(',').map(Number)) {
    const data = pixels(batch, size)
    const rows = await interleave(
      sides.map(side => ({ name: side.name, per: batch, run: () => side.image(data, batch) })),
      Number(options.rounds),
    )
    for (const row of rows) row.cosine = sides.find(side => side.name === row.name).cosine
    report.cases.push({ model, size, batch, rows })
    show(`${model}, ${size} pixels, batch ${batch}, ${threads} thread(s)`, rows, sides)
  }
  for (const side of sides) await side.close()
}
keep(report, options.json ?? benchFile(path.join('results', 'families.json')))
process.exit(0)
