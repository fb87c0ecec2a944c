/** Fields of vLLM's and jina's clients on `/v1/embeddings`. */
import type { Clip } from '../../../lib/index.js'
import type { Server } from '../../../lib/server/index.js'
import { dataUri, failure, library, post, sample, start, vectorsOf } from '../support'

let server: Server
let clip: Clip
beforeAll(async () => {
  server = await start()
  clip = await library()
})

const model = 'emoji-clip'
const embed = (body: object) => post(server, '/v1/embeddings', { model, ...body })
const picture = { type: 'image_url', image_url: { url: dataUri('pizza.webp') } }
const tooLong = 'word '.repeat(100)

describe("vLLM's messages", () => {
  let ofPicture: number[]
  let ofText: number[]
  beforeAll(async () => {
    ofPicture = Array.from(await clip.encodeImage(sample('pizza.webp')))
    ofText = Array.from(await clip.encodeText('a photo of a pizza'))
  })

  test('one image, alone or with empty texts around it', async () => {
    const extra = {
      continue_final_message: true,
      add_special_tokens: true,
      embed_dtype: 'float32',
      endianness: 'native',
    }
    const conversations = [
      [{ role: 'user', content: [picture] }],
      [{ role: 'user', content: [picture, { type: 'text', text: '' }] }],
      [{ role: 'user', content: [picture] }, { role: 'assistant', content: [{ type: 'text', text: '' }] }],
    ]
    for (const messages of conversations)
      expect(vectorsOf(await embed({ messages, encoding_format: 'float', ...extra }))).toEqual([ofPicture])
  })

  test('one text, as a part and as a string', async () => {
    for (const content of ['a photo of a pizza', [{ type: 'text', text: 'a photo of a pizza' }]])
      expect(vectorsOf(await embed({ messages: [{ role: 'user', content }] }))).toEqual([ofText])
    expect(vectorsOf(await embed({ messages: [{ role: 'user', content: '' }] }))).toEqual([
      Array.from(await clip.encodeText('')),
    ])
  })

  test('a batch of conversations', async () => {
    const messages = [[{ role: 'user', content: [picture] }], [{ role: 'user', content: 'a photo of a pizza' }]]
    expect(vectorsOf(await embed({ messages }))).toEqual([ofPicture, ofText])
  })

  test('use_activation: false is a vector as the model makes it', async () => {
    const messages = [{ role: 'user', content: 'a' }]
    expect(vectorsOf(await embed({ messages, use_activation: false }))).toEqual([
      Array.from(await clip.encodeText('a', { normalize: false })),
    ])
  })

  test.each<[string, object, string, string]>([
    ['a text and an image', { messages: [{ role: 'user', content: [picture, { type: 'text', text: 'a' }] }] },
      'ERR_CLIP_INVALID_ARGUMENT', 'exactly one'],
    ['a system prompt', { messages: [{ role: 'system', content: 'Represent.' }, { role: 'user', content: 'a' }] },
      'ERR_CLIP_INVALID_ARGUMENT', 'exactly one'],
    ['an empty content', { messages: [{ role: 'user', content: [] }] }, 'ERR_CLIP_INVALID_ARGUMENT', 'exactly one'],
    ['a data URI as a text', { messages: [{ role: 'user', content: dataUri('pizza.webp') }] },
      'ERR_CLIP_INVALID_ARGUMENT', 'messages[0].content'],
    ['conversations and messages mixed', {
      messages: [[{ role: 'user', content: 'a' }], { role: 'user', content: 'b' }],
    }, 'ERR_CLIP_INVALID_ARGUMENT', 'messages'],
    ['messages beside input', { input: 'a', messages: [{ role: 'user', content: 'a' }] }, 'ERR_CLIP_INVALID_ARGUMENT',
      'not both'],
    ['no messages', { messages: [] }, 'ERR_CLIP_OUT_OF_RANGE', 'messages'],
    ['a chat template, which would change the text', { messages: [{ role: 'user', content: 'a' }], chat_template: 'x' },
      'ERR_CLIP_UNKNOWN_OPTION', 'chat_template'],
    ['half precision', { input: 'a', embed_dtype: 'float16' }, 'ERR_CLIP_OUT_OF_RANGE', 'embed_dtype'],
    ['big-endian', { input: 'a', endianness: 'big' }, 'ERR_CLIP_OUT_OF_RANGE', 'endianness'],
    ['a text without its start and end', { input: 'a', add_special_tokens: false }, 'ERR_CLIP_INVALID_ARGUMENT',
      'add_special_tokens'],
    ['a text longer than truncate_prompt_tokens', { input: ['a', tooLong], truncate_prompt_tokens: 8 },
      'ERR_CLIP_OUT_OF_RANGE', 'input[1]'],
    ['a text of which the end would be kept', { input: tooLong, truncation_side: 'left' }, 'ERR_CLIP_OUT_OF_RANGE',
      'truncation_side'],
  ])('%s is refused', async (_, body, code, words) => {
    expect(await embed(body)).toMatchObject(failure(422, code, words))
  })

  test('truncate_prompt_tokens where it makes no difference', async () => {
    for (const tokens of [-1, 16, 8192])
      expect((await embed({ input: 'a photo', truncate_prompt_tokens: tokens, truncation_side: 'right' })).status).toBe(
        200,
      )
    expect((await embed({ input: tooLong, truncate_prompt_tokens: -1 })).status).toBe(200)
  })
})

describe("jina's fields", () => {
  test('a request for jina-clip', async () => {
    const answer = await embed({
      input: [{ text: 'a beach' }, { image: dataUri('pizza.webp') }],
      task: 'retrieval.query',
      dimensions: 256,
      normalized: true,
      embedding_type: 'float',
      truncate: true,
      late_chunking: false,
      return_multivector: false,
    })
    expect(vectorsOf(answer)).toEqual([
      Array.from(await clip.encodeText('a beach')),
      Array.from(await clip.encodeImage(sample('pizza.webp'))),
    ])
  })

  test('truncate: false refuses a text that does not fit, and no other', async () => {
    expect((await embed({ input: 'a short text', truncate: false })).status).toBe(200)
    expect(await embed({ input: ['a', tooLong], truncate: false })).toMatchObject(
      failure(422, 'ERR_CLIP_OUT_OF_RANGE', 'input[1]'),
    )
    expect(await embed({ input: tooLong, truncation: false })).toMatchObject(
      failure(422, 'ERR_CLIP_OUT_OF_RANGE', 'truncation'),
    )
    // of more characters than are read, but few tokens
    expect(await embed({ input: `a${' '.repeat(20_000)}b`, truncate: false })).toMatchObject(
      failure(422, 'ERR_CLIP_OUT_OF_RANGE', 'truncate'),
    )
  })

  test.each<[string, object, string]>([
    ['late chunking', { late_chunking: true }, 'late_chunking'],
    ['several vectors an input', { return_multivector: true }, 'return_multivector'],
  ])('%s is refused', async (_, fields, words) => {
    expect(await embed({ input: ['a', 'b'], ...fields })).toMatchObject(failure(422, 'ERR_CLIP_OUT_OF_RANGE', words))
  })
})
