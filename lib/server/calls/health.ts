/** The server's own state: health, readiness, metrics. */
import type { Context } from '../context.js'
import { success } from './schemas.js'

const state = (words: readonly string[]) => ({
  type: 'object',
  required: ['status'],
  properties: { status: { type: 'string', enum: words } },
})

export const healthzSchema = {
  operationId: 'healthz',
  tags: ['server'],
  summary: 'Does the process answer?',
  security: [],
  response: { 200: success('It does.', state(['ok'])) },
} as const

export const readyzSchema = {
  operationId: 'readyz',
  tags: ['server'],
  summary: 'May it be given requests?',
  security: [],
  response: {
    200: success('It may.', state(['ready'])),
    503: success('Not yet, or not any more.', state(['loading', 'closing'])),
  },
} as const

export const metricsSchema = {
  operationId: 'metrics',
  tags: ['server'],
  summary: 'Measurements for Prometheus',
  response: {
    200: { description: "Prometheus' text format.", content: { 'text/plain': { schema: { type: 'string' } } } },
  },
} as const

/** GET /healthz */
export function healthz() {
  return { status: 'ok' }
}

/** GET /readyz: a status code and a word. */
export function readyz({ ready, requests }: Context): [200 | 503, { status: string }] {
  if (requests.closing) return [503, { status: 'closing' }]
  return ready ? [200, { status: 'ready' }] : [503, { status: 'loading' }]
}
