/** A server's options: their types, and the protocols that it speaks. */
import type { RemoteImageOptions } from '../remote/remote-image.js'
import type { LoadOptions } from '../types.js'

export type { RemoteImageOptions } from '../remote/remote-image.js'

/** The protocols of other servers that this one speaks, besides its own calls. docs/drop-in.md is their manual. */
export const dialects = ['immich', 'frigate', 'weaviate', 'ollama', 'cohere', 'voyage'] as const

/**
 * A protocol of other servers. 'immich': Immich's machine learning; 'frigate': llama.cpp's server, as Frigate uses it;
 * 'weaviate': multi2vec-clip; 'ollama', 'cohere', 'voyage': their embedding calls.
 */
export type Dialect = typeof dialects[number]

/** A served model: its source and load options. */
export interface ServedModel
  extends Omit<LoadOptions, 'signal' | 'maxQueue' | 'maxPixels' | 'maxDecodeMs' | 'svg' | 'onTrace'>
{
  /** As in `Clip.load`. Default: the embedded model. */
  source?: string
  /**
   * Lengths that a request's `dimensions` may select, besides the full one. Only for models trained so that the
   * beginning of a vector is itself a vector (Matryoshka). Default: none.
   */
  dimensions?: readonly number[]
}

/** A key with the name of its user. */
export interface ApiKey {
  /** Name in logs and metrics. */
  name: string
  /** The secret, at least 16 characters. */
  key: string
  /** Overrides the server's limit. */
  requestsPerMinute?: number
}

/** How much the server logs to stderr. */
export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug'

/** Options of {@link Server.start}. */
export interface ServerOptions {
  /** Default '127.0.0.1': this machine only. */
  host?: string
  /** 0: any free one; see {@link Server.url}. Default 8080. */
  port?: number
  /** Models by their name in requests. The first serves requests that name none. Default: the embedded model. */
  models?: Readonly<Record<string, string | ServedModel>>
  /** Models to load before the server is ready; the others are loaded on demand. Default 'first'. */
  preload?: 'none' | 'first' | 'all'
  /** Run an image and a text through each model once it is loaded. Default true. */
  warmUp?: boolean
  /** Unload a model after this time without use, milliseconds; 0: never. Default 0. */
  unloadAfterMs?: number
  /** Keys of those who may use the server. Default: everyone may. */
  apiKeys?: readonly (string | ApiKey)[]
  /** Requests per minute of one key, or of one address without keys; 0: no limit. Default 0. */
  requestsPerMinute?: number
  /** Origins whose pages may use the server; '*': all. Default: none. */
  corsOrigins?: readonly string[]
  /**
   * Hosts that requests may name (Host header), besides those of this machine; a leading `*.` matches subdomains, '*'
   * all. Default: a server that listens only on this machine accepts localhost and addresses (a web page could
   * otherwise read its data through a domain that resolves to 127.0.0.1); any other server, and one behind a proxy
   * (`trustProxy`), accepts any name.
   */
  allowedHosts?: readonly string[]
  /** Whether images may be http and https URLs, which the server then fetches. Default false. */
  remoteImages?: boolean | RemoteImageOptions
  /** Most bytes of a request. Default 32 MiB. */
  maxBodyBytes?: number
  /** Most bytes of one image file. Default 16 MiB. */
  maxImageBytes?: number
  /** Most pixels of one image. Default 2^26. */
  maxPixels?: number
  /** Most milliseconds for decoding an image, after which decoding is stopped. Default 10000. */
  maxDecodeMs?: number
  /** Accept SVG, which can be expensive to render: each is limited by `maxDecodeMs`. Default false. */
  svg?: boolean
  /** Most inputs (texts, images, labels times templates) of one request; they are computed in slices. Default 2048. */
  maxInputs?: number
  /** Most inputs of one model that are running or waiting, over all requests. Default 1024. */
  maxQueue?: number
  /** Most simultaneous requests. Default 512. */
  maxRequests?: number
  /** Time for a request, milliseconds. Default 30000. */
  timeoutMs?: number
  /** Longest time that closing waits for running requests, milliseconds. Default 20000. */
  drainMs?: number
  /**
   * Number of your own proxies in front of the server: this many entries of X-Forwarded-For, from its end, are trusted;
   * earlier ones may be forged. `true` is 1. Default 0.
   */
  trustProxy?: boolean | number
  /** Access to /metrics: 'open', 'key' (with an API key) or 'off'. Default 'key' if there are keys, else 'open'. */
  metrics?: 'open' | 'key' | 'off'
  /**
   * Protocols of other servers that this one speaks, so that their clients need only its address; docs/drop-in.md.
   * Default: all.
   */
  dialects?: readonly Dialect[]
  /** Serve the web page at `/`. Default true. */
  page?: boolean
  /** Folders of images that can be searched, with the first model: docs/server.md, "Gallery". Default: none. */
  folder?: string | readonly string[]
  /**
   * Folder of the search index of these images. Alone: an index that exists, with its own folders. Default: `.ggclip` in
   * the first folder.
   */
  index?: string
  /** Look for changes when the system tells of some, not every minute. Default false. */
  watch?: boolean
  /** Log level of the JSON lines on stderr. Default 'silent'. */
  logLevel?: LogLevel
  /** Cancels the start, for instance while a model is fetched or loaded. No effect on a running server. */
  signal?: AbortSignal
}
