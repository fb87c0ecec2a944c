/** Steps for every request: identity, limits, log line, metrics, errors. */
import type { IncomingMessage, ServerResponse } from 'node:http'

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { ClipError } from '../errors.js'
import type { Context } from './context.js'
import { addressOf, clientOf } from '../remote/addresses.js'
import { type HostCheck, hostCheck } from './guard/hosts.js'
import { Keys } from './guard/keys.js'
import { checkSizes, type SizedSchema } from './input/json-body.js'
import type { Uploads } from './input/read-inputs.js'
import { Timing } from './observe/timing.js'
import type { ServerSettings } from './options.js'
import { answerEarly, isStillComing } from './output/early-answers.js'
import { bodyOf, type FailureBody, failureOf } from './output/failures.js'
import { ClientGone, closingError } from './requests.js'

/** The server's record of a request. */
export interface Scope {
  /** Performance clock, milliseconds. */
  began: number
  /** Name of the API key, or the address; of IPv6 its /64. */
  client: string
  /** Where the request comes from, for the log. */
  address: string
  /** Name of the API key, if the request has one. */
  key: string | undefined
  /** Aborts when the client disconnects, at the time-out, or when the server closes; set for calls that compute. */
  signal: AbortSignal | undefined
  uploads: Uploads
  /** Durations of its stages; set for calls that compute. */
  timing: Timing | undefined
  /** Code of the error in the answer. */
  code: string | undefined
}

declare module 'fastify' {
  interface FastifyRequest {
    scope: Scope
  }
  interface FastifyContextConfig {
    /** 'open': everyone; 'key': holders of an API key, if there are any; 'compute': the same, within the limits. */
    access?: 'open' | 'key' | 'compute'
    /** The form of its failures. Default: OpenAI's. */
    failures?: FailureBody
  }
}

/** Before everything else, so that every request has it, even one answered by a plugin. */
export function addScope(app: FastifyInstance, { trustProxy }: ServerSettings): void {
  app.decorateRequest('scope', null as unknown as Scope)
  app.addHook('onRequest', (request, reply, done) => {
    const address = addressOf(request.socket.remoteAddress, request.headers, trustProxy)
    request.scope = {
      began: performance.now(),
      client: clientOf(address),
      address,
      key: undefined,
      signal: undefined,
      uploads: new Map(),
      timing: undefined,
      code: undefined,
    }
    reply.header('x-request-id', request.id)
    done()
  })
}

export function addHooks(app: FastifyInstance, context: Context): void {
  const keys = new Keys(context.settings.apiKeys)
  const checkHost = hostCheck(context.settings)
  app.addHook('onRequest', (request, reply, done) => {
    try {
      enter(request, reply, context, keys, checkHost)
      done()
    } catch (error) {
      done(error as Error)
    }
  })
  // a client that sends Expect: 100-continue is told to go on only after the request has been accepted
  app.server.on(
    'checkContinue',
    (request: IncomingMessage, response: ServerResponse) => void app.server.emit('request', request, response),
  )
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (/^100-continue$/i.test(request.headers.expect ?? '')) reply.raw.writeContinue()
    done(null, payload)
  })
  app.addHook('preValidation', ({ body, routeOptions }, _, done) => {
    try {
      const { properties = {} } = (routeOptions.schema?.body ?? {}) as { properties?: Record<string, SizedSchema> }
      checkSizes(body, properties, context.settings.maxInputs)
      done()
    } catch (error) {
      done(error as Error)
    }
  })
  app.addHook('onSend', ({ scope: { began, timing } }, reply, payload, done) => {
    reply.header('x-content-type-options', 'nosniff')
    if (timing) reply.header('server-timing', timing.header(performance.now() - began))
    if (context.requests.closing) reply.header('connection', 'close')
    done(null, payload)
  })
  app.addHook('onResponse', (request, reply, done) => {
    report(request, reply, context)
    done()
  })
  app.setErrorHandler((error, request, reply) => answerFailure(error, request, reply, context))
  app.setNotFoundHandler(({ method, url }, reply) => {
    const path = url.split('?', 1)[0]!
    const allowed = (['GET', 'HEAD', 'POST', 'DELETE'] as const).filter(one =>
      app.hasRoute({ method: one, url: path.replace(/(?<=.)\/$/, '') })
    )
    if (allowed.length > 0) reply.header('allow', [...allowed, 'OPTIONS'].join(', '))
    if (allowed.length > 0 && method === 'OPTIONS') return reply.code(204).send()
    const error = new ClipError(
      'ERR_CLIP_ROUTE_UNKNOWN',
      `no ${method} ${path.slice(0, 100)} here: ${
        allowed.length > 0 ? `expected ${allowed.join(' or ')}` : 'GET /openapi.json lists all routes'
      }`,
    )
    throw Object.assign(error, { httpStatus: allowed.length > 0 ? 405 : 404 })
  })
}

