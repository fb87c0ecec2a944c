// An exact search over many rows (lib/search/scan.ts) against a plain read of the same file: 1,000,000 rows of 512 halves
// in build/bench, 1 GB. Both go through the system's file cache, filled by a first round that does not count.
//
//   node bench/search.mjs [--rows 1000000] [--dim 512] [--rounds 9] [--json FILE]
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { interleave } from './interleave.mjs'

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    dim: { type: 'string', default: '512' },
    rounds: { type: 'string', default: '9' },
    json: { type: 'string' },
  },
})
const [rows, dim, rounds] = [options.rows, options.dim, options.rounds].map(Number)
const root = path.join(import.meta.dirname, '..')
const require = createRequire(import.meta.url)
const { VectorFile } = require(path.join(root, 'dist', 'search', 'vector-file.js'))
const { nearest } = require(path.join(root, 'dist', 'search', 'scan.js'))
const { toHalves } = require(path.join(root, 'dist', 'search', 'half.js'))

const file = path.join(root, 'build', 'bench', `search-${rows}-${dim}.f16`)
let state = 1
/** Uniform in -1..1: an xorshift generator, so that every machine has the same rows. */
function random() {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return state / 2 ** 31
}
const unit = () => {
  const row = Float32Array.from({ length: dim }, random)
  const length = Math.hypot(...row)
  return row.map(value => value / length)
}

if (!fs.existsSync(file)) {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  const out = fs.openSync(file, 'w')
  for (let row = 0; row < rows; row += 1000) {
    const n = Math.min(1000, rows - row)
    const block = new Uint16Array(n * dim)
    for (let i = 0; i < n; i++) block.set(toHalves(unit()), i * dim)
    fs.writeSync(out, new Uint8Array(block.buffer))
  }
  fs.closeSync(out)
}

const vectors = await VectorFile.open(file, dim)
const query = unit()
const search = () => nearest({ file: vectors, rows, tail: new Uint16Array(0), dim }, query, 20, {})
async function read() {
  const handle = await fs.promises.open(file)
  const buffer = new Uint8Array(16 << 20)
  while ((await handle.read(buffer, 0, buffer.length)).bytesRead > 0);
  await handle.close()
}

const sides = await interleave([{ name: 'read', per: 1, run: read }, { name: 'search', per: 1, run: search }], rounds)
await vectors.close()
for (const { name, ms, min, max, ratio } of sides) {
  const figures = [ms, min, max].map(value => `${value.toFixed(0)} ms`)
  console.log(`${name.padEnd(7)} ${figures[0]} (${figures[1]} to ${figures[2]}), ${ratio.toFixed(2)} times the read`)
}
if (options.json) {
  const machine = { cpu: os.cpus()[0].model, cores: os.availableParallelism(), node: process.version }
  fs.writeFileSync(options.json, `${JSON.stringify({ machine, rows, dim, rounds, sides }, null, 1)}\n`)
}
