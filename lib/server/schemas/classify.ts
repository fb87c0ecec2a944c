import { failures, image, inputs, list, model, user } from './common.js'

export interface ClassifyBody {
  model?: string
  input?: unknown
  image?: unknown
  images?: unknown[]
  labels: string[]
  templates?: string[]
  top_k?: number
  multi_label?: boolean
  user?: string
}

const label = { type: 'string', minLength: 1, maxLength: 1024 } as const

export const classify = {
  operationId: 'classify',
  tags: ['scores'],
  summary: 'Which of these labels is in the picture?',
  description: 'Zero-shot classification, best label first. Give the pictures as input, image or images.',
  consumes: ['application/json', 'multipart/form-data'],
  body: {
    type: 'object',
    required: ['labels'],
    additionalProperties: false,
    properties: {
      model,
      input: { ...inputs, description: 'One image or a list; strings are images.' },
      image,
      images: { type: 'array', minItems: 1, items: image },
      labels: { type: 'array', minItems: 1, items: label },
      templates: {
        type: 'array',
        minItems: 1,
        maxItems: 100,
        items: { type: 'string', maxLength: 1024, pattern: '\\{(label)?\\}' },
        description: "Prompts with {} for the label, averaged. Default 'a photo of a {}'.",
      },
      top_k: {
        type: 'integer',
        minimum: 1,
        maximum: 2 ** 31 - 1,
        description: 'Return only the best so many. Default: all.',
      },
      multi_label: { type: 'boolean', description: 'Score each label by itself. Default false.' },
      user,
    },
  },
  response: {
    200: list('One list of labels an image, in order.', {
      type: 'object',
      required: ['object', 'index', 'results'],
      properties: {
        object: { const: 'classification' },
        index: { type: 'integer' },
        results: {
          type: 'array',
          items: {
            type: 'object',
            required: ['label', 'score', 'similarity'],
            properties: {
              label: { type: 'string' },
              score: { type: 'number', description: 'Probability.' },
              similarity: { type: 'number', description: 'Cosine, -1 to 1.' },
            },
          },
        },
      },
    }),
    ...failures,
  },
} as const
