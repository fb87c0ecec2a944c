/** Ollama: `POST /api/embed`, and what its clients look at first: `GET /api/tags`, `GET /api/version`. */
import { failuresOf, inputs, success } from '../calls/schemas.js'
import { checkTextLengths } from '../calls/text-lengths.js'
import { usageOf } from '../calls/usage.js'
import { type Call, encodeInputs, withModel } from '../calls/work.js'
import type { Context } from '../context.js'
import { readInputs, textsOf } from '../input/read-inputs.js'
import { flatBody, flatFailure } from '../output/failures.js'
import { checkLength, writtenVector } from '../output/vectors.js'

interface EmbedBody {
  model: string
  input?: unknown
  dimensions?: number
  truncate?: boolean
  options?: { num_ctx?: number }
}

export const ollamaFailures = flatBody('error')

/** The version of Ollama whose embedding calls these are: the first whose `dimensions` and `truncate` are complete. */
const apiVersion = '0.12.0'

export const embedSchema = {
  operationId: 'ollamaEmbed',
  tags: ['dialects'],
  summary: 'Ollama: texts and images to vectors',
  description: 'An image is a data URI. Without input the model is loaded.',
  consumes: ['application/json'],
  body: {
    type: 'object',
    required: ['model'],
    additionalProperties: false,
    properties: {
      model: { type: 'string', maxLength: 256, description: "A name of GET /api/tags; ':latest' may be left out." },
      input: { ...inputs, anyOf: [...inputs.anyOf, { type: 'array', maxItems: 0 }] },
      dimensions: { type: 'integer', minimum: 0, description: 'Length of the vectors, if the model allows a choice.' },
      truncate: {
        type: 'boolean',
        description: 'Cut texts at the context length. Default true; with false, a text that fills it is refused.',
      },
      keep_alive: { description: 'Not used: the operator decides how long models stay loaded.' },
      stream: { type: 'boolean', description: 'Not used: the answer is one object.' },
      options: {
        type: 'object',
        additionalProperties: true,
        properties: { num_ctx: { type: 'integer', description: 'Texts with more tokens are refused.' } },
        description: 'Options of Ollama about generating texts, threads and memory are not used.',
      },
    },
  },
  response: {
    200: success('One vector an input, in order, L2-normalised.', {
      type: 'object',
      required: ['model', 'embeddings', 'total_duration', 'load_duration', 'prompt_eval_count'],
      properties: {
        model: { type: 'string', description: 'As in the request.' },
        embeddings: { type: 'array', items: { type: 'array', items: { type: 'number' } } },
        total_duration: { type: 'integer', description: 'Nanoseconds.' },
        load_duration: { type: 'integer', description: 'Nanoseconds until the model could begin.' },
        prompt_eval_count: { type: 'integer', description: 'Tokens of all inputs.' },
      },
    }),
    ...failuresOf(flatFailure('error')),
  },
} as const

export const tagsSchema = {
  operationId: 'ollamaTags',
  tags: ['dialects'],
  summary: 'Ollama: the models that this server has',
  response: { 200: success('Names with a tag.', { type: 'object', properties: { models: { type: 'array' } } }) },
} as const

export const versionSchema = {
  operationId: 'ollamaVersion',
  tags: ['dialects'],
  summary: "Ollama: the version of Ollama's calls",
  security: [],
  response: { 200: success('Not the version of ggclip.', { type: 'object' }) },
} as const

/** POST /api/embed */
export async function ollamaEmbed(context: Context, body: EmbedBody, call: Call) {
  const began = performance.now()
  const { input = [], dimensions, truncate, options = {} } = body
  const list = Array.isArray(input) && input.length === 0 ? [] : readInputs('input', input, undefined, call.uploads)
  return withModel(context, call, nameOf(context, body.model), list.length, async (clip, slot) => {
    const loadMs = performance.now() - began
    const length = checkLength('dimensions', dimensions, clip.info.dim, slot.served.dimensions)
    const limits = {
      uncut: truncate === false ? 'truncate' : undefined,
      most: options.num_ctx === undefined ? undefined : { field: 'options.num_ctx', tokens: options.num_ctx },
    }
    await checkTextLengths(clip, list, limits, call.signal)
    const vectors = await encodeInputs(context, call, clip, list)
    const { total_tokens: tokens } = await usageOf(clip, textsOf(list), call)
    return {
      model: body.model,
      embeddings: vectors.map(vector => writtenVector(vector, { form: 'float', length, normalized: true })),
      total_duration: nanoseconds(performance.now() - began),
      load_duration: nanoseconds(loadMs),
      prompt_eval_count: tokens,
    }
  })
}

function nanoseconds(ms: number): number {
  return Math.round(ms * 1e6)
}

/** 'clip:latest' is 'clip', unless a model has that very name. */
function nameOf({ pool }: Context, name: string): string {
  return pool.slots.has(name) ? name : name.replace(/:latest$/, '')
}

/** GET /api/tags */
export function tags({ pool, startedAt }: Context) {
  const modified = new Date(startedAt * 1000).toISOString()
  return {
    models: [...pool.slots].map(([slot, { clip }]) => {
      const name = slot.includes(':') ? slot : `${slot}:latest`
      return {
        name,
        model: name,
        modified_at: modified,
        size: clip?.info.bytes ?? 0,
        digest: '',
        details: {
          parent_model: '',
          format: 'gguf',
          family: 'clip',
          families: ['clip'],
          parameter_size: '',
          quantization_level: '',
        },
      }
    }),
  }
}

/** GET /api/version */
export function version() {
  return { version: apiVersion }
}
