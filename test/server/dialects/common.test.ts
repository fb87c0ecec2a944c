/** What holds for the calls of every dialect: which are there, keys, limits, guards, load, metrics, their description. */
import { spawnSync } from 'node:child_process'
import http from 'node:http'
import path from 'node:path'

import { Server } from '../../../lib/server/index.js'
import { dialects } from '../../../lib/server/types'
import { base64, dataUri, get, library, post, read, root, sample, start, until } from '../support'

const model = 'emoji-clip'
const image = dataUri('rocket.png')

interface Example {
  path: string
  texts: (texts: string[]) => object
  images: (images: string[]) => object
  /** The text of a failure. */
  message: (body: any) => string
  code: (body: any) => string
  vectors: (body: any) => number[][]
}

const flat = (field: string) => ({
  message: (body: any) => body[field] as string,
  code: (body: any) => body.code as string,
})
const ofOpenai = {
  message: (body: any) => body.error.message as string,
  code: (body: any) => body.error.code as string,
}

/** One call of each; Immich takes one input a call, in JSON here. */
const examples: Record<string, Example> = {
  immich: {
    path: '/predict',
    texts: ([text]) => ({ entries: { clip: { textual: { modelName: model } } }, text }),
    images: ([one]) => ({ entries: { clip: { visual: { modelName: model } } }, image: one }),
    vectors: body => [JSON.parse(body.clip as string)],
    ...flat('detail'),
  },
  frigate: {
    path: '/embeddings',
    texts: texts => ({ model, content: texts.map(text => ({ prompt_string: text })) }),
    images: images => ({
      model,
      content: images.map(one => ({ prompt_string: '<__media__>\n', multimodal_data: [one] })),
    }),
    vectors: body => body.map(({ embedding }: { embedding: number[][] }) => embedding[0]),
    ...ofOpenai,
  },
  weaviate: {
    path: '/vectorize',
    texts: texts => ({ texts }),
    images: images => ({ images }),
    vectors: body => [...body.textVectors, ...body.imageVectors],
    ...flat('error'),
  },
  ollama: {
    path: '/api/embed',
    texts: texts => ({ model, input: texts }),
    // a string that is a URL is a text
    images: images => ({ model, input: images.map(one => ({ image: one })) }),
    vectors: body => body.embeddings,
    ...flat('error'),
  },
  cohere: {
    path: '/v2/embed',
    texts: texts => ({ model, texts }),
    images: images => ({ model, images }),
    vectors: body => body.embeddings.float,
    ...flat('message'),
  },
  voyage: {
    path: '/v1/multimodalembeddings',
    texts: texts => ({ model, inputs: texts.map(text => ({ content: [{ type: 'text', text }] })) }),
    images: images => ({ model, inputs: images.map(one => ({ content: [{ type: 'image_url', image_url: one }] })) }),
    vectors: body => body.data.map(({ embedding }: { embedding: number[] }) => embedding),
    ...flat('detail'),
  },
}
const each = Object.entries(examples)

test('there is an example of every dialect', () => {
  expect(Object.keys(examples)).toEqual([...dialects])
})

describe('which are there', () => {
  const asked: Record<string, string[]> = {
    immich: ['/ping'],
    frigate: ['/props'],
    weaviate: ['/meta', '/.well-known/live', '/.well-known/ready'],
    ollama: ['/api/tags', '/api/version'],
    cohere: [],
    voyage: [],
  }

  test('each alone brings its own routes and no others', async () => {
    for (const dialect of dialects) {
      const server = await start({ dialects: [dialect], page: false })
      for (const [other, paths] of Object.entries(asked)) {
        for (const path of paths) {
          const { status } = await get(server, path)
          expect([dialect, path, status < 300]).toEqual([dialect, path, other === dialect])
        }
        const { path, texts } = examples[other]!
        const { status } = await post(server, path, texts(['a']))
        // without Frigate, infinity's path remains, and content is no field of it
        const missing = other === 'frigate' ? 422 : 404
        expect([dialect, path, status]).toEqual([dialect, path, other === dialect ? 200 : missing])
      }
    }
  })

  test('none', async () => {
    const server = await start({ dialects: [] })
    expect(server.settings.dialects).toEqual([])
    expect((await get(server, '/ping')).status).toBe(404)
    expect((await post(server, '/embeddings', { input: 'a' })).status).toBe(200)
  })

  test.each<[unknown, string, string]>([
    [['imich'], 'ERR_CLIP_OUT_OF_RANGE', "'immich', 'frigate', 'weaviate', 'ollama', 'cohere', 'voyage'"],
    ['immich', 'ERR_CLIP_INVALID_ARGUMENT', 'array'],
    [[1], 'ERR_CLIP_INVALID_ARGUMENT', 'dialects[0]'],
  ])('%j is refused', async (given, code, words) => {
    await expect(Server.start({ dialects: given as never })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words) as string,
    })
  })
})

