import { failures, input, model, result, user } from './common.js'

export interface RankBody {
  model?: string
  query: unknown
  documents: unknown[]
  modality?: 'text' | 'image'
  top_n?: number
  return_documents?: boolean
  user?: string
}

export const rank = {
  operationId: 'rank',
  tags: ['scores'],
  summary: 'Order documents by how near they are to a query',
  description:
    'Query and documents are texts or images, in any mixture. The form is that of rerank calls of jina and infinity.',
  consumes: ['application/json', 'multipart/form-data'],
  body: {
    type: 'object',
    required: ['query', 'documents'],
    additionalProperties: false,
    properties: {
      model,
      query: input,
      documents: { type: 'array', minItems: 1, items: input },
      modality: {
        type: 'string',
        enum: ['text', 'image'],
        description: 'What strings in documents are. Default: texts, but for data URIs of images.',
      },
      top_n: {
        type: 'integer',
        minimum: 1,
        maximum: 2 ** 31 - 1,
        description: 'Return only the best so many. Default: all.',
      },
      return_documents: { type: 'boolean', description: 'Return the documents, too. Default false.' },
      raw_scores: {
        type: 'boolean',
        description: "Sent along by infinity's clients; scores are cosines, raw as they are.",
      },
      user,
    },
  },
  response: {
    200: result('The documents, nearest first.', {
      object: { enum: ['list', 'rerank'], description: "'rerank' of /v1/rerank, as infinity's clients expect." },
      results: {
        type: 'array',
        items: {
          type: 'object',
          required: ['index', 'relevance_score'],
          properties: {
            index: { type: 'integer', description: 'Place in documents.' },
            relevance_score: { type: 'number', description: 'Cosine to the query, -1 to 1.' },
            document: {},
          },
        },
      },
    }),
    ...failures,
  },
} as const
