/** From an error to a status and a body in the format of OpenAI's clients. */
import { ClipError, describeValue, errorCodeOf } from '../../errors.js'
import { nearestName } from '../../nearest-name.js'

export interface Failure {
  status: number
  code: string
  message: string
  /** The field that is at fault. */
  param?: string
  /** Seconds after which to try again. */
  retryAfter?: number
  /** Client's or server's fault: operators want to see the server's. */
  fault: 'client' | 'server' | 'load'
}

const statusOfCode: Readonly<Record<string, number>> = {
  ERR_CLIP_INVALID_ARGUMENT: 422,
  ERR_CLIP_OUT_OF_RANGE: 422,
  ERR_CLIP_UNKNOWN_OPTION: 422,
  ERR_CLIP_INPUT_SHAPE: 422,
  ERR_CLIP_INPUT_RANGE: 422,
  ERR_CLIP_IMAGE_EMPTY: 422,
  ERR_CLIP_IMAGE_DECODE: 422,
  ERR_CLIP_IMAGE_LIMIT: 422,
  ERR_CLIP_TOWER_MISSING: 422,
  ERR_CLIP_TOKENIZER_MISSING: 422,
  ERR_CLIP_URL_REFUSED: 422,
  ERR_CLIP_URL_FAILED: 422,
  ERR_CLIP_NOT_FINITE: 422,
  ERR_CLIP_IMAGE_TOO_LARGE: 413,
  ERR_CLIP_REQUEST_TOO_LARGE: 413,
  ERR_CLIP_REQUEST_INVALID: 400,
  ERR_CLIP_REQUEST_UNSUPPORTED: 415,
  ERR_CLIP_KEY_INVALID: 401,
  ERR_CLIP_HOST_REFUSED: 403,
  ERR_CLIP_ROUTE_UNKNOWN: 404,
  ERR_CLIP_MODEL_UNKNOWN: 404,
  ERR_CLIP_RATE_EXCEEDED: 429,
  ERR_CLIP_QUEUE_FULL: 503,
  ERR_CLIP_DEADLINE_EXCEEDED: 503,
  ERR_CLIP_SERVER_CLOSING: 503,
  ERR_CLIP_DISPOSED: 503,
  ERR_CLIP_MODEL_UNAVAILABLE: 503,
  ERR_CLIP_OUT_OF_MEMORY: 503,
}

/** Errors of Fastify and its plugins before a handler is reached. */
const codeOfStatus: Readonly<Record<number, string>> = {
  400: 'ERR_CLIP_REQUEST_INVALID',
  404: 'ERR_CLIP_ROUTE_UNKNOWN',
  405: 'ERR_CLIP_ROUTE_UNKNOWN',
  406: 'ERR_CLIP_REQUEST_UNSUPPORTED',
  413: 'ERR_CLIP_REQUEST_TOO_LARGE',
  415: 'ERR_CLIP_REQUEST_UNSUPPORTED',
  429: 'ERR_CLIP_RATE_EXCEEDED',
}

export function failureOf(error: unknown): Failure {
  const code = errorCodeOf(error)
  const message = error instanceof Error ? error.message : String(error)
  if (code !== undefined && statusOfCode[code] !== undefined)
    return { ...ofCode(code, message, error), param: paramOf(error) }
  const status = (error as { statusCode?: unknown } | null)?.statusCode
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return { status, code: code ?? codeOfStatus[status] ?? 'ERR_CLIP_REQUEST_INVALID', message, fault: 'client' }
  }
  // internal details are for the log, not for clients
  return {
    status: 500,
    code: code ?? 'ERR_CLIP_INTERNAL',
    message: 'the server failed; its log says more',
    fault: 'server',
  }
}

/** Errors about a field of the request have its name: see {@link about}. */
function paramOf(error: unknown): string | undefined {
  const { param, argument } = error as { param?: unknown; argument?: unknown }
  const name = param ?? argument
  return typeof name === 'string' ? name : undefined
}

/** `error` with the name of its field. */
export function about<E extends Error>(param: string, error: E): E {
  return Object.assign(error, { param })
}

function ofCode(code: string, message: string, error: unknown): Failure {
  // an unknown format, as opposed to a damaged image
  const unknownFormat = code === 'ERR_CLIP_IMAGE_DECODE' && / can be read\b| is not read here\b/.test(message)
  const { httpStatus = unknownFormat ? 415 : statusOfCode[code]! } = error as { httpStatus?: number }
  const status = httpStatus
  if (status !== 429 && status !== 503) return { status, code, message, fault: 'client' }
  const { retryAfterMs = 1000 } = error as { retryAfterMs?: number }
  return { status, code, message, fault: 'load', retryAfter: Math.max(1, Math.ceil(retryAfterMs / 1000)) }
}

