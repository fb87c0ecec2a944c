import { dot } from '../../library.js'
import type { Context } from '../context.js'
import { readInput, readInputs, textsOf } from '../inputs.js'
import type { RankBody } from '../schemas/rank.js'
import { usageOf } from '../usage.js'
import { type Call, encodeInputs, withModel } from '../work.js'

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
