import { endianness } from 'node:os'

import { normalize } from '../../library.js'
import { outOfRange } from '../../errors.js'
import type { Context } from '../context.js'
import { readInputs, textsOf } from '../inputs.js'
import type { EmbeddingsBody } from '../schemas/embeddings.js'
import { usageOf } from '../usage.js'
import { type Call, encodeInputs, withModel } from '../work.js'

/** POST /v1/embeddings */
export async function embeddings(context: Context, body: EmbeddingsBody, call: Call) {
  const inputs = readInputs('input', body.input, body.modality, call.uploads)
  const { normalized = true, dimensions } = body
  const base64 = (body.encoding_format ?? body.embedding_type) === 'base64'
  return withModel(context, call, body.model, inputs.length, async (clip, slot) => {
    const length = checkDimensions(dimensions, clip.info.dim, slot.served.dimensions ?? [])
    const vectors = await encodeInputs(context, call, clip, inputs, { normalize: normalized })
    // made when they are written: as numbers, the vectors of a large request would take hundreds of megabytes
    const data = vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: { toJSON: () => written(vector, length, normalized, base64) },
    }))
    return { object: 'list', data, model: slot.name, usage: await usageOf(clip, textsOf(inputs), call) }
  })
}

/** infinity's clients say 0 for the model's own length. */
function checkDimensions(asked = 0, own: number, allowed: readonly number[]): number {
  if (asked === 0) return own
  if (asked === own || (asked < own && allowed.includes(asked))) return asked
  const choices = [...allowed.filter(size => size < own), own].join(', ')
  throw outOfRange('dimensions', `what this model allows (${choices})`, asked)
}

function written(vector: Float32Array, length: number, normalized: boolean, base64: boolean): Float32Array | string {
  const part = length === vector.length ? vector : shorten(vector, length, normalized)
  return base64 ? toBase64(part) : part
}

/** The beginning of a vector, as long as the whole one was when that counts. */
function shorten(vector: Float32Array, length: number, normalized: boolean): Float32Array {
  const part = vector.subarray(0, length)
  return normalized ? normalize(part) : part
}

/** Little-endian float32, as OpenAI sends it. */
function toBase64(vector: Float32Array): string {
  const bytes = Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)
  return (endianness() === 'LE' ? bytes : Buffer.from(bytes).swap32()).toString('base64')
}
