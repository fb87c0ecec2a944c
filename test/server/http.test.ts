/** What HTTP itself can get wrong, and what every answer has. */
import net from 'node:net'

import type { Server } from '../../lib/server/index.js'
import { failure, get, post, start, until } from './support'

let server: Server
beforeAll(async () => {
  server = await start({ maxBodyBytes: 10_000, page: false })
})

const raw = (text: string, port = server.port): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text))
    let answer = ''
    socket.on('data', chunk => {
      answer += chunk.toString()
    }).on('end', () => resolve(answer)).on('error', reject)
  })

const failureIn = (answer: string): [number, string] => {
  const { error } = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as { error: { code: string } }
  return [Number(answer.slice(9, 12)), error.code]
}

test.each<[string, RequestInit & { body?: string }, number, string]>([
  ['no JSON', { body: '{"input":' }, 400, 'ERR_CLIP_REQUEST_INVALID'],
  ['an empty body', { body: '' }, 400, 'ERR_CLIP_REQUEST_INVALID'],
  ['poisoned JSON', { body: '{"__proto__":{"x":1},"input":"a"}' }, 422, 'ERR_CLIP_UNKNOWN_OPTION'],
  ['a JSON list', { body: '[]' }, 422, 'ERR_CLIP_INVALID_ARGUMENT'],
  ['JSON null', { body: 'null' }, 422, 'ERR_CLIP_INVALID_ARGUMENT'],
  ['text', { body: 'a', headers: { 'content-type': 'text/plain' } }, 415, 'ERR_CLIP_REQUEST_UNSUPPORTED'],
  ['a bare image', { body: 'a', headers: { 'content-type': 'image/png' } }, 415, 'ERR_CLIP_REQUEST_UNSUPPORTED'],
  ['a compressed body', { body: '{"input":"a"}', headers: { 'content-encoding': 'gzip' } }, 415,
    'ERR_CLIP_REQUEST_UNSUPPORTED'],
  ['a body that is too large', { body: JSON.stringify({ input: 'a'.repeat(10_000) }) }, 413,
    'ERR_CLIP_REQUEST_TOO_LARGE'],
])('%s', async (_, init, status, code) => {
  expect(await post(server, '/v1/embeddings', init.body, init)).toMatchObject(failure(status, code))
})

test('a chunked body that is too large', async () => {
  const body = new ReadableStream({
    start(controller) {
      for (let i = 0; i < 20; i++) controller.enqueue(Buffer.alloc(1000, 97))
      controller.close()
    },
  })
  const response = await fetch(
    `${server.url}/v1/embeddings`,
    { method: 'POST', body, duplex: 'half', headers: { 'content-type': 'application/json' } } as RequestInit,
  )
  expect(response.status).toBe(413)
  expect(response.headers.get('connection')).toBe('close')
})

test.each([
  ['/v1/embedding', 'GET'],
  ['/v1/models/none/at/all', 'GET'],
  ['/../../etc/passwd', 'GET'],
  ['/v1/embedding', 'OPTIONS'],
])('%s %s is not there', async (route, method) => {
  const { status, body } = await get(server, route, { method })
  expect(status).toBe(404)
  expect(body.error.code).toMatch(/^ERR_CLIP_(ROUTE|MODEL)_UNKNOWN$/)
})

test.each([
  ['/v1/embeddings', 'GET', 'POST'],
  ['/v1/embeddings/', 'GET', 'POST'],
  ['/healthz', 'POST', 'GET, HEAD'],
  ['/v1/models', 'PUT', 'GET, HEAD'],
])('%s takes no %s: 405 says what it takes, OPTIONS too', async (route, method, allowed) => {
  const refused = await get(server, route, { method })
  expect(refused).toMatchObject(failure(405, 'ERR_CLIP_ROUTE_UNKNOWN', method))
  const options = await get(server, route, { method: 'OPTIONS' })
  expect(options.status).toBe(204)
  for (const { headers } of [refused, options]) expect(headers.get('allow')).toBe(`${allowed}, OPTIONS`)
})

