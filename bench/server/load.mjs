// Throughput and latency under load, beside the peer in the same run; overload and recovery. See README.md.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { median } from '../interleave.mjs'
import { makeModel } from '../make-model.mjs'
import { startGgclip, startPeer } from './children.mjs'
import { fire, metric } from './fire.mjs'
import { overload, overloadLine } from './overload.mjs'
import { imageRequest, makePictures } from './requests.mjs'

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    connections: { type: 'string', default: '1,16,64,256' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    model: { type: 'string' },
    dtype: { type: 'string', default: 'q8_0' },
    picture: { type: 'string', default: '640x480' },
    'max-queue': { type: 'string', default: '64' },
    'overload-factor': { type: 'string', default: '10' },
    only: { type: 'string' },
    json: { type: 'string' },
    'peer-f32': { type: 'boolean', default: false },
  },
})
const root = path.join(import.meta.dirname, '..', '..')
const [seconds, rounds, threads] = [options.seconds, options.rounds, options.threads].map(Number)
const [width, height] = options.picture.split('x').map(Number)
const peerType = options['peer-f32'] ? 'f32' : 'int8'

/** Answers come only after all requests queued before them: many connections need more time. */
const durationOf = connections => (connections > 64 ? 3 * seconds : seconds)

/**
 * Each round runs all sides, starting with a different one. Ratios are taken within a round, since the machine may be
 * shared.
 */
async function compare(servers, connections) {
  const rows = servers.map(({ name }) => ({ name, runs: [] }))
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < servers.length; turn++) {
      const i = (round + turn) % servers.length
      rows[i].runs.push(await fire(servers[i], requests, { connections, seconds: durationOf(connections) }))
    }
  }
  const last = rows.at(-1)
  for (const row of rows) {
    row.perSecond = median(row.runs.map(run => run.perSecond))
    row.p50 = median(row.runs.map(run => run.ok.p50))
    row.p99 = median(row.runs.map(run => run.ok.p99))
    row.ratio = median(row.runs.map((run, round) => run.perSecond / last.runs[round].perSecond))
    process.stderr.write(
      `${connections} connections: ${row.name}: ${row.perSecond.toFixed(1)} images/s, p50 ${
        row.p50?.toFixed(0)
      } ms, p99 ${row.p99?.toFixed(0)} ms, ratio ${row.ratio.toFixed(2)}\n`,
    )
  }
  return { connections, rows }
}

// the benchmark's model has no tokenizer, and the peer loads no text tower either
const startOurs = (name, extra) =>
  startGgclip({ name, model, dtype: options.dtype, threads, extra: ['--towers', 'image', ...extra] })

async function compareAll() {
  const starting = [startOurs('ggclip', []), startOurs('ggclip fast', ['--precision', 'fast'])]
  const peer = startPeer({ threads, quantised: !options['peer-f32'] })
  if (peer) starting.push(peer)
  else process.stderr.write('the peer is not installed (bench/peers/install.sh): ggclip alone\n')
  const servers = await Promise.all(starting)
  try {
    for (const server of servers) await fire(server, requests, { connections: 4, seconds: 1 })
    report.cases = []
    for (const connections of options.connections.split(',').map(Number))
      report.cases.push(await compare(servers, connections))
    const resident = await Promise.all(servers.map(({ url }) => metric(url, 'process_resident_memory_bytes')))
    report.rssMib = Object.fromEntries(servers.map(({ name }, i) => [name, Math.round(resident[i] / 2 ** 20)]))
  } finally {
    await Promise.all(servers.map(server => server.stop()))
  }
}

async function overloadAlone() {
  const maxQueue = Number(options['max-queue'])
  const server = await startOurs('ggclip', ['--max-queue', String(maxQueue)])
  try {
    await fire(server, requests, { connections: 1, seconds: 1 })
    report.overload = await overload(server, requests, {
      seconds,
      maxQueue,
      factor: Number(options['overload-factor']),
    })
    process.stderr.write(`${overloadLine(report.overload)}\n`)
  } finally {
    await server.stop()
  }
}

const model = options.model ?? makeModel('vit-b-32').directory
const requests = (await makePictures(16, { width, height })).map(imageRequest)
const report = {
  date: new Date().toISOString(),
  cpu: os.cpus()[0].model,
  cores: os.availableParallelism(),
  threads,
  seconds,
  rounds,
  node: process.version,
  model: options.model === undefined ? 'ViT-B/32, random weights' : path.basename(options.model),
  dtype: options.dtype,
  picture: options.picture,
  peer: `transformers.js, ${peerType}`,
}
if (options.only !== 'overload') await compareAll()
if (options.only !== 'compare') await overloadAlone()
const file = options.json ?? path.join(root, 'bench', 'results', 'server.json')
fs.mkdirSync(path.dirname(file), { recursive: true })
fs.writeFileSync(`${file}.new`, `${JSON.stringify(report, null, 2)}\n`)
fs.renameSync(`${file}.new`, file)
if (report.overload && !Object.values(report.overload.checks).every(Boolean)) process.exitCode = 1
