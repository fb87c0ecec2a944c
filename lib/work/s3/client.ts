/** Requests to S3 and to servers that speak its protocol: an object or a part of it, and lists of objects. */
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'

import { onAbort } from '../../async/abort.js'
import { ClipError } from '../../errors.js'
import type { RetryPolicy } from '../../models/hub-settings.js'
import { RetryableFailure, withRetries } from '../../models/retry.js'
import { loadPeer } from '../../peer.js'
import { bodyOf } from '../../remote/remote-request.js'
import type { S3Settings } from '../../remote/s3-settings.js'
import { passing } from '../remote-file.js'
import { errorOf, pageOf, type S3Object } from './answers.js'

/** What is used of the package `aws4`. */
interface Signer {
  sign(
    request: { service: 's3'; region: string; method: 'GET'; path: string; headers: Record<string, string> },
    keys: NonNullable<S3Settings['keys']>,
  ): { headers: Record<string, string> }
}

const listRetries: RetryPolicy = { attempts: 5, pauseMs: 500, maxPauseMs: 10_000, maxServerPauseMs: 60_000 }
/** Milliseconds for one page of a list. */
const pageMs = 60_000
/** A page has at most 1000 keys of at most 1024 bytes, encoded. */
const maxPageBytes = 2 ** 24
const maxErrorBytes = 2 ** 16

