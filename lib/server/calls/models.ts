import { ClipError } from '../../errors.js'
import type { Clip } from '../../library.js'
import type { Context } from '../context.js'
import type { ServedModel } from '../types.js'
import { success } from './schemas.js'

export const modelsSchema = {
  operationId: 'listModels',
  tags: ['server'],
  summary: 'The models that this server has',
  response: {
    200: success('The first one is used by requests that name none.', {
      type: 'object',
      required: ['object', 'data'],
      properties: {
        object: { const: 'list' },
        data: {
          type: 'array',
          items: {
            type: 'object',
            required: ['id', 'object', 'created', 'owned_by', 'loaded'],
            properties: {
              id: { type: 'string' },
              object: { const: 'model' },
              created: { type: 'integer', description: 'When the server started, seconds since 1970.' },
              owned_by: { type: 'string' },
              loaded: { type: 'boolean' },
              dimensions: {
                type: 'array',
                items: { type: 'integer' },
                description: 'Lengths that a vector may have; known once the model has been loaded.',
              },
              modalities: { type: 'array', items: { type: 'string' } },
              architecture: {
                type: 'object',
                description: "The modalities in llama.cpp's form.",
                properties: {
                  input_modalities: { type: 'array', items: { type: 'string' } },
                  output_modalities: { type: 'array', items: { type: 'string' } },
                },
              },
            },
          },
        },
      },
    }),
  },
} as const

/** GET /v1/models */
export function models({ pool, startedAt }: Context) {
  return { object: 'list', data: [...pool.slots.keys()].map(name => describe(pool, name, startedAt)) }
}

/** GET /models: infinity's clients need `stats`, and accept no owner but infinity. */
export function modelsForInfinity(context: Context) {
  const { object, data } = models(context)
  return {
    object,
    data: data.map(({ owned_by: _, architecture: __, ...model }) => ({
      ...model,
      stats: statsOf(context.pool, model.id),
      backend: 'ggclip',
      capabilities: ['embed', 'classify', 'rerank'],
    })),
  }
}

function statsOf(pool: Context['pool'], name: string) {
  const { clip, admission } = pool.get(name)
  const { queued = 0, running = 0 } = clip?.stats() ?? {}
  return {
    queue_absolute: queued,
    queue_fraction: admission.held / admission.limit,
    results_pending: admission.held,
    batch_size: running,
  }
}

/** GET /v1/models/:id */
export function oneModel({ pool, startedAt }: Context, id: string) {
  if (!pool.slots.has(id)) throw new ClipError('ERR_CLIP_MODEL_UNKNOWN', `unknown model '${id.slice(0, 80)}'`)
  return describe(pool, id, startedAt)
}

/** As far as it is known: a model that is not loaded has not been looked at. */
export function describe(pool: Context['pool'], name: string, created: number) {
  const { clip, served } = pool.get(name)
  return {
    id: name,
    object: 'model',
    created,
    owned_by: 'ggclip',
    loaded: clip !== undefined,
    ...(clip && about(clip, served)),
  }
}

function about({ info }: Clip, { dimensions = [] }: ServedModel) {
  const modalities = [...(info.vision ? ['image'] : []), ...(info.text ? ['text'] : [])]
  return {
    dimensions: [...new Set([...dimensions, info.dim])].sort((a, b) => a - b),
    modalities,
    architecture: { input_modalities: modalities, output_modalities: ['embedding'] },
  }
}
