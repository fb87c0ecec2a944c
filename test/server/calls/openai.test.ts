/** OpenAI's own client, unchanged. */
import OpenAI from 'openai'

import type { Clip } from '../../../lib/index.js'
import type { Server } from '../../../lib/server/index.js'
import { dataUri, get, library, sample, start, until } from '../support'

const key = 'a-secret-for-openai'
let server: Server
let clip: Clip
let client: OpenAI
beforeAll(async () => {
  server = await start({ apiKeys: [key] })
  clip = await library()
  client = new OpenAI({ apiKey: key, baseURL: `${server.url}/v1`, maxRetries: 0 })
})

test('texts; the client asks for base64 by itself', async () => {
  const { data, model, usage } = await client.embeddings.create({ model: 'emoji-clip', input: ['a pizza', 'a rocket'] })
  expect(model).toBe('emoji-clip')
  expect(usage.total_tokens).toBeGreaterThan(4)
  const expected = await clip.encodeText(['a pizza', 'a rocket'])
  expect(data.map(({ embedding }) => embedding)).toEqual(expected.map(vector => Array.from(vector)))
})

test.each(['float', 'base64'] as const)('encoding_format %s', async format => {
  const { data } = await client.embeddings.create({
    model: 'emoji-clip',
    input: 'a pizza',
    encoding_format: format,
    user: 'somebody',
  })
  const [expected] = await clip.encodeText(['a pizza'])
  if (format === 'float') expect(data[0]!.embedding).toEqual(Array.from(expected!))
  else expect(Buffer.from(data[0]!.embedding as unknown as string, 'base64')).toEqual(Buffer.from(expected!.buffer))
})

test('dimensions', async () => {
  const { data } = await client.embeddings.create({ model: 'emoji-clip', input: 'a pizza', dimensions: 256 })
  expect(data[0]!.embedding).toHaveLength(256)
})

test('an image as a data URI', async () => {
  const { data } = await client.embeddings.create({ model: 'emoji-clip', input: dataUri('pizza.webp') })
  expect(data[0]!.embedding).toEqual(Array.from(await clip.encodeImage(sample('pizza.webp'))))
})

test('models', async () => {
  const names: string[] = []
  for await (const model of client.models.list()) names.push(model.id)
  expect(names).toEqual(['emoji-clip'])
  expect(await client.models.retrieve('emoji-clip')).toMatchObject({ id: 'emoji-clip', object: 'model' })
  await expect(client.models.retrieve('other')).rejects.toBeInstanceOf(OpenAI.NotFoundError)
})

test("errors are the client's own classes, with code and message", async () => {
  await expect(client.embeddings.create({ model: 'other', input: 'a' })).rejects.toMatchObject({
    status: 404,
    code: 'ERR_CLIP_MODEL_UNKNOWN',
  })
  await expect(client.embeddings.create({ model: 'emoji-clip', input: [1, 2] })).rejects.toBeInstanceOf(
    OpenAI.UnprocessableEntityError,
  )
  const stranger = new OpenAI({ apiKey: 'not-the-right-secret', baseURL: `${server.url}/v1`, maxRetries: 0 })
  await expect(stranger.embeddings.create({ model: 'emoji-clip', input: 'a' })).rejects.toBeInstanceOf(
    OpenAI.AuthenticationError,
  )
})

test('a cancelled call is cancelled', async () => {
  const controller = new AbortController()
  const call = client.embeddings.create({ model: 'emoji-clip', input: 'a' }, { signal: controller.signal })
  controller.abort()
  await expect(call).rejects.toBeInstanceOf(OpenAI.APIUserAbortError)
})

test('a batch of many, texts and images', async () => {
  const input = Array.from({ length: 100 }, (_, i) => (i % 10 === 0 ? dataUri('rocket.png') : `text ${i}`))
  const { data } = await client.embeddings.create({ model: 'emoji-clip', input })
  expect(data.map(({ index }) => index)).toEqual(input.map((_, i) => i))
  expect(data[10]!.embedding).toEqual(Array.from(await clip.encodeImage(sample('rocket.png'))))
  expect(data[99]!.embedding).toEqual(Array.from(await clip.encodeText('text 99')))
})

test("limits are the client's own classes, too, and it waits as long as it is told", async () => {
  const limited = await start({ requestsPerMinute: 1, maxQueue: 8 })
  const impatient = new OpenAI({ apiKey: 'none', baseURL: `${limited.url}/v1`, maxRetries: 0 })
  await impatient.embeddings.create({ model: 'emoji-clip', input: 'a' })
  const refused = await impatient.embeddings.create({ model: 'emoji-clip', input: 'a' }).catch((error: unknown) =>
    error
  )
  expect(refused).toBeInstanceOf(OpenAI.RateLimitError)
  expect(refused).toMatchObject({ status: 429, code: 'ERR_CLIP_RATE_EXCEEDED', type: 'rate_limit_error' })
  expect(Number((refused as InstanceType<typeof OpenAI.RateLimitError>).headers!.get('retry-after'))).toBeGreaterThan(0)

  const full = await start({ maxQueue: 8 })
  const [once, patient] = [0, 5].map(maxRetries =>
    new OpenAI({ apiKey: 'none', baseURL: `${full.url}/v1`, maxRetries })
  )
  const long = once!.embeddings.create({
    model: 'emoji-clip',
    input: Array.from({ length: 120 }, () => dataUri('rocket.png')),
  })
  await until(async () =>
    /ggclip_admitted_inputs\{model="emoji-clip"\} 120/.test((await get(full, '/metrics')).body as string)
  )
  const busy = await once!.embeddings.create({ model: 'emoji-clip', input: 'a' }).catch((error: unknown) => error)
  expect(busy).toBeInstanceOf(OpenAI.InternalServerError)
  expect(busy).toMatchObject({ status: 503, code: 'ERR_CLIP_QUEUE_FULL', type: 'overloaded_error' })
  expect((await patient!.embeddings.create({ model: 'emoji-clip', input: 'a' })).data).toHaveLength(1)
  expect((await long).data).toHaveLength(120)
})
