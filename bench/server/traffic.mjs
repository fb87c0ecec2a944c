// Mixed requests, good and bad, some of which the client cancels.
import http from 'node:http'

import { imageRequest, makePictures, randomFrom } from './requests.mjs'

/** After this time without an answer, none is expected. */
const limitMs = 60_000

/** The requests, how often each is sent, and the right statuses. */
export async function makeTraffic(seed) {
  const random = randomFrom(seed)
  const pick = list => list[Math.floor(random() * list.length)]
  const pictures = await makePictures(16)
  const images = pictures.map(picture => imageRequest(picture).body)
  const json = (route, body) => ({
    route,
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const text = () => `text ${Math.floor(random() * 1e6)}`
  const kinds = [
    { weight: 8, statuses: [200, 503], make: () => json('/v1/embeddings', pick(images)) },
    {
      weight: 6,
      statuses: [200, 503],
      make: () =>
        json('/v1/embeddings', {
          input: Array.from({ length: 1 + Math.floor(random() * 8) }, text),
          encoding_format: pick(['float', 'base64']),
        }),
    },
    {
      weight: 2,
      statuses: [200, 503],
      make: () => json('/v1/classify', { image: pick(pictures).toString('base64'), labels: ['cat', 'dog', text()] }),
    },
    { weight: 2, statuses: [200, 503], make: () => form('/v1/classify', pick(pictures), { labels: ['cat', 'dog'] }) },
    { weight: 1, statuses: [400], make: () => json('/v1/embeddings', '{') },
    { weight: 1, statuses: [422], make: () => json('/v1/embeddings', { input: [] }) },
    {
      weight: 1,
      statuses: [415, 422],
      make: () => json('/v1/embeddings', { input: [{ image: pick(pictures).subarray(0, 2000).toString('base64') }] }),
    },
    {
      weight: 1,
      statuses: [404],
      make: () => json('/v1/embeddings', { input: 'a', model: `none-${Math.floor(random() * 1000)}` }),
    },
  ]
  const total = kinds.reduce((sum, { weight }) => sum + weight, 0)
  return {
    next() {
      let at = random() * total
      const { statuses, make } = kinds.find(({ weight }) => (at -= weight) < 0) ?? kinds[0]
      // one in ten is cancelled
      return { ...make(), statuses, giveUpMs: random() < 0.1 ? random() * 40 : undefined }
    },
  }
}

function form(route, picture, fields) {
  const boundary = 'ggclip-soak-boundary'
  const part = (
    head,
    content,
  ) => [Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; ${head}\r\n\r\n`), Buffer.from(content),
    Buffer.from('\r\n')]
  const parts = Object.entries(fields).flatMap(([name, values]) =>
    values.flatMap(value => part(`name="${name}"`, value))
  )
  const body = Buffer.concat([...part('name="file"; filename="picture.jpg"', picture), ...parts,
    Buffer.from(`--${boundary}--\r\n`)])
  return { route, headers: { 'content-type': `multipart/form-data; boundary=${boundary}` }, body }
}

const agent = new http.Agent({ keepAlive: true })

/** Resolves to { status }, { gaveUp: true } or { problem }, in any case and in time: Node's fetch() may never end when it is aborted. */
export function send(url, { route, headers, body, giveUpMs }) {
  return new Promise(resolve => {
    const request = http.request(`${url}${route}`, {
      method: 'POST',
      agent,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    })
    const giveUp = giveUpMs === undefined ? undefined : setTimeout(() => end({ gaveUp: true }), giveUpMs)
    const late = setTimeout(() => end({ problem: `no answer within ${limitMs} ms` }), limitMs)
    const end = outcome => {
      clearTimeout(giveUp)
      clearTimeout(late)
      resolve(outcome)
      if (outcome.status === undefined) request.destroy()
    }
    request.on('error', error => end({ problem: error.message }))
    request.on('response', response => {
      response.on('error', error => end({ problem: error.message })).on(
        'end',
        () => end({ status: response.statusCode }),
      ).resume()
    })
    request.end(body)
  })
}
