/** The calls that compute: a table. */
import type { Context } from './context.js'
import { classify } from './handlers/classify.js'
import { embeddings } from './handlers/embeddings.js'
import { rank, rerank } from './handlers/rank.js'
import { similarity } from './handlers/similarity.js'
import { classify as classifySchema } from './schemas/classify.js'
import { embeddings as embeddingsSchema } from './schemas/embeddings.js'
import { rank as rankSchema } from './schemas/rank.js'
import { similarity as similaritySchema } from './schemas/similarity.js'
import type { Call } from './work.js'

interface ComputeRoute {
  url: string
  /** Where clients of infinity find it, too. */
  alias?: string
  schema: { body: { properties: object }; operationId: string }
  /** The field that uploaded files go to. */
  files: string
  handler: (context: Context, body: never, call: Call) => Promise<object>
}

export const computeRoutes: readonly ComputeRoute[] = [
  { url: '/v1/embeddings', alias: '/embeddings', schema: embeddingsSchema, files: 'input', handler: embeddings },
  { url: '/v1/classify', schema: classifySchema, files: 'images', handler: classify },
  { url: '/v1/similarity', schema: similaritySchema, files: 'images', handler: similarity },
  { url: '/v1/rank', schema: rankSchema, files: 'documents', handler: rank },
  {
    url: '/v1/rerank',
    alias: '/rerank',
    schema: { ...rankSchema, operationId: 'rerank' },
    files: 'documents',
    handler: rerank,
  },
]
