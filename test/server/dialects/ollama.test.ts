/** Ollama's clients: the list of models first, then `/api/embed`. */
import type { Clip } from '../../../lib/index.js'
import { normalize } from '../../../lib/index.js'
import type { Server } from '../../../lib/server/index.js'
import { dataUri, get, library, post, sample, start } from '../support'

let server: Server
let clip: Clip
beforeAll(async () => {
  server = await start({
    models: { 'emoji-clip': { threads: 1 }, 'emoji:small': { threads: 1, dimensions: [64] } },
  })
  clip = await library()
})

const embed = (body: object, init: RequestInit = {}) => post(server, '/api/embed', body, init)
const refused = (status: number, code: string, words = '') => ({
  status,
  body: { error: expect.stringContaining(words) as string, code },
})
const tooLong = 'word '.repeat(100)

test('what clients ask first', async () => {
  const { body } = await get(server, '/api/tags')
  expect(body.models.map(({ name }: { name: string }) => name)).toEqual(['emoji-clip:latest', 'emoji:small'])
  expect(body.models[0]).toMatchObject({
    model: 'emoji-clip:latest',
    size: clip.info.bytes,
    details: { format: 'gguf' },
  })
  expect(new Date(body.models[0].modified_at as string).getTime()).toBeGreaterThan(0)
  expect((await get(server, '/api/version')).body.version).toMatch(/^\d+\.\d+\.\d+$/)
})

test("one text and several: the library's numbers", async () => {
  const one = await embed({ model: 'emoji-clip', input: 'Why is the sky blue?' })
  expect(one.status).toBe(200)
  expect(one.body).toMatchObject({ model: 'emoji-clip', prompt_eval_count: expect.any(Number) as number })
  expect(one.body.total_duration).toBeGreaterThanOrEqual(one.body.load_duration as number)
  expect(one.body.embeddings).toEqual([Array.from(await clip.encodeText('Why is the sky blue?'))])
  const texts = ['Why is the sky blue?', '', 'ünïcode 🍕']
  const { body } = await embed({
    model: 'emoji-clip:latest',
    input: texts,
    truncate: true,
    keep_alive: '5m',
    stream: false,
    options: { temperature: 0, num_ctx: 2048, num_thread: 4 },
  })
  expect(body.model).toBe('emoji-clip:latest')
  expect(body.embeddings).toEqual((await clip.encodeText(texts)).map(vector => Array.from(vector)))
})

test.each(['application/x-www-form-urlencoded', 'text/plain;charset=UTF-8', 'application/json; charset=utf-8'])(
  'curl -d and others: JSON as %s',
  async type => {
    const { status } = await embed({ model: 'emoji-clip', input: 'a' }, { headers: { 'content-type': type } })
    expect(status).toBe(200)
  },
)

test('images as data URIs', async () => {
  const { body } = await embed({ model: 'emoji-clip', input: [dataUri('pizza.webp'), 'a'] })
  expect(body.embeddings[0]).toEqual(Array.from(await clip.encodeImage(sample('pizza.webp'))))
})

test('without input, the model is loaded', async () => {
  for (const input of [undefined, null, []]) {
    const { status, body } = await embed({ model: 'emoji:small', input })
    expect([status, body.embeddings]).toEqual([200, []])
  }
  expect((await get(server, '/v1/models/emoji:small')).body.loaded).toBe(true)
})

test('dimensions, where the model allows', async () => {
  const { body } = await embed({ model: 'emoji:small', input: 'a', dimensions: 64 })
  expect(body.embeddings).toEqual([Array.from(normalize((await clip.encodeText('a')).subarray(0, 64)))])
})

test('truncate: false, which LangChain.js sends, refuses only what does not fit', async () => {
  expect((await embed({ model: 'emoji-clip', input: 'a short text', truncate: false })).status).toBe(200)
  expect((await embed({ model: 'emoji-clip', input: tooLong })).status).toBe(200)
  expect(await embed({ model: 'emoji-clip', input: ['a', tooLong], truncate: false })).toMatchObject(
    refused(422, 'ERR_CLIP_OUT_OF_RANGE', 'input[1]'),
  )
})

test.each<[string, object, number, string, string]>([
  ['another model', { model: 'llava', input: 'a' }, 404, 'ERR_CLIP_MODEL_UNKNOWN', 'llava'],
  ['no model', { input: 'a' }, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'model'],
  ['a length that the model does not allow', { model: 'emoji-clip', input: 'a', dimensions: 64 }, 422,
    'ERR_CLIP_OUT_OF_RANGE', 'dimensions'],
  ['a shorter context, which would cut elsewhere', { model: 'emoji-clip', input: tooLong, options: { num_ctx: 8 } },
    422, 'ERR_CLIP_OUT_OF_RANGE', 'num_ctx'],
  ['images of the call for chats, which would be ignored', { model: 'emoji-clip', input: '', images: ['AAAA'] }, 422,
    'ERR_CLIP_UNKNOWN_OPTION', 'images'],
  ['a number', { model: 'emoji-clip', input: 3 }, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'input'],
  ['an image of no bytes', { model: 'emoji-clip', input: 'data:image/png;base64,' }, 422, 'ERR_CLIP_IMAGE_EMPTY',
    'input'],
])('%s', async (_, body, status, code, words) => {
  expect(await embed(body)).toMatchObject(refused(status, code, words))
})
