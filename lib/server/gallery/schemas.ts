/** JSON Schemas of the gallery's routes, as data. */
import { failures, image, success, user } from '../calls/schemas.js'

const tags = ['gallery']
const id = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const
const limit = { type: 'integer', minimum: 1, maximum: 600, description: 'Default 60.' } as const
const cursor = { type: 'string', maxLength: 8192, description: "'next' of the page before." } as const
const date = (what: string) =>
  ({
    type: 'string',
    minLength: 4,
    maxLength: 40,
    description: `${what}, such as 2024-05-31 or 2024-05-31T18:00.`,
  }) as const
const bytes = (what: string) => ({ type: 'integer', minimum: 0, description: `Bytes, at ${what}.` }) as const
const degrees = (most: number) => ({ type: 'number', minimum: -most, maximum: most }) as const
const place = {
  type: 'object',
  required: ['latitude', 'longitude'],
  properties: { latitude: degrees(90), longitude: degrees(180) },
} as const

const picture = {
  type: 'object',
  required: ['id', 'name', 'size', 'modified', 'thumbnail', 'preview'],
  properties: {
    id: { ...id, description: 'SHA-256 of its bytes: files with the same bytes have the same.' },
    name: { type: 'string', description: "Path in the folder, after the folder's name if there are several." },
    size: { type: 'integer', description: 'Bytes.' },
    modified: { type: 'string', format: 'date-time' },
    taken: { type: 'string', format: 'date-time', description: "By the camera's clock, as if it showed UTC." },
    camera: { type: 'string' },
    place,
    similarity: { type: 'number', description: 'Cosine similarity to the query.' },
    copies: { type: 'array', items: { type: 'string' }, description: 'Names of other files with the same bytes.' },
    thumbnail: {
      type: 'string',
      description: 'Address of a WebP file of at most 384 pixels a side, relative to the page.',
    },
    preview: { type: 'string', description: 'The same of at most 1600 pixels a side.' },
  },
} as const

const found = {
  type: 'object',
  required: ['results', 'total', 'next'],
  properties: {
    results: { type: 'array', items: picture },
    total: { type: 'integer', description: 'How many there are on all pages.' },
    next: { type: ['string', 'null'], description: 'The cursor of the next page; null: this is the last one.' },
  },
} as const

const progress = {
  type: 'object',
  required: ['folders', 'state', 'files', 'pictures', 'failed', 'unreadable', 'done', 'total'],
  properties: {
    folders: { type: 'array', items: { type: 'string' }, description: 'Their names; none: the server has no gallery.' },
    state: {
      type: 'string',
      enum: ['opening', 'updating', 'ready', 'failed'],
      description: "'opening': the model is loaded; 'updating': the folders are looked through, and can be searched.",
    },
    files: { type: 'integer', description: 'Files that can be found.' },
    pictures: { type: 'integer', description: 'Different pictures that they show.' },
    failed: { type: 'integer', description: 'Files that cannot be read or decoded.' },
    unreadable: { type: 'integer', description: 'Folders that could not be read at the last look.' },
    done: { type: 'integer', description: 'Files looked at, while updating.' },
    total: { type: 'integer', description: 'Of how many found so far.' },
    secondsLeft: { type: 'number', description: 'Estimate, once all are counted.' },
    message: { type: 'string', description: "Why the state is 'failed'." },
  },
} as const

export const state = {
  operationId: 'galleryState',
  tags,
  summary: 'The folders and how far their index is',
  response: { 200: success('How far it is.', progress) },
} as const

export const refresh = {
  operationId: 'galleryRefresh',
  tags,
  summary: 'Look for new, changed and deleted images',
  response: { 200: success('How far it is.', progress) },
} as const

export const pictures = {
  operationId: 'galleryPictures',
  tags,
  summary: 'The images of the folders, by name',
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      limit: { type: 'string', pattern: '^[1-9]\\d{0,2}$', description: 'Default 60, at most 600.' },
      cursor,
    },
  },
  response: { 200: success('A page of them.', found), 422: failures[422], 503: failures[503] },
} as const

