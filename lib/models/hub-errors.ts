/** Errors for the hub's answers and for broken connections. */
import { ClipError } from '../errors.js'
import type { HubSettings } from './hub-settings.js'
import { ProxyRefusal } from './hub-wire.js'
import { serverPauseMs, RetryableFailure } from './retry.js'

/** The purpose of a request, in words: "model 'a/b' at revision 'main'". */
export interface RequestSubject {
  what: string
  repo: string
}

interface Refusal {
  status: number
  host: string
  /** The host, and the proxy used. */
  through: string
  headers: Headers
}

/** The error for a status of 400 or above; a RetryableFailure if a retry may succeed. */
export function statusFailure(
  { status, host, through, headers }: Refusal,
  subject: RequestSubject,
  settings: HubSettings,
): ClipError | RetryableFailure {
  const said = headers.get('x-error-message')
  const answer = `${host} answered ${status}${said ? ` (${said.slice(0, 200)})` : ''} for ${subject.what}`
  // the hub accepted us and signed the address: it signs a new one for the next attempt
  if (host !== hostOf(settings.endpoint) && status < 500 && status !== 429 && status !== 407) {
    return new RetryableFailure(new ClipError('ERR_CLIP_HUB_RESPONSE', `${answer}, after a redirect by the hub`))
  }
  if (status === 401 || status === 403) return denied(answer, headers, subject, settings)
  if (status === 407)
    return new ClipError('ERR_CLIP_HUB_UNREACHABLE', `cannot reach ${through}: ${new ProxyRefusal(status).message}`)
  if (status === 404 || status === 410) {
    return new ClipError(
      'ERR_CLIP_HUB_NOT_FOUND',
      `${answer}: no such model, revision or file${settings.token ? ', or this token may not see it' : ''}`,
    )
  }
  if (status === 429) {
    const pauseMs = serverPauseMs(headers)
    const when = pauseMs === undefined ? 'later' : `in ${Math.ceil(pauseMs / 1000)} s`
    return new RetryableFailure(
      new ClipError('ERR_CLIP_HUB_BUSY', `${answer}: too many requests, try again ${when}`),
      pauseMs,
    )
  }
  if (status >= 500 || status === 408) {
    return new RetryableFailure(
      new ClipError('ERR_CLIP_HUB_UNREACHABLE', `${answer}: the server has a problem`),
      serverPauseMs(headers),
    )
  }
  return new ClipError('ERR_CLIP_HUB_RESPONSE', `${answer}: expected 200`)
}

function denied(
  answer: string,
  headers: Headers,
  { repo }: RequestSubject,
  { token, endpoint }: HubSettings,
): ClipError {
  const gated = headers.get('x-error-code') === 'GatedRepo'
  const page = `${endpoint}/${repo}`
  if (gated) {
    const login = token ? "with the token's account" : 'and set HF_TOKEN to a token of that account'
    return new ClipError(
      'ERR_CLIP_HUB_DENIED',
      `${answer}: access is granted on request; accept its conditions at ${page} ${login}`,
    )
  }
  const why = token
    ? 'the token is not valid, or may not read it'
    : 'it does not exist, or is private: check the name, or set HF_TOKEN'
  return new ClipError('ERR_CLIP_HUB_DENIED', `${answer}: ${why}`)
}

// repeating does not fix a certificate
const certificateCodes = /^(?:ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/

/**
 * The error for a connection that failed or broke.
 *
 * @param peer the host, and the proxy used
 * @param progressed whether anything was received before
 */
export function connectionFailure(error: unknown, peer: string, progressed = false): ClipError | RetryableFailure {
  const cause = deepestCause(error)
  const code = String((cause as { code?: unknown }).code)
  const made = new ClipError('ERR_CLIP_HUB_UNREACHABLE', `cannot reach ${peer}: ${inWords(cause, code)}`, {
    cause: error,
  })
  const lasting = certificateCodes.test(code) || (cause instanceof ProxyRefusal && cause.lasting)
  return lasting ? made : new RetryableFailure(made, undefined, progressed)
}

function inWords({ message }: Error, code: string): string {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `its certificate is for another host (${message})`
  if (certificateCodes.test(code)) {
    return `its certificate is not trusted (${message}): if the network has its own certificate authority, set NODE_EXTRA_CA_CERTS to its file`
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_'))
    return `no TLS connection: is its address http:// ? (${code})`
  if (code.startsWith('HPE_')) return `its answer is not HTTP (${message})`
  if (code.startsWith('Z_')) return `its compressed answer is broken (${message})`
  if (code === 'ECONNRESET' && message === 'aborted') return 'the connection broke'
  return message
}

/** Several addresses of a host hide their reasons in an AggregateError. */
function deepestCause(error: unknown): Error {
  let cause = error as Error & { errors?: unknown[] }
  for (let depth = 0; depth < 8; depth++) {
    const next: unknown = cause.cause ?? cause.errors?.[0]
    if (!(typeof next === 'object' && next !== null && 'message' in next)) break
    cause = next as Error
  }
  return cause
}

export function hostOf(url: string | URL): string {
  return new URL(url).host
}