test('slashes that a base URL brings', async () => {
  for (const route of ['/v1/embeddings/', '/v1//embeddings', '//v1/embeddings'])
    expect((await post(server, route, { input: 'a' })).status).toBe(200)
  for (const route of ['/healthz/', '/v1/models/', '/openapi.json', '/docs/'])
    expect((await get(server, route)).status).toBe(200)
  expect((await fetch(`${server.url}/healthz`, { method: 'HEAD' })).status).toBe(200)
})

test('health, readiness, models', async () => {
  expect(await get(server, '/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } })
  expect(await get(server, '/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } })
  expect((await get(server, '/v1/models')).body).toEqual({
    object: 'list',
    data: [{
      id: 'emoji-clip',
      object: 'model',
      created: expect.any(Number) as number,
      owned_by: 'ggclip',
      loaded: true,
      dimensions: [256],
      modalities: ['image', 'text'],
      architecture: { input_modalities: ['image', 'text'], output_modalities: ['embedding'] },
    }],
  })
})

test("models as infinity's clients read them: with stats, and of no other owner", async () => {
  const { status, body } = await get(server, '/models')
  expect(status).toBe(200)
  expect(body.data).toEqual([{
    id: 'emoji-clip',
    object: 'model',
    created: expect.any(Number) as number,
    loaded: true,
    dimensions: [256],
    modalities: ['image', 'text'],
    backend: 'ggclip',
    capabilities: ['embed', 'classify', 'rerank'],
    stats: { queue_absolute: 0, queue_fraction: 0, results_pending: 0, batch_size: 0 },
  }])
})

test('every answer has a request id; one that is sent along is kept, when it is one', async () => {
  const id = async (given?: string) =>
    (await get(server, '/healthz', { headers: given === undefined ? {} : { 'x-request-id': given } })).headers.get(
      'x-request-id',
    )
  expect(await id()).toMatch(/^[0-9a-f-]{36}$/)
  expect(await id('trace-1:2.3')).toBe('trace-1:2.3')
  expect(await id('a b<script>')).toMatch(/^[0-9a-f-]{36}$/)
  expect((await post(server, '/v1/embeddings', '{')).headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
})

test('no CORS unless asked', async () => {
  const { headers } = await get(server, '/healthz', { headers: { origin: 'https://example.org' } })
  expect(headers.get('access-control-allow-origin')).toBeNull()
})

test('no HTTP at all: 400, and the server lives', async () => {
  expect(failureIn(await raw('this is no HTTP\r\n\r\n'))).toEqual([400, 'ERR_CLIP_REQUEST_INVALID'])
  expect(
    failureIn(await raw(`GET /healthz HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(40_000)}\r\nconnection: close\r\n\r\n`)),
  ).toEqual([431, 'ERR_CLIP_REQUEST_INVALID'])
  expect((await get(server, '/healthz')).status).toBe(200)
})

test('an address that cannot be read: 400 in the usual form', async () => {
  expect(await get(server, '/v1/models/%ff')).toMatchObject(failure(400, 'ERR_CLIP_REQUEST_INVALID'))
})

test('requests that do not come in: 408 after timeoutMs, head or body, and the server goes on', async () => {
  const strict = await start({ timeoutMs: 200, page: false })
  const head = 'POST /v1/embeddings HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n'
  for (const text of [head, `${head}content-length: 1000\r\n\r\n{"input":`]) {
    const began = performance.now()
    expect(failureIn(await raw(text, strict.port))).toEqual([408, 'ERR_CLIP_REQUEST_INVALID'])
    expect(performance.now() - began).toBeLessThan(3000)
  }
  await until(async () => /^ggclip_http_requests_in_progress 0$/m.test((await get(strict, '/metrics')).body as string))
  expect((await post(strict, '/v1/embeddings', { input: 'a' })).status).toBe(200)
  // longer than Node's own limit
  expect((await get(await start({ timeoutMs: 900_000, preload: 'none', page: false }), '/healthz')).status).toBe(200)
})

test('internal failures tell strangers nothing', async () => {
  const { failureOf, bodyOf } = await import('../../lib/server/output/failures.js')
  const failure = failureOf(new Error('EACCES /home/operator/secret'))
  expect(failure).toMatchObject({ status: 500, code: 'ERR_CLIP_INTERNAL', fault: 'server' })
  expect(JSON.stringify(bodyOf(failure))).not.toContain('secret')
})
