/** The HTTP listener: plugins, hooks and routes. docs/server.md is its manual. */
import { randomUUID } from 'node:crypto'

import compress from '@fastify/compress'
import cors from '@fastify/cors'
import rateLimit from '@fastify/rate-limit'
import Fastify, { type FastifyInstance, type FastifyReply, LogController } from 'fastify'

import { addDocs } from './calls/openapi.js'
import { shared } from './calls/schemas.js'
import type { Context } from './context.js'
import { addGallery } from './gallery/index.js'
import { rateLimits } from './guard/keys.js'
import { addHooks, addScope } from './hooks.js'
import { addBodyParsers } from './input/json-body.js'
import { onConnectionError } from './output/early-answers.js'
import { bodyOf, failureOf, schemaFailure } from './output/failures.js'
import { registerAssets } from './page/assets.js'
import { addRoutes } from './routes.js'

export async function createApp(context: Context): Promise<FastifyInstance> {
  const { settings } = context
  const app = Fastify(httpOptions(context)) as unknown as FastifyInstance
  // schemas describe answers to people only; JSON.stringify needs no schema
  app.setSerializerCompiler(() => data => JSON.stringify(data))
  addBodyParsers(app, settings.maxInputs)
  for (const schema of shared) app.addSchema(schema)
  addScope(app, settings)
  // before the checks: pages may read refusals
  if (settings.corsOrigins.length > 0) {
    const all = settings.corsOrigins.includes('*')
    await app.register(cors, {
      origin: all ? '*' : settings.corsOrigins,
      exposedHeaders: ['x-request-id', 'retry-after', 'server-timing'],
    })
  }
  addHooks(app, context)
  await app.register(compress, {
    globalDecompression: false,
    threshold: 1024,
    encodings: ['gzip', 'br', 'deflate', 'identity'],
  })
  await app.register(rateLimit, rateLimits(settings))
  await addDocs(app)
  addRoutes(app, context)
  await addGallery(app, context)
  if (settings.page) registerAssets(app)
  await app.ready()
  return app
}

function httpOptions(context: Context) {
  const { settings, log } = context
  return {
    clientErrorHandler: onConnectionError(context),
    // a malformed URL
    frameworkErrors: (error: unknown, _: unknown, reply: FastifyReply) => {
      const failure = failureOf(error)
      context.metrics.failed(failure.code)
      void reply.code(failure.status).send(bodyOf(failure))
    },
    loggerInstance: log,
    // hooks.ts writes one line per request
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    requestIdHeader: false as const,
    bodyLimit: settings.maxBodyBytes,
    // a request that takes longer to arrive is slow on purpose
    requestTimeout: settings.timeoutMs,
    http: {
      requestTimeout: settings.timeoutMs,
      headersTimeout: settings.timeoutMs,
      connectionsCheckingInterval: Math.min(5000, settings.timeoutMs),
    },
    return503OnClosing: false,
    forceCloseConnections: 'idle' as const,
    // verbose: messages include the received value
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, verbose: true } },
    schemaErrorFormatter: schemaFailure as never,
    // a base URL may end with a slash
    routerOptions: { maxParamLength: 256, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true },
  }
}

/** The caller's own id if valid, so that logs of several services can be joined. */
function requestId({ headers }: { headers: Record<string, unknown> }): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID()
}
