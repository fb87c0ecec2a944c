/** What the hub's answers and broken connections mean to the caller. */
import { ClipError } from '../errors.js'
import type { HubSettings } from './hub-settings.js'
import { askedPauseMs, Transient } from './retry.js'

/** What was asked for, in words: "model 'a/b' at revision 'main'". */
export interface Asked {
  what: string
  repo: string
}

interface Refusal {
  status: number
  host: string
  headers: Headers
}

/** The error of an answer with a status from 400 on; a Transient when the same request may do better later. */
export function statusFailure({ status, host, headers }: Refusal, asked: Asked, settings: HubSettings): ClipError | Transient {
  const said = headers.get('x-error-message')
  const answer = `${host} answered ${status}${said ? ` (${said.slice(0, 200)})` : ''} for ${asked.what}`
  // the hub let us through and signed the address: it signs a new one for the next try
  if (host !== hostOf(settings.endpoint) && status < 500 && status !== 429) {
    return new Transient(new ClipError('ERR_CLIP_HUB_RESPONSE', `${answer}, where the hub had led to`))
  }
  if (status === 401 || status === 403) return denied(answer, headers, asked, settings)
  if (status === 404 || status === 410) {
    return new ClipError('ERR_CLIP_HUB_NOT_FOUND', `${answer}: no such model, revision or file${settings.token ? ', or one that this token may not see' : ''}`)
  }
  if (status === 429) {
    const pauseMs = askedPauseMs(headers)
    const when = pauseMs === undefined ? 'later' : `in ${Math.ceil(pauseMs / 1000)} s`
    return new Transient(new ClipError('ERR_CLIP_HUB_BUSY', `${answer}: too many requests, try again ${when}`), pauseMs)
  }
  if (status >= 500 || status === 408) {
    return new Transient(new ClipError('ERR_CLIP_HUB_UNREACHABLE', `${answer}: the server has a problem`), askedPauseMs(headers))
  }
  return new ClipError('ERR_CLIP_HUB_RESPONSE', `${answer}: expected 200`)
}

function denied(answer: string, headers: Headers, { repo }: Asked, { token, endpoint }: HubSettings): ClipError {
  const gated = headers.get('x-error-code') === 'GatedRepo'
  const page = `${endpoint}/${repo}`
  if (gated) {
    const login = token ? 'with the account of the token in use' : 'and set HF_TOKEN to a token of that account'
    return new ClipError('ERR_CLIP_HUB_DENIED', `${answer}: access is granted on request; accept its conditions at ${page} ${login}`)
  }
  const why = token
    ? 'the token in use is not valid, or may not read it'
    : 'it does not exist, or is private: check the name, or set HF_TOKEN'
  return new ClipError('ERR_CLIP_HUB_DENIED', `${answer}: ${why}`)
}

// no certificate gets better by asking again
const certificateCodes = /^(?:ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/

/** The error of a connection that could not be made or broke; `progressed`: after something had come. */
export function connectionFailure(error: unknown, host: string, progressed = false): ClipError | Transient {
  const cause = deepestCause(error)
  const code: unknown = (cause as { code?: unknown }).code
  const made = new ClipError('ERR_CLIP_HUB_UNREACHABLE', `cannot reach ${host}: ${cause.message}`, { cause: error })
  return typeof code === 'string' && certificateCodes.test(code) ? made : new Transient(made, undefined, progressed)
}

/** fetch hides the reason under "fetch failed"; several addresses hide theirs in an AggregateError. */
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
