/**
 * Whatever stands in a field: the library's numbers for that very input, or a 4xx with a code and the field's name. Never a
 * 500, and never a vector of something else.
 */
import path from 'node:path'

import { Clip } from '../../../lib/index.js'
import { type Server } from '../../../lib/server/index.js'
import { patchesOf } from '../../../lib/server/calls/usage'
import { base64, dataUri, failure, get, library, post, read, root, sample, start, vectorsOf,
  type Answer } from '../support'

let server: Server
let clip: Clip
beforeAll(async () => {
  server = await start()
  clip = await library()
})

const picture = dataUri('pizza.webp')
const bytes = base64('pizza.webp')
const pizza = sample('pizza.webp')
const embed = (body: unknown, init?: RequestInit) => post(server, '/v1/embeddings', body, init)
const numbers = (vector: Float32Array): number[] => Array.from(vector)

describe('a string in input', () => {
  const images = {
    'a data URI': picture,
    'of no type': `data:;base64,${bytes}`,
    'of bytes': `data:application/octet-stream;base64,${bytes}`,
    'of a wrong type': `data:text/plain;charset=utf-8;base64,${bytes}`,
    'of half a type': `data:image;base64,${bytes}`,
    'with parameters': `data:image/webp;name=a%20b.webp;charset=utf-8;base64,${bytes}`,
    'in capitals': `DATA:IMAGE/WEBP;BASE64,${bytes}`,
    'after blanks': `\n  data:image/webp;base64,${bytes}`,
    'with a blank after the comma': `data:image/webp;base64, ${bytes}`,
    'in lines of 76': `data:image/webp;base64,${bytes.replace(/.{76}/g, '$&\r\n')}`,
    'percent-encoded': `data:image/webp;base64,${encodeURIComponent(bytes)}`,
    'without padding': `data:image/webp;base64,${bytes.replace(/=+$/, '')}`,
    'for URLs': `data:image/webp;base64,${pizza.toString('base64url')}`,
  }
  test.each(Object.entries(images))('an image: %s', async (_, input) => {
    const answer = await embed({ input })
    expect(answer.status).toBe(200)
    expect(vectorsOf(answer)).toEqual([numbers(await clip.encodeImage(pizza))])
  })

  const texts = [
    'data: a cat',
    'data:base64 is a way of writing',
    'database',
    'data',
    'data:',
    'a data:image/png;base64,abc in a text',
    'upload:0',
    'upload: my cat',
    '["a","b"]',
    '{"text":"a"}',
    '[1,2]',
    'null',
    '\ufeffa cat',
    'a\ud83d',
    '\udc00b',
    '\u0001\u001b[31m',
    '   ',
    '\u202eabc',
    'https://example.org/cat.png',
    'iVBORw0KGgo is how it begins',
  ]
  test.each(texts.map(text => [JSON.stringify(text), text]))('a text: %s', async (_, text) => {
    expect(vectorsOf(await embed({ input: text }))).toEqual([numbers(await clip.encodeText(text))])
    expect(vectorsOf(await embed({ input: [{ type: 'text', text }], modality: null }))).toEqual([
      numbers(await clip.encodeText(text)),
    ])
  })

  test.each<[string, unknown, string, string]>([
    ['bare base64 of a WebP', bytes, 'ERR_CLIP_INVALID_ARGUMENT', 'input'],
    ['bare base64 of a PNG', base64('rocket.png'), 'ERR_CLIP_INVALID_ARGUMENT', 'input'],
    ['a data URI of a text', 'data:text/plain;base64,YSBjYXQgb24gYSBtYXQ=', 'ERR_CLIP_IMAGE_DECODE', 'input'],
    ['a data URI without base64', 'data:text/plain,a%20cat', 'ERR_CLIP_INVALID_ARGUMENT', 'input'],
    ['the shortest data URI', 'data:,', 'ERR_CLIP_INVALID_ARGUMENT', 'input'],
    ['a picture with a question behind', `${picture} what is it?`, 'ERR_CLIP_INVALID_ARGUMENT', 'input'],
    ['two pictures', picture + picture, 'ERR_CLIP_INVALID_ARGUMENT', 'input'],
    ['a character too many', `data:image/webp;base64,${bytes.replace(/=+$/, '')}!`, 'ERR_CLIP_INVALID_ARGUMENT',
      'input'],
    ['NUL', 'a\0 \0c\0a\0t\0', 'ERR_CLIP_OUT_OF_RANGE', 'input'],
  ])('refused: %s', async (_, input, code, param) => {
    for (const [body, at] of [[{ input }, param], [{ input: ['a', input] }, `${param}[1]`]] as const) {
      const answer = await embed(body)
      expect([415, 422]).toContain(answer.status)
      expect(answer.body.error).toMatchObject({ code, param: at })
      expect(answer.body.error.message.length).toBeLessThan(300)
    }
  })

  test('a picture where a text is meant', async () => {
    for (
      const body of [{ input: picture, modality: 'text' }, { input: { text: picture } }, { input: [{ text: bytes }] }]
    ) expect(await embed(body)).toMatchObject(failure(422, 'ERR_CLIP_INVALID_ARGUMENT', 'a text'))
    expect(await post(server, '/v1/classify', { image: picture, labels: ['a', picture] })).toMatchObject({
      status: 422,
      body: { error: { param: 'labels[1]' } },
    })
    expect(await post(server, '/v1/similarity', { image: picture, texts: ['a', bytes] })).toMatchObject({
      status: 422,
      body: { error: { param: 'texts[1]' } },
    })
    expect(await post(server, '/v1/rank', { query: bytes, documents: ['a'] })).toMatchObject({
      status: 422,
      body: { error: { param: 'query' } },
    })
  })

  test('a part whose type says otherwise', async () => {
    expect(await embed({ input: { type: 'text', image: bytes } })).toMatchObject({
      status: 422,
      body: { error: { param: 'input.type' } },
    })
    expect(await embed({ input: [{ type: 'image_url', text: 'a' }] })).toMatchObject({
      status: 422,
      body: { error: { param: 'input[0].type' } },
    })
  })
})

