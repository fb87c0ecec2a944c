/** The inference container of Weaviate's module multi2vec-clip: `POST /vectorize`, `GET /meta`, two probes. */
import { invalidArgument } from '../../errors.js'
import { failuresOf, imageString, success, text } from '../calls/schemas.js'
import { type Call, encodeInputs, withModel } from '../calls/work.js'
import { describe } from '../calls/models.js'
import type { Context } from '../context.js'
import { type Input, readInputs, readText } from '../input/read-inputs.js'
import { flatBody, flatFailure } from '../output/failures.js'

interface VectorizeBody {
  texts?: string[]
  images?: string[]
}

export const weaviateFailures = flatBody('error')

const vectors = { type: 'array', items: { type: 'array', items: { type: 'number' } } } as const

export const vectorizeSchema = {
  operationId: 'weaviateVectorize',
  tags: ['dialects'],
  summary: 'Weaviate: texts and images to vectors of the first model',
  consumes: ['application/json'],
  body: {
    type: 'object',
    additionalProperties: false,
    properties: {
      texts: { type: 'array', items: text },
      images: { type: 'array', items: imageString },
    },
  },
  response: {
    200: success('One vector an input, in order, L2-normalised.', {
      type: 'object',
      required: ['textVectors', 'imageVectors'],
      properties: { textVectors: vectors, imageVectors: vectors },
    }),
    ...failuresOf(flatFailure('error')),
  },
} as const

const probe = (operationId: string, summary: string) => ({
  operationId,
  tags: ['dialects'],
  summary,
  security: [],
  response: { 204: { type: 'null', description: 'Yes.' }, 503: { type: 'null', description: 'No.' } },
})
export const liveSchema = probe('weaviateLive', 'Weaviate: does the process answer?')
export const readySchema = probe('weaviateReady', 'Weaviate: may it be given requests?')

export const metaSchema = {
  operationId: 'weaviateMeta',
  tags: ['dialects'],
  summary: 'Weaviate: the first model',
  response: { 200: success('As in GET /v1/models.', { type: 'object' }) },
} as const

/** POST /vectorize */
export async function vectorize(context: Context, { texts = [], images = [] }: VectorizeBody, call: Call) {
  const inputs: Input[] = [
    ...texts.map((one, i) => readText(`texts[${i}]`, one)),
    ...(images.length > 0 ? readInputs('images', images, 'image', call.uploads) : []),
  ]
  if (inputs.length === 0) throw invalidArgument('texts', 'at least one text or image', texts)
  return withModel(context, call, undefined, inputs.length, async clip => {
    const all = await encodeInputs(context, call, clip, inputs)
    return { textVectors: all.slice(0, texts.length), imageVectors: all.slice(texts.length) }
  })
}

/** GET /meta */
export function meta({ pool, startedAt }: Context) {
  return describe(pool, pool.get(undefined).name, startedAt)
}
