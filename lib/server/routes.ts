/** The tables of routes: calls that compute, and those about the server itself. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { classify, classifySchema } from './calls/classify.js'
import { embeddings, embeddingsSchema } from './calls/embeddings.js'
import { healthz, healthzSchema, metricsSchema, readyz, readyzSchema } from './calls/health.js'
import { models, modelsForInfinity, modelsSchema, oneModel } from './calls/models.js'
import { rank, rankSchema, rerank } from './calls/rank.js'
import { similarity, similaritySchema } from './calls/similarity.js'
import { type Call, callOf } from './calls/work.js'
import type { Context } from './context.js'
import { cohereEmbed, cohereEmbedV1, cohereFailures, cohereSchema, cohereSchemaV1 } from './dialects/cohere.js'
import { llamaEmbeddings, llamaSchema, props, propsSchema } from './dialects/frigate.js'
import { immichFailures, ping, pingSchema, predict, predictSchema } from './dialects/immich.js'
import { embedSchema, ollamaEmbed, ollamaFailures, tags, tagsSchema, version,
  versionSchema } from './dialects/ollama.js'
import { multimodalEmbeddings, multimodalSchema, voyageFailures } from './dialects/voyage.js'
import { liveSchema, meta, metaSchema, readySchema, vectorize, vectorizeSchema,
  weaviateFailures } from './dialects/weaviate.js'
import { type FormTarget, readForm } from './input/form.js'
import { checkSizes } from './input/json-body.js'
import { boundaryOf } from './input/multipart.js'
import { sendJson } from './output/answer.js'
import type { FailureBody } from './output/failures.js'
import type { Dialect } from './types.js'

export interface ComputeRoute {
  url: string
  /** Another path, not documented: infinity's clients use some, llama.cpp has two names. */
  alias?: string
  schema: { body: { properties: object }; operationId: string }
  /** The field for uploaded files. */
  files: string
  handler: (context: Context, body: never, call: Call) => Promise<object>
  /** Of which protocol; undefined: ggclip's own. */
  dialect?: Dialect
  /** The form of its failures. Default: OpenAI's. */
  failures?: FailureBody
  /** Its clients send JSON under any type, or none. */
  anyType?: true
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
  {
    url: '/predict',
    schema: predictSchema,
    files: 'image',
    handler: predict,
    dialect: 'immich',
    failures: immichFailures,
  },
  {
    url: '/embeddings',
    alias: '/embedding',
    schema: llamaSchema,
    files: 'input',
    handler: llamaEmbeddings,
    dialect: 'frigate',
  },
  {
    url: '/vectorize',
    schema: vectorizeSchema,
    files: 'images',
    handler: vectorize,
    dialect: 'weaviate',
    failures: weaviateFailures,
    anyType: true,
  },
  {
    url: '/api/embed',
    schema: embedSchema,
    files: 'input',
    handler: ollamaEmbed,
    dialect: 'ollama',
    failures: ollamaFailures,
    anyType: true,
  },
  {
    url: '/v2/embed',
    schema: cohereSchema,
    files: 'images',
    handler: cohereEmbed,
    dialect: 'cohere',
    failures: cohereFailures,
  },
  {
    url: '/v1/embed',
    schema: cohereSchemaV1,
    files: 'images',
    handler: cohereEmbedV1,
    dialect: 'cohere',
    failures: cohereFailures,
  },
  {
    url: '/v1/multimodalembeddings',
    schema: multimodalSchema,
    files: 'inputs',
    handler: multimodalEmbeddings,
    dialect: 'voyage',
    failures: voyageFailures,
  },
]

export function addRoutes(app: FastifyInstance, context: Context): void {
  const { dialects } = context.settings
  const routes = computeRoutes.filter(({ dialect }) => dialect === undefined || dialects.includes(dialect))
  const documented = new Set(routes.map(({ url }) => url))
  for (const route of routes) {
    computeRoute(app, context, route)
    if (route.alias !== undefined && !documented.has(route.alias)) computeRoute(app, context, route, route.alias)
  }
  serverRoutes(app, context)
  for (const dialect of dialects) dialectRoutes[dialect]?.(app, context)
}

/** A call that computes: JSON or a form in, JSON out. */
export function computeRoute(
  app: FastifyInstance,
  context: Context,
  { url, schema, files, handler, failures, anyType }: ComputeRoute,
  path = url,
): void {
  const { settings } = context
  const target: FormTarget = { properties: schema.body.properties as FormTarget['properties'], files }
  app.post(path, {
    schema: { ...schema, hide: path !== url },
    config: { access: 'compute', ...(failures && { failures }) },
    // with the plugin's own store: one limit for all calls that compute
    onRequest: [app.rateLimit(), ...(anyType ? [takeAsJson] : [])],
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

/** Go's clients send no type, curl -d that of a form of a web page; it is JSON in either case. */
function takeAsJson({ raw: { headers } }: FastifyRequest, _: FastifyReply, done: () => void): void {
  headers['content-type'] = 'application/json'
  done()
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

/** What the clients of a protocol ask about the server. */
const dialectRoutes: Partial<Record<Dialect, (app: FastifyInstance, context: Context) => void>> = {
  immich: (app, context) => {
    app.get('/ping', { schema: pingSchema, config: { failures: immichFailures } }, (_, reply) => (
      reply.type('text/plain; charset=utf-8').serializer(String).send(ping(context))
    ))
  },
  frigate: (app, context) => {
    app.get<{ Querystring: { model?: string } }>(
      '/props',
      { schema: propsSchema, config: { access: 'key' } },
      ({ query }) => props(context, query.model),
    )
  },
  weaviate: (app, context) => {
    app.get('/meta', { schema: metaSchema, config: { access: 'key', failures: weaviateFailures } }, () => meta(context))
    app.get('/.well-known/live', { schema: liveSchema }, (_, reply) => reply.code(204).send())
    app.get('/.well-known/ready', { schema: readySchema }, (_, reply) => (
      reply.code(readyz(context)[0] === 200 ? 204 : 503).send()
    ))
  },
  ollama: (app, context) => {
    app.get(
      '/api/tags',
      { schema: tagsSchema, config: { access: 'key', failures: ollamaFailures } },
      () => tags(context),
    )
    app.get('/api/version', { schema: versionSchema }, () => version())
  },
}
