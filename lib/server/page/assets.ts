/** The page's files: read once, served from memory. No path of a request ever reaches the file system. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { samplesFolder } from '../../package.js'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
}

/** What the page may do: load its own files and talk to its own server, and nothing else. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ')

export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
}

interface Asset {
  body: Buffer
  type: string
  etag: string
}

/** Pictures to try the page with, by file name; none where the package came without them. */
const samples = ['rocket.png', 'pizza.webp', 'cat-face.png', 'guitar.jpg', 'sunflower.png', 'photo-hat.jpg']

export function registerAssets(app: FastifyInstance): void {
  const folder = join(__dirname, 'static')
  for (const name of filesBelow(folder)) {
    serve(app, name === 'index.html' ? '/' : `/page/${name}`, readAsset(join(folder, name)))
  }
  registerSamples(app)
}

/** Their paths as URLs have them. Without readdir's own recursion, which archives of Electron may lack. */
function filesBelow(folder: string, inside = ''): string[] {
  return readdirSync(join(folder, inside), { withFileTypes: true }).flatMap(entry =>
    entry.isDirectory() ? filesBelow(folder, `${inside}${entry.name}/`) : [`${inside}${entry.name}`]
  )
}

function registerSamples(app: FastifyInstance): void {
  const found = samples.filter(name =>
    existsSync(join(samplesFolder, name)) && existsSync(join(samplesFolder, 'samples.json'))
  )
  const known = found.length === 0
    ? {}
    : JSON.parse(readFileSync(join(samplesFolder, 'samples.json'), 'utf8')) as Record<string, { label: string }>
  for (const name of found) serve(app, `/page/samples/${name}`, readAsset(join(samplesFolder, name)))
  const list = found.map(name => ({ name, label: known[name]!.label, type: types[extname(name)]! }))
  serve(app, '/page/samples.json', assetOf(Buffer.from(JSON.stringify(list)), 'application/json; charset=utf-8'))
}

function readAsset(file: string): Asset {
  return assetOf(readFileSync(file), types[extname(file)]!)
}

function assetOf(body: Buffer, type: string): Asset {
  return { body, type, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` }
}

function serve(app: FastifyInstance, url: string, { body, type, etag }: Asset): void {
  const handler = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    // asked for each time, sent only when it has changed: a new version of the package shows at once
    void reply.headers({ ...securityHeaders, 'content-type': type, 'cache-control': 'no-cache', etag })
    const known = request.headers['if-none-match']?.split(',').map(tag => tag.trim().replace(/^W\//, ''))
    return known?.includes(etag) ? reply.code(304).send() : reply.send(body)
  }
  // open to all, also where there are keys: it holds nothing, and the calls that it makes are checked
  app.get(url, { schema: { hide: true } }, handler)
}
