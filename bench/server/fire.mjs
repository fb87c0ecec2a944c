// One run of autocannon, and what is read from the servers between runs.
import { setTimeout as sleep } from 'node:timers/promises'

import autocannon from 'autocannon'

const quantile = (
  sorted,
  share,
) => (sorted.length === 0 ? null : sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)])

function describe(latencies) {
  const sorted = [...latencies].sort((a, b) => a - b)
  return { count: sorted.length, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), max: quantile(sorted, 1) }
}

/**
 * Closed loop, or with `rate` open: this many requests per second, whatever the answers. Latencies (milliseconds) of
 * answers with status 200, and separately of refusals; `withoutHint` counts refusals without Retry-After.
 */
export async function fire(server, requests, { connections, seconds, rate }) {
  const [ok, refused, statuses] = [[], [], {}]
  let withoutHint = 0
  const onResponse = (status, body, context, headers) => {
    const names = Object.keys(headers ?? {}).map(name => name.toLowerCase())
    if ((status === 503 || status === 429) && !names.includes('retry-after')) withoutHint++
  }
  // One request for each connection, by turns: autocannon builds all of a connection's when it starts, and of 256 connections
  // with all requests that would take half a second, in which latencies are counted already.
  const own = requests.map(request => ({ ...request, onResponse }))
  let clients = 0
  const run = autocannon({
    url: server.url,
    connections,
    duration: seconds,
    timeout: 120,
    ...(rate === undefined ? {} : { overallRate: rate }),
    requests: own.slice(0, 1),
    setupClient: client => client.setRequests([own[clients++ % own.length]]),
  })
  run.on('response', (client, status, bytes, ms) => {
    statuses[status] = (statuses[status] ?? 0) + 1
    ;(status === 200 ? ok : refused).push(ms)
  })
  const { errors, timeouts } = await run
  await idle(server)
  return {
    perSecond: ok.length / seconds,
    ok: describe(ok),
    refused: describe(refused),
    withoutHint,
    statuses,
    errors,
    timeouts,
  }
}

/** One value of /metrics; the first of several series. */
export async function metric(url, name) {
  const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(30_000) })).text()
  return Number(
    text.split('\n').find(line => line.startsWith(`${name} `) || line.startsWith(`${name}{`))?.split(' ').at(-1),
  )
}

/**
 * Requests abandoned by autocannon are still computed if a server does not notice: they must not slow the next side.
 */
async function idle({ url }, limitMs = 60_000) {
  const end = performance.now() + limitMs
  let before = await metric(url, 'process_cpu_seconds_total')
  while (performance.now() < end) {
    await sleep(250)
    const now = await metric(url, 'process_cpu_seconds_total')
    if (now - before < 0.03) return
    before = now
  }
  throw new Error(`${url} does not come to rest`)
}
