/** What Prometheus and people read. */
import SwaggerParser from '@apidevtools/swagger-parser'

import type { Server } from '../../../lib/server/index.js'
import { dataUri, form, get, post, sample, start } from '../support'

let server: Server
beforeAll(async () => {
  server = await start()
})

describe('metrics', () => {
  /** Lines of Prometheus' text format as name{labels} -> value; throws on anything else. */
  function parse(text: string): Map<string, number> {
    const found = new Map<string, number>()
    for (const line of text.split('\n')) {
      if (line === '' || line.startsWith('#')) continue
      const match = /^([a-z_:][\w:]*(?:\{[^}]*\})?) (\S+)$/i.exec(line)
      if (!match || (match[2] !== 'Nan' && Number.isNaN(Number(match[2]!.replace('+Inf', 'Infinity')))))
        throw new Error(`no metric: ${line}`)
      expect(found.has(match[1]!)).toBe(false)
      found.set(match[1]!, Number(match[2]))
    }
    return found
  }
  const scrape = async () => parse((await get(server, '/metrics')).body as string)

  test('count what happened: requests, inputs, batches, stages, errors, memory', async () => {
    await Promise.all([post(server, '/v1/embeddings', { input: ['a', 'b', 'c'] }),
      post(server, '/v1/embeddings', { input: dataUri('pizza.webp') })])
    await post(server, '/v1/embeddings', { inputs: 1 })
    await post(server, '/v1/embeddings', { input: 'a', model: 'none' })
    await get(server, '/no/such/route')
    const metrics = await scrape()
    expect(metrics.get('ggclip_http_requests_total{route="/v1/embeddings",status="200",client="anonymous"}')).toBe(2)
    expect(metrics.get('ggclip_http_requests_total{route="unknown",status="404",client="anonymous"}')).toBe(1)
    expect(metrics.get('ggclip_http_request_duration_seconds_count{route="/v1/embeddings"}')).toBe(4)
    expect(metrics.get('ggclip_errors_total{code="ERR_CLIP_MODEL_UNKNOWN"}')).toBe(1)
    expect(
      metrics.get('ggclip_errors_total{code="ERR_CLIP_UNKNOWN_OPTION"}') ??
        metrics.get('ggclip_errors_total{code="ERR_CLIP_INVALID_ARGUMENT"}'),
    ).toBe(1)
    // with what warmed the model up
    expect(metrics.get('ggclip_inputs_total{model="emoji-clip",kind="text"}')).toBe(4)
    expect(metrics.get('ggclip_inputs_total{model="emoji-clip",kind="image"}')).toBe(2)
    expect(metrics.get('ggclip_batch_size_sum{model="emoji-clip",kind="text"}')).toBe(4)
    for (const stage of ['read', 'decode', 'wait', 'run'])
      expect(metrics.get(`ggclip_stage_seconds_count{stage="${stage}"}`)).toBeGreaterThan(0)
    expect(metrics.get('ggclip_model_loaded{model="emoji-clip"}')).toBe(1)
    expect(metrics.get('ggclip_model_bytes{model="emoji-clip"}')).toBeGreaterThan(1e6)
    expect(metrics.get('ggclip_queue_items{model="emoji-clip"}')).toBe(0)
    expect(metrics.get('process_resident_memory_bytes')).toBeGreaterThan(1e7)
    expect([...metrics.keys()].some(name => name.startsWith('nodejs_eventloop_lag_seconds'))).toBe(true)
  })

  test('strangers cannot make series without end', async () => {
    const before = (await scrape()).size
    for (let i = 0; i < 20; i++) await get(server, `/made/up/${i}`)
    for (let i = 0; i < 20; i++) await post(server, '/v1/embeddings', { input: 'a', model: `made-up-${i}` })
    // the first of a route may add its buckets
    expect((await scrape()).size - before).toBeLessThan(20)
  })

  test('two servers of one process count apart', async () => {
    const other = await start()
    const metrics = parse((await get(other, '/metrics')).body as string)
    expect(metrics.get('ggclip_http_requests_total{route="/v1/embeddings",status="200",client="anonymous"}'))
      .toBeUndefined()
    expect(metrics.get('process_resident_memory_bytes')).toBeGreaterThan(1e7)
  })
})

