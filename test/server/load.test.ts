/** Many requests, clients that leave, limits, and the numbers all the while. */
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'

import type { Clip } from '../../lib/index.js'
import type { Server } from '../../lib/server/index.js'
import { base64, dataUri, failure, get, library, post, root, start, until, vectorsOf, type Answer } from './support'

// it has no types
const autocannon = require('autocannon') as (options: object) => Promise<object>

const metric = async (server: Server, line: string): Promise<number> => {
  const { body } = await get(server, '/metrics')
  const found = (body as string).split('\n').find(text => text.startsWith(`${line} `))
  return found === undefined ? 0 : Number(found.split(' ').at(-1))
}

/** A request that its client gives up after `ms`. */
function abandon(server: Server, body: object, ms: number, headers = {}): Promise<void> {
  return new Promise(resolve => {
    const text = JSON.stringify(body)
    const request = http.request(`${server.url}/v1/embeddings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers },
    })
    request.on('error', () => undefined).on('close', () => resolve())
    request.end(text)
    setTimeout(() => request.destroy(), ms)
  })
}

describe('concurrent traffic', () => {
  let server: Server
  let clip: Clip
  beforeAll(async () => {
    server = await start({ models: { 'emoji-clip': { threads: 1, maxBatch: 16 } } })
    clip = await library()
  })

  test('good, bad and abandoned requests together: every good one gets its numbers', async () => {
    const texts = Array.from({ length: 60 }, (_, i) => `picture number ${i} ${'of many '.repeat(i % 9)}`)
    const expected = await clip.encodeText(texts)
    const image = await clip.encodeImage(Buffer.from(base64('rocket.png'), 'base64'))
    const good = texts.map(async (text, i) => {
      const answer = await post(server, '/v1/embeddings', { input: i % 3 === 0 ? [text, dataUri('rocket.png')] : text })
      expect(answer.status).toBe(200)
      const [vector, picture] = vectorsOf(answer)
      // to the last bit, whatever shared the batch
      expect(vector).toEqual(Array.from(expected[i]!))
      if (i % 3 === 0) expect(picture).toEqual(Array.from(image))
    })
    const bad = texts.slice(0, 30).map(async (_, i) => {
      const bodies = ['{', { input: [] }, { input: dataUri('pizza.webp').slice(0, 800) }, { input: 'a', model: 'none' },
        { image: 1 }]
      const answer = await post(server, '/v1/embeddings', bodies[i % bodies.length])
      expect([400, 404, 415, 422]).toContain(answer.status)
      expect(answer.body.error.code).toMatch(/^ERR_CLIP_/)
    })
    const abandoned = texts.slice(0, 20).map((text, i) =>
      abandon(server, { input: [dataUri('pizza.webp'), `${text} abandoned`] }, i)
    )
    await Promise.all([...good, ...bad, ...abandoned])
    await until(async () => (await metric(server, 'ggclip_http_requests_in_progress')) === 0)
    for (const name of ['ggclip_queue_items', 'ggclip_running_items', 'ggclip_admitted_inputs']) {
      expect(await metric(server, `${name}{model="emoji-clip"}`)).toBe(0)
    }
    // batches were shared between requests
    const count = await metric(server, 'ggclip_batch_size_count{model="emoji-clip",kind="text"}')
    const sum = await metric(server, 'ggclip_batch_size_sum{model="emoji-clip",kind="text"}')
    expect(sum / count).toBeGreaterThan(1.5)
  })

  test('autocannon: kept connections, mixed requests, every answer a 200', async () => {
    const requests = [{ input: dataUri('rocket.png') }, { input: ['a', 'b'], encoding_format: 'base64' }, {
      input: 'c',
    }].map(body => ({
      method: 'POST' as const,
      path: '/v1/embeddings',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }))
    const result = await autocannon({ url: server.url, connections: 16, amount: 300, requests })
    expect(result).toMatchObject({ '2xx': 300, non2xx: 0, errors: 0, timeouts: 0, mismatches: 0 })
  })

  test('a client that leaves while its answer is sent is no failure of the server', async () => {
    const body = { input: Array.from({ length: 250 }, (_, i) => `text ${i % 10}`) }
    expect((await post(server, '/v1/embeddings', body)).status).toBe(200)
    for (let i = 0; i < 40; i++) await abandon(server, body, i, { 'accept-encoding': 'gzip' })
    await until(async () => (await metric(server, 'ggclip_http_requests_in_progress')) === 0)
    const codes = [...((await get(server, '/metrics')).body as string).matchAll(/^ggclip_errors_total\{code="(\w+)"/gm)]
      .map(([, code]) => code)
    expect(codes).toContain('CLIENT_GONE')
    for (const code of codes) expect(code).toMatch(/^(CLIENT_GONE|ERR_CLIP_(?!INTERNAL)\w+)$/)
  })

  test('a client that leaves takes its work along', async () => {
    const before = await metric(server, 'ggclip_inputs_total{model="emoji-clip",kind="image"}')
    // 250 images: many batches; gone long before they are done
    const body = { input: Array.from({ length: 250 }, () => dataUri('rocket.png')) }
    await abandon(server, body, 60)
    await until(async () => (await metric(server, 'ggclip_http_requests_in_progress')) === 0)
    expect(await metric(server, 'ggclip_inputs_total{model="emoji-clip",kind="image"}') - before).toBeLessThan(250)
    // what is being decoded ends first
    await until(async () => (await metric(server, 'ggclip_admitted_inputs{model="emoji-clip"}')) === 0)
    expect((await post(server, '/v1/embeddings', { input: 'still there' })).status).toBe(200)
  })
})

describe('overload', () => {
  const flood = (server: Server, count: number, body: (i: number) => object): Promise<Answer[]> => (
    Promise.all(Array.from({ length: count }, (_, i) => post(server, '/v1/embeddings', body(i))))
  )

  test('more inputs than maxQueue: 503 at once with a hint, then full recovery', async () => {
    const server = await start({ maxQueue: 20 })
    const answers = await flood(
      server,
      60,
      i => ({ input: [`text ${i}`, ...Array.from({ length: 3 }, () => dataUri('rocket.png'))] }),
    )
    const refused = answers.filter(({ status }) => status === 503)
    expect(refused.length).toBeGreaterThan(5)
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(5)
    expect(answers.every(({ status }) => status === 200 || status === 503)).toBe(true)
    for (const answer of refused) {
      expect(answer).toMatchObject(failure(503, 'ERR_CLIP_QUEUE_FULL', 'maxQueue'))
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    const after = await flood(server, 5, i => ({ input: `again ${i}` }))
    expect(after.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
  })

  test('a burst: no more bodies are read than there are places', async () => {
    const server = await start({ maxQueue: 20 })
    // bodies that never come
    const begun = await Promise.all(Array.from({ length: 60 }, () =>
      new Promise<number>((resolve, reject) => {
        const request = http.request(`${server.url}/v1/embeddings`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'content-length': 1000 },
        })
        const wait = setTimeout(() => {
          resolve(0)
          request.destroy()
        }, 200)
        request.on('error', reject).on('response', response => {
          clearTimeout(wait)
          resolve(response.statusCode!)
          request.destroy()
        })
        request.flushHeaders()
      }).catch(() => 0)))
    // of 20 places a lone client gets eight ninths
    expect(begun.filter(status => status === 0).length).toBeGreaterThanOrEqual(18)
    expect(begun.filter(status => status === 503).length).toBeGreaterThan(5)
    await until(async () => (await metric(server, 'ggclip_http_requests_in_progress')) === 0)
    expect((await post(server, '/v1/embeddings', { input: 'a' })).status).toBe(200)
  })

  test('more requests than maxRequests: 503 before the body is read', async () => {
    const server = await start({ maxRequests: 3 })
    const answers = await flood(server, 20, i => ({ input: [dataUri('pizza.webp'), `${i}`] }))
    const refused = answers.filter(({ status }) => status === 503)
    expect(refused.length).toBeGreaterThan(0)
    expect(refused[0]).toMatchObject(failure(503, 'ERR_CLIP_QUEUE_FULL', 'maxRequests'))
    expect((await post(server, '/v1/embeddings', { input: 'a' })).status).toBe(200)
  })

  test('where no model has room, 503 comes before the body is read', async () => {
    const server = await start({ maxQueue: 20 })
    const long = post(server, '/v1/embeddings', { input: Array.from({ length: 150 }, () => dataUri('rocket.png')) })
    await until(async () => (await metric(server, 'ggclip_admitted_inputs{model="emoji-clip"}')) > 0)
    const answer = await new Promise<number | undefined>((resolve, reject) => {
      // a body that never comes
      const request = http.request(`${server.url}/v1/embeddings`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': 1_000_000 },
      })
      request.on('response', response => {
        resolve(response.statusCode)
        request.destroy()
      }).on('error', reject)
      request.flushHeaders()
    })
    expect(answer).toBe(503)
    expect((await long).status).toBe(200)
    expect((await post(server, '/v1/embeddings', { input: 'a' })).status).toBe(200)
  })

  test('a search of the gallery takes its place in the queue of its model, and says what its time went to', async () => {
    const folder = path.join(root, 'models', 'samples')
    const index = mkdtempSync(path.join(tmpdir(), 'ggclip-load-'))
    const server = await start({
      maxQueue: 20,
      folder,
      index,
      models: { first: { threads: 1 }, other: { threads: 1 } },
    })
    const search = () => post(server, '/gallery/search', { query: 'a pizza' })
    await until(async () => (await get(server, '/gallery')).body.state === 'ready')
    const found = await search()
    expect([found.status, found.body.results[0].name]).toEqual([200, 'pizza.webp'])
    expect(found.headers.get('server-timing')).toMatch(/^read;dur=.*, queue;dur=.*, model;dur=.*, total;dur=/)
    const long = post(server, '/v1/embeddings', { input: Array.from({ length: 150 }, () => dataUri('rocket.png')) })
    await until(async () => (await metric(server, 'ggclip_admitted_inputs{model="first"}')) > 0)
    expect(await search()).toMatchObject(failure(503, 'ERR_CLIP_QUEUE_FULL', 'maxQueue'))
    expect((await long).status).toBe(200)
    expect((await search()).status).toBe(200)
    expect(await metric(server, 'ggclip_admitted_inputs{model="first"}')).toBe(0)
    await server.close()
    rmSync(index, { recursive: true })
  })

  test('a request larger than the whole queue is taken when there is nothing else', async () => {
    const server = await start({ maxQueue: 4 })
    expect((await post(server, '/v1/embeddings', { input: Array.from({ length: 10 }, (_, i) => `${i}`) })).status).toBe(
      200,
    )
  })

  test('timeoutMs: 503, the work is stopped and the server goes on', async () => {
    const server = await start({ timeoutMs: 150, maxInputs: 2000, maxQueue: 5000, warmUp: true })
    const answer = await post(server, '/v1/embeddings', {
      input: Array.from({ length: 600 }, () => dataUri('rocket.png')),
    })
    expect(answer).toMatchObject(failure(503, 'ERR_CLIP_DEADLINE_EXCEEDED', '150'))
    await until(async () => (await metric(server, 'ggclip_admitted_inputs{model="emoji-clip"}')) === 0)
    expect((await post(server, '/v1/embeddings', { input: 'a' })).status).toBe(200)
  })

  test('pixels: 413', async () => {
    const server = await start({ maxPixels: 1000 })
    expect(await post(server, '/v1/embeddings', { input: dataUri('pizza.webp') })).toMatchObject(
      failure(413, 'ERR_CLIP_IMAGE_TOO_LARGE', 'input'),
    )
  })

  test('bytes of an image: 413', async () => {
    const server = await start({ maxImageBytes: 500 })
    expect(await post(server, '/v1/embeddings', { input: dataUri('pizza.webp') })).toMatchObject(
      failure(413, 'ERR_CLIP_IMAGE_TOO_LARGE', 'input'),
    )
  })
})