const filter = {
  type: 'object',
  additionalProperties: false,
  description: 'Which files are looked at. Default: all.',
  properties: {
    folder: { type: 'string', maxLength: 1024, description: 'Name of the only folder.' },
    path: {
      type: 'string',
      minLength: 1,
      maxLength: 1024,
      description: 'Glob of the path below a folder, at any depth, such as 2024/** or *.png.',
    },
    after: date('Changed at or after'),
    before: date('Changed before'),
    min_bytes: bytes('least'),
    max_bytes: bytes('most'),
    taken_after: date("Photos taken at or after, by the camera's clock"),
    taken_before: date('Photos taken before'),
    camera: { type: 'string', minLength: 1, maxLength: 256, description: "Part of the camera's name, such as canon." },
    near: {
      ...place,
      additionalProperties: false,
      properties: {
        ...place.properties,
        km: { type: 'number', minimum: 0, maximum: 20_100, description: 'Default 10.' },
      },
      description: 'Photos taken near a place.',
    },
  },
} as const

export const search = {
  operationId: 'gallerySearch',
  tags,
  summary: 'The images nearest to words, to an image, or to both',
  description:
    `The query is the sum of query, image and like. Without any of them: the images that the filter leaves, by name. Pages go on at a
place in the order, so that they neither repeat nor miss images while the index changes.`,
  consumes: ['application/json', 'multipart/form-data'],
  body: {
    type: 'object',
    additionalProperties: false,
    properties: {
      query: {
        type: 'string',
        maxLength: 16_384,
        description: 'Words, or several parts: sunset - people, "salt + pepper" + 0.5*night.',
      },
      image,
      like: { ...id, description: 'The id of an image of the folders.' },
      filter,
      min_similarity: {
        anyOf: [{ type: 'number', minimum: -1, maximum: 1 }, { type: 'string', enum: ['auto'] }],
        description: 'Leaves out what is less similar; auto: what has little to do with the query.',
      },
      limit,
      cursor,
      user,
    },
  },
  response: { 200: success('The nearest first.', found), ...failures },
} as const

const duplicate = {
  ...picture,
  required: [...picture.required, 'similarity', 'identical'],
  properties: {
    ...picture.properties,
    identical: { type: 'boolean', description: 'The same bytes as those to keep.' },
  },
} as const

export const duplicates = {
  operationId: 'galleryDuplicates',
  tags,
  summary: 'Groups of images that show the same, or nearly',
  description:
    'Compares all pairs, which takes seconds to minutes for tens of thousands of images; one request at a time, within timeoutMs. Nothing is deleted.',
  consumes: ['application/json', 'multipart/form-data'],
  body: {
    type: 'object',
    additionalProperties: false,
    properties: {
      min_similarity: { type: 'number', minimum: 0, maximum: 1, description: 'Default 0.96.' },
      keep: { type: 'string', enum: ['largest', 'oldest', 'newest'], description: 'Default largest.' },
      limit: { ...limit, description: 'Groups, default 60.' },
      offset: { type: 'integer', minimum: 0, maximum: 2 ** 31 - 1, description: 'Groups to leave out. Default 0.' },
      user,
    },
  },
  response: {
    200: success('The groups.', {
      type: 'object',
      required: ['groups', 'total'],
      properties: {
        groups: {
          type: 'array',
          items: {
            type: 'object',
            required: ['keep', 'others'],
            properties: { keep: duplicate, others: { type: 'array', items: duplicate } },
          },
        },
        total: { type: 'integer', description: 'Groups in all.' },
      },
    }),
    ...failures,
  },
} as const

const rendition = (words: string, operationId: string) => ({
  operationId,
  tags,
  summary: words,
  params: { type: 'object', required: ['id'], properties: { id } },
  response: {
    200: { description: 'The image.', content: { 'image/webp': { schema: { type: 'string', format: 'binary' } } } },
    404: failures[404],
  },
})

export const thumbnail = rendition('An image, small', 'galleryThumbnail')
export const preview = rendition('An image, large', 'galleryPreview')
