/** Registers routes with Fastify. */
import type { FastifyInstance } from 'fastify'

import type { Context } from './context.js'
import { type FormTarget, readForm } from './form.js'
import { checkSizes } from './input/json-body.js'
import { boundaryOf } from './input/multipart.js'
import { sendJson } from './output/answer.js'
import { healthz, readyz } from './handlers/health.js'
import { models, modelsForInfinity, oneModel } from './handlers/models.js'
import type { computeRoutes } from './routes.js'
import { healthz as healthzSchema, metrics as metricsSchema, models as modelsSchema,
  readyz as readyzSchema } from './schemas/models.js'
import { callOf } from './work.js'

/** A call that computes: JSON or a form in, JSON out. */
export function computeRoute(
  app: FastifyInstance,
  context: Context,
  { url, alias, schema, files, handler }: (typeof computeRoutes)[number],
): void {
  const { settings } = context
  const target: FormTarget = { properties: schema.body.properties as FormTarget['properties'], files }
  for (const path of alias === undefined ? [url] : [url, alias])
    app.post(path, {
      schema: { ...schema, hide: path === alias },
      config: { access: 'compute' },
      // with the plugin's own store: one budget for all calls that compute
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

/** What tells of the server itself. */
export function serverRoutes(app: FastifyInstance, context: Context): void {
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
