// What scripts/hostile.cjs asks a server that is under attack: how fast it answers, what it says of itself.
'use strict'

const http = require('node:http')
const { isMainThread, parentPort, Worker, workerData } = require('node:worker_threads')

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

/** Status and body of a request that goes in at once; status 0 when the connection broke. */
function request(port, { method = 'GET', route = '/healthz', headers = {}, body, timeoutMs = 20_000 } = {}) {
  return new Promise(resolve => {
    const call = http.request({
      host: '127.0.0.1',
      port,
      method,
      path: route,
      headers,
      agent: false,
      timeout: timeoutMs,
    }, response => {
      const parts = []
      response.on('data', part => parts.push(part)).on('error', () => resolve({ status: 0, body: '' }))
      response.on('end', () => resolve({ status: response.statusCode, body: Buffer.concat(parts).toString() }))
    })
    call.on('error', () => resolve({ status: 0, body: '' })).on('timeout', () => call.destroy())
    call.end(body)
  })
}

/**
 * Asks /healthz again and again, in a thread of its own, so that what is measured is the server and not the attackers.
 *
 * @returns {() => Promise<object>} stops it: how many probes, how many failed or took longer than `latencyMs`, times in ms
 */
function startProbes(port, latencyMs) {
  const thread = new Worker(__filename, { workerData: { port, latencyMs } })
  return () =>
    new Promise((resolve, reject) => {
      thread.once('message', resolve).once('error', reject)
      thread.postMessage('stop')
    })
}

async function probe() {
  const times = []
  let failed = 0
  let running = true
  parentPort.once('message', () => {
    running = false
  })
  while (running) {
    const began = performance.now()
    const { status } = await request(workerData.port)
    times.push(performance.now() - began)
    if (status !== 200) failed++
    await sleep(20)
  }
  times.sort((a, b) => a - b)
  const at = share => Math.round(10 * times[Math.min(times.length - 1, Math.floor(times.length * share))]) / 10
  parentPort.postMessage({
    probes: times.length,
    failed,
    slow: times.filter(ms => ms > workerData.latencyMs).length,
    p50: at(0.5),
    p99: at(0.99),
    p999: at(0.999),
    max: at(1),
  })
}

/** How late timers came since this was last asked. */
async function eventLoop(port) {
  const { body } = await request(port, { route: '/metrics' })
  const of = name =>
    Math.round(10_000 * Number(new RegExp(`^nodejs_eventloop_lag_${name}_seconds (\\S+)`, 'm').exec(body)?.[1])) / 10
  return { p50: of('p50'), p99: of('p99'), max: of('max') }
}

/** Whether nothing is in work any more, within what a request may take. */
async function settled(port) {
  for (let i = 0; i < 200; i++) {
    const { body } = await request(port, { route: '/metrics' })
    if (/^ggclip_http_requests_in_progress 0$/m.test(body)) return true
    await sleep(100)
  }
  return false
}

/** Milliseconds, of 100 probes. */
async function slowestProbe(port) {
  let slowest = 0
  for (let i = 0; i < 100; i++) {
    const began = performance.now()
    await request(port)
    slowest = Math.max(slowest, performance.now() - began)
  }
  return Math.round(10 * slowest) / 10
}

/** Resident memory but for V8's heap and its buffers: those go when the collector thinks fit, which an idle process need not. */
async function residentMib(port) {
  const { body } = await request(port, { route: '/metrics' })
  const bytes = name => Number(new RegExp(`^${name}_bytes (\\S+)`, 'm').exec(body)[1])
  return Math.round(
    (bytes('process_resident_memory') - bytes('nodejs_heap_size_total') - bytes('nodejs_external_memory')) / 2 ** 20,
  )
}

module.exports = { sleep, request, startProbes, eventLoop, settled, slowestProbe, residentMib }
if (!isMainThread) probe()
