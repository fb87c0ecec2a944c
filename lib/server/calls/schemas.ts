/** JSON Schemas (2020-12, as OpenAPI 3.1 uses it) that several routes share, as data. */

// no maximum lengths here and below: the validator would count the characters of megabytes one by one
export const text = { type: 'string', description: 'A text; the model truncates it to its context length.' } as const

const imageText = 'A data URI, bare base64 of an image file, or, if the server allows it, an http(s) URL.'
export const imageString = { type: 'string', description: imageText } as const

/** The formats of one input that clients of infinity, jina, OpenAI, Voyage and llama.cpp send. */
export const contentPart = {
  $id: 'ContentPart',
  title: 'ContentPart',
  description: 'One text or one image, in the forms that clients of other servers use.',
  type: 'object',
  additionalProperties: false,
  properties: {
    type: { type: 'string', enum: ['text', 'input_text', 'image', 'image_url', 'image_base64', 'input_image'] },
    text,
    image: imageString,
    image_url: {
      anyOf: [imageString, {
        type: 'object',
        required: ['url'],
        properties: { url: imageString, detail: { type: 'string' } },
        additionalProperties: false,
      }],
    },
    image_base64: imageString,
    prompt_string: {
      ...text,
      description: "llama.cpp: a text, or '<__media__>' alone with one image in multimodal_data.",
    },
    multimodal_data: { type: 'array', items: imageString, maxItems: 1 },
  },
} as const

export const input = { anyOf: [{ type: 'string' }, { $ref: 'ContentPart#' }] } as const

/** One input or a list. */
export const inputs = {
  anyOf: [
    { type: 'string' },
    { $ref: 'ContentPart#' },
    { type: 'array', minItems: 1, items: input },
  ],
} as const

export const image = { anyOf: [imageString, { $ref: 'ContentPart#' }] } as const

export const images = { type: 'array', minItems: 1, items: image } as const

/** How infinity's clients declare the kind of strings. `which` strings, for people. */
export const modality = (which: string) =>
  ({
    type: 'string',
    enum: ['text', 'image'],
    description: `The kind of the strings in ${which}. Default: text, except for data URIs of images.`,
  }) as const

/** top_k, top_n */
export const best = {
  type: 'integer',
  minimum: 1,
  maximum: 2 ** 31 - 1,
  description: 'Return only this many of the best. Default: all.',
} as const

export const model = {
  type: 'string',
  maxLength: 256,
  description: 'A name of GET /v1/models. Default: the first of them.',
} as const

/** Sent by OpenAI's clients. */
export const user = { type: 'string', maxLength: 512, description: "The caller's own user; ignored." } as const

/** Cohere's and Voyage's name, and jina's. */
export const purpose = {
  type: 'string',
  maxLength: 512,
  description: 'What the vectors are for; not used: this model makes no difference.',
} as const

export const usage = {
  $id: 'Usage',
  title: 'Usage',
  type: 'object',
  required: ['prompt_tokens', 'total_tokens'],
  properties: {
    prompt_tokens: {
      type: 'integer',
      description: 'Tokens of all inputs: of texts as the encoder sees them, of an image one for each patch.',
    },
    total_tokens: { type: 'integer', description: 'The same.' },
    prompt_tokens_details: {
      type: 'object',
      properties: { text_tokens: { type: 'integer' }, image_tokens: { type: 'integer' } },
    },
  },
} as const

export const failure = {
  $id: 'Error',
  title: 'Error',
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'param', 'code'],
      properties: {
        message: { type: 'string' },
        type: { type: 'string' },
        param: { type: ['string', 'null'] },
        code: { type: 'string', description: 'Stable: match on this one. docs/errors.md explains each.' },
      },
    },
  },
} as const

export const shared = [contentPart, usage, failure]

/** Cohere's and Voyage's inputs. */
export const contents = {
  type: 'array',
  minItems: 1,
  items: {
    type: 'object',
    required: ['content'],
    additionalProperties: false,
    properties: { content: { type: 'array', minItems: 1, items: { $ref: `${contentPart.$id}#` } } },
  },
} as const

/** Cohere's and Voyage's name of dimensions. */
export const outputDimension = {
  type: 'integer',
  minimum: 1,
  description: "Length of the vectors, if the model allows a choice. Default: the model's own.",
} as const

const failureTexts = {
  400: 'The body is not JSON or not a form.',
  401: 'No API key, or none that is known.',
  404: 'No such model.',
  413: 'The request, an image or the number of its pixels is too large.',
  415: 'The content type, or an image format, is not supported.',
  422: 'A field or an image cannot be used; the message gives its place.',
  429: 'Too many requests of this key or address; Retry-After says when.',
  503: 'The server is full, closing or out of time; Retry-After says when.',
} as const

/** Statuses of every route that computes, besides 200; `schema` of their bodies. */
export function failuresOf(schema: object): Record<keyof typeof failureTexts, object> {
  return Object.fromEntries(
    Object.entries(failureTexts).map(([status, description]) => [
      status,
      { description, content: { 'application/json': { schema } } },
    ]),
  ) as unknown as Record<keyof typeof failureTexts, object>
}

/** With OpenAI's error object. */
export const failures = failuresOf({ $ref: 'Error#' })

export function success(description: string, schema: object) {
  return { description, content: { 'application/json': { schema } } }
}

/** The answer of a call that computes: `fields`, the model and the usage. */
export function result(description: string, fields: Readonly<Record<string, object>>) {
  const properties = { ...fields, model: { type: 'string' }, usage: { $ref: 'Usage#' } }
  return success(description, { type: 'object', required: Object.keys(properties), properties })
}

/** OpenAI's list format, with one `object` per input. */
export function list(description: string, object: string, fields: Readonly<Record<string, object>>) {
  const properties = { object: { const: object }, index: { type: 'integer' }, ...fields }
  const items = { type: 'object', required: Object.keys(properties), properties }
  return result(description, { object: { const: 'list' }, data: { type: 'array', items } })
}
