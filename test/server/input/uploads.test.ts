/** Forms with files. */
import { createReadStream } from 'node:fs'
import http from 'node:http'

import type { Clip } from '../../../lib/index.js'
import type { Server } from '../../../lib/server/index.js'
import { failure, form, library, sample, sampleFile, start, vectorsOf } from '../support'

let server: Server
let clip: Clip
beforeAll(async () => {
  server = await start({ maxImageBytes: 100_000, maxBodyBytes: 250_000, maxInputs: 20 })
  clip = await library()
})

const file = (name: string) => new Blob([sample(name)])
const pizza = sample('pizza.webp')

test('embeddings: files under any name, texts, options', async () => {
  const answer = await form(server, '/v1/embeddings', [['model', 'emoji-clip'], ['file', file('pizza.webp')], ['input',
    'a rocket'], ['file', file('rocket.png')], ['dimensions', '256']])
  expect(answer.status).toBe(200)
  const expected = [await clip.encodeImage(pizza), await clip.encodeText('a rocket'),
    await clip.encodeImage(sample('rocket.png'))]
  vectorsOf(answer).forEach((vector, i) => vector.forEach((value, k) => expect(value).toBeCloseTo(expected[i]![k]!, 5)))
})

test('classify: labels repeated or as JSON, booleans and numbers by the schema', async () => {
  const expected = await clip.classify(pizza, ['pizza', 'rocket'], { topK: 1, multiLabel: true })
  for (
    const labels of [[['labels', 'pizza'], ['labels', 'rocket']], [['labels', '["pizza","rocket"]']], [['labels[]',
      'pizza'], ['labels[]', 'rocket']]] as const
  ) {
    const answer = await form(server, '/v1/classify', [['image', file('pizza.webp')], ...labels, ['top_k', '1'], [
      'multi_label',
      'true',
    ]])
    expect(answer.body.data[0].results).toEqual(expected)
  }
})

test('similarity and rank', async () => {
  const similarity = await form(server, '/v1/similarity', [['images', file('pizza.webp')], ['images',
    file('rocket.png')], ['text', 'pizza']])
  expect(similarity.body.logits).toHaveLength(2)
  const rank = await form(server, '/v1/rank', [['query', file('pizza.webp')], ['documents', 'pizza'], ['documents',
    file('rocket.png')]])
  expect(rank.body.results).toHaveLength(2)
  expect(rank.body.results[0].index).toBe(0)
})

test('streamed without a length', async () => {
  const boundary = 'xyz'
  const answer = await new Promise<any>((resolve, reject) => {
    const request = http.request(`${server.url}/v1/embeddings`, {
      method: 'POST',
      headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'transfer-encoding': 'chunked' },
    }, response => {
      let text = ''
      response.on('data', chunk => {
        text += chunk
      }).on('end', () => resolve(JSON.parse(text)))
    }).on('error', reject)
    request.write(`--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a.webp"\r\n\r\n`)
    createReadStream(sampleFile('pizza.webp'), { highWaterMark: 512 }).on(
      'end',
      () => request.end(`\r\n--${boundary}--\r\n`),
    ).pipe(request, { end: false })
  })
  expect(answer.data[0].embedding).toEqual(Array.from(await clip.encodeImage(pizza)))
})

describe('limits', () => {
  test('a file that is too large', async () => {
    expect(await form(server, '/v1/embeddings', [['file', new Blob([new Uint8Array(100_001)])]])).toMatchObject(
      failure(413, 'ERR_CLIP_IMAGE_TOO_LARGE', 'file'),
    )
  })

  test('a form that is too large, with and without a length', async () => {
    const parts = Array.from({ length: 3 }, () => ['file', new Blob([new Uint8Array(90_000)])] as const)
    expect(await form(server, '/v1/embeddings', parts)).toMatchObject(
      failure(413, 'ERR_CLIP_REQUEST_TOO_LARGE', 'maxBodyBytes'),
    )
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from('--b\r\ncontent-disposition: form-data; name="input"; filename="f"\r\n\r\n'))
        for (let i = 0; i < 3; i++)
          controller.enqueue(
            Buffer.concat([Buffer.alloc(90_000),
              Buffer.from(`\r\n--b\r\ncontent-disposition: form-data; name="input"; filename="f"\r\n\r\n`)]),
          )
        controller.enqueue(Buffer.from('--b--\r\n'))
        controller.close()
      },
    })
    const chunked = await fetch(`${server.url}/v1/embeddings`, {
      method: 'POST',
      body: stream,
      duplex: 'half',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
    } as RequestInit)
    expect(chunked.status).toBe(413)
  })

  test('too many inputs', async () => {
    const parts = Array.from({ length: 21 }, () => ['file', file('pizza.webp')] as const)
    expect(await form(server, '/v1/embeddings', parts)).toMatchObject(
      failure(422, 'ERR_CLIP_OUT_OF_RANGE', 'maxInputs'),
    )
  })

  test.each<[string, [string, string | Blob][], number, string, string]>([
    ['an unknown field', [['file', file('pizza.webp')], ['modell', 'a']], 422, 'ERR_CLIP_UNKNOWN_OPTION', 'modell'],
    ['a field twice', [['file', file('pizza.webp')], ['model', 'a'], ['model', 'b']], 422, 'ERR_CLIP_INVALID_ARGUMENT',
      'model'],
    ['a number that is none', [['file', file('pizza.webp')], ['dimensions', 'many']], 422, 'ERR_CLIP_INVALID_ARGUMENT',
      'dimensions'],
    ['no file and no text', [['model', 'emoji-clip']], 422, 'ERR_CLIP_INVALID_ARGUMENT', 'input'],
    ['an empty file', [['file', new Blob([])]], 422, 'ERR_CLIP_IMAGE_EMPTY', ''],
    ['a name of the prototype', [['file', file('pizza.webp')], ['__proto__', 'x']], 422, 'ERR_CLIP_UNKNOWN_OPTION',
      '__proto__'],
  ])('%s', async (_, parts, status, code, words) => {
    expect(await form(server, '/v1/embeddings', parts)).toMatchObject(failure(status, code, words))
  })

  test('a form that breaks off', async () => {
    const response = await fetch(`${server.url}/v1/embeddings`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      body: '--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\nabc',
    })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject(failure(0, 'ERR_CLIP_REQUEST_INVALID').body)
  })

  test('a form without a boundary', async () => {
    const response = await fetch(`${server.url}/v1/embeddings`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data' },
      body: 'x',
    })
    expect([400, 406, 415]).toContain(response.status)
    expect(((await response.json()) as { error: { code: string } }).error.code).toMatch(/^ERR_CLIP_REQUEST_/)
  })
})
