// Mixed traffic for a while: does memory stay flat, is every answer accounted for, does the server end in its initial
// state?
//
//   node bench/server/soak.mjs [--seconds 600] [--connections 16] [--model PATH] [--json FILE]
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { startGgclip } from './children.mjs'
import { metric } from './fire.mjs'
import { makeTraffic, send } from './traffic.mjs'

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    connections: { type: 'string', default: '16' },
    threads: { type: 'string', default: '1' },
    model: { type: 'string' },
    dtype: { type: 'string' },
    json: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
})
const seconds = Number(options.seconds)
const traffic = await makeTraffic(Number(options.seed))
const counts = { sent: 0, answered: 0, aborted: 0, wrong: 0 }
const statuses = {}
const problems = []

async function client(url, end) {
  while (performance.now() < end) {
    const request = traffic.next()
    counts.sent++
    const { status, gaveUp, problem } = await send(url, request)
    if (gaveUp) {
      counts.aborted++
      continue
    }
    if (status !== undefined) {
      counts.answered++
      statuses[status] = (statuses[status] ?? 0) + 1
      if (request.statuses.includes(status)) continue
    }
    counts.wrong++
    if (problems.length < 10)
      problems.push(`${request.route}: ${problem ?? `status ${status}, expected ${request.statuses.join(' or ')}`}`)
  }
}

/** Slope of a straight line through the samples (least squares), MiB per minute. */
function slopePerMinute(samples) {
  const n = samples.length
  const meanX = samples.reduce((sum, { minute }) => sum + minute, 0) / n
  const meanY = samples.reduce((sum, { mib }) => sum + mib, 0) / n
  const above = samples.reduce((sum, { minute, mib }) => sum + (minute - meanX) * (mib - meanY), 0)
  return above / samples.reduce((sum, { minute }) => sum + (minute - meanX) ** 2, 0)
}

const server = await startGgclip({
  model: options.model,
  dtype: options.dtype,
  threads: options.threads,
  extra: ['--max-queue', '256'],
})
const began = performance.now()
const end = began + seconds * 1000
const samples = []
const mibOf = async name => await metric(server.url, name) / 2 ** 20
const sample = async () =>
  samples.push({
    minute: (performance.now() - began) / 60_000,
    mib: await mibOf('process_resident_memory_bytes'),
    heapMib: await mibOf('nodejs_heap_size_used_bytes'),
    externalMib: await mibOf('nodejs_external_memory_bytes'),
  })
const sampler = setInterval(() => void sample().catch(() => undefined), Math.max(100, seconds * 5))
// the first half fills pools and caches
const settled = () => samples.slice(samples.length >> 1)
/** The minimum of each ten samples: garbage comes and goes, leaks stay. */
function floors() {
  const list = settled()
  return Array.from(
    { length: Math.floor(list.length / 10) },
    (_, i) => list.slice(10 * i, 10 * i + 10).reduce((least, one) => (one.mib < least.mib ? one : least)),
  )
}
const trend = () => (floors().length > 2 ? Math.round(slopePerMinute(floors()) * 100) / 100 : null)
const teller = setInterval(() =>
  process.stderr.write(
    `${Math.round((performance.now() - began) / 1000)} s: ${
      samples.at(-1)?.mib.toFixed(0)
    } MiB resident, trend of the second half ${trend()} MiB/min, ${counts.answered} answered, ${counts.aborted} given up, ${counts.wrong} wrong\n`,
  ), 60_000)
let left
try {
  await Promise.all(Array.from({ length: Number(options.connections) }, () => client(server.url, end)))
  clearInterval(sampler)
  await new Promise(resolve => void setTimeout(resolve, 300))
  left = {
    inWork: await metric(server.url, 'ggclip_http_requests_in_progress'),
    admitted: await metric(server.url, 'ggclip_admitted_inputs'),
  }
} finally {
  clearInterval(sampler)
  clearInterval(teller)
  await server.stop()
}
const memory = {
  firstMib: Math.round(samples[0]?.mib),
  lastMib: Math.round(samples.at(-1)?.mib),
  trendMibPerMinute: trend(),
  limitMibPerMinute: 1,
}
const checks = {
  everyAnswerExplained: counts.wrong === 0,
  someOfEachHappened: counts.aborted > 0 && Object.keys(statuses).length >= 4,
  nothingLeftInWork: left.inWork === 0 && left.admitted === 0,
  // a trend needs minutes: a short run reports it without judging it
  memoryFlat: seconds < 120 || memory.trendMibPerMinute <= memory.limitMibPerMinute,
}
const report = {
  ok: Object.values(checks).every(Boolean),
  seconds,
  checks,
  counts,
  statuses,
  memory,
  problems,
  samples,
}
if (options.json) {
  fs.mkdirSync(path.dirname(path.resolve(options.json)), { recursive: true })
  fs.writeFileSync(`${options.json}.new`, `${JSON.stringify(report, null, 2)}\n`)
  fs.renameSync(`${options.json}.new`, options.json)
}
process.stdout.write(`${JSON.stringify({ ...report, samples: undefined })}\n`)
if (!report.ok) process.exitCode = 1
