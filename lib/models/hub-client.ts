/** Requests to the hub: token, redirects, time-outs, retries. */
import type { ClientRequest, IncomingMessage } from 'node:http'
import { pipeline, type Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'

import { onAbort, throwIfAborted } from '../async/abort.js'
import { ClipError } from '../errors.js'
import { type RequestSubject, connectionFailure, hostOf, statusFailure } from './hub-errors.js'
import type { HubSettings, RetryPolicy } from './hub-settings.js'
import { HubWire, type WireRequest } from './hub-wire.js'
import { withRetries } from './retry.js'

const maxRedirects = 8
const maxJsonBytes = 64 * 2 ** 20
/** Fewer bytes than this within the time-out are no progress: a trickle would otherwise last for ever. */
const minBytes = 4096
/** Unneeded bodies up to this length are read to the end, so that the connection can be reused. */
const maxUnwantedBytes = 16_384
const userAgent = `ggclip (node ${process.versions.node}; ${process.platform}-${process.arch})`

/** One answer, its body not yet read. */
export interface Answer {
  status: number
  /** Who sent it: the hub, or the server that it redirected to. */
  url: URL
  host: string
  /** Headers of the last answer. */
  headers: Headers
  /** Headers of the hub's own answer, before redirects: it has the file's ETag and size. */
  hubHeaders: Headers
  /** The body in pieces; @throws RetryableFailure if the connection breaks or (nearly) nothing arrives for too long */
  chunks(): AsyncGenerator<Uint8Array, void, undefined>
  /** Releases the connection. Idempotent. */
  close(): void
}

export class HubClient {
  readonly settings: HubSettings
  readonly #signal: AbortSignal | undefined
  readonly #wire: HubWire

  constructor(settings: HubSettings, signal: AbortSignal | undefined, wire = new HubWire(settings.proxyOf)) {
    this.settings = settings
    this.#signal = signal
    this.#wire = wire
  }

  /** The same client and connections with another signal. */
  under(signal: AbortSignal): HubClient {
    return new HubClient(this.settings, signal, this.#wire)
  }

  /** Closes all connections. */
  close(): void {
    this.#wire.close()
  }

  /** `path` below the endpoint, parsed as JSON. */
  json(path: string, subject: RequestSubject, policy: RetryPolicy = this.settings.retry): Promise<unknown> {
    return withRetries(policy, this.#signal, async () => {
      const answer = await this.open(path, subject, { accept: 'application/json' })
      try {
        const parts: Uint8Array[] = []
        let size = 0
        for await (const chunk of answer.chunks()) {
          size += chunk.length
          if (size > maxJsonBytes)
            throw new ClipError(
              'ERR_CLIP_HUB_RESPONSE',
              `${subject.what}: expected at most ${maxJsonBytes} bytes of JSON`,
            )
          parts.push(chunk)
        }
        return parseJson(Buffer.concat(parts).toString('utf8'), subject, this.settings)
      } finally {
        answer.close()
      }
    })
  }

  /** Headers of a file without its content. Redirects are followed only if the hub does not give the size. */
  head(path: string, subject: RequestSubject): Promise<Pick<Answer, 'status' | 'headers' | 'hubHeaders'>> {
    return withRetries(this.settings.retry, this.#signal, async () => {
      const answer = await this.open(path, subject, {}, 'HEAD')
      answer.close()
      return answer
    })
  }

  /**
   * One request without retries, redirects followed.
   *
   * @throws {ClipError} or {@link RetryableFailure}
   */
  async open(
    path: string,
    subject: RequestSubject,
    headers: Record<string, string>,
    method: 'GET' | 'HEAD' = 'GET',
  ): Promise<Answer> {
    throwIfAborted(this.#signal)
    const connection = new Connection(this.#wire, this.settings.idleMs, this.#signal)
    try {
      const answer = await this.#follow(new URL(this.settings.endpoint + path), subject, headers, method, connection)
      if (answer.status < 400 || answer.status === 416) return answer
      throw statusFailure({ ...answer, through: this.#wire.describe(answer.url) }, subject, this.settings)
    } catch (error) {
      connection.close()
      throwIfAborted(this.#signal)
      throw error
    }
  }

  async #follow(
    start: URL,
    subject: RequestSubject,
    headers: Record<string, string>,
    method: string,
    connection: Connection,
  ): Promise<Answer> {
    const { token } = this.settings
    const home = start.origin
    let url = start
    let hubHeaders: Headers | undefined
    for (let step = 0; step <= maxRedirects; step++) {
      // the token is the hub's: no other host gets it, nor the hub itself after a redirect back
      const authorization: Record<string, string> = token && url.origin === home && !hubHeaders
        ? { authorization: `Bearer ${token}` }
        : {}
      const response = await connection.send(url, {
        method,
        headers: { 'user-agent': userAgent, 'accept-encoding': 'identity', ...headers, ...authorization },
      })
      const answer = new Headers(pairs(response.rawHeaders))
      const status = response.statusCode!
      const location = status >= 300 && status < 400 ? answer.get('location') : null
      const target = location === null ? undefined : resolve(location, url, subject)
      if (target?.origin !== url.origin) hubHeaders ??= answer
      if (target === undefined || (method === 'HEAD' && target.origin !== home && answer.has('x-linked-size'))) {
        return {
          status,
          url,
          host: url.host,
          headers: answer,
          hubHeaders: hubHeaders!,
          ...connection.body(response, url),
        }
      }
      discard(response)
      url = target
    }
    throw new ClipError(
      'ERR_CLIP_HUB_RESPONSE',
      `${hostOf(start)} led through more than ${maxRedirects} redirects for ${subject.what}`,
    )
  }
}

function resolve(location: string, from: URL, { what }: RequestSubject): URL {
  const target = URL.canParse(location, from.href) ? new URL(location, from) : undefined
  if (target) target.username = target.password = ''
  if (target?.protocol === 'https:' || (target?.protocol === 'http:' && from.protocol === 'http:')) return target
  throw new ClipError(
    'ERR_CLIP_HUB_RESPONSE',
    `${hostOf(from)} redirects ${what} to ${location.slice(0, 80)}, which is not followed`,
  )
}

function parseJson(text: string, { what }: RequestSubject, { endpoint }: HubSettings): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const found = JSON.stringify(text.slice(0, 40))
    throw new ClipError(
      'ERR_CLIP_HUB_RESPONSE',
      `${hostOf(endpoint)}: expected JSON about ${what}, found ${found}: is HF_ENDPOINT a hub?`,
      { cause },
    )
  }
}

function pairs(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, i): [string, string][] => (i % 2 === 0 ? [[name, raw[i + 1]!]] : []))
}

