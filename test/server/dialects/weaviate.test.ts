/** Weaviate's module multi2vec-clip: Go's client, which sends JSON without a content type, and null for no list. */
import { request } from 'node:http'

import type { Clip } from '../../../lib/index.js'
import type { Server } from '../../../lib/server/index.js'
import { checkServerOptions } from '../../../lib/server/options'
import { assemble } from '../../../lib/server/start'
import { base64, dataUri, get, library, post, sample, start } from '../support'

let server: Server
let clip: Clip
beforeAll(async () => {
  server = await start()
  clip = await library()
})

const refused = (status: number, code: string, words = '') => ({
  status,
  body: { error: expect.stringContaining(words) as string, code },
})

/** fetch() would add a content type. */
function vectorize(body: object | string): Promise<{ status: number; body: any }> {
  return new Promise((resolve, reject) => {
    const call = request(`${server.url}/vectorize`, { method: 'POST', headers: { 'user-agent': 'Go-http-client/1.1' } })
    call.on('error', reject).on('response', response => {
      let text = ''
      response.setEncoding('utf8').on('data', chunk => {
        text += chunk
      }).on('end', () => resolve({ status: response.statusCode!, body: JSON.parse(text) }))
    })
    call.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
}

test('the probes and the meta call', async () => {
  for (const path of ['/.well-known/live', '/.well-known/ready'])
    expect(await get(server, path)).toMatchObject({ status: 204, body: '' })
  expect(await get(server, '/meta')).toMatchObject({ status: 200, body: { id: 'emoji-clip', dimensions: [256] } })
})

test('not ready until the models to preload are loaded', async () => {
  const { app, context } = await assemble(checkServerOptions({ page: false }))
  expect((await app.inject('/.well-known/ready')).statusCode).toBe(503)
  expect((await app.inject('/.well-known/live')).statusCode).toBe(204)
  context.ready = true
  expect((await app.inject('/.well-known/ready')).statusCode).toBe(204)
  await app.close()
})

test("texts and images: the library's numbers, in order", async () => {
  const texts = ['a photo of a pizza', '', 'a rocket']
  const images = [base64('pizza.webp'), dataUri('rocket.png')]
  const { status, body } = await vectorize({ texts, images })
  expect(status).toBe(200)
  expect(body).toEqual({
    textVectors: (await clip.encodeText(texts)).map(vector => Array.from(vector)),
    imageVectors: (await clip.encodeImage([sample('pizza.webp'), sample('rocket.png')])).map(vector =>
      Array.from(vector)
    ),
  })
})

test('null, or no list, of one kind', async () => {
  const text = [Array.from(await clip.encodeText('a'))]
  for (const body of [{ texts: ['a'], images: null }, { texts: ['a'] }, { texts: ['a'], images: [] }])
    expect(await vectorize(body)).toEqual({ status: 200, body: { textVectors: text, imageVectors: [] } })
  const { body } = await vectorize({ texts: null, images: [base64('pizza.webp')] })
  expect(body).toEqual({ textVectors: [], imageVectors: [Array.from(await clip.encodeImage(sample('pizza.webp')))] })
})

test.each<[string, object | string, number, string, string]>([
  ['nothing', {}, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'at least one'],
  ['no JSON', 'texts=a', 400, 'ERR_CLIP_REQUEST_INVALID', 'JSON'],
  ['a string for a list', { texts: 'a' }, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'texts'],
  ['another modality', { texts: ['a'], video: ['AAAA'] }, 422, 'ERR_CLIP_UNKNOWN_OPTION', 'video'],
  ['an image among the texts', { texts: [base64('pizza.webp')] }, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'texts[0]'],
  ['an image of no bytes', { images: [''] }, 422, 'ERR_CLIP_IMAGE_EMPTY', 'images[0]'],
  ['no base64', { images: ['ü'] }, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'images[0]'],
  ['a URL, which this server does not fetch', { images: ['http://127.0.0.1/a.png'] }, 422, 'ERR_CLIP_URL_REFUSED',
    'images[0]'],
])('%s', async (_, body, status, code, words) => {
  expect(await vectorize(body)).toMatchObject(refused(status, code, words))
})

test('JSON under its own type, too', async () => {
  expect((await post(server, '/vectorize', { texts: ['a'] })).status).toBe(200)
})
