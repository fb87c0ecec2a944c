// Measures an application: from a JPEG buffer to the embedding, from start to the first embedding, memory, and
// concurrent calls. Compares with @huggingface/transformers (int8) if bench/peers/install.sh has been run.
//
//   node bench/app.mjs [--rounds 15] [--threads N] [--json FILE]
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { interleave, median } from './interleave.mjs'
import { makeModel } from './make-model.mjs'
import { benchFile, benchModel } from './models.mjs'
import { openTransformers } from './peers/transformers.mjs'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    json: { type: 'string' },
  },
})
const root = path.join(import.meta.dirname, '..')
const require = createRequire(import.meta.url)
const { Clip, convert } = require(path.join(root, 'dist', 'index.js'))
const sharp = require('sharp')
const rounds = Number(options.rounds)
const threads = Number(options.threads)
const { onnx } = benchModel('vit-b-32')

/** The benchmark model as a q8_0 file, made once. */
async function makeQ8() {
  const file = benchFile('vit-b-32-q8_0.gguf')
  const { directory } = makeModel('vit-b-32')
  if (!fs.existsSync(file)) await convert(directory, file, { dtype: 'q8_0' })
  return file
}

/** A sample photograph at another size: decoding time depends on the content. */
async function jpeg(width, height) {
  const file = path.join(root, 'models', 'samples', 'photo-dress.jpg')
  const noise = {
    create: { width, height, channels: 3, background: '#808080', noise: { type: 'gaussian', mean: 128, sigma: 6 } },
  }
  const grain = await sharp(noise).png().toBuffer()
  return sharp(file).resize(width, height, { fit: 'cover' }).composite([{ input: grain, blend: 'soft-light' }]).jpeg({
    quality: 90,
  }).toBuffer()
}

const model = await makeQ8()
const clip = await Clip.load(model, { threads, towers: 'image' })
const fast = await Clip.load(model, { threads, towers: 'image', precision: 'fast' })
const peer = await openTransformers(onnx, threads)
if (!peer) process.stderr.write('@huggingface/transformers: not installed (bench/peers/install.sh)\n')
const report = {
  date: new Date().toISOString(),
  cpu: os.cpus()[0].model,
  threads,
  rounds,
  node: process.version,
  kernels: clip.info.kernels,
  cases: [],
}

function add(name, rows, unit) {
  report.cases.push({ name, unit, rows })
  process.stdout.write(`\n${name}\n`)
  for (const row of rows) {
    const spread = row.min === undefined ? '' : `  (${row.min.toFixed(1)}..${row.max.toFixed(1)})`
    process.stdout.write(
      `  ${row.name.padEnd(34)} ${row.value.toFixed(1).padStart(8)} ${unit}${spread}${
        row.ratio === undefined ? '' : `  ${row.ratio.toFixed(2)}x`
      }\n`,
    )
  }
}
const timed = rows => rows.map(({ ms, ...row }) => ({ ...row, value: ms }))

for (const [width, height] of [[500, 375], [4000, 3000]]) {
  const bytes = await jpeg(width, height)
  const sides = [
    { name: 'ggclip q8_0', per: 1, run: () => clip.encodeImage(bytes) },
    { name: "ggclip q8_0, decode: 'exact'", per: 1, run: () => clip.encodeImage(bytes, { decode: 'exact' }) },
    { name: "ggclip q8_0, precision: 'fast'", per: 1, run: () => fast.encodeImage(bytes) },
  ]
  if (peer) sides.push({ name: `transformers.js int8 ${peer.version}`, per: 1, run: () => peer.encode(bytes) })
  add(
    `JPEG of ${width} x ${height} (${(bytes.length / 1e6).toFixed(2)} MB) to embedding`,
    timed(await interleave(sides, rounds)),
    'ms',
  )
}

const small = await jpeg(500, 375)
const pixels = await Promise.all(Array.from({ length: 64 }, () => clip.preprocess(small)))
const inputs = pixels.map(tensor => ({ tensor }))
const strict = [
  {
    name: 'two batches of 32',
    per: 64,
    run: async () => {
      await clip.encodeImage(inputs.slice(0, 32))
      await clip.encodeImage(inputs.slice(32))
    },
  },
  { name: '64 concurrent single calls', per: 64, run: () => Promise.all(inputs.map(input => clip.encodeImage(input))) },
]
add(
  '64 images, each (throughput of single calls against explicit batches)',
  timed(await interleave(strict, Math.max(5, rounds >> 1))),
  'ms',
)

await Promise.all([clip.dispose(), fast.dispose()])
const child = (script, ...args) =>
  JSON.parse(
    execFileSync(process.execPath, ['--expose-gc', path.join(import.meta.dirname, script), ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  )
const pictureFile = benchFile('500x375.jpg')
fs.writeFileSync(pictureFile, small)
const starts = { 'ggclip q8_0': () => child('start-ggclip.cjs', model, pictureFile, 'image', String(threads)) }
if (peer) starts['transformers.js int8'] = () => child('start-transformers.mjs', onnx, pictureFile, String(threads))
const runs = Object.fromEntries(Object.keys(starts).map(name => [name, []]))
for (let i = 0; i < Math.max(5, rounds >> 1); i++)
  for (const [name, start] of Object.entries(starts)) runs[name].push(start())
const column = key => {
  const rows = Object.entries(runs).map(([name, all]) => ({
    name,
    value: median(all.map(run => run[key])),
    min: Math.min(...all.map(run => run[key])),
    max: Math.max(...all.map(run => run[key])),
  }))
  return rows.map(row => ({ ...row, ratio: row.value / rows[0].value }))
}
add('require() and load to the first image embedding, file cache warm (image tower)', column('firstMs'), 'ms')
add('peak resident memory of that process (image tower)', column('peakMb'), 'MB')
const both = child('start-ggclip.cjs', model, pictureFile, 'both', String(threads))
const fileMb = fs.statSync(model).size / 1e6
add('peak resident memory, both towers, q8_0', [{ name: 'ggclip', value: both.peakMb }, {
  name: 'weight file',
  value: fileMb,
}, { name: 'more than the file', value: both.peakMb - fileMb }], 'MB')
const cycles = child('cycles.cjs', model)
add('100 loads and disposals', [{ name: 'resident after 10', value: cycles.afterTenMb }, {
  name: 'resident after 100',
  value: cycles.afterHundredMb,
  ratio: cycles.afterHundredMb / cycles.afterTenMb,
}], 'MB')

const file = options.json ?? benchFile(path.join('results', 'app.json'))
fs.mkdirSync(path.dirname(file), { recursive: true })
fs.writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
process.stdout.write(
  `\n${report.cpu}, ${threads} threads, kernels ${report.kernels}; written to ${path.relative(process.cwd(), file)}\n`,
)
process.exit(0)
