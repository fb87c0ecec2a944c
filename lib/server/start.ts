/** Assembles and starts a server. */
import { setTimeout as sleep } from 'node:timers/promises'

import type { FastifyInstance } from 'fastify'
import { type Logger, pino } from 'pino'

import { untilAborted } from '../async/abort.js'
import { ClipError, errorCodeOf } from '../errors.js'
import { createApp } from './app.js'
import type { Context } from './context.js'
import { remoteImages } from '../remote/remote-image.js'
import { loadServed, ModelPool } from './models/model-pool.js'
import type { SlotEvent } from './models/model-slot.js'
import { stderrLog } from './observe/log-stream.js'
import { Metrics } from './observe/metrics.js'
import type { ServerSettings } from './options.js'
import { Requests } from './requests.js'

/** Time after `drainMs` for the answers to stopped requests, and for the models. */
const hardLimitMs = 3000
/** Time for log lines that a slow reader has not taken. */
const logMs = 250

export interface RunningServer {
  url: string
  port: number
  close(): Promise<void>
}

export async function startServer(settings: ServerSettings): Promise<RunningServer> {
  const { app, context } = await assemble(settings)
  const close = (): Promise<void> => shutDown(app, context)
  const { signal = new AbortController().signal } = settings
  try {
    await untilAborted(listen(app, settings), signal)
    await context.pool.preload(settings.preload, signal)
    context.ready = true
  } catch (error) {
    // nobody needs to wait for models that will not be loaded
    context.pool.stopLoading()
    await close()
    throw withCause(error)
  }
  const { port } = app.server.address() as { port: number }
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host
  app.log.info({ port, host: settings.host, models: [...settings.models.keys()] }, 'ready')
  return { url: `http://${host}:${port}`, port, close }
}

/** The caller that starts a server may see the reason, unlike clients. */
function withCause(error: unknown): unknown {
  if (errorCodeOf(error) !== 'ERR_CLIP_MODEL_UNAVAILABLE') return error
  const { message, cause } = error as ClipError
  return new ClipError('ERR_CLIP_MODEL_UNAVAILABLE', `${message}: ${(cause as Error).message}`, { cause })
}

/** Everything except listening. */
export async function assemble(settings: ServerSettings): Promise<{ app: FastifyInstance; context: Context }> {
  const metrics = new Metrics()
  const requests = new Requests()
  const log = pino(
    { level: settings.logLevel, base: { name: 'ggclip' }, timestamp: pino.stdTimeFunctions.isoTime },
    stderrLog(),
  )
  const pool = new ModelPool(settings, name => ({
    load: (served, signal) => loadServed(served, settings, event => metrics.trace(name, event), signal),
    after: (ms, action) => {
      const timer = setTimeout(action, ms)
      return () => clearTimeout(timer)
    },
    report: event => {
      metrics.model(event)
      logEvent(log, event)
    },
  }))
  const fetchRemote = settings.remoteImages && remoteImages(settings.remoteImages, settings.maxImageBytes)
  const fetch = fetchRemote && (async (url: string, signal: AbortSignal) => {
    const began = performance.now()
    const bytes = await fetchRemote(url, signal)
    metrics.stage('fetch', performance.now() - began)
    return bytes
  })
  const context: Context = {
    settings,
    pool,
    requests,
    metrics,
    log,
    fetch,
    ready: false,
    startedAt: Math.floor(Date.now() / 1000),
  }
  metrics.watch(pool, requests)
  return { app: await createApp(context), context }
}

function logEvent(log: Logger, event: SlotEvent): void {
  if (event.type === 'failed') log.error({ model: event.model, err: event.error }, 'model cannot be loaded')
  else log.info(event, `model ${event.type}`)
}

async function listen(app: FastifyInstance, { host, port }: ServerSettings): Promise<void> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    throw new ClipError('ERR_CLIP_SERVER_LISTEN', `cannot listen on ${host}:${port}: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** Does not wait for ever for work that cannot be stopped (on a hanging file system, a batch of a large model). */
async function shutDown(app: FastifyInstance, context: Context): Promise<void> {
  const given = new AbortController()
  await Promise.race([
    endInOrder(app, context),
    sleep(context.settings.drainMs + hardLimitMs, undefined, { signal: given.signal }).then(() =>
      context.log.warn('ended with work that could not be stopped')
    ),
  ])
  given.abort()
  await stderrLog().flush(logMs)
}

async function endInOrder(app: FastifyInstance, { requests, pool, settings }: Context): Promise<void> {
  requests.close()
  const closed = app.close() // accepts no more connections, closes idle ones
  await requests.drain(settings.drainMs)
  // answers have been handed to the operating system by now; open connections of clients do not delay the end
  await Promise.race([closed, sleep(500, undefined, { ref: false })])
  app.server.closeAllConnections()
  await closed
  await pool.close()
}
