// Exact searches over many rows (lib/search/queries/scan.ts) against plain reads of the same files: 1,000,000 rows of 512 halves
// in build/bench, 1 GB, and the same rows in 8 bits. All go through the system's file cache, filled by a first round that
// does not count. Recall: the share of the 10 nearest by halves that the 10 nearest by 8 bits have, over 100 queries.
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
const { VectorFile } = require(path.join(root, 'dist', 'search', 'storage', 'vector-file.js'))
const { nearest } = require(path.join(root, 'dist', 'search', 'queries', 'scan.js'))
const { RowFormat } = require(path.join(root, 'dist', 'search', 'storage', 'rows.js'))
const { toHalves } = require(path.join(root, 'dist', 'search', 'storage', 'half.js'))

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

const formats = ['f16', 'int8'].map(type => new RowFormat(type, dim))
const nameOf = ({ type }) => path.join(root, 'build', 'bench', `search-${rows}-${dim}.${type}`)

if (!formats.every(format => fs.existsSync(nameOf(format)))) {
  fs.mkdirSync(path.join(root, 'build', 'bench'), { recursive: true })
  const out = formats.map(format => fs.openSync(nameOf(format), 'w'))
  for (let row = 0; row < rows; row += 1000) {
    const n = Math.min(1000, rows - row)
    const block = new Uint16Array(n * dim)
    for (let i = 0; i < n; i++) block.set(toHalves(unit()), i * dim)
    formats.forEach((format, i) => fs.writeSync(out[i], format.encode(block)))
  }
  for (const file of out) fs.closeSync(file)
}

const snapshots = []
for (const format of formats) {
  const file = await VectorFile.open(nameOf(format), format.bytes)
  snapshots.push({ file, rows, tail: new Uint8Array(0), format })
}
const query = unit()
async function read(format) {
  const handle = await fs.promises.open(nameOf(format))
  const buffer = new Uint8Array(16 << 20)
  while ((await handle.read(buffer, 0, buffer.length)).bytesRead > 0);
  await handle.close()
}

const results = []
for (const snapshot of snapshots) {
  const { format } = snapshot
  const sides = await interleave([
    { name: 'read', per: 1, run: () => read(format) },
    { name: 'search', per: 1, run: () => nearest(snapshot, query, 20) },
  ], rounds)
  for (const { name, ms, min, max, ratio } of sides) {
    const figures = [ms, min, max].map(value => `${value.toFixed(0)} ms`)
    console.log(
      `${format.type.padEnd(4)} ${name.padEnd(7)} ${figures[0]} (${figures[1]} to ${figures[2]}), ${
        ratio.toFixed(2)
      } times the read`,
    )
  }
  results.push({ type: format.type, sides })
}

let found = 0
const queries = 100
for (let i = 0; i < queries; i++) {
  const vector = unit()
  const [exact, rounded] = await Promise.all(snapshots.map(snapshot => nearest(snapshot, vector, 10)))
  found += rounded.filter(({ row }) => exact.some(other => other.row === row)).length
}
const recall = found / (10 * queries)
console.log(`recall@10 of 8 bits against halves, uniform random rows: ${recall.toFixed(3)}`)
for (const { file } of snapshots) await file.close()
if (options.json) {
  const machine = { cpu: os.cpus()[0].model, cores: os.availableParallelism(), node: process.version }
  fs.writeFileSync(options.json, `${JSON.stringify({ machine, rows, dim, rounds, results, recall }, null, 1)}\n`)
}
