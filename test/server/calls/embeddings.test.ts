/** POST /v1/embeddings: the forms of input, the forms of output, and the library's numbers. */
import type { Clip } from '../../../lib/index.js'
import type { Server } from '../../../lib/server/index.js'
import { normalize } from '../../../lib/index.js'
import { base64, dataUri, failure, library, post, sample, start, unbase64, vectorsOf } from '../support'

let server: Server
let clip: Clip
beforeAll(async () => {
  server = await start({ models: { 'emoji-clip': { threads: 1 }, matryoshka: { threads: 1, dimensions: [64, 128] } } })
  clip = await library()
})

const embed = (body: object) => post(server, '/v1/embeddings', body)
const texts = ['a photo of a pizza', 'a rocket', 'ünïcode 🍕 and more']
const pizza = sample('pizza.webp')

describe('texts', () => {
  test("one and several: the library's numbers to the last bit", async () => {
    const one = await embed({ input: texts[0], model: 'emoji-clip' })
    expect(one.status).toBe(200)
    expect(one.body).toMatchObject({ object: 'list', model: 'emoji-clip', data: [{ object: 'embedding', index: 0 }] })
    expect(vectorsOf(one)).toEqual([Array.from(await clip.encodeText(texts[0]!))])
    const many = await embed({ input: texts })
    expect(vectorsOf(many)).toEqual((await clip.encodeText(texts)).map(vector => Array.from(vector)))
    expect(many.body.data.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2])
  })

  test('usage counts tokens without padding', async () => {
    const { body } = await embed({ input: ['pizza', 'a photo of a pizza'] })
    const lengths = ['pizza', 'a photo of a pizza'].map(text => {
      const ids = [...clip.tokenize(text)]
      return ids.indexOf(clip.info.text!.eosId) + 1
    })
    expect(body.usage).toEqual({
      prompt_tokens: lengths[0]! + lengths[1]!,
      total_tokens: lengths[0]! + lengths[1]!,
      prompt_tokens_details: { text_tokens: lengths[0]! + lengths[1]!, image_tokens: 0 },
    })
  })

  test('an empty text is a text', async () => {
    expect(vectorsOf(await embed({ input: '' }))).toEqual([Array.from(await clip.encodeText(''))])
  })
})

describe('images', () => {
  const forms: Record<string, object> = {
    'data URI': { input: dataUri('pizza.webp') },
    'data URI in a list': { input: [dataUri('pizza.webp')] },
    "infinity's modality with a data URI": { input: [dataUri('pizza.webp')], modality: 'image' },
    'modality with bare base64': { input: base64('pizza.webp'), modality: 'image' },
    "jina's part with base64": { input: [{ image: base64('pizza.webp') }] },
    "jina's part with a data URI": { input: [{ image: dataUri('pizza.webp') }] },
    "OpenAI's content part": { input: [{ type: 'image_url', image_url: { url: dataUri('pizza.webp') } }] },
    "OpenAI's part with detail": {
      input: { type: 'image_url', image_url: { url: dataUri('pizza.webp'), detail: 'low' } },
    },
    "the responses API's part": { input: { type: 'input_image', image_url: dataUri('pizza.webp') } },
    "Voyage's base64 part": { input: { type: 'image_base64', image_base64: dataUri('pizza.webp') } },
    "llama.cpp's part": { input: { prompt_string: '<__media__>', multimodal_data: [base64('pizza.webp')] } },
    'base64 for URLs': { input: { image: pizza.toString('base64url') } },
  }
  test.each(Object.entries(forms))('%s', async (_, body) => {
    const answer = await embed(body)
    expect(answer.status).toBe(200)
    expect(vectorsOf(answer)).toEqual([Array.from(await clip.encodeImage(pizza))])
    const { imageSize, patchSize } = clip.info.vision!
    expect(answer.body.usage.prompt_tokens).toBe((imageSize / patchSize) ** 2)
  })

  test('mixed with texts, in order', async () => {
    const { body, ...answer } = await embed({
      input: ['one', { image: dataUri('rocket.png') }, { text: 'two' }, dataUri('pizza.webp'), {
        prompt_string: 'three',
      }],
    })
    const expected = [
      await clip.encodeText('one'),
      await clip.encodeImage(sample('rocket.png')),
      await clip.encodeText('two'),
      await clip.encodeImage(pizza),
      await clip.encodeText('three'),
    ]
    vectorsOf({ body, ...answer }).forEach((vector, i) =>
      vector.forEach((value, k) => expect(value).toBeCloseTo(expected[i]![k]!, 5))
    )
  })
})

