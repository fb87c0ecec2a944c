// What a small machine needs: peak memory and time to the first embedding of ViT-B/32 as q4_0, one thread, no larger
// batch than one input, each case in a process of its own, beside Node alone. Prints a table; --json FILE keeps it.
//
//   node bench/edge.mjs [--rounds 5] [--json bench/results/edge.json]
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { median } from './interleave.mjs'
import { makeModel } from './make-model.mjs'
import { benchFile } from './models.mjs'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' }, json: { type: 'string' } } })
const model = benchFile('vit-b-32-q4_0.gguf')
if (!fs.existsSync(model)) {
  const { convert } = createRequire(import.meta.url)(path.join(import.meta.dirname, '..', 'dist'))
  await convert(makeModel('vit-b-32').directory, model, { dtype: 'q4_0' })
}

const program = path.join(import.meta.dirname, 'start-edge.cjs')
const start = towers => JSON.parse(execFileSync(process.execPath, [program, model, towers], { encoding: 'utf8' }))
const cases = ['none', 'image', 'text', 'both'].map(towers => {
  const runs = Array.from({ length: Number(values.rounds) }, () => start(towers))
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
