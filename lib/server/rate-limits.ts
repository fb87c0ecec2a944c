/** Requests a minute, of one key or of one address. */
import type { RateLimitPluginOptions } from '@fastify/rate-limit'

import { ClipError } from '../errors.js'
import type { ServerSettings } from './options.js'

export function rateLimits({ apiKeys, requestsPerMinute }: ServerSettings): RateLimitPluginOptions {
  const own = new Map(apiKeys.map(({ name, requestsPerMinute: limit }) => [name, limit ?? requestsPerMinute]))
  const limitOf = (client: string): number => own.get(client) ?? requestsPerMinute
  return {
    // routes that compute ask for it
    global: false,
    timeWindow: 60_000,
    cache: 10_000,
    keyGenerator: ({ scope }) => scope.client,
    allowList: ({ scope }) => limitOf(scope.client) === 0,
    max: (_, client) => limitOf(client),
    errorResponseBuilder: (_, { max, ttl }) => (
      new ClipError('ERR_CLIP_RATE_EXCEEDED', `more than ${max} requests in a minute`, { retryAfterMs: ttl })
    ),
  }
}