describe('output', () => {
  test("base64 is little-endian float32, also by jina's name", async () => {
    const plain = vectorsOf(await embed({ input: texts }))
    for (const field of ['encoding_format', 'embedding_type']) {
      const coded = await embed({ input: texts, [field]: 'base64' })
      expect(coded.body.data.map(({ embedding }: { embedding: string }) => Array.from(unbase64(embedding)))).toEqual(
        plain,
      )
    }
  })

  test('not normalised when asked', async () => {
    expect(vectorsOf(await embed({ input: 'a rocket', normalized: false }))).toEqual([
      Array.from(await clip.encodeText('a rocket', { normalize: false })),
    ])
  })

  test('dimensions: where the model allows', async () => {
    const whole = await clip.encodeText('a rocket')
    expect(vectorsOf(await embed({ input: 'a rocket', dimensions: 256 }))).toEqual([Array.from(whole)])
    const [short] = vectorsOf(await embed({ input: 'a rocket', dimensions: 64, model: 'matryoshka' }))
    expect(short).toEqual(Array.from(normalize(whole.subarray(0, 64))))
    const [raw] = vectorsOf(await embed({ input: 'a rocket', dimensions: 64, model: 'matryoshka', normalized: false }))
    expect(raw).toEqual(Array.from((await clip.encodeText('a rocket', { normalize: false })).subarray(0, 64)))
    expect(await embed({ input: 'a rocket', dimensions: 64 })).toMatchObject(
      failure(422, 'ERR_CLIP_OUT_OF_RANGE', '256'),
    )
    expect(await embed({ input: 'a rocket', dimensions: 65, model: 'matryoshka' })).toMatchObject(
      failure(422, 'ERR_CLIP_OUT_OF_RANGE', '64, 128, 256'),
    )
    expect(await embed({ input: 'a rocket', dimensions: 512 })).toMatchObject(
      failure(422, 'ERR_CLIP_OUT_OF_RANGE', 'dimensions'),
    )
  })

  test('answers are compressed for those who take it', async () => {
    const { headers } = await post(server, '/v1/embeddings', { input: texts }, {
      headers: { 'accept-encoding': 'gzip' },
    })
    expect(headers.get('content-encoding')).toBe('gzip')
  })
})

describe('what is no input', () => {
  const cases: [string, object, string, string][] = [
    ['nothing', {}, 'ERR_CLIP_INVALID_ARGUMENT', 'input'],
    ['an empty list', { input: [] }, 'ERR_CLIP_OUT_OF_RANGE', 'input'],
    ['a number', { input: 5 }, 'ERR_CLIP_INVALID_ARGUMENT', 'input'],
    ['token ids', { input: [1, 2, 3] }, 'ERR_CLIP_INVALID_ARGUMENT', 'input[0]'],
    ['lists of token ids', { input: [[1, 2], [3]] }, 'ERR_CLIP_INVALID_ARGUMENT', 'input[0]'],
    ['null', { input: ['a', null] }, 'ERR_CLIP_INVALID_ARGUMENT', 'input[1]'],
    ['an empty part', { input: [{}] }, 'ERR_CLIP_INVALID_ARGUMENT', 'input[0]'],
    ['text and image in one part', { input: { text: 'a', image: base64('pizza.webp') } }, 'ERR_CLIP_INVALID_ARGUMENT',
      'exactly one'],
    ['text around an image', { input: { prompt_string: 'see <__media__>', multimodal_data: [base64('pizza.webp')] } },
      'ERR_CLIP_INVALID_ARGUMENT', 'exactly one'],
    ['an unknown field', { input: 'a', dimension: 64 }, 'ERR_CLIP_UNKNOWN_OPTION', "'dimension'"],
    ['an unknown field of a part', { input: [{ images: 'a' }] }, 'ERR_CLIP_UNKNOWN_OPTION', "'images'"],
    ['an unknown format', { input: 'a', encoding_format: 'int8' }, 'ERR_CLIP_OUT_OF_RANGE', 'encoding_format'],
    ['dimensions below 0', { input: 'a', dimensions: -1 }, 'ERR_CLIP_OUT_OF_RANGE', 'dimensions'],
    ['dimensions of 1.5', { input: 'a', dimensions: 1.5 }, 'ERR_CLIP_INVALID_ARGUMENT', 'dimensions'],
    ['dimensions as a string', { input: 'a', dimensions: '64' }, 'ERR_CLIP_INVALID_ARGUMENT', 'dimensions'],
    ['too many inputs', { input: Array.from({ length: 2049 }, () => 'a') }, 'ERR_CLIP_OUT_OF_RANGE', '2048'],
    ['a path for an image', { input: ['/etc/passwd'], modality: 'image' }, 'ERR_CLIP_IMAGE_DECODE', 'input[0]'],
    ['a file URL', { input: ['file:///etc/passwd'], modality: 'image' }, 'ERR_CLIP_INVALID_ARGUMENT', 'input[0]'],
    ['a URL', { input: ['https://example.org/a.png'], modality: 'image' }, 'ERR_CLIP_URL_REFUSED', 'input[0]'],
    ['a data URI without base64', { input: 'data:image/svg+xml,<svg/>' }, 'ERR_CLIP_INVALID_ARGUMENT', 'base64'],
    ['a data URI without data', { input: 'data:image/png;base64,' }, 'ERR_CLIP_IMAGE_EMPTY', 'input'],
    ['a damaged image', { input: ['a', dataUri('pizza.webp').slice(0, 1503)] }, 'ERR_CLIP_IMAGE_DECODE', 'input[1]'],
  ]
  test.each(cases)('%s', async (_, body, code, words) => {
    const answer = await embed(body)
    expect(answer.body).toMatchObject(failure(0, code, words).body)
    expect(code === 'ERR_CLIP_IMAGE_DECODE' ? [415, 422] : [422]).toContain(answer.status)
  })

  test('bytes that are no image: 415', async () => {
    const body = { input: { image: Buffer.from('this is no picture at all, is it').toString('base64') } }
    expect(await embed(body)).toMatchObject(failure(415, 'ERR_CLIP_IMAGE_DECODE', 'input'))
  })

  test('a model that is not here: 404', async () => {
    expect(await embed({ input: 'a', model: 'text-embedding-3-small' })).toMatchObject(
      failure(404, 'ERR_CLIP_MODEL_UNKNOWN', 'text-embedding-3-small'),
    )
  })
})