describe('bodies', () => {
  const json = '{"input":"café 🍕"}'
  const asJson = (type: string, body: string | Buffer): Promise<Answer> =>
    fetch(`${server.url}/v1/embeddings`, { method: 'POST', body, headers: { 'content-type': type } }).then(read)
  const utf16 = Buffer.from(`\ufeff${json}`, 'utf16le')

  test.each<[string, string, string | Buffer]>([
    ['plain', 'application/json', json],
    ['a charset', 'application/json; charset=utf-8', json],
    ['in capitals, with quotes', 'Application/JSON;charset="UTF-8"', json],
    ['another kind of JSON', 'application/vnd.api+json', json],
    ['a byte order mark', 'application/json', `\ufeff${json}`],
    ['UTF-16 with a mark', 'application/json; charset=utf-16', utf16],
    ['ASCII that is called Latin-1', 'application/json; charset=ISO-8859-1', '{"input":"caf\\u00e9 \\ud83c\\udf55"}'],
  ])('%s', async (_, type, body) => {
    expect(vectorsOf(await asJson(type, body))).toEqual([numbers(await clip.encodeText('café 🍕'))])
  })

  test.each<[string, string, string | Buffer, number, string]>([
    ['Latin-1', 'application/json', Buffer.from('{"input":"caf\xe9"}', 'latin1'), 400, 'ERR_CLIP_REQUEST_INVALID'],
    ['Latin-1 that says so', 'application/json; charset=iso-8859-1', Buffer.from('{"input":"caf\xe9"}', 'latin1'), 415,
      'ERR_CLIP_REQUEST_UNSUPPORTED'],
    ['UTF-8 that is called Latin-1', 'application/json; charset=iso-8859-1', json, 415, 'ERR_CLIP_REQUEST_UNSUPPORTED'],
    ['a charset that is none', 'application/json; charset=utf-9', json, 415, 'ERR_CLIP_REQUEST_UNSUPPORTED'],
    ['UTF-16 without a mark', 'application/json; charset=utf-16le', utf16.subarray(2), 400, 'ERR_CLIP_REQUEST_INVALID'],
    ['nothing', 'application/json', '', 400, 'ERR_CLIP_REQUEST_INVALID'],
    ['JSON in JSON', 'application/json', JSON.stringify(json), 422, 'ERR_CLIP_INVALID_ARGUMENT'],
    ['a list', 'application/json', '["a"]', 422, 'ERR_CLIP_INVALID_ARGUMENT'],
    ['null', 'application/json', 'null', 422, 'ERR_CLIP_INVALID_ARGUMENT'],
    ['a prototype', 'application/json', '{"input":"a","__proto__":{"model":"b"}}', 422, 'ERR_CLIP_UNKNOWN_OPTION'],
    ["curl's default", 'application/x-www-form-urlencoded', json, 415, 'ERR_CLIP_REQUEST_UNSUPPORTED'],
  ])('refused: %s', async (_, type, body, status, code) => {
    expect(await asJson(type, body)).toMatchObject(failure(status, code))
  })
})

