// The towers of other families than OpenAI's ViT beside the best peers: see bench/README.md.
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
    towers: { type: 'string', default: 'image' },
    models: { type: 'string' },
    beside: { type: 'string' },
    rounds: { type: 'string', default: '9' },
    batches: { type: 'string', default: '1,8' },
    tokens: { type: 'string', default: '10' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    only: { type: 'string', default: '' },
    openvino: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
})
const texts = options.towers === 'text'
const folder = benchFile(texts ? 'text' : 'family')
const threads = Number(options.threads)
const names = options.models?.split(',') ?? fs.readdirSync(folder).sort()
const only = new RegExp(options.only)
const pixels = (n, size) => Float32Array.from({ length: n * 3 * size * size }, (_, i) => Math.sin(i * 0.37))

/** [n][length]: ids below the two highest, which begin and end CLIP's texts. */
const ids = (n, length, nVocab) =>
  Array.from({ length: n }, () => [
    nVocab - 2,
    ...Array.from({ length: length - 2 }, (_, i) => 320 + i),
    nVocab - 1,
  ]).flat()

const variants = [
  { name: 'q8_0', dtype: 'q8_0' },
  { name: 'q8_0 fast', dtype: 'q8_0', precision: 'fast' },
  { name: 'f16', dtype: 'f16' },
  { name: 'f32', dtype: 'f32' },
]

/** ggclip's sides of a model, each with `run` of a batch. */
async function openOwn(directory, name) {
  const sides = []
  for (const variant of variants.filter(({ name: type }) => only.test(`${name} ${type}`))) {
    const side = await openGgclip(
      directory,
      { ...variant, name: `${name} ${variant.name}`, towers: options.towers },
      threads,
    )
    const { vision, text } = side.info
    const input = texts
      ? n => ids(n, Number(options.tokens), text.vocabSize)
      : n => pixels(n, vision.imageSize)
    const run = texts ? side.text : side.image
    sides.push({ ...side, input, run })
  }
  return sides
}

async function openPeers(directory, { info, input }) {
  const sides = []
  const [tower, output] = texts ? ['text', 'text_embeds'] : ['vision', 'image_embeds']
  for (const [name, suffix] of [['onnxruntime int8', '_quantized'], ['onnxruntime f32', '']]) {
    const session = only.test(name) && await openOnnx(directory, `${tower}_model${suffix}.onnx`, threads)
    if (!session) continue
    const size = info.vision?.imageSize
    const run = async (data, n) => (await (texts ? session.text(data, n) : session.image(data, n, size)))[output].data
    sides.push({ name: `${name} ${session.version}`, input, run, close: session.close })
  }
  const openvino = options.openvino && !texts ? await openOpenVino(directory, threads, info.vision.imageSize) : null
  if (openvino) {
    const name = `openvino calibrated int8 ${openvino.version}`
    sides.push({ name, input, run: openvino.image, timesItself: true, close: openvino.close })
  }
  return sides
}

async function addAccuracy(sides) {
  const exact = sides.find(({ name }) => name === 'ggclip f32')
  if (!exact) return
  const data = exact.input(1)
  const wanted = await exact.run(data, 1)
  for (const side of sides.filter(({ timesItself }) => !timesItself))
    side.cosine = leastCosine(await side.run(data, 1), wanted, wanted.length)
}

async function measure(model, info, sides, batch) {
  const rows = await interleave(
    sides.map(side => {
      const data = side.input(batch)
      return { name: side.name, per: batch, run: () => side.run(data, batch) }
    }),
    Number(options.rounds),
  )
  for (const row of rows) row.cosine = sides.find(side => side.name === row.name).cosine
  const size = texts ? { tokens: Number(options.tokens) } : { size: info.vision.imageSize }
  report.cases.push({ model, ...size, batch, rows })
  const what = texts ? `${options.tokens} tokens` : `${size.size} pixels`
  show(`${model}, ${what}, batch ${batch}, ${threads} thread(s)`, rows, sides)
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
  const sides = await openOwn(directory, 'ggclip')
  const { info } = sides[0]
  report.kernels = info.kernels
  sides.push(...await openPeers(directory, sides[0]))
  await addAccuracy(sides)
  if (options.beside) sides.push(...await openOwn(benchFile(options.beside), options.beside))
  // beside another model, each type has its own ratio
  const groups = options.beside
    ? variants.map(({ name }) => sides.filter(side => side.name.endsWith(` ${name}`))).filter(({ length }) =>
      length > 1
    )
    : [sides]
  for (const batch of options.batches.split(',').map(Number))
    for (const group of groups) await measure(model, info, group, batch)
  for (const side of sides) await side.close()
}
keep(report, options.json ?? benchFile(path.join('results', `${texts ? 'texts' : 'families'}.json`)))
process.exit(0)
