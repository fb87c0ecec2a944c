import { invalidArgument } from '../../errors.js'
import type { Context } from '../context.js'
import { type Message, readMessages } from '../input/messages.js'
import { type Input, readInputs, textsOf } from '../input/read-inputs.js'
import { checkLength, writtenVector } from '../output/vectors.js'
import { contentPart, failures, inputs, list, modality, model, purpose, user } from './schemas.js'
import { checkTextLengths, type TextLimits } from './text-lengths.js'
import { usageOf } from './usage.js'
import { type Call, encodeInputs, withModel } from './work.js'

export interface EmbeddingsBody {
  model?: string
  input?: unknown
  messages?: (Message | Message[])[]
  modality?: 'text' | 'image'
  encoding_format?: 'float' | 'base64'
  embedding_type?: 'float' | 'base64'
  dimensions?: number
  output_dimension?: number
  normalized?: boolean
  use_activation?: boolean
  truncate?: boolean
  truncation?: boolean
  truncation_side?: 'left' | 'right'
  truncate_prompt_tokens?: number
  add_special_tokens?: boolean
  user?: string
}

const format = { type: 'string', enum: ['float', 'base64'] } as const
const vllm = (description: string) => `vLLM: ${description}`
const never = { type: 'boolean', enum: [false] } as const

export const embedding = {
  anyOf: [
    { type: 'array', items: { type: 'number' } },
    { type: 'string', description: 'base64 of little-endian float32 values' },
  ],
} as const

const message = {
  type: 'object',
  required: ['role', 'content'],
  additionalProperties: false,
  properties: {
    role: { type: 'string', maxLength: 64 },
    content: { anyOf: [{ type: 'string' }, { type: 'array', items: { $ref: `${contentPart.$id}#` } }] },
    name: { type: 'string', maxLength: 256 },
  },
} as const

const textLengths = {
  truncate: {
    type: 'boolean',
    description:
      'Cut texts at the context length. Default true; with false, a text that fills the context is refused (jina, TEI).',
  },
  truncation: { type: 'boolean', description: "Voyage's name of truncate." },
  truncation_side: {
    type: 'string',
    enum: ['left', 'right'],
    description: vllm("texts are cut at the right; with 'left', a text that fills the context is refused."),
  },
  truncate_prompt_tokens: {
    type: 'integer',
    minimum: -1,
    description: vllm('texts with more tokens are refused. -1: the context length.'),
  },
} as const

/** Fields of jina, Voyage and vLLM that change nothing here, or only with the values that are refused. */
const harmless = {
  input_type: purpose,
  task: purpose,
  late_chunking: { ...never, description: 'jina: every input is embedded by itself.' },
  return_multivector: { ...never, description: 'jina: one vector an input.' },
  output_dtype: { type: 'string', enum: ['float'], description: 'Voyage.' },
  embed_dtype: { type: 'string', enum: ['float32'], description: vllm('of base64.') },
  endianness: { type: 'string', enum: ['native', 'little'], description: vllm('of base64.') },
  add_special_tokens: {
    type: 'boolean',
    description: vllm('texts always have the start and end that the model needs; not used with messages.'),
  },
  add_generation_prompt: { type: 'boolean', description: vllm('not used: there is no chat template.') },
  continue_final_message: { type: 'boolean', description: vllm('not used: there is no chat template.') },
  request_id: { type: 'string', maxLength: 256, description: vllm('not used: the answer has X-Request-Id.') },
  priority: { type: 'integer', description: vllm('not used: clients get equal shares.') },
  cache_salt: { type: 'string', maxLength: 1024, description: vllm('not used.') },
} as const

export const embeddingsSchema = {
  operationId: 'createEmbeddings',
  tags: ['vectors'],
  summary: 'Texts and images to vectors',
  description:
    `OpenAI's call, extended to images. An input is a text, or an image where modality says so, where it is a data URI of an
image, or where it is written as a content part. Texts and images may be mixed; their vectors are comparable. One of input and
messages is needed.`,
  consumes: ['application/json', 'multipart/form-data'],
  body: {
    type: 'object',
    additionalProperties: false,
    properties: {
      model,
      input: inputs,
      messages: {
        type: 'array',
        minItems: 1,
        items: { anyOf: [message, { type: 'array', minItems: 1, items: message }] },
        description: vllm('in place of input: a conversation with one text or one image, or a list of such.'),
      },
      modality: modality('input are (infinity)'),
      encoding_format: { ...format, description: 'Default float.' },
      embedding_type: { ...format, description: "jina's name of encoding_format." },
      dimensions: {
        type: 'integer',
        minimum: 0,
        description: "Length of the vectors, if the model allows a choice. Default, and 0 (infinity): the model's own.",
      },
      output_dimension: { type: 'integer', minimum: 0, description: "Voyage's name of dimensions." },
      normalized: { type: 'boolean', description: 'L2-normalise the vectors. Default true.' },
      use_activation: { type: 'boolean', description: "vLLM's name of normalized." },
      user,
      ...textLengths,
      ...harmless,
    },
  },
  response: {
    200: list('One vector an input, in order.', 'embedding', { embedding }),
    ...failures,
  },
} as const

/** POST /v1/embeddings */
export function embeddings(context: Context, body: EmbeddingsBody, call: Call) {
  if (body.messages === undefined) {
    if (body.add_special_tokens === false)
      throw invalidArgument('add_special_tokens', 'true, since texts need their start and end,', false)
    if (body.input === undefined) throw invalidArgument('input', 'a text or an image, or a list of them,', undefined)
    return embed(context, body, readInputs('input', body.input, body.modality, call.uploads), call)
  }
  if (body.input !== undefined) throw invalidArgument('messages', 'input or messages, not both,', body.messages)
  return embed(context, body, readMessages('messages', body.messages, call.uploads), call)
}

/** The vectors of `inputs` in OpenAI's form, as the fields of `body` want them. */
export async function embed(context: Context, body: EmbeddingsBody, inputs: readonly Input[], call: Call) {
  const normalized = body.normalized ?? body.use_activation ?? true
  const form = body.encoding_format ?? body.embedding_type ?? 'float'
  const field = body.dimensions === undefined && body.output_dimension !== undefined ? 'output_dimension' : 'dimensions'
  return withModel(context, call, body.model, inputs.length, async (clip, slot) => {
    const length = checkLength(field, body[field], clip.info.dim, slot.served.dimensions)
    await checkTextLengths(clip, inputs, limitsOf(body), call.signal)
    const vectors = await encodeInputs(context, call, clip, inputs, { normalize: normalized })
    const data = vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: writtenVector(vector, { form, length, normalized }),
    }))
    return { object: 'list', data, model: slot.name, usage: await usageOf(clip, textsOf(inputs), call) }
  })
}

function limitsOf(body: EmbeddingsBody): TextLimits {
  const uncut = body.truncate === false
    ? 'truncate'
    : body.truncation === false
    ? 'truncation'
    : body.truncation_side === 'left'
    ? 'truncation_side'
    : undefined
  const { truncate_prompt_tokens: tokens = -1 } = body
  return { uncut, most: tokens < 0 ? undefined : { field: 'truncate_prompt_tokens', tokens } }
}
