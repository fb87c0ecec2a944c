/** API keys, identified by name once checked, and their rate limits. */
import { createHash, timingSafeEqual } from 'node:crypto'

import type { RateLimitPluginOptions } from '@fastify/rate-limit'

import { ClipError } from '../../errors.js'
import type { ServerSettings } from '../options.js'
import type { ApiKey } from '../types.js'

export class Keys {
  readonly #keys: { digest: Buffer; entry: ApiKey }[]

  constructor(keys: readonly ApiKey[]) {
    this.#keys = keys.map(entry => ({ digest: digestOf(entry.key), entry }))
  }

  get required(): boolean {
    return this.#keys.length > 0
  }

  /** @param header the Authorization header. @throws {ClipError} ERR_CLIP_KEY_INVALID */
  check(header: string | undefined): ApiKey {
    const given = /^Bearer +(\S{1,1024}) *$/i.exec(header ?? '')?.[1]
    if (given === undefined) {
      throw new ClipError('ERR_CLIP_KEY_INVALID', "this server requires an API key: send 'Authorization: Bearer KEY'")
    }
    // compares all: digests have the same length, so the time does not reveal a key's position in the list
    const digest = digestOf(given)
    let found: ApiKey | undefined
    for (const key of this.#keys) if (timingSafeEqual(key.digest, digest)) found = key.entry
    if (found === undefined) throw new ClipError('ERR_CLIP_KEY_INVALID', 'unknown API key')
    return found
  }
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

/** Requests per minute of one key or one address. */
export function rateLimits({ apiKeys, requestsPerMinute }: ServerSettings): RateLimitPluginOptions {
  const own = new Map(apiKeys.map(({ name, requestsPerMinute: limit }) => [name, limit ?? requestsPerMinute]))
  const limitOf = (client: string): number => own.get(client) ?? requestsPerMinute
  return {
    // required on routes that compute
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
