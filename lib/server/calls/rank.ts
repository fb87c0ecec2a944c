import { dot } from '../../library.js'
import type { Context } from '../context.js'
import { readInput, readInputs, textsOf } from '../input/read-inputs.js'
import { best, failures, input, modality, model, result, user } from './schemas.js'
import { usageOf } from './usage.js'
import { type Call, encodeInputs, withModel } from './work.js'

interface RankBody {
  model?: string
  query: unknown
  documents: unknown[]
  modality?: 'text' | 'image'
  top_n?: number
  return_documents?: boolean
  user?: string
}

export const rankSchema = {
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
      modality: modality('documents are'),
      top_n: best,
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

/** POST /v1/rank */
export async function rank(context: Context, body: RankBody, call: Call) {
  const { documents, modality, top_n: count = documents.length, return_documents: withDocuments = false } = body
  const inputs = [readInput('query', body.query, undefined, call.uploads),
    ...readInputs('documents', documents, modality, call.uploads)]
  return withModel(context, call, body.model, inputs.length, async (clip, slot) => {
    const [query, ...vectors] = await encodeInputs(context, call, clip, inputs)
    const results = vectors.map((vector, index) => ({ index, relevance_score: dot(query!, vector) }))
    results.sort((a, b) => b.relevance_score - a.relevance_score || a.index - b.index)
    return {
      object: 'list',
      results: results.slice(0, count).map(
        result => (withDocuments ? { ...result, document: documents[result.index] } : result),
      ),
      model: slot.name,
      usage: await usageOf(clip, textsOf(inputs), call),
    }
  })
}

/** POST /v1/rerank: infinity's clients look at `object`. */
export async function rerank(context: Context, body: RankBody, call: Call) {
  return { ...await rank(context, body, call), object: 'rerank' }
}
