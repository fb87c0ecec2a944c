/** The gallery over HTTP. Pictures go by ids, never by paths. */
import type { FastifyInstance } from 'fastify'

import { ClipError, invalidArgument, outOfRange } from '../../errors.js'
import { type IndexedFile, type KeepRule, type PagedFile, parseQuery, type QueryPart,
  type SearchFilter } from '../../library.js'
import { type Call, callOf, eachImage } from '../calls/work.js'
import type { Context } from '../context.js'
import { checkText, imagesOf, readInput } from '../input/read-inputs.js'
import { securityHeaders } from '../page/assets.js'
import { computeRoute } from '../routes.js'
import { cursorOf, readCursor } from './cursor.js'
import type { Folders } from './folders.js'
import type { Gallery, Wanted, Within } from './gallery.js'
import { type Size, sizes } from './renditions.js'
import * as schemas from './schemas.js'

interface FilterBody {
  folder?: string
  path?: string
  after?: string
  before?: string
  min_bytes?: number
  max_bytes?: number
  taken_after?: string
  taken_before?: string
  camera?: string
  near?: { latitude: number; longitude: number; km?: number }
}
interface SearchBody {
  query?: string
  image?: unknown
  like?: string
  filter?: FilterBody
  min_similarity?: number | 'auto'
  limit?: number
  cursor?: string
}
interface DuplicatesBody {
  min_similarity?: number
  keep?: KeepRule
  limit?: number
  offset?: number
}

const defaultLimit = 60
const maxLimit = 600
/** For who has a key, where the server has keys. */
const access = { config: { access: 'key' } as object }

export function registerGallery(app: FastifyInstance, context: Context, gallery: Gallery): void {
  app.get('/gallery', { schema: schemas.state, ...access }, () => stateOf(gallery))
  app.post('/gallery/refresh', { schema: schemas.refresh, ...access }, () => {
    gallery.refresh()
    return stateOf(gallery)
  })
  app.get<{ Querystring: { limit?: string; cursor?: string } }>(
    '/gallery/pictures',
    { schema: schemas.pictures, config: { access: 'compute' }, onRequest: app.rateLimit() },
    request => {
      const { limit = `${defaultLimit}`, cursor } = request.query
      return search(context, gallery, { limit: Math.min(maxLimit, Number(limit)), cursor }, callOf(request))
    },
  )
  computeRoute(app, context, {
    url: '/gallery/search',
    schema: schemas.search,
    files: 'image',
    handler: (_, body: SearchBody, call) => search(context, gallery, body, call),
  })
  computeRoute(app, context, {
    url: '/gallery/duplicates',
    schema: schemas.duplicates,
    files: 'image',
    handler: (_, body: DuplicatesBody, call) => duplicates(gallery, body, call),
  })
  for (const size of Object.keys(sizes) as Size[]) {
    app.get<{ Params: { id: string } }>(
      `/gallery/pictures/:id/${size}`,
      { schema: schemas[size], ...access },
      async (request, reply) => {
        const bytes = await notFound(async () => gallery.rendition(request.params.id, size))
        return reply.headers({
          ...securityHeaders,
          'content-type': 'image/webp',
          'cache-control': 'private, max-age=86400, immutable', // an id means the same bytes for ever
        }).send(bytes)
      },
    )
  }
}

/** Says that there is none: a page that asks needs no error for an answer. */
export function registerNoGallery(app: FastifyInstance): void {
  const nothing = { files: 0, pictures: 0, failed: 0, unreadable: 0, done: 0, total: 0 }
  app.get('/gallery', { schema: schemas.state, ...access }, () => ({ folders: [], state: 'ready', ...nothing }))
}

function stateOf(gallery: Gallery) {
  return { folders: gallery.folders.names, ...gallery.progress }
}

async function search(context: Context, gallery: Gallery, body: SearchBody, call: Call) {
  const { limit = defaultLimit, cursor } = body
  const { folders } = gallery
  const wanted: Wanted = { parts: await partsOf(context, body, call), like: body.like }
  const ranked = wanted.parts.length > 0 || wanted.like !== undefined
  const after = cursor === undefined ? undefined : readCursor(cursor, folders, ranked)
  context.requests.arrived(call.signal)
  const { files, total, last } = await notFound(() => gallery.page(wanted, withinOf(body), { limit, after }, call))
  return {
    results: files.map(file => described(file, folders)),
    total,
    next: last ? cursorOf(last, folders) : null,
  }
}

async function partsOf(context: Context, { query = '', image }: SearchBody, call: Call): Promise<QueryPart[]> {
  checkText('query', query)
  const parts = query.trim() === '' ? [] : parseQuery(query, { pictures: false })
  if (image === undefined) return parts
  const images = imagesOf([readInput('image', image, 'image', call.uploads)])
  if (images.length === 0) throw invalidArgument('image', 'an image', image)
  const [bytes] = await eachImage(context, call, images, files => Promise.resolve(files))
  return [...parts, { image: bytes! }]
}

function withinOf({ filter = {}, min_similarity: minSimilarity }: SearchBody): Within {
  const { folder, path, min_bytes: minBytes, max_bytes: maxBytes, camera, near } = filter
  const found: SearchFilter = {
    path,
    minBytes,
    maxBytes,
    camera,
    near,
    after: timeOf('after', filter.after),
    before: timeOf('before', filter.before),
    takenAfter: cameraTimeOf('taken_after', filter.taken_after),
    takenBefore: cameraTimeOf('taken_before', filter.taken_before),
  }
  return { filter: found, folder, minSimilarity }
}

function timeOf(name: string, text: string | undefined, read = (value: string) => value): Date | undefined {
  if (text === undefined) return undefined
  const time = new Date(read(text))
  if (/^\d{4}(-\d\d){0,2}([T ]|$)/.test(text) && !Number.isNaN(time.getTime())) return time
  throw outOfRange(`filter.${name}`, 'a date such as 2024-05-31 or 2024-05-31T18:00', text)
}

/** A camera's clock has no zone: as if it showed UTC. */
function cameraTimeOf(name: string, text: string | undefined): Date | undefined {
  return timeOf(name, text, value => (/[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?$/.test(value) ? `${value}Z` : value))
}

async function duplicates(gallery: Gallery, body: DuplicatesBody, call: Call) {
  const { min_similarity: minSimilarity, keep, limit = defaultLimit, offset = 0 } = body
  const groups = await gallery.duplicates({ minSimilarity, keep }, call.signal)
  const { folders } = gallery
  return {
    groups: groups.slice(offset, offset + limit).map(group => ({
      keep: described(group.keep, folders),
      others: group.others.map(file => described(file, folders)),
    })),
    total: groups.length,
  }
}

/** Addresses are relative to the page, which may stand behind a proxy that adds a path. */
function described<F extends IndexedFile | PagedFile>(file: F, folders: Folders) {
  const { path, pathBytes: _, hash: id, ...rest } = file
  const address = (size: Size): string => `gallery/pictures/${id}/${size}`
  const { copies } = rest as Partial<PagedFile>
  return {
    ...rest,
    id,
    name: folders.nameOf(path)!,
    ...(copies && { copies: copies.map(copy => folders.nameOf(copy)).filter(name => name !== undefined) }),
    thumbnail: address('thumbnail'),
    preview: address('preview'),
  }
}

/** A picture that is not there, or no longer, is no failure of the server. */
async function notFound<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { code } = error as { code?: string }
    if (error instanceof ClipError && (code === 'ERR_CLIP_FILE_NOT_FOUND' || code === 'ERR_CLIP_FILE_CHANGED'))
      Object.assign(error, { statusCode: 404 })
    throw error
  }
}
