import { failures, image, model, result, text, user } from './common.js'

export interface SimilarityBody {
  model?: string
  image?: unknown
  images?: unknown[]
  text?: string
  texts?: string[]
  user?: string
}

const matrix = { type: 'array', items: { type: 'array', items: { type: 'number' } } } as const

export const similarity = {
  operationId: 'similarity',
  tags: ['scores'],
  summary: 'How well does each text fit each picture?',
  description: 'Every pair: rows are images, columns texts. Texts are taken as they are, without a prompt.',
  consumes: ['application/json', 'multipart/form-data'],
  body: {
    type: 'object',
    additionalProperties: false,
    properties: {
      model,
      image,
      images: { type: 'array', minItems: 1, items: image },
      text,
      texts: { type: 'array', minItems: 1, items: text },
      user,
    },
  },
  response: {
    200: result('Three matrices.', {
      object: { const: 'similarity' },
      similarities: { ...matrix, description: 'Cosines.' },
      logits: { ...matrix, description: "The model's logits_per_image." },
      probabilities: { ...matrix, description: 'Softmax of each row, or sigmoid of each value for models trained so.' },
    }),
    ...failures,
  },
} as const
