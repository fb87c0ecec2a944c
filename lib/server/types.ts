/** What a server is told. Types only. */
import type { LoadOptions } from '../types.js'

/** A model as it is served: where it comes from and how it is loaded. */
export interface ServedModel
  extends Omit<LoadOptions, 'signal' | 'maxQueue' | 'maxPixels' | 'maxDecodeMs' | 'svg' | 'onTrace'>
{
  /** As for `Clip.load`. Default: the embedded model. */
  source?: string
  /**
   * Lengths that a request's `dimensions` may ask for, besides the full one. Give them only for models that were
   * trained so that a vector's beginning is a vector (Matryoshka). Default: none.
   */
  dimensions?: readonly number[]
}

/** A key with a name: who uses the server. */
export interface ApiKey {
  /** Who it is, in logs and metrics. */
  name: string
  /** The secret, at least 16 characters. */
  key: string
  /** Overrides the server's. */
  requestsPerMinute?: number
}

/** Which pictures the server may fetch by http and https. */
export interface RemoteImageOptions {
  /** Hosts that pictures may come from; a leading `*.` admits subdomains. Default: any public one. */
  hosts?: readonly string[]
  /** Admit loopback, private and link-local addresses, too. Default false. */
  privateAddresses?: boolean
  /** Time for one picture with all redirects, milliseconds. Default 10000. */
  timeoutMs?: number
  /** Most redirects. Default 3. */
  maxRedirects?: number
}

/** How much the server writes on stderr. */
export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug'

/** Of {@link Server.start}. */
export interface ServerOptions {
  /** Default '127.0.0.1': this machine only. */
  host?: string
  /** 0: any free one; see {@link Server.url}. Default 8080. */
  port?: number
  /** Name in requests: where it comes from. The first is used by requests that name none. Default: the embedded model. */
  models?: Readonly<Record<string, string | ServedModel>>
  /** What is loaded before the server is ready; the others are loaded when first asked for. Default 'first'. */
  preload?: 'none' | 'first' | 'all'
  /** Run a picture and a text through each model once it is loaded. Default true. */
  warmUp?: boolean
  /** Unload a model that nobody used for so long, milliseconds; 0: never. Default 0. */
  unloadAfterMs?: number
  /** Who may use the server. Default: everybody. */
  apiKeys?: readonly (string | ApiKey)[]
  /** Requests a minute of one key, or of one address where there are no keys; 0: no limit. Default 0. */
  requestsPerMinute?: number
  /** Origins whose pages may use the server; '*': all. Default: none. */
  corsOrigins?: readonly string[]
  /**
   * Hosts that requests may name (their Host header), besides those of this machine; a leading `*.` admits subdomains,
   * '*' all. Default: a server that listens on this machine alone is asked for as localhost or by an address (a web
   * page could otherwise read what it has, by a name of its own that stands for 127.0.0.1); any other server, and one
   * behind a proxy (`trustProxy`), by any name.
   */
  allowedHosts?: readonly string[]
  /** Whether images may be given as http and https URLs, which the server then fetches. Default false. */
  remoteImages?: boolean | RemoteImageOptions
  /** Most bytes of a request. Default 32 MiB. */
  maxBodyBytes?: number
  /** Most bytes of one image file. Default 16 MiB. */
  maxImageBytes?: number
  /** Most pixels of one image. Default 2^26. */
  maxPixels?: number
  /** Most milliseconds that decoding an image may take; the work of one that takes longer is stopped. Default 10000. */
  maxDecodeMs?: number
  /** Read SVG, which strangers can make costly with a few bytes: each is drawn within `maxDecodeMs`. Default false. */
  svg?: boolean
  /** Most inputs (texts, images, labels times templates) of one request; they are computed in slices. Default 2048. */
  maxInputs?: number
  /** Most inputs of one model that are in work or wait, over all requests. Default 1024. */
  maxQueue?: number
  /** Most requests that are in work at the same time. Default 512. */
  maxRequests?: number
  /** Time for a request, milliseconds. Default 30000. */
  timeoutMs?: number
  /** How long closing waits for requests in work, milliseconds. Default 20000. */
  drainMs?: number
  /**
   * Behind how many proxies of your own the server is: so many entries of X-Forwarded-For, from its end, are believed;
   * what stands before them anybody can write. `true` is 1. Default 0.
   */
  trustProxy?: boolean | number
  /** Who sees /metrics: 'open', 'key' (those with an API key) or 'off'. Default 'key' where there are keys, else 'open'. */
  metrics?: 'open' | 'key' | 'off'
  /** Serve the web page at `/`. Default true. */
  page?: boolean
  /** A folder of pictures that the web page can search. Default: none. */
  folder?: string
  /** JSON lines on stderr. Default 'silent'. */
  logLevel?: LogLevel
  /** Gives up starting: while a model is fetched or loaded, say. No effect on a server that has started. */
  signal?: AbortSignal
}
