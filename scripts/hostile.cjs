// What strangers may do to a server: a `ggclip serve` whose log is on a full disk is attacked for a while over loopback:
// slow heads and bodies, pipelining, half-closed and aborted connections, huge heads, JSON and forms, picture bombs,
// answers of many megabytes that are read slowly or not at all, floods of connections. Meanwhile /healthz has to answer;
// afterwards nothing may be left in work, memory has to come back, no request may have failed for a reason of the
// server's, and SIGTERM has to end it within its drain time.
//
// Prints what was sent and what came of it: a table, or JSON with --json. Exit code 0 when all hold, 1 when a promise is
// broken (the last lines say which), 2 when it could not be tried. 99 of 100 probes of /healthz have to be answered
// within --latency-ms, and all of those after the attack; the times are the probe's own, who shares the CPUs with the
// attackers, and mean something on a machine that does nothing else.
//
//   node scripts/hostile.cjs [--seconds 20] [--lanes 8] [--seed 1] [--latency-ms 100] [--json]
'use strict'

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const http = require('node:http')
const net = require('node:net')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { isMainThread, parentPort, Worker, workerData } = require('node:worker_threads')
const { randomFrom } = require('../test/helpers/random.cjs')

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
const drainMs = 2000
const graceMs = 4000 // what the server may take beyond, and the system to start and end a process

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

if (isMainThread)
  main().then(code => process.exit(code), error => {
    console.error(error)
    process.exit(2)
  })
else probe()

/** In a thread of its own, so that what is measured is the server and not the attackers. */
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

async function main() {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '20' },
      lanes: { type: 'string', default: '8' },
      seed: { type: 'string', default: '1' },
      'latency-ms': { type: 'string', default: '100' },
      json: { type: 'boolean', default: false },
    },
  })
  const server = await start()
  const answers = {}
  const attacks = attacksOn(server.port, randomFrom(Number(values.seed)), await bombs())
  // one of each first: what is measured as the beginning has everything loaded
  for (const attack of Object.values(attacks)) await attack()
  if (!await settled(server.port)) throw new Error('requests are left in work before the attack has begun')
  const before = await residentMib(server.port)

  const prober = new Worker(__filename, { workerData: { port: server.port, latencyMs: Number(values['latency-ms']) } })
  const end = Date.now() + Number(values.seconds) * 1000
  const random = randomFrom(Number(values.seed) + 1)
  const names = Object.keys(attacks)
  await Promise.all(Array.from({ length: Number(values.lanes) }, async () => {
    while (Date.now() < end) {
      const name = names[random(names.length)]
      const began = performance.now()
      const status = await attacks[name]()
      const counts = answers[name] ??= { sent: 0, slowestMs: 0, statuses: {} }
      counts.sent++
      counts.slowestMs = Math.max(counts.slowestMs, Math.round(performance.now() - began))
      counts.statuses[status] = (counts.statuses[status] ?? 0) + 1
    }
  }))
  const health = await new Promise(resolve => {
    prober.once('message', resolve)
    prober.postMessage('stop')
  })
  const loop = await eventLoop(server.port)
  const idle = await settled(server.port)
  health.afterwards = await slowestProbe(server.port)
  let after = await residentMib(server.port)
  for (let i = 0; i < 50 && after > before + 150; i++) {
    await sleep(200)
    after = await residentMib(server.port)
  }
  const metrics = (await request(server.port, { route: '/metrics' })).body
  const ended = await stopWhileBusy(server)

  const found = {
    seconds: Number(values.seconds),
    sent: Object.values(answers).reduce((sum, { sent }) => sum + sent, 0),
    answers,
    health,
    eventLoopDelayMs: loop,
    idle,
    residentMib: { before, after },
    drain: { limitMs: drainMs, ...ended },
    internal: Number(/^ggclip_errors_total\{code="ERR_CLIP_INTERNAL"\} (\d+)/m.exec(metrics)?.[1] ?? 0),
    logLinesLost: Number(/^ggclip_log_lines_lost_total (\d+)/m.exec(metrics)?.[1]),
  }
  const statuses = Object.values(answers).flatMap(({ statuses: of }) => Object.keys(of))
  const problems = [
    [health.failed > 0, '/healthz failed'],
    [health.p99 > Number(values['latency-ms']),
      `/healthz took longer than ${values['latency-ms']} ms: ${health.slow} of ${health.probes} times`],
    [health.afterwards > Number(values['latency-ms']), `/healthz took ${health.afterwards} ms after the attack`],
    [!idle, 'requests are left in work'],
    [after > before + 150, 'memory did not come back'],
    [found.internal > 0, "requests failed for a reason of the server's"],
    [statuses.includes('500'), 'status 500'],
    [answers.sound !== undefined && answers.sound.statuses[200] === undefined, 'no sound request was answered'],
    [found.logLinesLost === 0 && server.logIsFull, 'the log was not full'],
    [ended.code !== 0, `SIGTERM did not end it as it should: ${JSON.stringify(ended)}`],
    [!(ended.ms <= drainMs + graceMs), `SIGTERM ended it after ${ended.ms} ms; its drain time is ${drainMs}`],
  ].filter(([holds]) => holds).map(([, words]) => words)
  console.log(values.json ? JSON.stringify({ ...found, problems }, undefined, 1) : summary(found, problems))
  return problems.length > 0 ? 1 : 0
}

