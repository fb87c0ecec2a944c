/** Cohere's `POST /v2/embed`, and `/v1/embed`, which Cohere's older client and LangChain.js call. */
import { randomUUID } from 'node:crypto'

import { invalidArgument, outOfRange } from '../../errors.js'
import { contents, failuresOf, imageString, model, outputDimension, purpose, success, text } from '../calls/schemas.js'
import { checkTextLengths } from '../calls/text-lengths.js'
import { usageOf } from '../calls/usage.js'
import { type Call, encodeInputs, withModel } from '../calls/work.js'
import type { Context } from '../context.js'
import { type Input, readContents, readInputs, readText, textsOf } from '../input/read-inputs.js'
import { flatBody, flatFailure } from '../output/failures.js'
import { checkLength, type VectorForm, type WrittenVector, writtenVector } from '../output/vectors.js'

interface CohereBody {
  model?: string
  texts?: string[]
  images?: string[]
  inputs?: { content: unknown[] }[]
  embedding_types?: VectorForm[]
  output_dimension?: number
  max_tokens?: number
  truncate?: 'NONE' | 'START' | 'END'
}

export const cohereFailures = flatBody('message')

const numbers = { type: 'array', items: { type: 'array', items: { type: 'number' } } } as const
const byType = {
  type: 'object',
  description: 'A list for each of embedding_types.',
  properties: {
    float: numbers,
    base64: { type: 'array', items: { type: 'string' } },
    binary: numbers,
    ubinary: numbers,
  },
} as const

export const cohereSchema = {
  operationId: 'cohereEmbed',
  tags: ['dialects'],
  summary: 'Cohere: texts and images to vectors',
  description: 'One of texts, images and inputs is needed.',
  consumes: ['application/json'],
  body: {
    type: 'object',
    required: ['model'],
    additionalProperties: false,
    properties: {
      model,
      input_type: purpose,
      texts: { type: 'array', minItems: 1, items: text },
      images: { type: 'array', minItems: 1, items: imageString },
      inputs: { ...contents, description: 'Each has one text or one image.' },
      embedding_types: {
        type: 'array',
        minItems: 1,
        maxItems: 8,
        items: { type: 'string', enum: ['float', 'base64', 'binary', 'ubinary'] },
        description: "Default ['float']. int8 and uint8 are refused: Cohere's scale is not public.",
      },
      output_dimension: outputDimension,
      max_tokens: { type: 'integer', minimum: 1, description: 'Texts with more tokens are refused.' },
      truncate: {
        type: 'string',
        enum: ['NONE', 'START', 'END'],
        description: 'Default END. With NONE and START, a text that fills the context is refused.',
      },
      priority: { type: 'integer', description: 'Not used: clients get equal shares.' },
    },
  },
  response: {
    200: success('One vector an input, in order, L2-normalised.', {
      type: 'object',
      required: ['id', 'embeddings', 'texts', 'meta', 'response_type'],
      properties: {
        id: { type: 'string' },
        embeddings: byType,
        texts: { type: 'array', items: { type: 'string' } },
        meta: { type: 'object' },
        response_type: { const: 'embeddings_by_type' },
      },
    }),
    ...failuresOf(flatFailure('message')),
  },
} as const

const { input_type, texts, images, embedding_types, truncate } = cohereSchema.body.properties

export const cohereSchemaV1 = {
  ...cohereSchema,
  operationId: 'cohereEmbedV1',
  summary: 'Cohere, version 1: texts or images to vectors',
  description: 'One of texts and images is needed.',
  body: {
    type: 'object',
    additionalProperties: false,
    properties: {
      model,
      input_type,
      texts,
      images,
      embedding_types: { ...embedding_types, description: 'Default: embeddings is a list, of float.' },
      truncate,
    },
  },
  response: {
    ...cohereSchema.response,
    200: success('One vector an input, in order, L2-normalised.', {
      type: 'object',
      required: ['id', 'embeddings', 'texts', 'meta', 'response_type'],
      properties: {
        id: { type: 'string' },
        embeddings: { anyOf: [numbers, byType] },
        texts: { type: 'array', items: { type: 'string' } },
        meta: { type: 'object' },
        response_type: { enum: ['embeddings_floats', 'embeddings_by_type'] },
      },
    }),
  },
} as const

/** POST /v1/embed */
export async function cohereEmbedV1(context: Context, body: CohereBody, call: Call) {
  const answer = await cohereEmbed(context, body, call)
  const meta = { ...answer.meta, api_version: { version: '1' } }
  if (body.embedding_types) return { ...answer, meta }
  return { ...answer, meta, embeddings: answer.embeddings.float, response_type: 'embeddings_floats' }
}

/** POST /v2/embed */
export async function cohereEmbed(context: Context, body: CohereBody, call: Call) {
  const { output_dimension: dimension, max_tokens: tokens, truncate = 'END', embedding_types: forms = ['float'] } = body
  const inputs = inputsOf(body, call)
  return withModel(context, call, body.model, inputs.length, async (clip, slot) => {
    const length = checkLength('output_dimension', dimension, clip.info.dim, slot.served.dimensions)
    if (length % 8 !== 0 && forms.some(form => form.endsWith('binary')))
      throw outOfRange(
        'embedding_types',
        `'float' or 'base64' for vectors of ${length} numbers, no multiple of 8,`,
        forms,
      )
    const limits = {
      uncut: truncate === 'END' ? undefined : 'truncate',
      most: tokens === undefined ? undefined : { field: 'max_tokens', tokens },
    }
    await checkTextLengths(clip, inputs, limits, call.signal)
    const vectors = await encodeInputs(context, call, clip, inputs)
    const { prompt_tokens_details: used } = await usageOf(clip, textsOf(inputs), call)
    const written = (form: VectorForm): WrittenVector[] =>
      vectors.map(vector => writtenVector(vector, { form, length, normalized: true }))
    return {
      id: randomUUID(),
      embeddings: Object.fromEntries(forms.map(form => [form, written(form)])),
      texts: body.texts ?? [],
      meta: {
        api_version: { version: '2' },
        billed_units: { input_tokens: used.text_tokens, images: call.pictures.length },
      },
      response_type: 'embeddings_by_type',
    }
  })
}

function inputsOf({ texts, images, inputs }: CohereBody, { uploads }: Call): Input[] {
  const given = Object.entries({ texts, images, inputs }).filter(([, value]) => value !== undefined)
  if (given.length !== 1) {
    throw invalidArgument(
      given[1]?.[0] ?? 'texts',
      'exactly one of texts, images and inputs',
      given.length === 0 ? undefined : given.map(([name]) => name),
    )
  }
  if (texts) return texts.map((one, i) => readText(`texts[${i}]`, one))
  if (images) return readInputs('images', images, 'image', uploads)
  return readContents('inputs', inputs!, uploads)
}
