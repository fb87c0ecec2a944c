import type { Context } from '../context.js'

/** GET /healthz */
export function healthz() {
  return { status: 'ok' }
}

/** GET /readyz: the status code, and a word. */
export function readyz({ ready, requests }: Context): [200 | 503, { status: string }] {
  if (requests.closing) return [503, { status: 'closing' }]
  return ready ? [200, { status: 'ready' }] : [503, { status: 'loading' }]
}
