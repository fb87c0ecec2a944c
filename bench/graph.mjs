// Approximate search (lib/search/queries/graph.ts) beside the exact scan, of the same index in one run: pseudo-random vectors around
// 2000 centres, in build/bench/graph-<rows>. Needs usearch where Node finds it (npm run test:stores puts it into
// build/stores: NODE_PATH=build/stores/node_modules). Recall: the share of the 10 nearest by scan that the graph finds,
// over queries that neither has seen: half around the centres, half anywhere, as texts lie apart from pictures.
//
// Noise in all dimensions is the hardest case for a graph; one that finds less than 0.99 when it is made is not used, and
// searches scan, which the result then says.
//
//   node bench/graph.mjs [--rows 200000] [--dim 512] [--rounds 100] [--again] [--json FILE]
//
// --again: with the index and the graph of an earlier run.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { median } from './interleave.mjs'

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '200000' },
    dim: { type: 'string', default: '512' },
    rounds: { type: 'string', default: '100' },
    again: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
})
const [rows, dim, rounds] = [options.rows, options.dim, options.rounds].map(Number)
const root = path.join(import.meta.dirname, '..')
const require = createRequire(import.meta.url)
const inDist = name => require(path.join(root, 'dist', 'search', `${name}.js`))
const [{ Store }, { Graph }, { nearest }, { toHalves }] = ['storage/store', 'queries/graph', 'queries/scan',
  'storage/half'].map(inDist)

let state = 1
/** Uniform in -1..1: an xorshift generator, so that every machine has the same rows. */
function random() {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return state / 2 ** 31
}
const anywhere = () => Float32Array.from({ length: dim }, random)
const unit = row => {
  const length = Math.hypot(...row)
  return row.map(value => value / length)
}
const centres = Array.from({ length: 2000 }, anywhere)
const around = () => {
  const centre = centres[Math.floor((random() + 1) / 2 * centres.length)]
  return unit(centre.map(value => value + random()))
}

const folder = path.join(root, 'build', 'bench', `graph-${rows}`)
if (!options.again) fs.rmSync(folder, { recursive: true, force: true })
const store = await Store.open(folder, { create: true })
const graph = new Graph(store)
const texts = Array.from({ length: 32 }, () => unit(anywhere()))
let seconds
async function make() {
  store.catalog.set('dim', String(dim))
  for (let done = 0; done < rows; done += 1000) {
    const records = Array.from({ length: Math.min(1000, rows - done) }, (_, i) => {
      const hash = Buffer.alloc(32)
      hash.writeUInt32LE(done + i)
      const vector = new Uint8Array(toHalves(around()).buffer)
      return { path: Buffer.from(`/pictures/${done + i}`), size: 1, mtimeMs: 1, hash, vector }
    })
    await store.commit(records, [])
    if ((done + 1000) % 100_000 === 0) console.error(`${done + 1000} rows`)
  }
  await store.flush()
  console.error('making the graph')
  const begun = performance.now()
  await graph.keep({ info: { text: {} }, encodeText: async () => texts }, true, {})
  seconds = (performance.now() - begun) / 1000
}
if (!options.again) await store.asWriter(make)

console.error('timing')
const snapshot = await store.snapshot()
await graph.nearest(snapshot, texts[0], 10, {}) // reads it
const times = { scan: [], graph: [] }
let found = 0
for (let round = 0; round < rounds; round++) {
  const query = round % 2 ? around() : unit(anywhere())
  const results = {}
  const sides = { scan: () => nearest(snapshot, query, 10), graph: () => graph.nearest(snapshot, query, 10, {}) }
  for (const side of round % 4 < 2 ? ['scan', 'graph'] : ['graph', 'scan']) {
    const begun = performance.now()
    results[side] = await sides[side]()
    times[side].push(performance.now() - begun)
  }
  if (!results.graph) continue
  const expected = new Set(results.scan.map(({ row }) => row))
  found += results.graph.filter(({ row }) => expected.has(row)).length / 10
}
const { breadth, recall } = graph.facts
const result = {
  machine: { cpu: os.cpus()[0].model, cores: os.cpus().length, node: process.versions.node },
  rows,
  dim,
  rounds,
  made: { seconds, breadth, recall },
  scanMs: median(times.scan),
  ...(found === 0 ? { used: false } : {
    graphMs: median(times.graph),
    ratio: median(times.scan.map((ms, i) => ms / times.graph[i])),
    recall: found / rounds,
  }),
}
console.log(result)
if (options.json) fs.writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`)
await store.close()
