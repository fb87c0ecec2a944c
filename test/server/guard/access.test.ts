/** Who may do what, and how often. */
import type { Server } from '../../../lib/server/index.js'
import { failure, get, post, start } from '../support'

const keys = { alice: 'alices-secret-0001', bob: 'bobs-secret-000002', robot: 'robots-secret-0003' }
const as = (key: string): RequestInit => ({ headers: { authorization: `Bearer ${key}` } })

describe('API keys', () => {
  let server: Server
  beforeAll(async () => {
    server = await start({
      apiKeys: [{ name: 'alice', key: keys.alice }, { name: 'bob', key: keys.bob, requestsPerMinute: 3 }, {
        name: 'robot',
        key: keys.robot,
        requestsPerMinute: 0,
      }],
      requestsPerMinute: 5,
    })
  })

  test.each<[string, RequestInit, string]>([
    ['none', {}, 'Bearer'],
    ['another', as('x'.repeat(18)), 'unknown API key'],
    ['a beginning', as(keys.alice.slice(0, -1)), 'unknown API key'],
    ['more', as(`${keys.alice}1`), 'unknown API key'],
    ['another scheme', { headers: { authorization: `Basic ${keys.alice}` } }, 'Bearer'],
    ['no secret', { headers: { authorization: 'Bearer ' } }, 'Bearer'],
    ['the name', as('alice'), 'unknown API key'],
  ])('%s: 401', async (_, init, words) => {
    const answer = await post(server, '/v1/embeddings', { input: 'a' }, init)
    expect(answer).toMatchObject(failure(401, 'ERR_CLIP_KEY_INVALID', words))
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    expect(answer.body.error.message).not.toContain(keys.alice.slice(0, 6))
  })

  test.each(['/v1/models', '/v1/models/emoji-clip', '/metrics'])('%s wants a key', async route => {
    expect((await get(server, route)).status).toBe(401)
    expect((await get(server, route, as(keys.alice))).status).toBe(200)
  })

  test.each(['/healthz', '/readyz', '/openapi.json', '/docs'])('%s is open', async route => {
    expect((await get(server, route)).status).toBe(200)
  })

  test("rate limits by key: the server's, its own, none", async () => {
    const statuses = async (key: string, count: number) => {
      const list: number[] = []
      for (let i = 0; i < count; i++) list.push((await post(server, '/v1/embeddings', { input: 'a' }, as(key))).status)
      return list
    }
    expect(await statuses(keys.bob, 5)).toEqual([200, 200, 200, 429, 429])
    expect(await statuses(keys.alice, 6)).toEqual([200, 200, 200, 200, 200, 429])
    expect(await statuses(keys.robot, 12)).toEqual(Array(12).fill(200))
    const refused = await post(server, '/v1/classify', {}, as(keys.bob))
    // all calls that compute have one budget
    expect(refused).toMatchObject(failure(429, 'ERR_CLIP_RATE_EXCEEDED', '3 requests'))
    const seconds = Number(refused.headers.get('retry-after'))
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThanOrEqual(60)
    // models and metrics are not counted
    expect((await get(server, '/v1/models', as(keys.bob))).status).toBe(200)
  })
})

describe('without keys', () => {
  test('rate limits by address; a forged X-Forwarded-For changes nothing', async () => {
    const server = await start({ requestsPerMinute: 2 })
    const call = (address: string) =>
      post(server, '/v1/embeddings', { input: 'a' }, { headers: { 'x-forwarded-for': address } })
    expect([(await call('1.1.1.1')).status, (await call('2.2.2.2')).status, (await call('3.3.3.3')).status]).toEqual([
      200,
      200,
      429,
    ])
  })

  test("behind a proxy of one's own it counts", async () => {
    const server = await start({ requestsPerMinute: 1, trustProxy: true })
    const call = (address: string) =>
      post(server, '/v1/embeddings', { input: 'a' }, { headers: { 'x-forwarded-for': address } })
    expect([(await call('1.1.1.1')).status, (await call('2.2.2.2')).status, (await call('2.2.2.2')).status]).toEqual([
      200,
      200,
      429,
    ])
    // a proxy adds the address that it sees at the end; what the client wrote stands before
    expect([(await call('9.9.9.9, 2.2.2.2')).status, (await call('2.2.2.2, 3.3.3.3')).status]).toEqual([429, 200])
  })

  test('behind two', async () => {
    const server = await start({ requestsPerMinute: 1, trustProxy: 2 })
    const call = (address: string) =>
      post(server, '/v1/embeddings', { input: 'a' }, { headers: { 'x-forwarded-for': address } })
    const statuses = []
    for (const chain of ['1.1.1.1, 7.7.7.7', '9.9.9.9, 1.1.1.1, 7.7.7.7', '2.2.2.2, 7.7.7.7'])
      statuses.push((await call(chain)).status)
    expect(statuses).toEqual([200, 429, 200])
  })

  test('metrics: open, or off', async () => {
    expect((await get(await start(), '/metrics')).status).toBe(200)
    expect((await get(await start({ metrics: 'off' }), '/metrics')).status).toBe(404)
    expect((await get(await start({ metrics: 'open', apiKeys: [keys.alice] }), '/metrics')).status).toBe(200)
  })
})

describe('CORS', () => {
  test('for the origins given, with preflight, also where there are keys', async () => {
    const server = await start({ corsOrigins: ['https://shop.example'], apiKeys: [keys.alice] })
    const preflight = (origin: string) =>
      get(server, '/v1/embeddings', {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type',
        },
      })
    const allowed = await preflight('https://shop.example')
    expect(allowed.status).toBe(204)
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://shop.example')
    expect(allowed.headers.get('x-request-id')).not.toBeNull()
    expect((await preflight('https://other.example')).headers.get('access-control-allow-origin')).not.toBe(
      'https://other.example',
    )
    const call = await post(server, '/v1/embeddings', { input: 'a' }, {
      headers: { origin: 'https://shop.example', authorization: `Bearer ${keys.alice}` },
    })
    expect([call.status, call.headers.get('access-control-allow-origin')]).toEqual([200, 'https://shop.example'])
    expect(call.headers.get('access-control-expose-headers')).toContain('server-timing')
    // what is refused can be read, too
    const stranger = await post(server, '/v1/embeddings', { input: 'a' }, {
      headers: { origin: 'https://shop.example' },
    })
    expect([stranger.status, stranger.headers.get('access-control-allow-origin')]).toEqual([401,
      'https://shop.example'])
  })

  test('for all', async () => {
    const server = await start({ corsOrigins: ['*'] })
    expect(
      (await get(server, '/healthz', { headers: { origin: 'https://any.example' } })).headers.get(
        'access-control-allow-origin',
      ),
    ).toBe('*')
  })
})
