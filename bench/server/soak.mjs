// Mixed traffic for a while: does memory stay flat, is every answer explained, is all as before at the end?
//
//   node bench/server/soak.mjs [--seconds 600] [--connections 16] [--model PATH] [--json FILE]
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { startGgclip } from './children.mjs'
import { metric } from './fire.mjs'
import { imageRequest, makePictures, randomFrom } from './requests.mjs'

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' }, connections: { type: 'string', default: '16' }, threads: { type: 'string', default: '1' },
    model: { type: 'string' }, dtype: { type: 'string' }, json: { type: 'string' }, seed: { type: 'string', default: '1' },
  },
})
const seconds = Number(options.seconds)
const random = randomFrom(Number(options.seed))
const pick = list => list[Math.floor(random() * list.length)]
const pictures = await makePictures(16)
const images = pictures.map(picture => imageRequest(picture).body)

const json = (route, body) => ({ route, headers: { 'content-type': 'application/json' }, body: typeof body === 'string' ? body : JSON.stringify(body) })
/** What is sent, how often, and the statuses that are right for it. */
const kinds = [
  { weight: 8, statuses: [200, 503], make: () => json('/v1/embeddings', pick(images)) },
  { weight: 6, statuses: [200, 503], make: () => json('/v1/embeddings', { input: Array.from({ length: 1 + Math.floor(random() * 8) }, () => `text ${Math.floor(random() * 1e6)}`), encoding_format: pick(['float', 'base64']) }) },
  { weight: 2, statuses: [200, 503], make: () => json('/v1/classify', { image: pick(pictures).toString('base64'), labels: ['cat', 'dog', `label ${Math.floor(random() * 1000)}`] }) },
  { weight: 2, statuses: [200, 503], make: form },
  { weight: 1, statuses: [400], make: () => json('/v1/embeddings', '{') },
  { weight: 1, statuses: [422], make: () => json('/v1/embeddings', { input: [] }) },
  { weight: 1, statuses: [415, 422], make: () => json('/v1/embeddings', { input: [{ image: pick(pictures).subarray(0, 2000).toString('base64') }] }) },
  { weight: 1, statuses: [404], make: () => json('/v1/embeddings', { input: 'a', model: `none-${Math.floor(random() * 1000)}` }) },
]
const total = kinds.reduce((sum, { weight }) => sum + weight, 0)

function form() {
  const body = new FormData()
  body.append('file', new Blob([pick(pictures)]), 'picture.jpg')
  body.append('labels', 'cat')
  body.append('labels', 'dog')
  return { route: '/v1/classify', body }
}

function nextKind() {
  let at = random() * total
  return kinds.find(({ weight }) => (at -= weight) < 0) ?? kinds[0]
}

const counts = { sent: 0, answered: 0, aborted: 0, wrong: 0 }
const statuses = {}
const problems = []

async function client(url, end) {
  while (performance.now() < end) {
    const kind = nextKind()
    const { route, headers, body } = kind.make()
    const controller = new AbortController()
    const timer = random() < 0.1 ? setTimeout(() => controller.abort(), random() * 40) : undefined
    counts.sent++
    try {
      const response = await fetch(`${url}${route}`, { method: 'POST', headers, body, signal: controller.signal })
      await response.arrayBuffer()
      counts.answered++
      statuses[response.status] = (statuses[response.status] ?? 0) + 1
      if (!kind.statuses.includes(response.status)) {
        counts.wrong++
        if (problems.length < 10) problems.push(`${route}: status ${response.status}, expected ${kind.statuses.join(' or ')}`)
      }
    } catch (error) {
      if (controller.signal.aborted) counts.aborted++
      else {
        counts.wrong++
        if (problems.length < 10) problems.push(`${route}: ${error.cause?.message ?? error.message}`)
      }
    }
    clearTimeout(timer)
  }
}

/** Slope of a straight line through the samples (least squares), MiB a minute. */
function slopePerMinute(samples) {
  const n = samples.length
  const meanX = samples.reduce((sum, { minute }) => sum + minute, 0) / n
  const meanY = samples.reduce((sum, { mib }) => sum + mib, 0) / n
  const above = samples.reduce((sum, { minute, mib }) => sum + (minute - meanX) * (mib - meanY), 0)
  return above / samples.reduce((sum, { minute }) => sum + (minute - meanX) ** 2, 0)
}

const server = await startGgclip({ model: options.model, dtype: options.dtype, threads: options.threads, extra: ['--max-queue', '256'] })
const began = performance.now()
const end = began + seconds * 1000
const samples = []
const sample = async () => samples.push({ minute: (performance.now() - began) / 60_000, mib: await metric(server.url, 'process_resident_memory_bytes') / 2 ** 20 })
const sampler = setInterval(() => void sample().catch(() => undefined), Math.max(100, seconds * 5))
// the first half fills pools and caches
const settled = () => samples.slice(samples.length >> 1)
const trend = () => (settled().length > 2 ? Math.round(slopePerMinute(settled()) * 100) / 100 : null)
const teller = setInterval(() => process.stderr.write(
  `${Math.round((performance.now() - began) / 1000)} s: ${samples.at(-1)?.mib.toFixed(0)} MiB resident, trend of the second half ${trend()} MiB/min, ${counts.answered} answered, ${counts.aborted} given up, ${counts.wrong} wrong\n`,
), 60_000)
let left
try {
  await Promise.all(Array.from({ length: Number(options.connections) }, () => client(server.url, end)))
  clearInterval(sampler)
  await new Promise(resolve => void setTimeout(resolve, 300))
  left = { inWork: await metric(server.url, 'ggclip_http_requests_in_progress'), admitted: await metric(server.url, 'ggclip_admitted_inputs') }
} finally {
  clearInterval(sampler)
  clearInterval(teller)
  await server.stop()
}
const memory = {
  firstMib: Math.round(samples[0]?.mib), lastMib: Math.round(samples.at(-1)?.mib),
  trendMibPerMinute: trend(),
  limitMibPerMinute: 1,
}
const checks = {
  everyAnswerExplained: counts.wrong === 0,
  someOfEachHappened: counts.aborted > 0 && Object.keys(statuses).length >= 4,
  nothingLeftInWork: left.inWork === 0 && left.admitted === 0,
  // a trend wants minutes: in a short run it is told and not judged
  memoryFlat: seconds < 120 || memory.trendMibPerMinute <= memory.limitMibPerMinute,
}
const report = { ok: Object.values(checks).every(Boolean), seconds, checks, counts, statuses, memory, problems, samples }
if (options.json) {
  fs.mkdirSync(path.dirname(path.resolve(options.json)), { recursive: true })
  fs.writeFileSync(`${options.json}.new`, `${JSON.stringify(report, null, 2)}\n`)
  fs.renameSync(`${options.json}.new`, options.json)
}
process.stdout.write(`${JSON.stringify({ ...report, samples: undefined })}\n`)
if (!report.ok) process.exitCode = 1