function summary(
  { seconds, sent, answers, health, eventLoopDelayMs, idle, residentMib, drain, internal, logLinesLost },
  problems,
) {
  const rows = Object.entries(answers).sort(([a], [b]) => a.localeCompare(b)).map((
    [name, { sent: n, slowestMs, statuses }],
  ) =>
    [
      name.padEnd(18),
      String(n).padStart(6),
      `${slowestMs}`.padStart(8),
      Object.entries(statuses).map(([status, count]) => `${status === '0' ? 'closed' : status}: ${count}`).join('  '),
    ].join('  ')
  )
  return [
    `${sent} attacks in ${seconds} s`,
    `${'kind'.padEnd(18)}  ${'sent'.padStart(6)}  ${'slowest'.padStart(8)}  answers`,
    ...rows,
    '',
    `/healthz, ms       p50 ${health.p50}   p99 ${health.p99}   p99.9 ${health.p999}   max ${health.max}   afterwards at most ${health.afterwards}   (${health.probes} probes, ${health.failed} failed, ${health.slow} slow)`,
    `event loop, ms     p50 ${eventLoopDelayMs.p50}   p99 ${eventLoopDelayMs.p99}   max ${eventLoopDelayMs.max}   (as the server measures it)`,
    `drain, ms          ${drain.ms} of ${drain.limitMs} (exit status ${drain.code})`,
    `memory, MiB        ${residentMib.before} before, ${residentMib.after} after (without V8's heap)`,
    `left in work       ${
      idle ? 'nothing' : 'requests'
    }; internal errors: ${internal}; log lines lost: ${logLinesLost}`,
    '',
    ...(problems.length === 0 ? ['all promises hold'] : problems.map(problem => `BROKEN: ${problem}`)),
  ].join('\n')
}

/** How late timers came since this was last asked. */
async function eventLoop(port) {
  const { body } = await request(port, { route: '/metrics' })
  const of = name =>
    Math.round(10_000 * Number(new RegExp(`^nodejs_eventloop_lag_${name}_seconds (\\S+)`, 'm').exec(body)?.[1])) / 10
  return { p50: of('p50'), p99: of('p99'), max: of('max') }
}

/** The server, with its log on a full disk where there is one. */
async function start() {
  const logIsFull = fs.existsSync('/dev/full')
  const child = spawn(process.execPath, [
    path.join(__dirname, '..', 'dist', 'cli', 'main.js'),
    'serve',
    '--port',
    '0',
    '--json',
    '--threads',
    '1',
    '--drain-ms',
    String(drainMs),
    '--timeout-ms',
    '5000',
    '--max-body-bytes',
    String(8 * 2 ** 20),
  ], { stdio: ['ignore', 'pipe', logIsFull ? fs.openSync('/dev/full', 'w') : 'ignore'] })
  process.on('exit', () => child.kill('SIGKILL'))
  const ended = new Promise(resolve => child.once('exit', (code, signal) => resolve({ code, signal })))
  let text = ''
  const line = new Promise(resolve =>
    child.stdout.on('data', data => {
      text += data
      if (text.includes('\n')) resolve(JSON.parse(text))
    })
  )
  const { port } = await Promise.race([line, ended.then(how =>
    Promise.reject(new Error(`the server ended: ${JSON.stringify(how)}`))
  )])
  return { child, ended, port, logIsFull }
}

