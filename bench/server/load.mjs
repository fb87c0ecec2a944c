// Throughput and latency under load, beside the peer in the same run; overload and recovery. See README.md.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import autocannon from 'autocannon'

import { makeB32 } from '../make-b32.mjs'
import { startGgclip, startPeer } from './children.mjs'
import { imageRequest, makePictures } from './requests.mjs'

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' }, connections: { type: 'string', default: '1,16,64,256' }, rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: String(os.availableParallelism()) }, model: { type: 'string' }, dtype: { type: 'string', default: 'q8_0' },
    'max-queue': { type: 'string', default: '64' }, json: { type: 'string' }, 'peer-f32': { type: 'boolean', default: false },
  },
})
const root = path.join(import.meta.dirname, '..', '..')
const seconds = Number(options.seconds)
const threads = Number(options.threads)
const connectionCounts = options.connections.split(',').map(Number)
// the benchmark's model has no tokenizer, and the peer loads no text tower either
const imagesOnly = ['--towers', 'image']
const median = list => [...list].sort((a, b) => a - b)[list.length >> 1]

/** One run. Latencies are of answers with status 200, and apart from them of those refused. */
async function fire(server, connections, duration) {
  const latencies = { ok: [], refused: [] }
  const statuses = {}
  const run = autocannon({ url: server.url, connections, duration, timeout: 60, requests: requests.map(request => ({ ...request })) })
  run.on('response', (client, status, bytes, ms) => {
    statuses[status] = (statuses[status] ?? 0) + 1
    latencies[status === 200 ? 'ok' : 'refused'].push(ms)
  })
  const { errors, timeouts } = await run
  const quantile = (list, share) => (list.length === 0 ? null : [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.ceil(share * list.length) - 1)])
  const describe = list => ({ count: list.length, p50: quantile(list, 0.5), p99: quantile(list, 0.99), max: quantile(list, 1) })
  return { perSecond: latencies.ok.length / duration, ok: describe(latencies.ok), refused: describe(latencies.refused), statuses, errors, timeouts }
}

async function rss(server) {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  return Math.round(Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1] ?? NaN) / 2 ** 20)
}

/** Both in turn (A B A B ...): what counts is the ratio, as the machine may be shared. */
async function compare(servers) {
  const cases = []
  for (const connections of connectionCounts) {
    const rows = servers.map(({ name }) => ({ name, runs: [] }))
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const [i, server] of servers.entries()) rows[i].runs.push(await fire(server, connections, seconds))
    }
    for (const row of rows) {
      row.perSecond = median(row.runs.map(run => run.perSecond))
      row.p50 = median(row.runs.map(run => run.ok.p50))
      row.p99 = median(row.runs.map(run => run.ok.p99))
    }
    for (const row of rows) row.ratio = row.perSecond / rows.at(-1).perSecond
    cases.push({ connections, rows })
    process.stderr.write(`${connections} connections: ${rows.map(row => `${row.name} ${row.perSecond.toFixed(1)}/s, p50 ${row.p50?.toFixed(0)} ms, p99 ${row.p99?.toFixed(0)} ms`).join('; ')}\n`)
  }
  return cases
}

/** More than the server takes: latency of what is answered stays bounded, the rest is refused fast, and then all is as before. */
async function overload() {
  const limit = Number(options['max-queue'])
  const server = await startGgclip({ model, dtype: options.dtype, threads, extra: [...imagesOnly, '--max-queue', String(limit)] })
  try {
    await fire(server, 1, 1)
    const before = await fire(server, 1, seconds)
    const during = await fire(server, 256, seconds)
    const after = await fire(server, 1, seconds)
    // a full queue, and the batch before it
    const boundMs = ((limit + 32) / during.perSecond) * 1000
    const result = { maxQueue: limit, boundMs, before, during, after, p99WithinBound: during.ok.p99 <= boundMs, recovered: after.refused.count === 0 && after.ok.p50 <= 1.5 * before.ok.p50 }
    process.stderr.write(`overload: ${during.ok.count} answered (p99 ${during.ok.p99?.toFixed(0)} ms, bound ${boundMs.toFixed(0)} ms), ${during.refused.count} refused (p50 ${during.refused.p50?.toFixed(1)} ms), recovered ${result.recovered}\n`)
    return result
  } finally {
    await server.stop()
  }
}

const model = options.model ?? makeB32(path.join(root, 'build', 'bench', 'b32'))
const requests = (await makePictures(16)).map(imageRequest)
const started = [startGgclip({ model, dtype: options.dtype, threads, extra: imagesOnly })]
const peer = startPeer({ threads, quantised: !options['peer-f32'] })
if (peer) started.push(peer)
else process.stderr.write('the peer is not installed (bench/peers/install.sh): ggclip alone\n')
const servers = await Promise.all(started)

const report = {
  date: new Date().toISOString(), cpu: os.cpus()[0].model, cores: os.availableParallelism(), threads, seconds, rounds: Number(options.rounds), node: process.version,
  model: options.model ?? 'ViT-B/32, random weights', dtype: options.dtype, peer: peer ? `transformers.js, ${options['peer-f32'] ? 'f32' : 'int8'}` : null,
}
try {
  for (const server of servers) await fire(server, 4, 1)
  report.cases = await compare(servers)
  report.rssMib = Object.fromEntries(await Promise.all(servers.map(async server => [server.name, await rss(server)])))
} finally {
  await Promise.all(servers.map(server => server.stop()))
}
report.overload = await overload()
const file = options.json ?? path.join(root, 'bench', 'results', `server-${report.date.slice(0, 10)}.json`)
fs.mkdirSync(path.dirname(file), { recursive: true })
fs.writeFileSync(`${file}.new`, `${JSON.stringify(report, null, 2)}\n`)
fs.renameSync(`${file}.new`, file)
process.stdout.write(`${JSON.stringify({ file, cases: report.cases.map(({ connections, rows }) => ({ connections, rows: rows.map(({ name, perSecond, p50, p99, ratio }) => ({ name, perSecond, p50, p99, ratio })) })), overload: { p99WithinBound: report.overload.p99WithinBound, recovered: report.overload.recovered } })}\n`)
