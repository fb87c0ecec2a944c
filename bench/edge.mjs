// What a small machine needs: peak memory and time to the first embedding of ViT-B/32 as q4_0, one thread, no larger
// batch than one input, each case in a process of its own, beside Node alone. Prints a table; --json FILE keeps it.
//
//   node bench/edge.mjs [--rounds 5] [--json bench/results/edge.json]
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..')
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' }, json: { type: 'string' } } })
const model = path.join(root, 'build', 'bench', 'vit-b-32-q4_0.gguf')

if (!fs.existsSync(model)) {
  const run = (...args) => execFileSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  run('bench/make-model.mjs', 'vit-b-32')
  run('dist/cli/main.js', 'convert', 'build/bench/vit-b-32', model, '--dtype', 'q4_0')
}

/** In a process of its own: its times in milliseconds, its peak of resident memory in bytes. */
function measured(towers) {
  const began = performance.now()
  const { Clip } = require(path.join(root, 'dist'))
  const work = async () => {
    const clip = await Clip.load(model, { threads: 1, sessions: 1, maxBatch: 1, towers })
    const loadMs = performance.now() - began
    // a frame of a camera
    const frame = { data: new Uint8Array(640 * 480 * 3).map((_, i) => i % 251), width: 640, height: 480, channels: 3 }
    if (towers !== 'text') await clip.encodeImage(frame)
    if (towers !== 'image') await clip.encodeText('a photo of a dog')
    const firstMs = performance.now() - began
    await clip.dispose()
    return { loadMs, firstMs, weightBytes: clip.info.bytes }
  }
  return (towers === 'none' ? Promise.resolve({ loadMs: 0, firstMs: 0, weightBytes: 0 }) : work()).then(result =>
    console.log(JSON.stringify({ ...result, peakBytes: process.resourceUsage().maxRSS * 1024 }))
  )
}

// `measured` runs elsewhere, and gets nothing of this file but what is written here
const median = list => [...list].sort((a, b) => a - b)[list.length >> 1]
const script = `const path = require('path'), root = ${JSON.stringify(root)}, model = ${
  JSON.stringify(model)
}; (${measured})`
const cases = ['none', 'image', 'text', 'both'].map(towers => {
  const runs = Array.from(
    { length: Number(values.rounds) },
    () =>
      JSON.parse(execFileSync(process.execPath, ['-e', `${script}(${JSON.stringify(towers)})`], { encoding: 'utf8' })),
  )
  const of = key => median(runs.map(run => run[key]))
  return {
    towers,
    peakMB: of('peakBytes') / 1e6,
    weightMB: of('weightBytes') / 1e6,
    loadMs: of('loadMs'),
    firstMs: of('firstMs'),
  }
})

const digits = value => value.toFixed(0).padStart(9)
console.log('towers  peak, MB  weights, MB  load, ms  to the first embedding, ms')
for (const { towers, peakMB, weightMB, loadMs, firstMs } of cases)
  console.log(towers.padEnd(6), digits(peakMB), digits(weightMB).padStart(12), digits(loadMs), digits(firstMs))
if (values.json) {
  const machine = { cpu: os.cpus()[0].model, cores: os.availableParallelism(), node: process.version }
  fs.writeFileSync(values.json, `${JSON.stringify({ machine, rounds: Number(values.rounds), cases }, null, 1)}\n`)
}
