/** Requests to the hub: token, redirects, time-outs, retries. */
import { onAbort, throwIfAborted } from '../abort.js'
import { ClipError } from '../errors.js'
import { type Asked, connectionFailure, hostOf, statusFailure } from './hub-errors.js'
import type { HubSettings, RetryPolicy } from './hub-settings.js'
import { withRetries } from './retry.js'

const maxRedirects = 8
const maxJsonBytes = 64 * 2 ** 20
const userAgent = `ggclip (node ${process.versions.node}; ${process.platform}-${process.arch})`

/** One answer, its body not yet read. */
export interface Answer {
  status: number
  /** Who gave it: the hub, or where it sent us. */
  host: string
  /** Of the answer that ends the redirects. */
  headers: Headers
  /** Of the hub's own answer, before it sent us elsewhere: it names the file's ETag and size there. */
  hubHeaders: Headers
  /** The body in pieces; @throws Transient when the connection breaks or nothing comes for too long */
  chunks(): AsyncGenerator<Uint8Array, void, undefined>
  /** Lets the connection go; any number of times. */
  close(): Promise<void>
}

export class HubClient {
  readonly settings: HubSettings
  readonly #signal: AbortSignal | undefined

  constructor(settings: HubSettings, signal: AbortSignal | undefined) {
    this.settings = settings
    this.#signal = signal
  }

  /** The same client under another signal. */
  under(signal: AbortSignal): HubClient {
    return new HubClient(this.settings, signal)
  }

  /** `path` below the endpoint, parsed. */
  json(path: string, asked: Asked, policy: RetryPolicy = this.settings.retry): Promise<unknown> {
    return withRetries(policy, this.#signal, async () => {
      const answer = await this.open(path, asked, { accept: 'application/json' })
      try {
        const parts: Uint8Array[] = []
        let size = 0
        for await (const chunk of answer.chunks()) {
          size += chunk.length
          if (size > maxJsonBytes) throw new ClipError('ERR_CLIP_HUB_RESPONSE', `${asked.what}: expected at most ${maxJsonBytes} bytes of JSON`)
          parts.push(chunk)
        }
        return parseJson(Buffer.concat(parts).toString('utf8'), asked, this.settings)
      } finally {
        await answer.close()
      }
    })
  }

  /** What is said about a file, without its content. Another host is asked only where the hub does not tell the size. */
  head(path: string, asked: Asked): Promise<Pick<Answer, 'status' | 'headers' | 'hubHeaders'>> {
    return withRetries(this.settings.retry, this.#signal, async () => {
      const answer = await this.open(path, asked, {}, 'HEAD')
      await answer.close()
      return answer
    })
  }

  /**
   * One request without retries, redirects followed.
   *
   * @throws {ClipError} or {@link Transient}
   */
  async open(path: string, asked: Asked, headers: Record<string, string>, method: 'GET' | 'HEAD' = 'GET'): Promise<Answer> {
    throwIfAborted(this.#signal)
    const connection = new Connection(this.settings.idleMs, this.#signal)
    try {
      const answer = await this.#follow(new URL(this.settings.endpoint + path), asked, headers, method, connection)
      if (answer.status < 400 || answer.status === 416) return answer
      throw statusFailure(answer, asked, this.settings)
    } catch (error) {
      connection.close()
      throwIfAborted(this.#signal)
      throw error
    }
  }

  async #follow(start: URL, asked: Asked, headers: Record<string, string>, method: string, connection: Connection): Promise<Answer> {
    const { token } = this.settings
    const home = start.origin
    let url = start
    let hubHeaders: Headers | undefined
    for (let step = 0; step <= maxRedirects; step++) {
      // the token is the hub's: no other host sees it, nor the hub again on the way back from one
      const authorization: Record<string, string> = token && url.origin === home && !hubHeaders ? { authorization: `Bearer ${token}` } : {}
      const response = await connection.fetch(url, {
        method, redirect: 'manual',
        headers: { 'user-agent': userAgent, 'accept-encoding': 'identity', ...headers, ...authorization },
      })
      const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null
      const target = location === null ? undefined : resolve(location, url, asked)
      if (target?.origin !== url.origin) hubHeaders ??= response.headers
      if (target === undefined || (method === 'HEAD' && target.origin !== home && response.headers.has('x-linked-size'))) {
        return { status: response.status, host: url.host, headers: response.headers, hubHeaders: hubHeaders!, ...connection.body(response, url) }
      }
      await response.body?.cancel().catch(() => undefined)
      url = target
    }
    throw new ClipError('ERR_CLIP_HUB_RESPONSE', `${hostOf(start)} led through more than ${maxRedirects} redirects for ${asked.what}`)
  }
}

function resolve(location: string, from: URL, { what }: Asked): URL {
  const target = URL.canParse(location, from.href) ? new URL(location, from) : undefined
  if (target?.protocol === 'https:' || (target?.protocol === 'http:' && from.protocol === 'http:')) return target
  throw new ClipError('ERR_CLIP_HUB_RESPONSE', `${hostOf(from)} redirects ${what} to ${location.slice(0, 80)}, which is not followed`)
}

function parseJson(text: string, { what }: Asked, { endpoint }: HubSettings): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const found = JSON.stringify(text.slice(0, 40))
    throw new ClipError('ERR_CLIP_HUB_RESPONSE', `${hostOf(endpoint)}: expected JSON about ${what}, found ${found}: is HF_ENDPOINT a hub?`, { cause })
  }
}

/** One request's life: ended by the caller's signal, by silence, or when its body has been read. */
class Connection {
  readonly #idleMs: number
  readonly #controller = new AbortController()
  readonly #stopListening: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(idleMs: number, signal: AbortSignal | undefined) {
    this.#idleMs = idleMs
    this.#stopListening = signal && onAbort(signal, () => this.#controller.abort())
  }

  async fetch(url: URL, init: RequestInit): Promise<Response> {
    this.#listen()
    try {
      return await fetch(url, { ...init, signal: this.#controller.signal })
    } catch (error) {
      throw connectionFailure(error, url.host)
    } finally {
      clearTimeout(this.#timer)
    }
  }

  body(response: Response, url: URL): Pick<Answer, 'chunks' | 'close'> {
    return {
      chunks: () => this.#chunks(response, url),
      close: async () => {
        this.close()
        await response.body?.cancel().catch(() => undefined)
      },
    }
  }

  async* #chunks(response: Response, url: URL): AsyncGenerator<Uint8Array, void, undefined> {
    if (!response.body) return
    const reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>
    let progressed = false
    try {
      for (;;) {
        this.#listen()
        const { done, value } = await reader.read().catch((error: unknown) => { throw connectionFailure(error, url.host, progressed) })
        clearTimeout(this.#timer)
        if (done) return
        progressed ||= value.length > 0
        yield value
      }
    } finally {
      clearTimeout(this.#timer)
      await reader.cancel().catch(() => undefined)
      this.close()
    }
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#stopListening?.()
    this.#controller.abort()
  }

  #listen(): void {
    clearTimeout(this.#timer)
    const silence = new Error(`nothing came for ${this.#idleMs / 1000} s`)
    this.#timer = setTimeout(() => this.#controller.abort(silence), this.#idleMs)
  }
}

