/** Classify, similarity and rank: the library's numbers. */
import { type Clip, dot } from '../../../lib/index.js'
import { type Server } from '../../../lib/server/index.js'
import { base64, dataUri, failure, library, post, sample, start } from '../support'

let server: Server
let clip: Clip
beforeAll(async () => {
  server = await start()
  clip = await library()
})

const pizza = sample('pizza.webp')
const rocket = sample('rocket.png')
const labels = ['pizza', 'rocket', 'dog face']

describe('classify', () => {
  const classify = (body: object) => post(server, '/v1/classify', body)

  test.each([
    ['input', { input: dataUri('pizza.webp') }],
    ['image', { image: base64('pizza.webp') }],
    ['images', { images: [dataUri('pizza.webp')] }],
    ['a part', { image: { type: 'image_url', image_url: { url: dataUri('pizza.webp') } } }],
  ])('%s', async (_, fields) => {
    const { status, body } = await classify({ ...fields, labels })
    expect(status).toBe(200)
    expect(body).toMatchObject({ object: 'list', model: 'emoji-clip', data: [{ object: 'classification', index: 0 }] })
    expect(body.data[0].results).toEqual(await clip.classify(pizza, labels))
  })

  test('several images, templates, top_k, multi_label', async () => {
    const options = { templates: ['a drawing of a {}', '{label}'], topK: 2, multiLabel: true }
    const classifier = await clip.classifier(labels, { templates: options.templates })
    const { body } = await classify({
      images: [dataUri('pizza.webp'), dataUri('rocket.png')],
      labels,
      templates: options.templates,
      top_k: 2,
      multi_label: true,
    })
    const expected = await classifier.classify([pizza, rocket], { topK: 2, multiLabel: true })
    expect(body.data.map(({ results }: any) => results.map(({ label }: any) => label))).toEqual(
      expected.map(list => list.map(({ label }) => label)),
    )
    body.data.forEach(({ results }: any, i: number) =>
      results.forEach(({ score }: any, k: number) => expect(score).toBeCloseTo(expected[i]![k]!.score, 5))
    )
  })

  test.each<[string, object, number, string, string]>([
    ['no labels', { image: base64('pizza.webp') }, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'labels'],
    ['an empty list of labels', { image: base64('pizza.webp'), labels: [] }, 422, 'ERR_CLIP_OUT_OF_RANGE', 'labels'],
    ['a blank label', { image: base64('pizza.webp'), labels: ['a', ' '] }, 422, 'ERR_CLIP_OUT_OF_RANGE', 'labels[1]'],
    ['no image', { labels: ['a'] }, 422, 'ERR_CLIP_INVALID_ARGUMENT', 'images'],
    ['a text for an image', { input: { text: 'a pizza' }, labels: ['a'] }, 422, 'ERR_CLIP_INVALID_ARGUMENT',
      'an image'],
    ['a template without a place', { image: base64('pizza.webp'), labels: ['a'], templates: ['a photo'] }, 422,
      'ERR_CLIP_OUT_OF_RANGE', 'templates[0]'],
    ['top_k of 0', { image: base64('pizza.webp'), labels: ['a'], top_k: 0 }, 422, 'ERR_CLIP_OUT_OF_RANGE', 'top_k'],
    ['a bad image among good ones', { images: [dataUri('pizza.webp'), dataUri('rocket.png').slice(0, 900)], labels },
      422, 'ERR_CLIP_IMAGE_DECODE', 'images[1]'],
  ])('%s', async (_, body, status, code, words) => {
    expect(await classify(body)).toMatchObject(failure(status, code, words))
  })
})

describe('similarity', () => {
  const similarity = (body: object) => post(server, '/v1/similarity', body)

  test('every pair', async () => {
    const { body } = await similarity({ images: [dataUri('pizza.webp'), dataUri('rocket.png')], texts: labels })
    const expected = await clip.similarity([pizza, rocket], labels)
    for (const name of ['logits', 'probabilities'] as const) {
      expect(body[name]).toHaveLength(2)
      body[name].forEach((row: number[], i: number) =>
        row.forEach((value, k) => expect(value).toBeCloseTo(expected[name][i]![k]!, 4))
      )
    }
    expect(body.similarities[0][0]).toBeCloseTo(dot(await clip.encodeImage(pizza), await clip.encodeText('pizza')), 5)
    expect(body.usage.prompt_tokens_details.image_tokens).toBe(
      2 * (clip.info.vision!.imageSize / clip.info.vision!.patchSize) ** 2,
    )
  })

  test('one image, one text', async () => {
    const { body } = await similarity({ image: dataUri('pizza.webp'), text: 'pizza' })
    const expected = await clip.similarity(pizza, 'pizza')
    expect(body.logits).toEqual(expected.logits.map(row => Array.from(row)))
    expect(body.probabilities).toEqual([[1]])
  })

  test('something is missing', async () => {
    expect(await similarity({ text: 'a' })).toMatchObject(failure(422, 'ERR_CLIP_INVALID_ARGUMENT', 'image'))
    expect(await similarity({ image: dataUri('pizza.webp') })).toMatchObject(
      failure(422, 'ERR_CLIP_INVALID_ARGUMENT', 'text'),
    )
  })
})

describe('rank', () => {
  test.each(['/v1/rank', '/v1/rerank'])('%s: nearest first', async route => {
    const documents = ['a rocket', 'a pizza', { image: dataUri('pizza.webp') }]
    const { body } = await post(server, route, {
      query: 'a photo of a pizza',
      documents,
      top_n: 2,
      return_documents: true,
    })
    expect(body.results.map(({ index }: any) => index).sort()).toEqual([1, 2])
    const query = await clip.encodeText('a photo of a pizza')
    const scores: Record<number, number> = {
      1: dot(query, await clip.encodeText('a pizza')),
      2: dot(query, await clip.encodeImage(pizza)),
    }
    for (const { index, relevance_score: score, document } of body.results) {
      expect(score).toBeCloseTo(scores[index]!, 5)
      expect(document).toEqual(documents[index])
    }
    expect(body.results[0].relevance_score).toBeGreaterThanOrEqual(body.results[1].relevance_score)
  })

  test('an image as the query, images as documents', async () => {
    const { body } = await post(server, '/v1/rank', {
      query: dataUri('pizza.webp'),
      documents: [base64('rocket.png'), base64('pizza.webp')],
      modality: 'image',
    })
    expect(body.results.map(({ index }: any) => index)).toEqual([1, 0])
    expect(body.results[0].relevance_score).toBeCloseTo(1, 5)
    expect(body.results[0]).not.toHaveProperty('document')
  })

  test('equal documents keep their order', async () => {
    const { body } = await post(server, '/v1/rank', { query: 'a', documents: ['b', 'b', 'b'] })
    expect(body.results.map(({ index }: any) => index)).toEqual([0, 1, 2])
  })
})
