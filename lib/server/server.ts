/** The library's HTTP server. Light: the packages for serving are loaded when a server starts. */
import { checkServerOptions, type ServerSettings } from './options.js'
import { loadParts } from './parts.js'
import type { RunningServer } from './start.js'
import type { ServerOptions } from './types.js'

/**
 * CLIP over HTTP: OpenAI's embeddings call for texts and images, classification, similarity, ranking, health, metrics.
 * docs/server.md is the manual.
 *
 * @example
 * const server = await Server.start({ port: 0 })
 * const answer = await fetch(`${server.url}/v1/embeddings`, {
 *   method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ input: 'a photo of a cat' }),
 * })
 * console.log((await answer.json()).data[0].embedding.length) // 256
 * await server.close()
 */
export class Server {
  readonly #running: RunningServer
  #closed: Promise<void> | undefined

  /** Where it listens: `http://127.0.0.1:8080`. */
  readonly url: string
  /** The port it listens on, also if 0 was given. */
  readonly port: number
  /** Every option with its value, without secrets. */
  readonly settings: Readonly<Omit<ServerSettings, 'apiKeys' | 'signal'>>

  private constructor(running: RunningServer, { apiKeys: _, signal: __, ...settings }: ServerSettings) {
    this.#running = running
    this.url = running.url
    this.port = running.port
    this.settings = Object.freeze(settings)
  }

  /**
   * Starts listening, then loads the models of `preload`; resolves when the server is ready. `/readyz` says 503 until
   * then, and requests wait for the model.
   *
   * @throws {TypeError|RangeError} bad options; {ClipError} ERR_CLIP_SERVER_LISTEN if the port is not available,
   *   ERR_CLIP_MODEL_UNAVAILABLE if a model cannot be loaded (`cause` says why), ERR_CLIP_SERVER_PARTS if Fastify and
   * the
   *   other packages are not installed; the signal's reason
   *
   * @example
   * const server = await Server.start({ port: 0, models: { emoji: 'models/emoji-clip.gguf' }, maxImageBytes: 4 * 2 ** 20 })
   * console.log((await fetch(`${server.url}/readyz`)).status, server.settings.maxInputs) // 200 2048
   * await server.close()
   */
  static async start(options?: ServerOptions): Promise<Server> {
    const settings = checkServerOptions(options)
    const { startServer } = await loadParts()
    return new Server(await startServer(settings), settings)
  }

  /**
   * Refuses new requests, lets running ones finish for `drainMs`, then stops them, unloads the models and releases the
   * port. Resolves three seconds after `drainMs` at the latest, even if something cannot be stopped. Idempotent.
   *
   * @example
   * const server = await Server.start({ port: 0, drainMs: 1000 })
   * await server.close()
   * await fetch(server.url).catch(error => console.log(error.cause.code)) // ECONNREFUSED
   */
  close(): Promise<void> {
    this.#closed ??= this.#running.close()
    return this.#closed
  }

  /** {@link Server.close}, for `await using` where the language supports it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
