import { endianness } from 'node:os'

import { outOfRange } from '../../errors.js'
import { normalize } from '../../library.js'
import type { Context } from '../context.js'
import { readInputs, textsOf } from '../input/read-inputs.js'
import { failures, inputs, list, modality, model, purpose, truncation, user } from './schemas.js'
import { usageOf } from './usage.js'
import { type Call, encodeInputs, withModel } from './work.js'

interface EmbeddingsBody {
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

export const embeddingsSchema = {
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
      modality: modality('input are (infinity)'),
      encoding_format: { ...format, description: 'Default float.' },
      embedding_type: { ...format, description: "jina's name of encoding_format." },
      dimensions: {
        type: 'integer',
        minimum: 0,
        description: "Length of the vectors, if the model allows a choice. Default, and 0 (infinity): the model's own.",
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
    200: list('One vector an input, in order.', 'embedding', { embedding }),
    ...failures,
  },
} as const

/** POST /v1/embeddings */
export async function embeddings(context: Context, body: EmbeddingsBody, call: Call) {
  const inputs = readInputs('input', body.input, body.modality, call.uploads)
  const { normalized = true, dimensions } = body
  const base64 = (body.encoding_format ?? body.embedding_type) === 'base64'
  return withModel(context, call, body.model, inputs.length, async (clip, slot) => {
    const length = checkDimensions(dimensions, clip.info.dim, slot.served.dimensions ?? [])
    const vectors = await encodeInputs(context, call, clip, inputs, { normalize: normalized })
    // created while they are written: as numbers, the vectors of a large request would take hundreds of megabytes
    const data = vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: { toJSON: () => written(vector, length, normalized, base64) },
    }))
    return { object: 'list', data, model: slot.name, usage: await usageOf(clip, textsOf(inputs), call) }
  })
}

/** infinity's clients send 0 for the model's own length. */
function checkDimensions(asked = 0, own: number, allowed: readonly number[]): number {
  if (asked === 0) return own
  if (asked === own || (asked < own && allowed.includes(asked))) return asked
  const choices = [...allowed.filter(size => size < own), own].join(', ')
  throw outOfRange('dimensions', `a length that this model allows (${choices})`, asked)
}

function written(vector: Float32Array, length: number, normalized: boolean, base64: boolean): Float32Array | string {
  const part = length === vector.length ? vector : shorten(vector, length, normalized)
  return base64 ? toBase64(part) : part
}

/** The beginning of a vector, scaled to the length of the whole. */
function shorten(vector: Float32Array, length: number, normalized: boolean): Float32Array {
  const part = vector.subarray(0, length)
  return normalized ? normalize(part) : part
}

/** Little-endian float32, in OpenAI's format. */
function toBase64(vector: Float32Array): string {
  const bytes = Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)
  return (endianness() === 'LE' ? bytes : Buffer.from(bytes).swap32()).toString('base64')
}
