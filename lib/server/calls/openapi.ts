/** The OpenAPI 3.1 document, generated from the routes' schemas, and a page that shows it. */
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'

import { packageFile } from '../../package.js'
import { docsPage, type OpenApi } from './docs-page.js'

export async function addDocs(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'ggclip',
        version: packageFile().version,
        description:
          'CLIP over HTTP: texts and images to vectors of one space, zero-shot classification, similarity and ranking.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      tags: [
        { name: 'vectors', description: 'Embeddings' },
        { name: 'scores', description: 'Classification, similarity, ranking' },
        { name: 'dialects', description: 'Calls of other servers, for their clients' },
        { name: 'gallery', description: 'Search of folders' },
        { name: 'server', description: 'The server itself' },
      ],
      components: {
        securitySchemes: { apiKey: { type: 'http', scheme: 'bearer', description: 'Where the server has keys.' } },
      },
      // the empty one: a server may have no keys
      security: [{ apiKey: [] }, {}],
    },
    refResolver: { buildLocalReference: (json, _, __, i) => (typeof json.$id === 'string' ? json.$id : `schema-${i}`) },
  })
  app.get('/openapi.json', { schema: { hide: true } }, () => (
    // relative to the document: a proxy may have put it below a path
    { ...app.swagger(), servers: [{ url: '.' }] }
  ))
  app.get('/docs', { schema: { hide: true } }, ({ url }, reply) => (
    reply.type('text/html; charset=utf-8')
      .header(
        'content-security-policy',
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      )
      .serializer(String).send(
        docsPage(app.swagger() as unknown as OpenApi, url.split('?', 1)[0]!.endsWith('/') ? '../' : ''),
      )
  ))
}
