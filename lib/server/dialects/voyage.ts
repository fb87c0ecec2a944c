/** Voyage's `POST /v1/multimodalembeddings`. Its call for texts is `/v1/embeddings`. */
import { embedding } from '../calls/embeddings.js'
import { contents, failuresOf, model, outputDimension, purpose, success } from '../calls/schemas.js'
import { checkTextLengths } from '../calls/text-lengths.js'
import { usageOf } from '../calls/usage.js'
import { type Call, encodeInputs, withModel } from '../calls/work.js'
import type { Context } from '../context.js'
import { readContents, textsOf } from '../input/read-inputs.js'
import { flatBody, flatFailure } from '../output/failures.js'
import { checkLength, writtenVector } from '../output/vectors.js'

interface MultimodalBody {
  model?: string
  inputs: { content: unknown[] }[]
  truncation?: boolean
  encoding_format?: 'base64'
  output_encoding?: 'base64'
  output_dimension?: number
}

export const voyageFailures = flatBody('detail')

const format = { type: 'string', enum: ['base64'], description: 'Default: lists of numbers.' } as const

export const multimodalSchema = {
  operationId: 'voyageMultimodalEmbeddings',
  tags: ['dialects'],
  summary: 'Voyage: texts and images to vectors',
  description: 'Each input has one text or one image: this model embeds each separately. Video is refused.',
  consumes: ['application/json'],
  body: {
    type: 'object',
    required: ['inputs'],
    additionalProperties: false,
    properties: {
      model,
      inputs: contents,
      input_type: purpose,
      truncation: {
        type: 'boolean',
        description: 'Cut texts at the context length. Default true; with false, a text that fills it is refused.',
      },
      encoding_format: format,
      output_encoding: format,
      output_dimension: outputDimension,
      output_dtype: { type: 'string', enum: ['float'] },
    },
  },
  response: {
    200: success('One vector an input, in order, L2-normalised.', {
      type: 'object',
      required: ['object', 'data', 'model', 'usage'],
      properties: {
        object: { const: 'list' },
        data: {
          type: 'array',
          items: {
            type: 'object',
            required: ['object', 'index', 'embedding'],
            properties: { object: { const: 'embedding' }, index: { type: 'integer' }, embedding },
          },
        },
        model: { type: 'string' },
        usage: {
          type: 'object',
          required: ['text_tokens', 'image_pixels', 'total_tokens'],
          properties: {
            text_tokens: { type: 'integer' },
            image_pixels: { type: 'integer', description: 'Pixels as decoded; large images are decoded smaller.' },
            total_tokens: { type: 'integer', description: 'Of texts, and one for each patch of an image.' },
          },
        },
      },
    }),
    ...failuresOf(flatFailure('detail')),
  },
} as const

/** POST /v1/multimodalembeddings */
export async function multimodalEmbeddings(context: Context, body: MultimodalBody, call: Call) {
  const inputs = readContents('inputs', body.inputs, call.uploads)
  const form = body.encoding_format ?? body.output_encoding ?? 'float'
  return withModel(context, call, body.model, inputs.length, async (clip, slot) => {
    const length = checkLength('output_dimension', body.output_dimension, clip.info.dim, slot.served.dimensions)
    await checkTextLengths(clip, inputs, { uncut: body.truncation === false ? 'truncation' : undefined }, call.signal)
    const vectors = await encodeInputs(context, call, clip, inputs)
    const { total_tokens: total, prompt_tokens_details: used } = await usageOf(clip, textsOf(inputs), call)
    const pixels = call.pictures.reduce((sum, { width, height }) => sum + width * height, 0)
    return {
      object: 'list',
      data: vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: writtenVector(vector, { form, length, normalized: true }),
      })),
      model: slot.name,
      usage: { text_tokens: used.text_tokens, image_pixels: pixels, total_tokens: total },
    }
  })
}
