/** Large requests are read, computed and answered in pieces. */
import { connect } from 'node:net'

import { turns } from '../../../lib/async/turns'
import type { Server } from '../../../lib/server/index'
import { checkSizes } from '../../../lib/server/input/json-body'
import { base64, get, library, post, start, until, vectorsOf } from '../support'

let server: Server
beforeAll(async () => {
  server = await start({ timeoutMs: 60_000 })
})

test("a large answer is sent in pieces, a small one at once; the numbers are the library's", async () => {
  const clip = await library()
  const texts = Array.from({ length: 40 }, (_, i) => `text ${i}`)
  const [large, small] = [await post(server, '/v1/embeddings', { input: texts }),
    await post(server, '/v1/embeddings', { input: 'text 0' })]
  expect([large.headers.get('transfer-encoding'), large.headers.get('content-length')]).toEqual(['chunked', null])
  expect(Number(small.headers.get('content-length'))).toBeGreaterThan(1000)
  expect(vectorsOf(large)).toEqual((await clip.encodeText(texts)).map(vector => Array.from(vector)))
  const { similarities, logits, probabilities } = (await post(server, '/v1/similarity', {
    images: [base64('pizza.webp'), base64('rocket.png')],
    texts: Array.from({ length: 2000 }, (_, i) => `t${i}`),
  })).body
  expect([similarities.length, ...[...similarities, ...logits, ...probabilities].map((row: number[]) => row.length)])
    .toEqual([2, ...Array<number>(6).fill(2000)])
})

test('steps: the body, the tokens of what is encoded and counted, the answer', async () => {
  const run = jest.spyOn(turns, 'run')
  const { status, body } = await post(server, '/v1/embeddings', {
    input: Array.from({ length: 60 }, (_, i) => `${'a photo '.repeat(1000)}${i}`),
    encoding_format: 'base64',
  })
  expect([status, body.data.length]).toEqual([200, 60])
  expect(run.mock.calls.length).toBeGreaterThanOrEqual(4)
  run.mockRestore()
})

test('long texts that begin alike are not compared with each other', async () => {
  const clip = await library()
  const texts = Array.from({ length: 1500 }, (_, i) => `${'x'.repeat(20_000)}${i}`)
  const before = process.cpuUsage()
  const abort = new AbortController()
  const vectors = clip.encodeText(texts, { signal: abort.signal })
  const { user, system } = process.cpuUsage(before)
  abort.abort(new Error('enough'))
  await expect(vectors).rejects.toThrow('enough')
  // comparing each with each is 20 gigabytes
  expect((user + system) / 1000).toBeLessThan(1000)
})

test('a client that takes nothing of its answer is let go', async () => {
  const hasty = await start({ timeoutMs: 2000, page: false })
  const body = JSON.stringify({ input: Array.from({ length: 2048 }, (_, i) => `${i % 8}`) })
  const socket = connect({ port: hasty.port, host: '127.0.0.1' }).on('error', () => undefined)
  socket.pause()
  socket.write(
    `POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${
      Buffer.byteLength(body)
    }\r\n\r\n${body}`,
  )
  const inWork = async (): Promise<string | undefined> =>
    /^ggclip_http_requests_in_progress (\d+)$/m.exec((await get(hasty, '/metrics')).body as string)?.[1]
  await until(async () => await inWork() === '1')
  await until(async () => await inWork() === '0', 20_000)
  socket.destroy()
})

test('the bytes of a form are no fields', () => {
  const entries = jest.spyOn(Object, 'entries')
  checkSizes(Buffer.from('--b--'), {}, 10)
  expect(entries).not.toHaveBeenCalled()
  entries.mockRestore()
})

test.each([
  ['/v1/embeddings', { input: 'a', user: 'u'.repeat(1e6) }, 'user', 'at most 512 characters'],
  ['/v1/classify', { image: 'a', labels: ['b', 'é'.repeat(1e6)] }, 'labels[1]', 'at most 1024 characters'],
  ['/v1/embeddings', { input: Array<string>(2049).fill('a') }, 'input', 'at most 2048 inputs'],
  ['/v1/embeddings', { input: Array<number[]>(100).fill(Array<number>(400).fill(7)) }, undefined,
    'token ids are not accepted'],
])('%s refuses before the validator looks: %#', async (route, body, param, words) => {
  const answer = await post(server, route, body)
  expect([answer.status, answer.body.error.param ?? undefined]).toEqual([param === undefined ? 413 : 422, param])
  expect(answer.body.error.message).toContain(words)
})
