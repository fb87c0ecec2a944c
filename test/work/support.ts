/** A server of S3's protocol that checks each signature, and what tests of sources on servers share. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'

import { errorCodeOf } from '../../lib/errors'
import { type PictureSource, pictureSources, type PictureSourcesOptions } from '../../lib/index.js'
import { pictureReader } from '../../lib/work/read-picture'
import { checkRemote } from '../../lib/work/remote'

export const samples = path.join(__dirname, '..', '..', 'models', 'samples')
export const rocket = readFileSync(path.join(samples, 'rocket.png'))
export const never: AbortSignal = new AbortController().signal
export const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
const servers: Server[] = []
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export async function list(sources: string[], options?: PictureSourcesOptions): Promise<PictureSource[]> {
  const found: PictureSource[] = []
  for await (const source of pictureSources(sources, options)) found.push(source)
  return found
}

export function reader(options: PictureSourcesOptions, maxImageBytes = 2 ** 26) {
  return pictureReader({ ...checkRemote('options', options), maxImageBytes }).ofJob()
}

/** The signature that AWS's specification of version 4 gives a request: not that of the library under test. */
export function signature(request: IncomingMessage, secret: string): string {
  const [, scope, names, given] = /^AWS4-HMAC-SHA256 Credential=[^/]+\/(\S+), SignedHeaders=(\S+), Signature=(\S+)$/
    .exec(request.headers.authorization ?? '') ?? []
  if (!scope || !names || !given) return 'none'
  const [file, query = ''] = request.url!.split('?')
  const signed = names.split(';')
  // what must not be changed on the way
  if (!signed.includes('host') || !signed.includes('x-amz-date')) return 'too little'
  const canonical = [
    request.method,
    file,
    query.split('&').filter(part => part !== '').sort().join('&'),
    ...signed.map(name => `${name}:${String(request.headers[name]).trim()}`),
    '',
    names,
    request.headers['x-amz-content-sha256'],
  ].join('\n')
  const time = String(request.headers['x-amz-date'])
  if (Math.abs(Date.now() - Date.parse(time.replace(/(....)(..)(..T..)(..)(..)/, '$1-$2-$3:$4:$5'))) > 60_000)
    return 'old'
  const text = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n')
  const key = scope.split('/').reduce(
    (secretOf, part) => createHmac('sha256', secretOf).update(part).digest(),
    Buffer.from(`AWS4${secret}`),
  )
  const expected = createHmac('sha256', key).update(text).digest()
  return timingSafeEqual(expected, Buffer.from(given, 'hex')) ? `right ${scope.split('/').slice(1).join('/')}` : 'wrong'
}

/** What a test does to requests: true when it has answered. */
type Trouble = (request: IncomingMessage, response: ServerResponse) => boolean

interface Bucket {
  endpoint: string
  requests: string[]
  trouble?: Trouble
}

const time = '2026-01-02T03:04:05.678Z'

export function failXml(response: ServerResponse, status: number, code: string, headers = {}): true {
  response.writeHead(status, { 'content-type': 'application/xml', ...headers })
    .end(`<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>because of &lt;${code}&gt;</Message></Error>`)
  return true
}

/** A server with one bucket `pics`, in pages of `pageSize`; with `open`, requests need no signature. */
export async function bucket(objects: Record<string, Buffer>, { pageSize = 2, open = false } = {}): Promise<Bucket> {
  const state: Bucket = { endpoint: '', requests: [] }
  const names = Object.keys(objects).sort()
  state.endpoint = await serve((request, response) => {
    state.requests.push(request.url!)
    if (state.trouble?.(request, response)) return
    const sign = signature(request, keys.secretAccessKey)
    if (!open && sign !== 'right us-east-1/s3/aws4_request')
      return failXml(response, 403, sign === 'none' ? 'AccessDenied' : 'SignatureDoesNotMatch')
    if (open && request.headers.authorization) return failXml(response, 400, 'UnexpectedSignature')
    const url = new URL(request.url!, 'http://x')
    const virtual = request.headers.host!.startsWith('pics.')
    const raw = request.url!.split('?')[0]!.slice(1)
    const [first, ...rest] = virtual ? ['pics', raw] : raw.split('/')
    if (first !== 'pics') return failXml(response, 404, 'NoSuchBucket')
    const key = decodeURIComponent(rest.join('/'))
    if (key === '') {
      const prefix = url.searchParams.get('prefix')!
      const after = url.searchParams.get('continuation-token') ?? ''
      const all = names.filter(name => name.startsWith(prefix) && `t/${name}+=` > after && after !== `t/${name}+=`)
      const page = all.slice(0, pageSize)
      const more = all.length > page.length
      const encode = (text: string): string => encodeURIComponent(text).replaceAll('%2F', '/').replaceAll('%20', '+')
      const token = `t/${page.at(-1)}+=`.replace('&', '&amp;')
      response.end(
        `<ListBucketResult xmlns="x"><EncodingType>url</EncodingType><IsTruncated>${more}</IsTruncated>${
          more ? `<NextContinuationToken>${token}</NextContinuationToken>` : ''
        }${
          page.map(name =>
            `<Contents><Key>${encode(name)}</Key><LastModified>${time}</LastModified><Size>${
              objects[name]!.length
            }</Size></Contents>`
          ).join('\n')
        }</ListBucketResult>`,
      )
      return
    }
    const bytes = objects[key]
    if (!bytes) return failXml(response, 404, 'NoSuchKey')
    sendBytes(request, response, bytes, { 'last-modified': new Date(time).toUTCString() })
  })
  return state
}

/** The file, or the part that is asked for. */
export function sendBytes(request: IncomingMessage, response: ServerResponse, bytes: Buffer, headers = {}): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? NaN)
  if (Number.isNaN(from)) return void response.writeHead(200, { 'content-length': bytes.length, ...headers }).end(bytes)
  if (from >= bytes.length)
    return void response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end()
  response.writeHead(206, {
    'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
    'content-length': bytes.length - from,
    ...headers,
  }).end(bytes.subarray(from))
}

/** What `call` is refused with. */
export async function refusal(call: Promise<unknown>): Promise<[string | undefined, string]> {
  return call.then(() => [undefined, 'it was not'], error => [errorCodeOf(error), (error as Error).message])
}
