/** The table of the calls that compute, and their registration with Fastify. */
import type { FastifyInstance } from 'fastify'

import { classify, classifySchema } from './calls/classify.js'
import { embeddings, embeddingsSchema } from './calls/embeddings.js'
import { healthz, healthzSchema, metricsSchema, readyz, readyzSchema } from './calls/health.js'
import { models, modelsForInfinity, modelsSchema, oneModel } from './calls/models.js'
import { rank, rankSchema, rerank } from './calls/rank.js'
import { similarity, similaritySchema } from './calls/similarity.js'
import { type Call, callOf } from './calls/work.js'
import type { Context } from './context.js'
import { type FormTarget, readForm } from './input/form.js'
import { checkSizes } from './input/json-body.js'
import { boundaryOf } from './input/multipart.js'
import { sendJson } from './output/answer.js'

interface ComputeRoute {
  url: string
  /** The path that infinity's clients use. */
  alias?: string
  schema: { body: { properties: object }; operationId: string }
  /** The field for uploaded files. */
  files: string
  handler: (context: Context, body: never, call: Call) => Promise<object>
}

const computeRoutes: readonly ComputeRoute[] = [
  { url: '/v1/embeddings', alias: '/embeddings', schema: embeddingsSchema, files: 'input', handler: embeddings },
  { url: '/v1/classify', schema: classifySchema, files: 'images', handler: classify },
  { url: '/v1/similarity', schema: similaritySchema, files: 'images', handler: similarity },
  { url: '/v1/rank', schema: rankSchema, files: 'documents', handler: rank },
  {
    url: '/v1/rerank',
    alias: '/rerank',
    schema: { ...rankSchema, operationId: 'rerank' },
    files: 'documents',
    handler: rerank,
  },
]

export function addRoutes(app: FastifyInstance, context: Context): void {
  for (const route of computeRoutes) computeRoute(app, context, route)
  serverRoutes(app, context)
}

/** A call that computes: JSON or a form in, JSON out. */
function computeRoute(
  app: FastifyInstance,
  context: Context,
  { url, alias, schema, files, handler }: ComputeRoute,
): void {
  const { settings } = context
  const target: FormTarget = { properties: schema.body.properties as FormTarget['properties'], files }
  for (const path of alias === undefined ? [url] : [url, alias])
    app.post(path, {
      schema: { ...schema, hide: path === alias },
      config: { access: 'compute' },
      // with the plugin's own store: one limit for all calls that compute
      onRequest: app.rateLimit(),
      preValidation: async request => {
        const boundary = boundaryOf(request.headers['content-type'])
        if (boundary === undefined) return
        const { body, uploads } = await readForm(
          request.body as Buffer,
          boundary,
          target,
          settings,
          request.scope.signal,
        )
        request.body = body
        request.scope.uploads = uploads
        checkSizes(body, target.properties, settings.maxInputs)
      },
    }, async (request, reply) => {
      const call = callOf(request)
      const readMs = performance.now() - request.scope.began
      context.metrics.stage('read', readMs)
      call.timing.read(readMs)
      return sendJson(reply, await handler(context, request.body as never, call), {
        signal: call.signal,
        stallMs: settings.timeoutMs,
      })
    })
}

/** Routes about the server itself. */
function serverRoutes(app: FastifyInstance, context: Context): void {
  const { metrics, settings } = context
  app.get('/v1/models', { schema: modelsSchema, config: { access: 'key' } }, () => models(context))
  app.get('/models', { schema: { hide: true }, config: { access: 'key' } }, () => modelsForInfinity(context))
  app.get('/health', { schema: { hide: true } }, () => ({ ...healthz(), unix: Date.now() / 1000 }))
  app.get<{ Params: { '*': string } }>(
    '/v1/models/*',
    { schema: { hide: true }, config: { access: 'key' } },
    ({ params }) => oneModel(context, params['*']),
  )
  app.get('/healthz', { schema: healthzSchema }, () => healthz())
  app.get('/readyz', { schema: readyzSchema }, (_, reply) => {
    const [status, body] = readyz(context)
    return reply.code(status).send(body)
  })
  if (settings.metrics === 'off') return
  app.get('/metrics', { schema: metricsSchema, config: { access: settings.metrics } }, async (_, reply) => (
    reply.type(metrics.contentType).serializer(String).send(await metrics.render())
  ))
}
