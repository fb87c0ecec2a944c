import { success } from './common.js'

export const models = {
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
                description: 'Lengths that a vector may have; known once the model was loaded.',
              },
              modalities: { type: 'array', items: { type: 'string' } },
            },
          },
        },
      },
    }),
  },
} as const

const state = (words: readonly string[]) => ({
  type: 'object',
  required: ['status'],
  properties: { status: { type: 'string', enum: words } },
})

export const healthz = {
  operationId: 'healthz',
  tags: ['server'],
  summary: 'Does the process answer?',
  security: [],
  response: { 200: success('It does.', state(['ok'])) },
} as const

export const readyz = {
  operationId: 'readyz',
  tags: ['server'],
  summary: 'May it be given requests?',
  security: [],
  response: {
    200: success('It may.', state(['ready'])),
    503: success('Not yet, or not any more.', state(['loading', 'closing'])),
  },
} as const

export const metrics = {
  operationId: 'metrics',
  tags: ['server'],
  summary: 'Measurements for Prometheus',
  response: {
    200: { description: "Prometheus' text format.", content: { 'text/plain': { schema: { type: 'string' } } } },
  },
} as const
