/** The gallery over HTTP. Pictures go by ids, never by paths. */
import type { FastifyInstance, FastifyReply } from 'fastify'

import { ClipError } from '../../../library.js'
import { callOf } from '../../calls/work.js'
import { securityHeaders } from '../assets.js'
import { shownName } from './byte-names.js'
import type { Gallery, Wanted } from './gallery.js'
import { type Size, sizes } from './renditions.js'
import * as schemas from './schemas.js'
import type { Entry } from './types.js'

interface SearchBody {
  text?: string
  image?: string
  like?: string
  limit?: number
}
interface PageQuery {
  offset?: string
  limit?: string
}

const defaultLimit = 60
const maxLimit = 600
/** For who has a key, where the server has keys. */
const access = { config: { access: 'key' } as object }

/** Without a gallery there is one route, which says so: a page that asks needs no error for an answer. */
export function registerGallery(app: FastifyInstance, gallery: Gallery | undefined): void {
  app.get('/gallery', { schema: schemas.state, ...access }, () => stateOf(gallery))
  if (!gallery) return

  app.post('/gallery/refresh', { schema: schemas.refresh, ...access }, () => {
    gallery.refresh()
    return stateOf(gallery)
  })

  app.get<{ Querystring: PageQuery }>('/gallery/pictures', { schema: schemas.pictures, ...access }, ({ query }) => {
    const { results, total } = gallery.list(
      Number(query.offset ?? 0),
      Math.min(maxLimit, Number(query.limit ?? defaultLimit)),
    )
    return { results: results.map(({ entry }) => described(entry)), total }
  })

  app.post<{ Body: SearchBody }>('/gallery/search', {
    schema: schemas.search,
    config: { access: 'compute', rateLimit: {} },
  }, async (request, reply) => {
    const { limit = defaultLimit } = request.body
    const wanted = wantedOf(request.body, gallery.limits.maxFileBytes)
    const { results, total } = await notFound(reply, gallery.search(wanted, limit, callOf(request)))
    return { results: results.map(({ entry, score }) => ({ ...described(entry), score })), total }
  })

  for (const size of Object.keys(sizes) as Size[]) {
    app.get<{ Params: { id: string } }>(
      `/gallery/pictures/:id/${size}`,
      { schema: schemas[size], ...access },
      async (request, reply) => {
        const bytes = await notFound(reply, gallery.rendition(request.params.id, size))
        // the address has the time of the last change in it
        return reply.headers({
          ...securityHeaders,
          'content-type': 'image/webp',
          'cache-control': 'private, max-age=86400, immutable',
        }).send(bytes)
      },
    )
  }
}

function stateOf(gallery: Gallery | undefined) {
  return gallery
    ? { folder: gallery.name, ...gallery.progress }
    : { folder: null, state: 'ready', pictures: 0, indexed: 0, failed: 0, leftOut: 0 }
}

/** Addresses are relative to the page, which may stand behind a proxy that adds a path. */
function described({ id, path, width, height, changedMs }: Entry) {
  const version = Math.round(changedMs).toString(36)
  const address = (size: Size): string => `gallery/pictures/${id}/${size}?v=${version}`
  return { id, name: shownName(path), width, height, thumbnail: address('thumbnail'), preview: address('preview') }
}

function wantedOf({ text, image, like }: SearchBody, maxBytes: number): Wanted {
  if ([text, image, like].filter(value => value !== undefined).length !== 1) {
    throw new ClipError('ERR_CLIP_INVALID_ARGUMENT', 'expected exactly one of text, image and like')
  }
  if (text !== undefined) return { text }
  if (like !== undefined) return { like }
  const comma = image!.indexOf(',')
  if (!/^data:image\/[\w.+-]{1,64};base64$/i.test(image!.slice(0, Math.min(comma, 128)))) {
    throw new ClipError(
      'ERR_CLIP_INVALID_ARGUMENT',
      "image: expected a data URI of the form 'data:image/png;base64,...'",
    )
  }
  const bytes = Buffer.from(image!.slice(comma + 1), 'base64')
  if (bytes.length > maxBytes)
    throw new ClipError('ERR_CLIP_IMAGE_TOO_LARGE', `image: ${bytes.length} bytes are more than ${maxBytes}`)
  return { image: bytes }
}

/** A picture that is not there is no failure of the server. */
async function notFound<T>(reply: FastifyReply, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_CLIP_FILE_NOT_FOUND')
      Object.assign(error as Error, { statusCode: 404 })
    throw error
  }
}
