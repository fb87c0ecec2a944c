/** Frigate's llama.cpp provider: `/v1/models`, `/props`, then `/embeddings` with `content`. */
import type { Clip } from '../../../lib/index.js'
import type { Server } from '../../../lib/server/index.js'
import { base64, failure, get, library, post, sample, start, vectorsOf } from '../support'

let server: Server
let clip: Clip
beforeAll(async () => {
  server = await start()
  clip = await library()
})

const model = 'emoji-clip'
const rows = (body: { embedding: number[][] }[]): number[][] => body.map(({ embedding }) => embedding[0]!)

test('what Frigate asks first', async () => {
  const { body } = await get(server, '/v1/models')
  expect(body.data[0]).toMatchObject({ id: model, architecture: { input_modalities: ['image', 'text'] } })
  const props = await get(server, `/props?model=${model}`)
  expect(props.body).toMatchObject({
    modalities: { vision: true, audio: false },
    media_marker: '<__media__>',
    chat_template: '',
    default_generation_settings: { n_ctx: clip.info.text!.contextLength },
  })
  expect((await get(server, '/props')).status).toBe(200)
  expect(await get(server, '/props?model=other')).toMatchObject(failure(404, 'ERR_CLIP_MODEL_UNKNOWN', 'other'))
})

test('texts and images in one request, the marker followed by a line break', async () => {
  const content = [
    { prompt_string: 'a person at the door' },
    { prompt_string: '<__media__>\n', multimodal_data: [base64('pizza.webp')] },
    { prompt_string: '' },
    { prompt_string: ' <__media__> ', multimodal_data: [base64('rocket.png')] },
  ]
  const { status, body } = await post(server, '/embeddings', { model, content })
  expect(status).toBe(200)
  expect(body.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2, 3])
  const texts = await clip.encodeText(['a person at the door', ''])
  const images = await clip.encodeImage([sample('pizza.webp'), sample('rocket.png')])
  const expected = [texts[0]!, images[0]!, texts[1]!, images[1]!].map(vector => Array.from(vector))
  expect(rows(body as never)).toEqual(expected)
})

test("a string, at llama.cpp's older path, too; normalisation as asked", async () => {
  const raw = Array.from(await clip.encodeText('a rocket', { normalize: false }))
  for (const path of ['/embeddings', '/embedding']) {
    const { body } = await post(server, path, { content: 'a rocket' })
    expect(rows(body as never)).toEqual([Array.from(await clip.encodeText('a rocket'))])
    const plain = await post(server, path, { content: ['a rocket'], embd_normalize: -1 })
    expect(rows(plain.body as never)).toEqual([raw])
  }
  expect(vectorsOf(await post(server, '/embeddings', { input: 'a rocket', embd_normalize: -1 }))).toEqual([raw])
  expect(await post(server, '/embeddings', { content: 'a', embd_normalize: 1 })).toMatchObject(
    failure(422, 'ERR_CLIP_OUT_OF_RANGE', 'embd_normalize'),
  )
})

test("infinity's clients get their own form at the same path", async () => {
  const { body } = await post(server, '/embeddings', { input: ['a'], modality: 'text' })
  expect(body).toMatchObject({ object: 'list', data: [{ object: 'embedding', index: 0 }] })
})

test.each<[string, object, string, string]>([
  ['an image without a marker', { prompt_string: 'see', multimodal_data: ['AAAA'] }, 'ERR_CLIP_INVALID_ARGUMENT',
    'content[0]'],
  ['two images', { prompt_string: '<__media__>', multimodal_data: ['AAAA', 'AAAA'] }, 'ERR_CLIP_OUT_OF_RANGE',
    'multimodal_data'],
  ['a marker without an image, which would be embedded as a text', { prompt_string: '<__media__>\n' },
    'ERR_CLIP_INVALID_ARGUMENT', 'content[0]'],
  ['token ids', [1, 2, 3] as never, 'ERR_CLIP_INVALID_ARGUMENT', 'token ids'],
])('%s', async (_, part, code, words) => {
  expect(await post(server, '/embeddings', { content: Array.isArray(part) ? part : [part] })).toMatchObject(
    failure(422, code, words),
  )
})

test('content beside input, and content where it is no field', async () => {
  expect(await post(server, '/embeddings', { content: 'a', input: 'b' })).toMatchObject(
    failure(422, 'ERR_CLIP_INVALID_ARGUMENT', 'content'),
  )
  expect(await post(server, '/v1/embeddings', { content: 'a' })).toMatchObject(
    failure(422, 'ERR_CLIP_UNKNOWN_OPTION', 'content'),
  )
})
