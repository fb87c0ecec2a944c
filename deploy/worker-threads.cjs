// A server in a worker thread of an application that has other things to do: its event loop stays free of the server's.
//
//   node worker-threads.cjs [--port 8080]
'use strict'

const { parseArgs } = require('node:util')
const { isMainThread, parentPort, Worker, workerData } = require('node:worker_threads')

async function main() {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' } } })
  const worker = new Worker(__filename, { workerData: { port: Number(values.port) } })
  worker.on('error', error => {
    console.error(error)
    process.exitCode = 1
  })
  worker.on('message', ({ url }) => console.log(`serves ${url}`))
  // the thread ends by itself once its server is closed
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => worker.postMessage('close'))
}

async function serve() {
  const { Server } = require(process.env.GGCLIP_SERVER ?? 'ggclip/server')
  const server = await Server.start({ port: workerData.port, logLevel: 'info' })
  parentPort.once('message', () => void server.close())
  parentPort.postMessage({ url: server.url })
}

void (isMainThread ? main() : serve())