/** Cheap checks before a byte of the body is read. */
function enter(
  request: FastifyRequest,
  reply: FastifyReply,
  { requests, settings, pool }: Context,
  keys: Keys,
  checkHost: HostCheck,
): void {
  checkHost(request.headers.host)
  const access = request.routeOptions.config.access ?? 'open'
  if (access === 'open' || request.method === 'OPTIONS') return
  if (requests.closing) throw closingError()
  if (keys.required) {
    const { name } = keys.check(request.headers.authorization)
    request.scope.client = request.scope.key = name
  }
  if (access === 'key') return
  request.scope.timing = new Timing()
  if (requests.count >= settings.maxRequests) {
    throw new ClipError(
      'ERR_CLIP_QUEUE_FULL',
      `${requests.count} requests are in progress and maxRequests is ${settings.maxRequests}: try again later`,
      { retryAfterMs: 1000 },
    )
  }
  pool.checkRoom(request.scope.client, requests.arriving(request.scope.client))
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') {
    throw new ClipError('ERR_CLIP_REQUEST_UNSUPPORTED', `content encoding '${encoding.slice(0, 40)}' is not accepted`)
  }
  const length = Number(request.headers['content-length'] ?? 0)
  if (length > settings.maxBodyBytes) {
    throw new ClipError(
      'ERR_CLIP_REQUEST_TOO_LARGE',
      `the request has ${length} bytes, more than maxBodyBytes (${settings.maxBodyBytes})`,
    )
  }
  request.scope.signal = requests.begin(reply.raw, request.scope.client, settings.timeoutMs)
}

function answerFailure(error: unknown, request: FastifyRequest, reply: FastifyReply, { metrics }: Context): void {
  const reason: unknown = request.scope.signal?.reason
  const gone = error instanceof ClientGone ? error : reason instanceof ClientGone ? reason : undefined
  if (gone) {
    // nobody reads the answer; nginx's status for the log
    request.scope.code = gone.code
    metrics.failed(gone.code)
    void reply.code(499).send()
    return
  }
  const failure = failureOf(error)
  request.scope.code = failure.code
  metrics.failed(failure.code)
  if (failure.fault === 'server') request.log.error({ err: error }, 'request failed')
  else if (error instanceof Error && error.cause !== undefined) request.log.warn({ err: error }, 'request failed')
  if (failure.retryAfter !== undefined) reply.header('retry-after', failure.retryAfter)
  if (failure.status === 401) reply.header('www-authenticate', 'Bearer')
  // do not wait for the rest of an upload that is too large
  if (failure.status === 413) reply.header('connection', 'close')
  const body = (request.routeOptions.config.failures ?? bodyOf)(failure)
  if (isStillComing(request)) answerEarly(request, reply, failure.status, body)
  else void reply.code(failure.status).send(body)
}

function report(request: FastifyRequest, reply: FastifyReply, { metrics }: Context): void {
  const { scope } = request
  const route = request.is404 ? 'unknown' : request.routeOptions.url ?? 'unknown'
  const ms = performance.now() - scope.began
  metrics.answered(route, reply.statusCode, scope.key ?? 'anonymous', ms)
  const line = {
    method: request.method,
    route,
    status: reply.statusCode,
    ms: Math.round(ms * 10) / 10,
    client: scope.key ?? scope.address,
    code: scope.code,
  }
  // probes and scrapers come every few seconds
  if ((request.routeOptions.config.access ?? 'open') === 'open' && reply.statusCode < 500)
    request.log.debug(line, 'request')
  else request.log.info(line, 'request')
}
