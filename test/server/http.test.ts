/** What HTTP itself can get wrong, and what every answer has. */
import net from 'node:net'

import type { Server } from '../../lib/index.js'
import { failure, get, post, start } from './support'

let server: Server
beforeAll(async () => { server = await start({ maxBodyBytes: 10_000, page: false }) })

const raw = (text: string): Promise<string> => new Promise((resolve, reject) => {
  const socket = net.connect(server.port, '127.0.0.1', () => socket.write(text))
  let answer = ''
  socket.on('data', chunk => { answer += chunk.toString() }).on('end', () => resolve(answer)).on('error', reject)
})

test.each<[string, RequestInit & { body?: string }, number, string]>([
  ['no JSON', { body: '{"input":' }, 400, 'ERR_CLIP_REQUEST_INVALID'],
  ['an empty body', { body: '' }, 400, 'ERR_CLIP_REQUEST_INVALID'],
  ['poisoned JSON', { body: '{"__proto__":{"x":1},"input":"a"}' }, 400, 'ERR_CLIP_REQUEST_INVALID'],
  ['a JSON list', { body: '[]' }, 422, 'ERR_CLIP_INVALID_ARGUMENT'],
  ['JSON null', { body: 'null' }, 422, 'ERR_CLIP_INVALID_ARGUMENT'],
  ['text', { body: 'a', headers: { 'content-type': 'text/plain' } }, 415, 'ERR_CLIP_REQUEST_UNSUPPORTED'],
  ['a bare image', { body: 'a', headers: { 'content-type': 'image/png' } }, 415, 'ERR_CLIP_REQUEST_UNSUPPORTED'],
  ['a compressed body', { body: '{"input":"a"}', headers: { 'content-encoding': 'gzip' } }, 415, 'ERR_CLIP_REQUEST_UNSUPPORTED'],
  ['a body that is too large', { body: JSON.stringify({ input: 'a'.repeat(10_000) }) }, 413, 'ERR_CLIP_REQUEST_TOO_LARGE'],
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
  const response = await fetch(`${server.url}/v1/embeddings`, { method: 'POST', body, duplex: 'half', headers: { 'content-type': 'application/json' } } as RequestInit)
  expect(response.status).toBe(413)
  expect(response.headers.get('connection')).toBe('close')
})

test.each([
  ['/v1/embedding', 'GET'], ['/v1/embeddings', 'GET'], ['/healthz', 'POST'], ['/v1/models/none/at/all', 'GET'], ['/../../etc/passwd', 'GET'],
])('%s %s is not there', async (route, method) => {
  const { status, body } = await get(server, route, { method })
  expect(status).toBe(404)
  expect(body.error.code).toMatch(/^ERR_CLIP_(ROUTE|MODEL)_UNKNOWN$/)
})

test('health, readiness, models', async () => {
  expect(await get(server, '/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } })
  expect(await get(server, '/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } })
  expect((await get(server, '/v1/models')).body).toEqual({
    object: 'list',
    data: [{ id: 'emoji-clip', object: 'model', created: expect.any(Number) as number, owned_by: 'ggclip', loaded: true, dimensions: [256], modalities: ['image', 'text'] }],
  })
})

test('every answer has a request id; one that is sent along is kept, when it is one', async () => {
  const id = async (given?: string) => (await get(server, '/healthz', { headers: given === undefined ? {} : { 'x-request-id': given } })).headers.get('x-request-id')
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
  expect(await raw('this is no HTTP\r\n\r\n')).toMatch(/^HTTP\/1.1 400/)
  expect(await raw(`GET /healthz HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(40_000)}\r\nconnection: close\r\n\r\n`)).toMatch(/^HTTP\/1.1 431/)
  expect((await get(server, '/healthz')).status).toBe(200)
})

test('internal failures tell strangers nothing', async () => {
  const { failureOf, bodyOf } = await import('../../lib/server/failures.js')
  const failure = failureOf(new Error('EACCES /home/operator/secret'))
  expect(failure).toMatchObject({ status: 500, code: 'ERR_CLIP_INTERNAL', fault: 'server' })
  expect(JSON.stringify(bodyOf(failure))).not.toContain('secret')
})