/** Reads a short body to its end, aborts a long one. */
function discard(response: IncomingMessage): void {
  if (response.complete || Number(response.headers['content-length'] ?? NaN) <= maxUnwantedBytes) response.resume()
  else response.destroy()
}

/** The content of a body that is compressed although that was not requested. */
function decoded(response: IncomingMessage): Readable {
  const decoders: Record<string, () => NodeJS.ReadWriteStream & Readable> = {
    'gzip': createGunzip,
    'x-gzip': createGunzip,
    'deflate': createInflate,
    'br': createBrotliDecompress,
  }
  const decoder = decoders[(response.headers['content-encoding'] ?? '').trim().toLowerCase()]
  // the reader of the result gets the error
  return decoder ? pipeline(response, decoder(), () => undefined) : response
}

/**
 * The lifetime of one request, redirects included: it ends by the caller's signal, by silence, or when its body has
 * been read.
 */
class Connection {
  readonly #wire: HubWire
  readonly #idleMs: number
  readonly #stopListening: (() => void) | undefined
  #request: ClientRequest | undefined
  #response: IncomingMessage | undefined
  #fail: ((reason: Error) => void) | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(wire: HubWire, idleMs: number, signal: AbortSignal | undefined) {
    this.#wire = wire
    this.#idleMs = idleMs
    this.#stopListening = signal && onAbort(signal, () => this.#end(new Error('cancelled')))
  }

  async send(url: URL, request: WireRequest): Promise<IncomingMessage> {
    const peer = this.#wire.describe(url)
    this.#watch(this.#idleMs, 'no answer came')
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        this.#fail = reject
        this.#request = this.#wire.request(url, request)
        this.#request.on('error', reject).once('response', resolve).end()
      })
      // the reader of the body gets its errors
      return this.#response = response.on('error', () => undefined)
    } catch (error) {
      throw connectionFailure(error, peer)
    } finally {
      clearTimeout(this.#timer)
    }
  }

  body(response: IncomingMessage, url: URL): Pick<Answer, 'chunks' | 'close'> {
    return { chunks: () => this.#chunks(response, url), close: () => this.close() }
  }

  async *#chunks(response: IncomingMessage, url: URL): AsyncGenerator<Uint8Array, void, undefined> {
    const body = decoded(response)[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>
    let total = 0
    try {
      for (let [fresh, leftMs] = [0, this.#idleMs];;) {
        const began = performance.now()
        this.#watch(leftMs, fresh === 0 ? 'nothing came' : `no more than ${fresh} bytes came`)
        const { done, value } = await body.next().catch((error: unknown) => {
          throw connectionFailure(error, this.#wire.describe(url), total >= minBytes)
        })
        clearTimeout(this.#timer) // the reader's processing time does not count
        if (done) return
        total += value.length
        fresh += value.length
        leftMs -= performance.now() - began
        if (fresh >= minBytes) [fresh, leftMs] = [0, this.#idleMs]
        yield value
      }
    } finally {
      this.close()
    }
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#stopListening?.()
    if (this.#response) discard(this.#response)
    else this.#request?.destroy()
  }

  #end(reason: Error): void {
    this.#fail?.(reason) // a request that still waits for its connection does not report that it was destroyed
    this.#request?.destroy(reason)
    this.#response?.destroy(reason)
  }

  #watch(leftMs: number, what: string): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#end(new Error(`${what} for ${this.#idleMs / 1000} s`)), leftMs)
  }
}
