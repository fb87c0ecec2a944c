/** Immich's server, as its machine-learning repository sends: a form of `entries` and `image` or `text`. */
import sharp from 'sharp'

import type { Clip } from '../../../lib/index.js'
import type { Server } from '../../../lib/server/index.js'
import { get, library, post, read, sample, start } from '../support'

let server: Server
let clip: Clip
const modelName = 'ViT-B-32__openai'
beforeAll(async () => {
  server = await start({ models: { [modelName]: { threads: 1 } } })
  clip = await library()
})

const visual = { clip: { visual: { modelName } } }
const textual = (options?: object) => ({ clip: { textual: { modelName, options } } })
const refused = (status: number, code: string, words = '') => ({
  status,
  body: { detail: expect.stringContaining(words) as string, code },
})

/** As Immich: a Blob without a name, which FormData calls 'blob'. */
async function predict(
  entries: unknown,
  payload: Record<string, string | Uint8Array>,
  first: 'entries' | 'payload' = 'entries',
) {
  const form = new FormData()
  const addEntries = (): void => form.append('entries', typeof entries === 'string' ? entries : JSON.stringify(entries))
  if (first === 'entries') addEntries()
  for (const [name, value] of Object.entries(payload))
    form.append(name, typeof value === 'string' ? value : new Blob([value as Uint8Array<ArrayBuffer>]))
  if (first === 'payload') addEntries()
  return read(await fetch(new URL('/predict', server.url), { method: 'POST', body: form }))
}

test('the availability check', async () => {
  expect(await get(server, '/ping')).toMatchObject({ status: 200, body: 'pong' })
  expect((await fetch(`${server.url}/ping`, { method: 'HEAD' })).status).toBe(200)
  expect((await fetch(`${server.url}/predict`, { method: 'OPTIONS' })).status).toBe(204)
})

test.each(['entries', 'payload'] as const)("an image: the library's numbers, %s first", async first => {
  const { status, body } = await predict(visual, { image: sample('pizza.webp') }, first)
  expect(status).toBe(200)
  expect(JSON.parse(body.clip as string)).toEqual(Array.from(await clip.encodeImage(sample('pizza.webp'))))
  const { width, height } = await sharp(sample('pizza.webp')).metadata()
  expect([body.imageWidth, body.imageHeight]).toEqual([width, height])
})

test('a text, with the language of the user', async () => {
  for (const options of [undefined, {}, { language: 'de-DE' }]) {
    const { status, body } = await predict(textual(options), { text: 'ein Hund am Strand' })
    expect(status).toBe(200)
    expect(Object.keys(body as object)).toEqual(['clip'])
    expect(JSON.parse(body.clip as string)).toEqual(Array.from(await clip.encodeText('ein Hund am Strand')))
  }
})

test('an empty text is a text', async () => {
  const { body } = await predict(textual(), { text: '' })
  expect(JSON.parse(body.clip as string)).toEqual(Array.from(await clip.encodeText('')))
})

test('the size is that of the file, also where it is decoded smaller', async () => {
  const noise = { create: { width: 2400, height: 1600, channels: 3 as const, background: '#a40' } }
  for (const format of ['jpeg', 'webp', 'png'] as const) {
    const image = await sharp(noise).toFormat(format).toBuffer()
    const { body } = await predict(visual, { image })
    expect([format, body.imageWidth, body.imageHeight]).toEqual([format, 2400, 1600])
    expect(JSON.parse(body.clip as string)).toEqual(Array.from(await clip.encodeImage(image)))
  }
})

test('fields of other versions are ignored, as by Immich', async () => {
  expect((await predict(textual(), { text: 'a', assetId: '7f6c' })).status).toBe(200)
})

describe("refused, with the code beside FastAPI's detail", () => {
  const image = sample('pizza.webp')
  const cases: [string, unknown, Record<string, string | Uint8Array>, number, string, string][] = [
    ['another model', { clip: { visual: { modelName: 'ViT-L-14__openai' } } }, { image }, 404, 'ERR_CLIP_MODEL_UNKNOWN',
      'ViT-L-14'],
    ['faces', { 'facial-recognition': { detection: { modelName: 'buffalo_l' } } }, { image }, 404,
      'ERR_CLIP_MODEL_UNKNOWN', 'facial-recognition'],
    ['faces beside clip', { ...visual, 'facial-recognition': {} }, { image }, 404, 'ERR_CLIP_MODEL_UNKNOWN',
      'facial-recognition'],
    ['two entries', { clip: { ...visual.clip, ...textual().clip } }, { image }, 422, 'ERR_CLIP_INVALID_ARGUMENT',
      'one entry'],
    ['no entry', {}, { image }, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'one entry'],
    ['another type', { clip: { audio: { modelName } } }, { image }, 422, 'ERR_CLIP_OUT_OF_RANGE', 'visual'],
    ['no model name', { clip: { visual: {} } }, { image }, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'modelName'],
    ['an empty model name', { clip: { visual: { modelName: '' } } }, { image }, 422, 'ERR_CLIP_INVALID_ARGUMENT',
      'modelName'],
    ['entries that are no JSON', '{"clip":', { image }, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'JSON'],
    ['entries that are a list', '[]', { image }, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'object'],
    ['entries without end', `"${'x'.repeat(5000)}"`, { image }, 422, 'ERR_CLIP_OUT_OF_RANGE', '4096'],
    ['both image and text', visual, { image, text: 'a' }, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'not both'],
    ['neither', visual, {}, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'image'],
    ['a text for the image tower', visual, { text: 'a' }, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'clip.visual'],
    ['an image for the text tower', textual(), { image }, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'clip.textual'],
    ['an image of no bytes', visual, { image: new Uint8Array(0) }, 422, 'ERR_CLIP_IMAGE_EMPTY', ''],
    ['an image that is none', visual, { image: Buffer.from('hello') }, 415, 'ERR_CLIP_IMAGE_DECODE', ''],
    ['a data URI as text', textual(), { text: 'data:image/png;base64,iVBORw0KGgo=' }, 422, 'ERR_CLIP_INVALID_ARGUMENT',
      'text'],
  ]
  test.each(cases)('%s', async (_, entries, payload, status, code, words) => {
    expect(await predict(entries, payload)).toMatchObject(refused(status, code, words))
  })

  test.each([[{ text: 'a' }], [{ prompt_string: 'a' }], [{ image: 5 }], [['a']]])(
    '%j as the image in JSON',
    async image => {
      expect(await post(server, '/predict', { entries: visual, image })).toMatchObject(
        refused(422, 'ERR_CLIP_INVALID_ARGUMENT', 'image'),
      )
    },
  )

  test('no entries at all, and two images', async () => {
    const form = new FormData()
    form.append('text', 'a')
    expect(await read(await fetch(`${server.url}/predict`, { method: 'POST', body: form }))).toMatchObject(
      refused(422, 'ERR_CLIP_INVALID_ARGUMENT', 'entries'),
    )
    const two = new FormData()
    two.append('entries', JSON.stringify(visual))
    for (let i = 0; i < 2; i++) two.append('image', new Blob([new Uint8Array(image)]))
    expect(await read(await fetch(`${server.url}/predict`, { method: 'POST', body: two }))).toMatchObject(
      refused(422, 'ERR_CLIP_INVALID_ARGUMENT', 'image'),
    )
  })
})