const shapes: Record<string, { body: Record<string, unknown>; optional: string[] }> = {
  '/v1/embeddings': {
    body: { input: 'a' },
    optional: ['model', 'modality', 'encoding_format', 'embedding_type', 'dimensions', 'normalized', 'user',
      'input_type', 'task', 'truncate', 'truncation'],
  },
  '/v1/classify': {
    body: { image: picture, labels: ['a', 'b'] },
    optional: ['model', 'input', 'images', 'templates', 'top_k', 'multi_label', 'user'],
  },
  '/v1/similarity': { body: { images: [picture], texts: ['a', 'b'] }, optional: ['model', 'image', 'text', 'user'] },
  '/v1/rank': {
    body: { query: 'a', documents: ['b', picture] },
    optional: ['model', 'modality', 'top_n', 'return_documents', 'raw_scores', 'user'],
  },
}

test('null for every optional field is nothing', async () => {
  for (const [route, { body, optional }] of Object.entries(shapes)) {
    const plain = await post(server, route, body)
    expect(plain.status).toBe(200)
    const nulls = Object.fromEntries([...optional, 'something_of_another_server'].map(name => [name, null]))
    expect((await post(server, route, { ...body, ...nulls })).body).toEqual(plain.body)
  }
  expect(await embed({ input: { text: 'a', image: null, image_url: null } })).toMatchObject({ status: 200 })
  expect(await embed({ input: null })).toMatchObject({ status: 422, body: { error: { param: 'input' } } })
})

test('odd values in every field of every call: told by its name', async () => {
  const odd = [5, -1, 1.5, 1e300, true, [], {}, [[]], [null], [5], [{}], [[1, 2], [3]], { text: 5 }, { image: {} }, '',
    '\0', 'data:,', { a: 1 }, [['a']], ['a', 5]]
  for (const [route, { body, optional }] of Object.entries(shapes)) {
    for (const field of [...Object.keys(body), ...optional]) {
      const answers = await Promise.all(odd.map(value => post(server, route, { ...body, [field]: value })))
      answers.forEach(({ status, body: { error } }, i) => {
        const what = `${route} ${field}=${JSON.stringify(odd[i])}: ${JSON.stringify(error)}`
        if (status === 200) return
        expect([what, status]).toEqual([what, expect.any(Number)])
        expect([404, 413, 415, 422]).toContain(status)
        expect([what, error.code]).toEqual([what, expect.stringMatching(/^ERR_CLIP_/)])
        // a count of inputs is nobody's
        expect([what, error.param?.startsWith(field)]).toEqual([what, true])
      })
    }
  }
})