export class S3Client {
  readonly #settings: S3Settings
  readonly #sign: Signer['sign'] | undefined
  readonly #agents = {
    'http:': new http.Agent({ keepAlive: true }),
    'https:': new https.Agent({ keepAlive: true }),
  }
  /** Where buckets are that are elsewhere than the settings say. */
  readonly #regions = new Map<string, string>()

  /** @throws {ClipError} ERR_CLIP_WORK_PARTS */
  constructor(settings: S3Settings) {
    this.#settings = settings
    if (settings.keys) this.#sign = loadPeer<Signer>('aws4', 'ERR_CLIP_WORK_PARTS', 'signing requests to S3').sign
  }

  /**
   * All objects whose keys begin with `prefix`, a page at a time. A page that fails is asked for again.
   *
   * @throws {ClipError} ERR_CLIP_S3_DENIED, ERR_CLIP_S3_NOT_FOUND, ERR_CLIP_S3_FAILED; the signal's reason
   */
  async *list(bucket: string, prefix: string, signal?: AbortSignal): AsyncGenerator<S3Object, void, undefined> {
    for (let token: string | undefined;;) {
      const query: [string, string][] = [['encoding-type', 'url'], ['list-type', '2'], ['prefix', prefix]]
      if (token !== undefined) query.push(['continuation-token', token])
      const page = await withRetries(listRetries, signal, () => this.#page(bucket, query, signal))
      yield* page.objects
      if (page.next === undefined) return
      if (page.next === token) throw failed(`the list of '${bucket}' does not end: it returns the same token again`)
      token = page.next
    }
  }

  async #page(bucket: string, query: [string, string][], signal: AbortSignal | undefined) {
    const limited = AbortSignal.any([...(signal ? [signal] : []), AbortSignal.timeout(pageMs)])
    try {
      const response = await this.open(bucket, '', {}, limited, query)
      if (response.statusCode !== 200) {
        const error = await this.failure(response, `s3://${bucket}`)
        throw passing(response, error)
      }
      return pageOf(await textOf(response, maxPageBytes), `s3://${bucket}`)
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      if (error instanceof ClipError || error instanceof RetryableFailure) throw error
      const reason = limited.aborted ? `no answer within ${pageMs} ms` : (error as Error).message
      throw new RetryableFailure(failed(`the objects of 's3://${bucket}' cannot be listed: ${reason}`, error))
    }
  }

  /** The answer to a request for an object, whatever its status. Errors of the connection come as they are. */
  async open(
    bucket: string,
    key: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
    query: readonly [string, string][] = [],
  ): Promise<IncomingMessage> {
    for (let first = true;; first = false) {
      const region = this.#regions.get(bucket) ?? this.#settings.region
      const response = await this.#get(bucket, key, headers, signal, query, region)
      // a bucket of another region says which
      const other = response.headers['x-amz-bucket-region']
      const elsewhere = [301, 307, 400].includes(response.statusCode ?? 0)
      if (!first || !elsewhere || typeof other !== 'string' || other === region || !/^[\w-]{1,64}$/.test(other))
        return response
      response.resume()
      this.#regions.set(bucket, other)
    }
  }

  #get(
    bucket: string,
    key: string,
    more: Readonly<Record<string, string>>,
    signal: AbortSignal,
    query: readonly [string, string][],
    region: string,
  ): Promise<IncomingMessage> {
    const { endpoint, keys } = this.#settings
    const base = endpoint ?? new URL(`https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`)
    const virtual = this.#isVirtual(bucket)
    const host = virtual ? `${bucket}.${base.host}` : base.host
    const folder = base.pathname.replace(/\/$/, '') + (virtual ? '' : `/${bucket}`)
    const search = query.map(([name, value]) => `${name}=${encoded(value)}`).join('&')
    const path = `${folder}/${key.split('/').map(encoded).join('/')}${search === '' ? '' : `?${search}`}`
    // the others are not signed: proxies in between may change them
    const signed = { host }
    const headers = {
      ...(this.#sign?.({ service: 's3', region, method: 'GET', path, headers: signed }, keys!).headers ?? signed),
      'user-agent': 'ggclip',
      'accept-encoding': 'identity',
      ...more,
    }
    const protocol = base.protocol as 'http:' | 'https:'
    const options = {
      agent: this.#agents[protocol],
      hostname: new URL(`${protocol}//${host}`).hostname.replace(/^\[(.*)\]$/, '$1'),
      port: base.port || undefined,
      path,
      headers,
    }
    return new Promise((resolve, reject) => {
      const request = (protocol === 'https:' ? https : http).get(options)
      let stopListening = onAbort(signal, () => request.destroy(new Error('aborted')))
      request.on('error', reject).on('response', response => {
        // not by the request: it would end a connection with an error that may be another request's by then
        stopListening()
        stopListening = onAbort(signal, () => response.destroy())
        response.on('close', () => stopListening())
        resolve(response)
      }).on('close', () => stopListening())
    })
  }

  /** Whether a bucket has a host of its own. A certificate is for one label below AWS's host, without a dot. */
  #isVirtual(bucket: string): boolean {
    const { style, endpoint } = this.#settings
    if (style !== undefined) return style === 'virtual'
    return endpoint === undefined && /^[a-z\d-]+$/.test(bucket)
  }

  /** What an answer without content says. */
  async failure(response: IncomingMessage, name: string): Promise<ClipError> {
    const { statusCode: status = 0 } = response
    const text = await textOf(response, maxErrorBytes).catch(() => '')
    const message = `'${name}' cannot be read: status ${status}${errorOf(text)}`
    if (status === 404) return new ClipError('ERR_CLIP_S3_NOT_FOUND', message)
    if (status !== 401 && status !== 403) return failed(message)
    const how = this.#sign ? '' : '; the request was not signed: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'
    return new ClipError('ERR_CLIP_S3_DENIED', message + how)
  }

  /** Idle connections are closed. */
  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy()
  }
}

function failed(message: string, cause?: unknown): ClipError {
  return new ClipError('ERR_CLIP_S3_FAILED', message, { cause })
}

/** Of RFC 3986, as the signature needs it. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, found => `%${found.charCodeAt(0).toString(16).toUpperCase()}`)
}

async function textOf(response: IncomingMessage, maxBytes: number): Promise<string> {
  const body = await bodyOf(response, bytes => {
    if (bytes > maxBytes) throw failed(`expected an answer of at most ${maxBytes} bytes, received more`)
  })
  return body.toString()
}
