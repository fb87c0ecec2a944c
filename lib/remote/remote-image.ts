/**
 * Fetches images from URLs without giving clients access to the network behind this machine: every address of a name must
 * be public, the connection goes to the checked address (a name may change between two look-ups), each redirect is
 * checked again, size and time are bounded.
 */
import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import http from 'node:http'
import https from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { type Duplex, pipeline, type Readable } from 'node:stream'
import zlib from 'node:zlib'

import { ClipError } from '../errors.js'
import { hostOf, isPublic, matchesHost } from './addresses.js'

/** Rules for images that are fetched by http and https. */
export interface RemoteImageOptions {
  /** Hosts to fetch images from; a leading `*.` matches subdomains. Default: any public one. */
  hosts?: readonly string[]
  /** Accept loopback, private and link-local addresses, too. Default false. */
  privateAddresses?: boolean
  /** Time for one image including redirects, milliseconds. Default 10000. */
  timeoutMs?: number
  /** Most redirects. Default 3. */
  maxRedirects?: number
}

export interface RemoteNetwork {
  lookup(host: string, options: { all: true }, done: (error: Error | null, addresses: LookupAddress[]) => void): void
  admits(address: string): boolean
}

const redirects = [301, 302, 303, 307, 308]

export function remoteImages(
  options: Required<RemoteImageOptions>,
  maxBytes: number,
  { lookup, admits }: RemoteNetwork = {
    lookup: systemLookup,
    admits: address => options.privateAddresses || isPublic(address),
  },
): (url: string, signal: AbortSignal) => Promise<Buffer> {
  const check = (address: string, host: string): void => {
    if (!admits(address)) throw refused(`'${host}' is not a public address`)
  }
  const checkedLookup: LookupFunction = (host, settings, done) => {
    lookup(host, { all: true }, (error, addresses) => {
      if (error) return done(error, '')
      if (addresses.length === 0) return done(new Error(`'${host}' has no address`), '')
      try {
        for (const { address } of addresses) check(address, host)
      } catch (refusal) {
        return done(refusal as Error, '')
      }
      const [first] = addresses
      if (settings.all) done(null, addresses)
      else done(null, first!.address, first!.family)
    })
  }
  return async (url, signal) => {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)])
    try {
      return await follow(url, limited)
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (error instanceof ClipError) throw error
      const reason = limited.aborted ? `it took longer than ${options.timeoutMs} ms` : (error as Error).message
      throw new ClipError('ERR_CLIP_URL_FAILED', `'${shown(url)}' cannot be fetched: ${reason}`, { cause: error })
    }
  }

  async function follow(first: string, signal: AbortSignal): Promise<Buffer> {
    let url = parse(first)
    for (let hops = 0; hops <= options.maxRedirects; hops++) {
      checkHost(url)
      const response = await get(url, checkedLookup, signal)
      if (!redirects.includes(response.statusCode ?? 0)) return read(response, first, maxBytes)
      response.destroy()
      url = parse(response.headers.location ?? '', url.href)
    }
    throw refused(`'${shown(first)}' redirects more than ${options.maxRedirects} times`)
  }

  function checkHost(url: URL): void {
    const host = hostOf(url.hostname)
    if (options.hosts.length > 0 && !matchesHost(host, options.hosts)) {
      throw refused(`images from '${host}' are not allowed`)
    }
    // numeric hosts are not looked up
    if (isIP(host) > 0) check(host, host)
  }
}

function parse(text: string, base?: string): URL {
  if (!URL.canParse(text, base)) throw refused(`'${shown(text)}' is not a URL`)
  const url = new URL(text, base)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refused(`'${url.protocol}' URLs are not fetched`)
  if (url.username !== '' || url.password !== '') throw refused('URLs with a user name or password are not fetched')
  return url
}

function get(url: URL, lookup: LookupFunction, signal: AbortSignal): Promise<http.IncomingMessage> {
  const headers = { accept: 'image/*', 'accept-encoding': 'identity', 'user-agent': 'ggclip' }
  const request = url.protocol === 'https:' ? https.get : http.get
  return new Promise((resolve, reject) => {
    // agent: false: a new connection, to an address that has just been checked
    request(url, { lookup, signal, headers, agent: false }, resolve).on('error', reject)
  })
}

async function read(response: http.IncomingMessage, url: string, maxBytes: number): Promise<Buffer> {
  try {
    if (response.statusCode !== 200) {
      throw new ClipError('ERR_CLIP_URL_FAILED', `'${shown(url)}' cannot be fetched: status ${response.statusCode}`)
    }
    checkSize(`'${shown(url)}'`, Number(response.headers['content-length'] ?? 0), maxBytes)
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of decoded(response, url) as AsyncIterable<Buffer>) {
      bytes += chunk.length
      checkSize(`'${shown(url)}'`, bytes, maxBytes)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } finally {
    response.destroy()
  }
}

/** Some servers compress regardless of the request. The reader bounds the decompressed size. */
function decoded(response: http.IncomingMessage, url: string): Readable {
  const encoding = (response.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  if (encoding === 'identity' || encoding === '') return response
  const decoder = decoders[encoding]?.()
  if (decoder === undefined) {
    throw new ClipError(
      'ERR_CLIP_URL_FAILED',
      `'${shown(url)}' cannot be fetched: content encoding '${encoding.slice(0, 40)}' is not known`,
    )
  }
  // the reader gets the connection's errors
  return pipeline(response, decoder, () => undefined)
}

const decoders: Readonly<Record<string, () => Duplex>> = {
  'gzip': () => zlib.createGunzip(),
  'x-gzip': () => zlib.createGunzip(),
  'deflate': () => zlib.createInflate(),
  'br': () => zlib.createBrotliDecompress(),
}

/** @throws {ClipError} ERR_CLIP_IMAGE_TOO_LARGE */
export function checkSize(name: string, bytes: number, maxBytes: number): void {
  if (bytes <= maxBytes) return
  throw new ClipError('ERR_CLIP_IMAGE_TOO_LARGE', `${name} has more than maxImageBytes (${maxBytes}) bytes`)
}

function refused(message: string): ClipError {
  return new ClipError('ERR_CLIP_URL_REFUSED', message)
}

function shown(url: string): string {
  return url.length > 80 ? `${url.slice(0, 79)}\u2026` : url
}