/** SIGTERM while some dawdle. */
async function stopWhileBusy({ child, ended, port }) {
  const dawdlers = Array.from({ length: 5 }, () => {
    const socket = net.connect(port, '127.0.0.1').on('error', () => undefined)
    socket.write(
      'POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{',
    )
    return socket
  })
  await sleep(200)
  const began = performance.now()
  child.kill('SIGTERM')
  const how = await Promise.race([ended, sleep(drainMs + 20_000)])
  for (const socket of dawdlers) socket.destroy()
  return { ...how, ms: Math.round(performance.now() - began) }
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

/** Small files of large pictures, and what is none; last a sound small one, as a data URI. */
async function bombs() {
  const sharp = require('sharp')
  const flat = (width, height, kind) =>
    sharp({ create: { width, height, channels: 3, background: 'red' }, limitInputPixels: false })[kind]().toBuffer()
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="3000" height="3000"><filter id="f"><feTurbulence baseFrequency=".01" numOctaves="20"/></filter>${
      '<rect width="3000" height="3000" filter="url(#f)"/>'.repeat(4)
    }</svg>`
  const png = await flat(6000, 6000, 'png')
  const huge = Buffer.from(png) // says that it has 40,000 x 40,000 pixels
  huge.writeUInt32BE(40_000, 16)
  huge.writeUInt32BE(40_000, 20)
  return [png, huge, await flat(5000, 5000, 'webp'), png.subarray(0, png.length >> 1), Buffer.from(svg),
    Buffer.from('no picture'), `data:image/png;base64,${(await flat(8, 8, 'png')).toString('base64')}`]
}

/** Each makes one attack and resolves to the status that it got, 0 for a closed connection. */
function attacksOn(port, random, pictures) {
  const json = { 'content-type': 'application/json' }
  const post = (body, headers = json, route = '/v1/embeddings') =>
    request(port, { method: 'POST', route, headers, body }).then(({ status }) => status)
  const head = (length, type = 'application/json') =>
    `POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`

  /** Sends the pieces with pauses; the status of the first answer. */
  const raw = (pieces, { pauseMs = 0, half = false, destroy = false, read = true } = {}) =>
    new Promise(resolve => {
      let answer = ''
      const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: half })
      const done = () => {
        socket.destroy()
        resolve(Number(/^HTTP\/1\.\d (\d+)/.exec(answer)?.[1] ?? 0))
      }
      socket.setTimeout(15_000, done)
      if (read)
        socket.on('data', data => {
          answer += data
        })
      socket.on('error', done).on('close', done).on('end', done)
      socket.once('connect', async () => {
        for (const piece of pieces) {
          if (socket.destroyed) return
          socket.write(piece)
          if (pauseMs > 0) await sleep(pauseMs)
        }
        if (destroy) done()
        else if (half) socket.end()
      })
    })
  const form = (parts, boundary = 'x') =>
    post(`${parts.join('')}--${boundary}--\r\n`, { 'content-type': `multipart/form-data; boundary=${boundary}` })
  const part = (name, value, more = '') =>
    `--x\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`
  const small = pictures.at(-1)
  const manyInputs = JSON.stringify({ input: Array.from({ length: 2048 }, (_, i) => `${i}`) })
  const headOf = body => head(Buffer.byteLength(body))
  const closing = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'

  return {
    sound: () => post(JSON.stringify({ input: ['a', `text ${random(1000)}`] })),
    slowHead: () =>
      raw(['GET /healthz HTTP/1.1\r\nHost: localhost\r\n', ...Array(random(40)).fill('x: y\r\n')], {
        pauseMs: 50,
        destroy: true,
      }),
    slowBody: () => raw([head(100_000), ...Array(random(40)).fill('{"input":"')], { pauseMs: 50, destroy: true }),
    stalledBody: () => raw([head(100_000), '{'], { pauseMs: 2000, destroy: true }),
    pipelined: () =>
      raw([
        `${'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(200)}${
          `${head(13)}{"input":"a"}`.repeat(5)
        }${closing}`,
      ]),
    halfClosed: () => raw([head(13), '{"input":"a"}'], { half: true }),
    halfClosedEarly: () => raw([head(1000), '{"input":"a"'], { half: true }),
    aborted: () => raw([head(2 ** 20), Buffer.alloc(random(2 ** 20), ' ')], { pauseMs: random(20), destroy: true }),
    hugeHead: () => raw([`GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'y'.repeat(2 ** 18)}\r\n\r\n`]),
    manyHeads: () => raw([`GET /healthz HTTP/1.1\r\nHost: localhost\r\n${'x: y\r\n'.repeat(20_000)}\r\n`]),
    noHttp: () => raw([Buffer.from(Array.from({ length: 2000 }, () => random(256)))], { half: true }),
    badChunks: () =>
      raw([
        `POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${
          `1;${'e'.repeat(100)}\r\n \r\n`.repeat(2000)
        }zz\r\n`,
      ]),
    smuggled: () =>
      raw([
        `POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${closing}`,
      ], { half: true }),
    deepJson: () => post('['.repeat(2e6) + ']'.repeat(2e6)),
    deepObjects: () => post('{"input":'.repeat(5e5)),
    manyValues: () => post(`{"input":[${'1,'.repeat(3e6)}1]}`),
    manyKeys: () => post(`{${Array.from({ length: 2e5 }, (_, i) => `"${i}":{}`).join()}}`),
    manyEscapes: () => post(`{"input":"${'\\"'.repeat(3e6)}"}`),
    manySpaces: () => post(`${' '.repeat(7e6)}{"input":"a"}`),
    manyShortTexts: () => post(JSON.stringify({ input: Array.from({ length: 2048 }, () => `text ${random(1e6)}`) })),
    manyLongTexts: () =>
      post(
        JSON.stringify({
          input: Array.from(
            { length: 400 },
            (_, i) => `${'a photo of a cat '.repeat(970)}${random(1e6)} ${i}`.slice(-16_384),
          ),
        }),
      ),
    // equal for long, so that comparing them is costly
    likeTexts: () =>
      post(
        JSON.stringify({
          input: Array.from({ length: 450 }, (_, i) => `${'x'.repeat(16_380)}${String(i).padStart(4, '0')}`),
        }),
      ),
    manyPrompts: () =>
      post(
        JSON.stringify({
          image: small,
          labels: Array.from({ length: 1000 }, (_, i) => `${random(1e6)} ${i} ${'y'.repeat(900)}`),
          templates: ['{}', 'a {}'],
        }),
        json,
        '/v1/classify',
      ),
    manyPairs: () =>
      post(
        JSON.stringify({ images: Array(700).fill(small), texts: Array.from({ length: 700 }, (_, i) => `text ${i}`) }),
        json,
        '/v1/similarity',
      ),
    longDocuments: () =>
      post(
        JSON.stringify({
          query: 'a',
          documents: Array.from({ length: 8 }, (_, i) => `${i} é"${'b'.repeat(5e5)}`),
          return_documents: true,
        }),
        json,
        '/v1/rank',
      ),
    longUser: () => post(JSON.stringify({ input: 'a', user: 'u'.repeat(7e6) })),
    longLabel: () => post(JSON.stringify({ image: small, labels: ['é'.repeat(3e6)] }), json, '/v1/classify'),
    longNames: () => post(`{${Array.from({ length: 400 }, (_, i) => `"${'k'.repeat(16_380)}${i}":1`).join()}}`),
    percentPicture: () => post(JSON.stringify({ input: `data:image/png;base64,${'%2B'.repeat(2.3e6)}` })),
    spacedPicture: () => post(JSON.stringify({ input: [{ image: 'A '.repeat(3.5e6) }] })),
    utf16: () => post(Buffer.from(`\ufeff{"input":"${'é'.repeat(3e6)}"}`, 'utf16le')),
    jsonPart: () =>
      form([
        `--x\r\nContent-Disposition: form-data; name="input"\r\nContent-Type: application/json\r\n\r\n[${
          '1,'.repeat(3e6)
        }1]\r\n`,
      ]),
    longPart: () => form([part('input', 'é'.repeat(3e6))]),
    unread: () => raw([headOf(manyInputs), manyInputs], { read: false, pauseMs: 1500, destroy: true }),
    longText: () => post(`{"input":"${'a b '.repeat(1.5e6)}"}`),
    tooLarge: () => post(Buffer.alloc(12 * 2 ** 20, ' ')),
    manyParts: () => form([part('input', 'a').repeat(10_000)]),
    manyNames: () => form(Array.from({ length: 5000 }, (_, i) => part(`name${i}`, 'a'))),
    longName: () => form([part('n'.repeat(3e6), 'a')]),
    longPartHead: () =>
      form([`--x\r\nContent-Disposition: form-data; name="input"\r\n${'X: y\r\n'.repeat(3e5)}\r\na\r\n`]),
    manyFiles: () => form([part('file', 'a', '; filename="a"').repeat(3000)]),
    openForm: () =>
      raw([head(5e5, 'multipart/form-data; boundary=x'), part('input', 'a').repeat(100)], {
        pauseMs: 300,
        destroy: true,
      }),
    bomb: () => {
      const picture = pictures[random(pictures.length - 1)]
      return post(
        JSON.stringify({ input: Array.from({ length: 1 + random(3) }, () => ({ image: picture.toString('base64') })) }),
      )
    },
    bombLeft: () =>
      raw([head(1e6), `{"input":[{"image":"${pictures[0].toString('base64')}"}]}`.padEnd(1e6)], {
        pauseMs: random(60),
        destroy: true,
      }),
    longAddress: () =>
      request(port, { route: `/${'a/'.repeat(6000)}?${'b=c&'.repeat(100)}` }).then(({ status }) => status),
    flood: async () => {
      const sockets = Array.from({ length: 100 }, () => net.connect(port, '127.0.0.1').on('error', () => undefined))
      await sleep(300)
      for (const socket of sockets) socket.destroy()
      return 0
    },
  }
}