test('random JSON: no 500, and a vector only for a text or an image', async () => {
  let state = 20261129
  const random = (limit: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return (state >>> 8) % limit
  }
  const strings = ['a', '', 'data:;base64,AAAA', 'data:,', '\ud800', 'a\0b', '<__media__>', bytes.slice(0, 400), 'text',
    'image', 'float']
  const names = ['text', 'image', 'image_url', 'url', 'type', 'input', 'multimodal_data', 'prompt_string', 'x']
  const value = (depth: number): unknown => {
    switch (random(depth > 2 ? 6 : 9)) {
      case 0:
        return null
      case 1:
        return random(2) === 0
      case 2:
        return random(1000) - 500
      case 3:
        return random(1000) / 7
      case 4:
      case 5:
        return strings[random(strings.length)]
      case 6:
        return Array.from({ length: random(4) }, () => value(depth + 1))
      default:
        return Object.fromEntries(
          Array.from({ length: random(4) }, () => [names[random(names.length)], value(depth + 1)]),
        )
    }
  }
  const routes = Object.keys(shapes)
  for (let round = 0; round < 6; round++) {
    await Promise.all(Array.from({ length: 50 }, async () => {
      const route = routes[random(routes.length)]!
      const { body, optional } = shapes[route]!
      const fields = [...Object.keys(body), ...optional]
      const sent = {
        ...body,
        ...Object.fromEntries(Array.from({ length: 1 + random(2) }, () => [fields[random(fields.length)], value(0)])),
      }
      const answer = await post(server, route, sent)
      const what = `${route} ${JSON.stringify(sent)} ${answer.status}`
      if (answer.status !== 200) {
        expect([what, answer.body.error.code]).toEqual([what, expect.stringMatching(/^ERR_CLIP_(?!INTERNAL)/)])
        expect([400, 404, 413, 415, 422]).toContain(answer.status)
      } else if (route === '/v1/embeddings') {
        const { input } = sent as { input: unknown }
        const list = Array.isArray(input) ? input : [input]
        expect([what, answer.body.data.length]).toEqual([what, list.length])
        for (const item of list)
          expect([what, typeof item === 'string' || typeof item === 'object']).toEqual([what, true])
      }
    }))
  }
  expect((await get(server, '/metrics')).body).not.toMatch(/ERR_CLIP_INTERNAL/)
})

test('long texts: the vector of their beginning, whatever they are made of', async () => {
  const texts = ['a red apple on a table '.repeat(1000), 'a'.repeat(2_000_000), '\u{1f355}'.repeat(500_000),
    `x${'\u{1f355}'.repeat(100_000)}`]
  const answer = await embed({ input: texts })
  expect(answer.status).toBe(200)
  expect(vectorsOf(answer)).toEqual((await clip.encodeText(texts.map(text => text.slice(0, 8001)))).map(numbers))
  // the library takes all of it: no run is too long for its patterns
  for (const run of ['a', '\u{1f355}', '!'])
    expect(clip.tokenize(run.repeat(1_500_000))).toEqual(clip.tokenize(run.repeat(10_000)))
})

test('usage of pictures of any grid: the patches that the engine cuts', async () => {
  const naflex = await Clip.load(path.join(root, 'test', 'fixtures', 'reference', 'families', 'siglip-2-naflex'), {
    towers: 'image',
    threads: 1,
  })
  try {
    const vision = naflex.info.vision!
    expect(vision.anyGrid).toBe(true)
    for (const [width, height] of [[64, 64], [640, 480], [1, 1], [500, 3], [2, 900], [37, 53]] as const) {
      const values = await naflex.preprocess({ data: new Uint8Array(3 * width * height), width, height, channels: 3 })
      expect([width, height, patchesOf(vision, { width, height })]).toEqual([width, height,
        values.length / (3 * vision.patchSize ** 2)])
    }
  } finally {
    await naflex.dispose()
  }
  expect(patchesOf({ cropSize: 70, patchSize: 16, resizeMode: 'squash', maxPatches: 0 }, { width: 640, height: 480 }))
    .toBe(
      16,
    )
})
