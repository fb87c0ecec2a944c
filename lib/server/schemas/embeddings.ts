import { failures, inputs, list, model, purpose, truncation, user } from './common.js'

export interface EmbeddingsBody {
  model?: string
  input: unknown
  modality?: 'text' | 'image'
  encoding_format?: 'float' | 'base64'
  embedding_type?: 'float' | 'base64'
  dimensions?: number
  normalized?: boolean
  user?: string
}

const format = { type: 'string', enum: ['float', 'base64'] } as const

const embedding = {
  anyOf: [
    { type: 'array', items: { type: 'number' } },
    { type: 'string', description: 'base64 of little-endian float32 values' },
  ],
} as const

export const embeddings = {
  operationId: 'createEmbeddings',
  tags: ['vectors'],
  summary: 'Texts and images to vectors',
  description:
    `OpenAI's call, extended to images. An input is a text, or an image where modality says so, where it is a data URI of an
image, or where it is written as a content part. Texts and images may be mixed; their vectors are comparable.`,
  consumes: ['application/json', 'multipart/form-data'],
  body: {
    type: 'object',
    required: ['input'],
    additionalProperties: false,
    properties: {
      model,
      input: inputs,
      modality: {
        type: 'string',
        enum: ['text', 'image'],
        description: 'What strings in input are (infinity). Default: texts, but for data URIs of images.',
      },
      encoding_format: { ...format, description: 'Default float.' },
      embedding_type: { ...format, description: "jina's name of encoding_format." },
      dimensions: {
        type: 'integer',
        minimum: 0,
        description:
          "Length of the vectors, where the model allows another than its own. Default, and 0 (infinity): the model's own.",
      },
      normalized: { type: 'boolean', description: 'L2-normalise the vectors. Default true.' },
      user,
      input_type: purpose,
      task: purpose,
      truncate: truncation,
      truncation,
    },
  },
  response: {
    200: list('One vector an input, in order.', {
      type: 'object',
      required: ['object', 'index', 'embedding'],
      properties: { object: { const: 'embedding' }, index: { type: 'integer' }, embedding },
    }),
    ...failures,
  },
} as const
