/** Server-Timing: what a request's time went to. */
import type { Server } from '../../../lib/server/index.js'
import { dataUri, form, get, post, sample, start, type Answer } from '../support'

let server: Server
beforeAll(async () => {
  server = await start()
})

const timingOf = ({ headers }: Answer): Record<string, number> =>
  Object.fromEntries(
    (headers.get('server-timing') ?? '').split(', ').filter(entry => entry !== '').map(entry => {
      const [, name, ms] = /^([a-z]+);dur=(\d+\.\d{2})$/.exec(entry)!
      return [name!, Number(ms)]
    }),
  )

test.each<[string, string, object, string[]]>([
  ['text', '/v1/embeddings', { input: 'a text of its own' }, ['read', 'queue', 'model', 'total']],
  ['image', '/v1/embeddings', { input: dataUri('pizza.webp') }, ['read', 'decode', 'queue', 'model', 'total']],
  ['classify', '/v1/classify', { image: dataUri('pizza.webp'), labels: ['x', 'y'] }, ['read', 'decode', 'queue',
    'model', 'total']],
  ['similarity', '/v1/similarity', { image: dataUri('pizza.webp'), text: 'z' }, ['read', 'decode', 'queue', 'model',
    'total']],
  ['rank', '/v1/rank', { query: 'q', documents: ['d'] }, ['read', 'queue', 'model', 'total']],
])('%s', async (_, route, body, names) => {
  const before = performance.now()
  const timing = timingOf(await post(server, route, body))
  const elapsed = performance.now() - before
  expect(Object.keys(timing)).toEqual(names)
  expect(timing.total).toBeLessThanOrEqual(elapsed)
  for (const [name, ms] of Object.entries(timing))
    expect([name, ms >= 0 && ms <= timing.total! + 0.01]).toEqual([name, true])
  expect(timing.model).toBeGreaterThan(0)
})

test('a form, and many images of one request: a batch counts once', async () => {
  const parts = Array.from({ length: 40 }, () => ['file', new Blob([sample('rocket.png')])] as const)
  const timing = timingOf(await form(server, '/v1/embeddings', parts))
  expect(timing.model).toBeGreaterThan(0)
  expect(timing.model).toBeLessThanOrEqual(timing.total!)
})

test('a text that is remembered needs no model; a failure has what there was', async () => {
  await post(server, '/v1/embeddings', { input: 'remembered' })
  expect(Object.keys(timingOf(await post(server, '/v1/embeddings', { input: 'remembered' })))).toEqual(['read',
    'total'])
  expect(Object.keys(timingOf(await post(server, '/v1/embeddings', { inputs: 1 })))).toEqual(['total'])
})

test('other routes have none', async () => {
  for (const route of ['/healthz', '/v1/models', '/metrics'])
    expect((await get(server, route)).headers.get('server-timing')).toBeNull()
})
