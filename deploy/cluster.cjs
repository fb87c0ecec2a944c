// Several processes behind one port, for machines where one event loop is not enough (many small requests, much JSON).
//
//   node cluster.cjs --workers 2 --port 8080 [--model name=path ...]
//
// Each process has its own model: its memory is there as many times, but for the parts of the file that are used as they
// are mapped. More sessions in one process (--sessions) share all weights; prefer them where the model is the bulk.
'use strict'

const cluster = require('node:cluster')
const { availableParallelism } = require('node:os')
const { parseArgs } = require('node:util')

const { Server } = require(process.env.GGCLIP_SERVER ?? 'ggclip/server')

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '2' },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '8080' },
    model: { type: 'string', multiple: true },
  },
})
const workers = Number(values.workers)

function startWorkers() {
  let stopping = false
  let failures = 0
  const stop = () => {
    stopping = true
    for (const worker of Object.values(cluster.workers)) worker.process.kill('SIGTERM')
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  cluster.on('message', (worker, message) => {
    failures = 0
    console.log(`process ${worker.process.pid} serves ${message.url}`)
  })
  cluster.on('exit', (worker, code) => {
    if (stopping) return
    console.error(`process ${worker.process.pid} ended with ${code}`)
    // one that died is replaced; when they cannot even start there is no point in going on
    if (++failures > 3 * workers) {
      process.exitCode = 1
      stop()
    } else {
      setTimeout(() => stopping || cluster.fork(), 200)
    }
  })
  for (let i = 0; i < workers; i++) cluster.fork()
}

async function serve() {
  const models = Object.fromEntries((values.model ?? []).map(entry => entry.split(/=(.*)/s)))
  const threads = Math.max(1, Math.floor(availableParallelism() / workers))
  const named = Object.keys(models).length > 0 ? models : { 'emoji-clip': undefined }
  const server = await Server.start({
    host: values.host,
    port: Number(values.port),
    models: Object.fromEntries(Object.entries(named).map(([name, source]) => [name, { source, threads }])),
    logLevel: 'info',
  })
  // Ctrl-C goes to the whole group: the primary passes it on as SIGTERM
  process.on('SIGINT', () => undefined)
  process.once('SIGTERM', () => void server.close().then(() => process.disconnect()))
  process.send({ url: server.url })
}

if (cluster.isPrimary) startWorkers()
else {
  serve().catch(error => {
    console.error(error.message)
    process.exit(1)
  })
}
