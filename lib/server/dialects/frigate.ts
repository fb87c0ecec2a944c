/** llama.cpp's server, as Frigate uses it for semantic search: `POST /embeddings` with `content`, and `GET /props`. */
import { invalidArgument } from '../../errors.js'
import { packageFile } from '../../package.js'
import { embeddings, type EmbeddingsBody, embeddingsSchema, embed } from '../calls/embeddings.js'
import { failures, inputs, success } from '../calls/schemas.js'
import type { Call } from '../calls/work.js'
import type { Context } from '../context.js'
import { mediaMarker, readInputs } from '../input/read-inputs.js'

interface LlamaBody extends EmbeddingsBody {
  content?: unknown
  embd_normalize?: -1 | 2
}

export const llamaSchema = {
  ...embeddingsSchema,
  operationId: 'llamaEmbeddings',
  tags: ['dialects'],
  summary: "llama.cpp and Frigate: texts and images to vectors; infinity's clients use the path, too",
  description:
    'As /v1/embeddings. With content in place of input the answer is that of llama.cpp: a list with the rows of each input.',
  body: {
    ...embeddingsSchema.body,
    properties: {
      ...embeddingsSchema.body.properties,
      content: { ...inputs, description: "llama.cpp's name of input." },
      embd_normalize: {
        type: 'integer',
        enum: [-1, 2],
        description: 'llama.cpp: 2 for vectors of length 1 (default), -1 for vectors as the model makes them.',
      },
    },
  },
} as const

export const propsSchema = {
  operationId: 'llamaProps',
  tags: ['dialects'],
  summary: 'llama.cpp and Frigate: what the model can read',
  querystring: { type: 'object', properties: { model: { type: 'string', maxLength: 256 } } },
  response: {
    200: success('Modalities and context are known once the model has been loaded.', {
      type: 'object',
      properties: {
        model_path: { type: 'string' },
        total_slots: { type: 'integer' },
        chat_template: { type: 'string' },
        media_marker: { type: 'string' },
        build_info: { type: 'string' },
        modalities: { type: 'object' },
        default_generation_settings: { type: 'object' },
      },
    }),
    404: failures[404],
  },
} as const

/** POST /embeddings and /embedding */
export async function llamaEmbeddings(context: Context, body: LlamaBody, call: Call) {
  const { content, embd_normalize: norm, ...rest } = body
  const fields = { ...rest, ...(norm === undefined ? {} : { normalized: norm === 2 }) }
  if (content === undefined) return embeddings(context, fields, call)
  if (rest.input !== undefined || rest.messages !== undefined)
    throw invalidArgument('content', 'content, input or messages, not several of them,', content)
  const inputs = readInputs('content', content, body.modality, call.uploads)
  const { data } = await embed(context, fields, inputs, call)
  // rows as with per-token pooling, of which there is one
  return data.map(({ index, embedding }) => ({ index, embedding: [embedding] }))
}

/** GET /props */
export function props({ pool }: Context, model: string | undefined) {
  const { name, clip } = pool.get(model)
  const about = clip && {
    modalities: { vision: clip.info.vision !== null, audio: false },
    default_generation_settings: { n_ctx: clip.info.text?.contextLength ?? 0 },
  }
  return {
    model_path: name,
    total_slots: 1,
    chat_template: '',
    media_marker: mediaMarker,
    build_info: `ggclip ${packageFile().version}`,
    ...about,
  }
}
