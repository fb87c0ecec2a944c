/** A worker's metrics for Prometheus: its own counts, and the state of the queue, which is the same at every worker. */
import http from 'node:http'

import { ClipError } from '../errors.js'
import { loadPeer } from '../peer.js'
import type { QueueParts } from './jobs.js'
import type { WorkedJob } from './types.js'

const seconds = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100]

/** @throws {ClipError} ERR_CLIP_WORK_PARTS: no prom-client; ERR_CLIP_WORK_FAILED: the port cannot be had */
export async function serveMetrics(
  { queue, ledger, name }: QueueParts,
  { port, host }: { port: number; host: string },
): Promise<{ observe(job: WorkedJob): void; close(): void }> {
  const { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } = loadPeer<typeof import('prom-client')>(
    'prom-client',
    'ERR_CLIP_WORK_PARTS',
    'metrics of a worker',
  )
  const registry = new Registry()
  const registers = [registry]
  registry.setDefaultLabels({ queue: name })
  collectDefaultMetrics({ register: registry })
  const pictures = new Counter({
    name: 'ggclip_work_pictures_total',
    help: 'Pictures of this worker, by outcome',
    labelNames: ['outcome'] as const,
    registers,
  })
  const stages = new Histogram({
    name: 'ggclip_work_job_seconds',
    help: 'Seconds of a job: reading and embedding summed over its pictures, asking and writing the store',
    labelNames: ['stage'] as const,
    buckets: seconds,
    registers,
  })
  new Gauge({
    name: 'ggclip_work_queue_jobs',
    help: 'Jobs of the queue, by state',
    labelNames: ['state'] as const,
    registers,
    async collect() {
      const counts = await queue.getJobCounts('waiting', 'active', 'delayed')
      for (const [state, count] of Object.entries(counts)) this.set({ state }, count)
    },
  })
  new Gauge({
    name: 'ggclip_work_dead_pictures',
    help: 'Pictures of the queue that are listed as dead',
    registers,
    async collect() {
      this.set(await ledger.deadCount())
    },
  })
  new Gauge({
    name: 'ggclip_work_queue_workers',
    help: 'Workers of the queue that are alive',
    registers,
    async collect() {
      this.set(await ledger.workers())
    },
  })
  for (const outcome of ['embedded', 'known', 'failed']) pictures.inc({ outcome }, 0)

  const server = http.createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('GET /metrics\n')
      return
    }
    registry.metrics().then(
      text => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: Error) => response.writeHead(503, { 'content-type': 'text/plain' }).end(`${error.message}\n`),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', error =>
      reject(
        new ClipError('ERR_CLIP_WORK_FAILED', `metrics cannot be served at ${host}:${port}: ${error.message}`, {
          cause: error,
        }),
      ))
    server.listen(port, host, resolve)
  })
  server.unref()
  return {
    observe({ embedded, known, failed, readMs, embedMs, storeMs }: WorkedJob) {
      for (const [outcome, count] of Object.entries({ embedded, known, failed })) pictures.inc({ outcome }, count)
      for (const [stage, ms] of Object.entries({ read: readMs, embed: embedMs, store: storeMs }))
        stages.observe({ stage }, ms / 1000)
    },
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
