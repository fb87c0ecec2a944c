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
const net = require('node:net')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { randomFrom } = require('../test/helpers/random.cjs')
const { attacksOn, bombs } = require('./hostile/attacks.cjs')
const { eventLoop, request, residentMib, settled, sleep, slowestProbe, startProbes } = require('./hostile/observe.cjs')

const drainMs = 2000
const graceMs = 4000 // what the server may take beyond, and the system to start and end a process

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

  const stopProbes = startProbes(server.port, Number(values['latency-ms']))
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
  const health = await stopProbes()
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

main().then(code => process.exit(code), error => {
  console.error(error)
  process.exit(2)
})