test('on the command line an unknown name is a usage error that names the known ones', () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [path.join(root, 'dist', 'cli', 'main.js'), 'serve', '--port', '0', '--dialects', 'immich,imich'],
    { encoding: 'utf8' },
  )
  expect(status).toBe(2)
  expect(stderr).toContain("'imich'")
  for (const name of dialects) expect(stderr).toContain(`'${name}'`)
})

describe('a hundred inputs in one call', () => {
  test.each(each.filter(([name]) => name !== 'immich'))('%s', async (_, { path, texts, images, vectors }) => {
    const [server, clip] = [await start(), await library()]
    const words = Array.from({ length: 100 }, (_, i) => `a photo of number ${i}`)
    const ofTexts = await post(server, path, texts(words))
    expect(vectors(ofTexts.body)).toEqual((await clip.encodeText(words)).map(vector => Array.from(vector)))
    const ofImages = await post(server, path, images(Array.from({ length: 100 }, () => image)))
    const expected = Array.from(await clip.encodeImage(sample('rocket.png')))
    expect(vectors(ofImages.body)).toEqual(Array.from({ length: 100 }, () => expected))
  })
})

describe('keys, limits, guards', () => {
  const key = 'a-secret-of-dialects'

  test.each(each)('%s: a key, more inputs than allowed, too large a request, too many requests', async (name, one) => {
    const server = await start({
      apiKeys: [{ name: 'one', key, requestsPerMinute: 3 }],
      maxInputs: 2,
      maxBodyBytes: 60_000,
      page: false,
    })
    const call = (body: object, headers = { authorization: `Bearer ${key}` }) =>
      post(server, one.path, body, { headers })
    const without = await call(one.texts(['a']), { authorization: '' })
    expect([without.status, one.code(without.body)]).toEqual([401, 'ERR_CLIP_KEY_INVALID'])
    expect(without.headers.get('www-authenticate')).toBe('Bearer')
    expect((await call(one.texts(['a']))).status).toBe(200)
    if (name !== 'immich') {
      const many = await call(one.texts(['a', 'b', 'c']))
      expect([many.status, one.code(many.body)]).toEqual([422, 'ERR_CLIP_OUT_OF_RANGE'])
    } else await call(one.texts(['a']))
    const large = await call(one.texts(['a'.repeat(70_000)]))
    expect([large.status, one.code(large.body)]).toEqual([413, 'ERR_CLIP_REQUEST_TOO_LARGE'])
    expect((await call(one.texts(['a']))).status).toBe(200)
    const often = await call(one.texts(['a']))
    expect([often.status, one.code(often.body)]).toEqual([429, 'ERR_CLIP_RATE_EXCEEDED'])
    expect(Number(often.headers.get('retry-after'))).toBeGreaterThan(0)
    const metrics = (await get(server, '/metrics', { headers: { authorization: `Bearer ${key}` } })).body as string
    expect(metrics).toContain(`ggclip_http_requests_total{route="${one.path}",status="200",client="one"}`)
  })

  test.each(each)('%s: images of URLs only where they are allowed, and never from this machine', async (_, one) => {
    const url = 'http://127.0.0.1:1/a.png'
    const refused = await post(await start(), one.path, one.images([url]))
    expect([refused.status, one.code(refused.body)]).toEqual([422, 'ERR_CLIP_URL_REFUSED'])
    const fetching = await start({ remoteImages: true })
    const guarded = await post(fetching, one.path, one.images([url]))
    expect([guarded.status, one.code(guarded.body)]).toEqual([422, 'ERR_CLIP_URL_REFUSED'])
    expect(one.message(guarded.body)).toContain('127.0.0.1')
  })

  test.each(each)('%s: an image of a URL that is allowed', async (_, { path, images, vectors }) => {
    const host = http.createServer((_, response) => response.end(sample('pizza.webp'))).listen(0, '127.0.0.1')
    try {
      await until(() => host.listening)
      const { port } = host.address() as { port: number }
      const server = await start({ remoteImages: { privateAddresses: true } })
      const { body } = await post(server, path, images([`http://127.0.0.1:${port}/pizza`]))
      const clip = await library()
      expect(vectors(body)).toEqual([Array.from(await clip.encodeImage(sample('pizza.webp')))])
    } finally {
      host.close()
    }
  })

  test.each(each)('%s: a model without the tower', async (_, one) => {
    const texts = await start({ models: { [model]: { threads: 1, towers: 'text' } } })
    const answer = await post(
      texts,
      one.path,
      one.images([base64('pizza.webp')].map(data => `data:image/webp;base64,${data}`)),
    )
    expect([answer.status, one.code(answer.body)]).toEqual([422, 'ERR_CLIP_TOWER_MISSING'])
    const images = await start({ models: { [model]: { threads: 1, towers: 'image' } } })
    const other = await post(images, one.path, one.texts(['a']))
    expect([other.status, one.code(other.body)]).toEqual([422, 'ERR_CLIP_TOWER_MISSING'])
  })
})