describe('OpenAPI', () => {
  test('is a valid 3.1 document with all routes', async () => {
    const { body } = await get(server, '/openapi.json')
    expect(body.openapi).toBe('3.1.0')
    await expect(SwaggerParser.validate(structuredClone(body))).resolves.toBeDefined()
    expect(Object.keys(body.paths).sort()).toEqual([
      '/.well-known/live',
      '/.well-known/ready',
      '/api/embed',
      '/api/tags',
      '/api/version',
      '/embeddings',
      '/gallery',
      '/healthz',
      '/meta',
      '/metrics',
      '/ping',
      '/predict',
      '/props',
      '/readyz',
      '/v1/classify',
      '/v1/embed',
      '/v1/embeddings',
      '/v1/models',
      '/v1/multimodalembeddings',
      '/v1/rank',
      '/v1/rerank',
      '/v1/similarity',
      '/v2/embed',
      '/vectorize',
    ])
    const ids = Object.values<any>(body.paths).flatMap(methods =>
      Object.values<any>(methods).map(({ operationId }) => operationId as string)
    )
    expect(new Set(ids).size).toBe(ids.length)
    const { post: embeddings } = body.paths['/v1/embeddings']
    expect(Object.keys(embeddings.requestBody.content).sort()).toEqual(['application/json', 'multipart/form-data'])
    expect(Object.keys(embeddings.responses)).toEqual(
      expect.arrayContaining(['200', '400', '401', '404', '413', '415', '422', '429', '503']),
    )
    expect(Object.keys(body.components.schemas).sort()).toEqual(['ContentPart', 'Error', 'Usage'])
  })

  test('answers are what it says', async () => {
    // fastify's own: the one at the root is the linter's, of another age
    const Ajv =
      require(require.resolve('ajv/dist/2020.js', { paths: [require.resolve('@fastify/ajv-compiler')] })).default
    const { body: document } = await get(server, '/openapi.json')
    const ajv = new Ajv({ strict: false })
    ajv.addSchema({ $id: 'doc', components: document.components })
    const check = (route: string, method: string, status: number, body: unknown): void => {
      const schema = JSON.parse(
        JSON.stringify(document.paths[route][method].responses[status].content['application/json'].schema).replaceAll(
          '#/components',
          'doc#/components',
        ),
      )
      const valid = ajv.compile(schema)
      expect([route, valid(body), valid.errors]).toEqual([route, true, null])
    }
    const calls: [string, object][] = [
      ['/v1/embeddings', { input: ['a', dataUri('pizza.webp')] }],
      ['/v1/embeddings', { input: 'a', encoding_format: 'base64' }],
      ['/v1/classify', { image: dataUri('pizza.webp'), labels: ['a', 'b'] }],
      ['/v1/similarity', { image: dataUri('pizza.webp'), text: 'a' }],
      ['/v1/rank', { query: 'a', documents: ['b'] }],
    ]
    for (const [route, body] of calls) check(route, 'post', 200, (await post(server, route, body)).body)
    check('/v1/models', 'get', 200, (await get(server, '/v1/models')).body)
    check('/readyz', 'get', 200, (await get(server, '/readyz')).body)
    check(
      '/v1/classify',
      'post',
      422,
      (await form(server, '/v1/classify', [['file', new Blob([sample('pizza.webp')])]])).body,
    )
  })

  test('the page shows every call and field, and loads nothing', async () => {
    const { body, headers } = await get(server, '/docs')
    expect(headers.get('content-type')).toContain('text/html')
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    for (const words of ['POST /v1/embeddings', 'encoding_format', 'GET /v1/models', 'multi_label', 'id="ContentPart"'])
      expect(body).toContain(words)
    expect(body).not.toMatch(/<script|src=|@import|url\(/)
  })
})