const typeOfStatus: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  503: 'overloaded_error',
}

/** OpenAI's error object. */
export function bodyOf({ status, code, message, param = undefined }: Failure) {
  const type = typeOfStatus[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error')
  return { error: { message, type, param: param ?? null, code } }
}

/** From a failure to the body of the answer. */
export type FailureBody = (failure: Failure) => object

/**
 * The error object of servers whose clients read one string: `field` is 'error' (Ollama, Weaviate), 'detail' (Immich,
 * Voyage) or 'message' (Cohere). Code and field at fault stand beside it.
 */
export function flatBody(field: 'error' | 'detail' | 'message'): FailureBody {
  return ({ message, param = undefined, code }) => ({ [field]: message, param: param ?? null, code })
}

/** The schema of {@link flatBody}. */
export function flatFailure(field: 'error' | 'detail' | 'message') {
  return {
    type: 'object',
    required: [field, 'param', 'code'],
    properties: {
      [field]: { type: 'string' },
      param: { type: ['string', 'null'] },
      code: { type: 'string', description: 'Stable: match on this one. docs/errors.md explains each.' },
    },
  }
}

export interface SchemaError {
  keyword: string
  instancePath: string
  params: Record<string, unknown>
  message?: string
  /** The received value. */
  data?: unknown
  parentSchema?: { properties?: object }
}

/** One clear sentence about the first violation of the schema. */
export function schemaFailure(errors: readonly SchemaError[], where: string): ClipError {
  // all alternatives have failed: the deepest was probably meant, and its own rule says more than its type
  const deepest = Math.max(...errors.map(depth))
  const candidates = errors.filter(error => depth(error) === deepest)
  const error = candidates.find(({ keyword }) => keyword === 'additionalProperties')
    ?? candidates.find(({ keyword }) => !['type', 'anyOf'].includes(keyword)) ?? candidates[0]!
  const path = error.instancePath.replace(/\/(\d+)/g, '[$1]').replace(/\//g, '.').replace(/^\./, '')
  return about(...sentence(error, path, path || where, candidates))
}

/** The field, and the error about it. */
function sentence(
  { keyword, params, message, data, parentSchema }: SchemaError,
  path: string,
  at: string,
  candidates: readonly SchemaError[],
): [string, ClipError] {
  const inside = (field: string): string => (path === '' ? field : `${path}.${field}`)
  if (keyword === 'additionalProperties') {
    const field = String(params.additionalProperty).slice(0, 40)
    const near = nearestName(field, Object.keys(parentSchema?.properties ?? {}))
    return [inside(field), new ClipError(
      'ERR_CLIP_UNKNOWN_OPTION',
      `unknown field '${field}' in ${at}${near === undefined ? '' : `, did you mean '${near}'?`}`,
    )]
  }
  if (keyword === 'required') {
    const field = String(params.missingProperty)
    return [inside(field), new ClipError('ERR_CLIP_INVALID_ARGUMENT', `${inside(field)} is missing`)]
  }
  if (['type', 'anyOf'].includes(keyword)) {
    const types = [...new Set(candidates.filter(one => one.keyword === 'type').map(one => String(one.params.type)))]
    if (types.includes('string') && types.includes('object') && isTokens(data)) {
      const advice = 'token ids are not accepted, send the text itself (LangChain: check_embedding_ctx_length=False)'
      return [path, new ClipError(
        'ERR_CLIP_INVALID_ARGUMENT',
        `${at}: expected a text or an image but received ${describeValue(data)}: ${advice}`,
      )]
    }
    return [path, new ClipError(
      'ERR_CLIP_INVALID_ARGUMENT',
      `${at}: expected ${types.join(' or ')} but received ${describeValue(data)}`,
    )]
  }
  const { allowedValues } = params as { allowedValues?: readonly string[] }
  const choices = allowedValues ? ` (${allowedValues.join(', ')})` : ''
  return [path,
    new ClipError('ERR_CLIP_OUT_OF_RANGE', `${at}: ${message}${choices} but received ${describeValue(data)}`)]
}

function isTokens(data: unknown): boolean {
  return typeof data === 'number' ||
    (Array.isArray(data) && data.length > 0 && data.every(element => typeof element === 'number'))
}

function depth({ instancePath }: SchemaError): number {
  return instancePath.split('/').length
}
