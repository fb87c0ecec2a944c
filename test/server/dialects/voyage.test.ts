/** Voyage's clients: Python asks for base64 by itself, and sends null for what is not set. */
import type { Clip } from '../../../lib/index.js'
import { normalize } from '../../../lib/index.js'
import type { Server } from '../../../lib/server/index.js'
import { dataUri, failure, library, post, sample, start, unbase64, vectorsOf } from '../support'

let server: Server
let clip: Clip
const model = 'voyage-multimodal-3'
beforeAll(async () => {
  server = await start({ models: { [model]: { threads: 1, dimensions: [64] } } })
  clip = await library()
})

const embed = (body: object) => post(server, '/v1/multimodalembeddings', { model, ...body })
const refused = (status: number, code: string, words = '') => ({
  status,
  body: { detail: expect.stringContaining(words) as string, code },
})
const text = (words: string) => ({ content: [{ type: 'text', text: words }] })
const tooLong = 'word '.repeat(100)

test("the Python client: the library's numbers", async () => {
  const inputs = [text('a banana'), { content: [{ type: 'image_base64', image_base64: dataUri('pizza.webp') }] }]
  const { status, body } = await embed({ inputs, input_type: null, truncation: true, encoding_format: 'base64' })
  expect(status).toBe(200)
  expect(body).toMatchObject({ object: 'list', model, data: [{ object: 'embedding', index: 0 }, { index: 1 }] })
  expect(body.data.map(({ embedding }: { embedding: string }) => Array.from(unbase64(embedding)))).toEqual([
    Array.from(await clip.encodeText('a banana')),
    Array.from(await clip.encodeImage(sample('pizza.webp'))),
  ])
  expect(body.usage.total_tokens).toBeGreaterThan(body.usage.text_tokens as number)
  expect(body.usage.image_pixels).toBeGreaterThan(0)
})

test('lists of numbers, a data URI under image_url, a purpose', async () => {
  const inputs = [{ content: [{ type: 'image_url', image_url: dataUri('rocket.png') }] }]
  const answer = await embed({ inputs, input_type: 'document' })
  expect(vectorsOf(answer)).toEqual([Array.from(await clip.encodeImage(sample('rocket.png')))])
})

test('a shorter vector, where the model allows', async () => {
  const answer = await embed({ inputs: [text('a')], output_dimension: 64 })
  expect(vectorsOf(answer)).toEqual([Array.from(normalize((await clip.encodeText('a')).subarray(0, 64)))])
})

test('the call for texts', async () => {
  const answer = await post(server, '/v1/embeddings', {
    model,
    input: ['a', 'b'],
    input_type: 'query',
    truncation: true,
    output_dtype: null,
    output_dimension: null,
    encoding_format: null,
  })
  expect(vectorsOf(answer)).toEqual((await clip.encodeText(['a', 'b'])).map(vector => Array.from(vector)))
  expect(await post(server, '/v1/embeddings', { model, input: 'a', output_dimension: 65 })).toMatchObject(
    failure(422, 'ERR_CLIP_OUT_OF_RANGE', 'output_dimension'),
  )
})

test.each<[string, object, number, string, string]>([
  ['another model', { model: 'voyage-3', inputs: [text('a')] }, 404, 'ERR_CLIP_MODEL_UNKNOWN', 'voyage-3'],
  ['no inputs', {}, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'inputs'],
  ['an empty list', { inputs: [] }, 422, 'ERR_CLIP_OUT_OF_RANGE', 'inputs'],
  ['text and image together', {
    inputs: [text('a'), {
      content: [{ type: 'text', text: 'a' }, { type: 'image_base64', image_base64: dataUri('pizza.webp') }],
    }],
  }, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'inputs[1].content'],
  ['a video', { inputs: [{ content: [{ type: 'video_url', video_url: 'https://example.org/a.mp4' }] }] }, 422,
    'ERR_CLIP_UNKNOWN_OPTION', 'video_url'],
  ['a type that contradicts the part', { inputs: [{ content: [{ type: 'image_base64', text: 'a' }] }] }, 422,
    'ERR_CLIP_INVALID_ARGUMENT', 'inputs[0].content[0].type'],
  ['a text too long without truncation', { inputs: [text(tooLong)], truncation: false }, 422, 'ERR_CLIP_OUT_OF_RANGE',
    'inputs[0].content[0]'],
  ['int8', { inputs: [text('a')], output_dtype: 'int8' }, 422, 'ERR_CLIP_OUT_OF_RANGE', 'output_dtype'],
])('%s', async (_, body, status, code, words) => {
  expect(await embed(body)).toMatchObject(refused(status, code, words))
})
