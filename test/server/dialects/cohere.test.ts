/** Cohere's clients: `/v2/embed` with texts, images or inputs, and `/v1/embed`. */
import type { Clip } from '../../../lib/index.js'
import { normalize } from '../../../lib/index.js'
import type { Server } from '../../../lib/server/index.js'
import { dataUri, library, post, sample, start, unbase64 } from '../support'

let server: Server
let clip: Clip
const model = 'embed-v4.0'
beforeAll(async () => {
  server = await start({ models: { [model]: { threads: 1, dimensions: [64] } } })
  clip = await library()
})

const embed = (body: object) => post(server, '/v2/embed', { model, input_type: 'search_document', ...body })
const refused = (status: number, code: string, words = '') => ({
  status,
  body: { message: expect.stringContaining(words) as string, code },
})
const tooLong = 'word '.repeat(100)

test("texts: the library's numbers, as numbers and as base64", async () => {
  const texts = ['hello', 'goodbye', '']
  const { status, body } = await embed({ texts, embedding_types: ['float', 'base64'], truncate: 'END', priority: 0 })
  expect(status).toBe(200)
  const expected = (await clip.encodeText(texts)).map(vector => Array.from(vector))
  expect(body.embeddings.float).toEqual(expected)
  expect(body.embeddings.base64.map((text: string) => Array.from(unbase64(text)))).toEqual(expected)
  expect(body).toMatchObject({ texts, response_type: 'embeddings_by_type', meta: { api_version: { version: '2' } } })
  expect(body.meta.billed_units).toEqual({ input_tokens: expect.any(Number) as number, images: 0 })
})

test('float is the default', async () => {
  expect(Object.keys((await embed({ texts: ['a'] })).body.embeddings as object)).toEqual(['float'])
})

test('an image, alone and as an input', async () => {
  const expected = [Array.from(await clip.encodeImage(sample('pizza.webp')))]
  const alone = await embed({ input_type: 'image', embedding_types: ['float'], images: [dataUri('pizza.webp')] })
  expect(alone.body.embeddings.float).toEqual(expected)
  expect(alone.body).toMatchObject({ texts: [], meta: { billed_units: { input_tokens: 0, images: 1 } } })
  const inputs = [
    { content: [{ type: 'image_url', image_url: { url: dataUri('pizza.webp') } }] },
    { content: [{ type: 'text', text: 'a pizza' }] },
  ]
  const mixed = await embed({ inputs, embedding_types: ['float'] })
  expect(mixed.body.embeddings.float).toEqual([...expected, Array.from(await clip.encodeText('a pizza'))])
})

test('bits: the signs of the numbers, the first in the highest bit', async () => {
  const vector = await clip.encodeText('a')
  const { body } = await embed({ texts: ['a'], embedding_types: ['binary', 'ubinary'] })
  const bytes = body.embeddings.ubinary[0] as number[]
  expect(bytes).toHaveLength(vector.length / 8)
  vector.forEach((value, i) => expect([i, (bytes[i >> 3]! >> (7 - (i % 8))) & 1]).toEqual([i, value >= 0 ? 1 : 0]))
  expect(body.embeddings.binary[0]).toEqual(bytes.map(byte => byte - 128))
})

test('a shorter vector, where the model allows', async () => {
  const { body } = await embed({ texts: ['a'], output_dimension: 64 })
  expect(body.embeddings.float).toEqual([Array.from(normalize((await clip.encodeText('a')).subarray(0, 64)))])
})

test('truncate NONE and START, and max_tokens, where they make no difference', async () => {
  for (const fields of [{ truncate: 'NONE' }, { truncate: 'START' }, { max_tokens: 100 }, { max_tokens: 4096 }])
    expect((await embed({ texts: ['a short text'], ...fields })).status).toBe(200)
})

test.each<[string, object, number, string, string]>([
  ['another model', { model: 'embed-english-v3.0', texts: ['a'] }, 404, 'ERR_CLIP_MODEL_UNKNOWN', 'embed-english'],
  ['texts and images', { texts: ['a'], images: [dataUri('pizza.webp')] }, 422, 'ERR_CLIP_INVALID_ARGUMENT',
    'exactly one of'],
  ['nothing', {}, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'exactly one of'],
  ['a text and an image in one input', {
    inputs: [{
      content: [{ type: 'text', text: 'a' }, { type: 'image_url', image_url: { url: dataUri('pizza.webp') } }],
    }],
  }, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'inputs[0].content'],
  ['int8, whose scale is not public', { texts: ['a'], embedding_types: ['int8'] }, 422, 'ERR_CLIP_OUT_OF_RANGE',
    'embedding_types'],
  ['a length that the model does not allow', { texts: ['a'], output_dimension: 1024 }, 422, 'ERR_CLIP_OUT_OF_RANGE',
    'output_dimension'],
  ['a text too long for NONE', { texts: ['a', tooLong], truncate: 'NONE' }, 422, 'ERR_CLIP_OUT_OF_RANGE', 'texts[1]'],
  ['a text of which START would keep the end', { texts: [tooLong], truncate: 'START' }, 422, 'ERR_CLIP_OUT_OF_RANGE',
    'truncate'],
  ['a text longer than max_tokens', { texts: [tooLong], max_tokens: 8 }, 422, 'ERR_CLIP_OUT_OF_RANGE', 'max_tokens'],
  ['an unknown field', { texts: ['a'], prompt: 'b' }, 422, 'ERR_CLIP_UNKNOWN_OPTION', 'prompt'],
  ['an image of no bytes', { images: ['data:image/png;base64,'] }, 422, 'ERR_CLIP_IMAGE_EMPTY', 'images[0]'],
  ['a URL', { images: ['https://example.org/a.png'] }, 422, 'ERR_CLIP_URL_REFUSED', 'images[0]'],
])('%s', async (_, body, status, code, words) => {
  expect(await embed(body)).toMatchObject(refused(status, code, words))
})

describe('version 1, which the older client and LangChain.js call', () => {
  const embedV1 = (body: object) => post(server, '/v1/embed', body)

  test('vectors are a list, unless types are named', async () => {
    const texts = ['hello', 'goodbye']
    const expected = (await clip.encodeText(texts)).map(vector => Array.from(vector))
    const plain = await embedV1({ texts, model, truncate: 'END' })
    expect(plain).toMatchObject({
      status: 200,
      body: { texts, response_type: 'embeddings_floats', meta: { api_version: { version: '1' } } },
    })
    expect(plain.body.embeddings).toEqual(expected)
    const named = await embedV1({ texts, model, input_type: 'search_document', embedding_types: ['float'] })
    expect(named.body).toMatchObject({ response_type: 'embeddings_by_type', embeddings: { float: expected } })
  })

  test('an image; without a model it is the first one', async () => {
    const { body } = await embedV1({ images: [dataUri('pizza.webp')], input_type: 'image' })
    expect(body.embeddings).toEqual([Array.from(await clip.encodeImage(sample('pizza.webp')))])
  })

  test('what version 2 has beyond it is refused', async () => {
    expect(await embedV1({ inputs: [{ content: [{ type: 'text', text: 'a' }] }] }))
      .toMatchObject(refused(422, 'ERR_CLIP_UNKNOWN_OPTION', 'inputs'))
    expect(await embedV1({ model })).toMatchObject(refused(422, 'ERR_CLIP_INVALID_ARGUMENT', 'texts'))
  })
})