describe('load', () => {
  test.each(each)('%s: a client that disconnects leaves nothing running', async (_, { path, texts }) => {
    const server = await start()
    const controller = new AbortController()
    const words = Array.from({ length: 2000 }, (_, i) => `number ${i} of many`)
    const call = fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(texts(words)),
      signal: controller.signal,
    })
    const ended = expect(call.then(read)).rejects.toThrow()
    controller.abort()
    await ended
    await until(async () => {
      const metrics = (await get(server, '/metrics')).body as string
      return /ggclip_admitted_inputs\{model="emoji-clip"\} 0\b/.test(metrics) &&
        /ggclip_http_requests_in_progress 0\b/.test(metrics)
    })
    expect((await post(server, path, texts(['a']))).status).toBe(200)
  })

  test.each(each)('%s: a full queue and a closing server', async (_, one) => {
    const server = await start({ maxQueue: 8 })
    const long = post(server, '/v1/embeddings', { input: Array.from({ length: 400 }, () => image) })
    await until(async () =>
      /ggclip_admitted_inputs\{model="emoji-clip"\} [1-9]/.test((await get(server, '/metrics')).body as string)
    )
    const busy = await post(server, one.path, one.texts(['a']))
    expect([busy.status, one.code(busy.body)]).toEqual([503, 'ERR_CLIP_QUEUE_FULL'])
    expect(Number(busy.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await long).status).toBe(200)
  })
})

describe('the description', () => {
  test('each call is in OpenAPI under its own name, with the form of its failures', async () => {
    const { paths } = (await get(await start(), '/openapi.json')).body as { paths: Record<string, any> }
    for (const { path } of Object.values(examples)) expect(paths[path].post.tags).toEqual(['dialects'])
    const operations = Object.values(paths).flatMap(methods =>
      Object.values(methods as object).map(({ operationId }) => operationId as string)
    )
    expect(new Set(operations).size).toBe(operations.length)
    const failure = (path: string): object =>
      paths[path].post.responses['422'].content['application/json'].schema.properties
    expect(Object.keys(failure('/predict'))).toEqual(['detail', 'param', 'code'])
    expect(Object.keys(failure('/api/embed'))).toEqual(['error', 'param', 'code'])
    expect(Object.keys(failure('/v2/embed'))).toEqual(['message', 'param', 'code'])
  })

  test('a wrong method names the right one', async () => {
    const server = await start()
    for (const { path } of Object.values(examples)) {
      const response = await fetch(`${server.url}${path}`)
      expect([path, response.status, response.headers.get('allow')]).toEqual([path, 405, 'POST, OPTIONS'])
      expect((await fetch(`${server.url}${path}`, { method: 'OPTIONS' })).status).toBe(204)
    }
  })
})
