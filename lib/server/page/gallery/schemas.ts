/** JSON Schemas of the gallery's routes, as data. */

const tags = ['gallery']
const id = { type: 'string', pattern: '^[0-9a-f]{16}$' } as const
const limit = { type: 'integer', minimum: 1, maximum: 600, description: 'Default 60.' } as const

const picture = {
  type: 'object',
  required: ['id', 'name', 'width', 'height', 'thumbnail', 'preview'],
  properties: {
    id,
    name: { type: 'string', description: 'Path in the folder.' },
    width: { type: 'integer' },
    height: { type: 'integer' },
    score: { type: 'number', description: 'Cosine similarity to the query.' },
    thumbnail: {
      type: 'string',
      description: 'Address of a WebP file of at most 384 pixels a side, relative to the page.',
    },
    preview: { type: 'string', description: 'The same of at most 1600 pixels a side.' },
  },
} as const

const found = {
  description: 'Pictures.',
  type: 'object',
  required: ['results', 'total'],
  properties: {
    results: { type: 'array', items: picture },
    total: { type: 'integer', description: 'Pictures that are indexed by now.' },
  },
} as const

const progress = {
  description: 'How far the index is.',
  type: 'object',
  required: ['folder', 'state', 'pictures', 'indexed', 'failed', 'leftOut'],
  properties: {
    folder: { type: ['string', 'null'], description: 'Name of the folder; null: the server has none.' },
    state: { type: 'string', enum: ['scanning', 'indexing', 'ready', 'failed'] },
    pictures: { type: 'integer', description: 'Pictures in the folder.' },
    indexed: { type: 'integer', description: 'Of them those that can be found already.' },
    failed: { type: 'integer', description: 'Of them those that cannot be read.' },
    leftOut: { type: 'integer', description: 'Pictures beyond the greatest number that is taken.' },
    message: { type: 'string', description: "Why the state is 'failed'." },
  },
} as const

export const state = {
  operationId: 'galleryState',
  tags,
  summary: 'The folder and how far its index is',
  response: { 200: progress },
} as const

export const refresh = {
  operationId: 'galleryRefresh',
  tags,
  summary: 'Look for new, changed and deleted images',
  response: { 200: progress },
} as const

export const pictures = {
  operationId: 'galleryPictures',
  tags,
  summary: 'The images of the folder, by name',
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      offset: { type: 'string', pattern: '^\\d{1,9}$', description: 'Default 0.' },
      limit: { type: 'string', pattern: '^[1-9]\\d{0,2}$', description: 'Default 60, at most 600.' },
    },
  },
  response: { 200: found },
} as const

export const search = {
  operationId: 'gallerySearch',
  tags,
  summary: 'The images nearest to a text, an uploaded image or an image of the folder',
  body: {
    type: 'object',
    additionalProperties: false,
    properties: {
      text: { type: 'string', minLength: 1, maxLength: 16_384 },
      image: { type: 'string', description: 'A data URI of an image file, in base64.' },
      like: { ...id, description: 'The id of an image of the folder.' },
      limit,
    },
  },
  response: { 200: found },
} as const

const rendition = (words: string, operationId: string) => ({
  operationId,
  tags,
  summary: words,
  params: { type: 'object', required: ['id'], properties: { id } },
  response: {
    200: { description: 'The image.', content: { 'image/webp': { schema: { type: 'string', format: 'binary' } } } },
  },
})

export const thumbnail = rendition('An image, small', 'galleryThumbnail')
export const preview = rendition('An image, large', 'galleryPreview')
