/**
 * Requests to URLs that others name, without giving them access to the network behind this machine: every address of a
 * name must be public, the connection goes to the checked address (a name may change between two look-ups), each redirect
 * is checked again.
 */
import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { isIP, type LookupFunction } from 'node:net'

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

/**
 * The answer of the last hop, whatever its status.
 *
 * @throws {ClipError} ERR_CLIP_URL_REFUSED; errors of the connection as they come; the signal's reason
 */
export type RemoteRequest = (
  url: string,
  signal: AbortSignal,
  headers?: Readonly<Record<string, string>>,
) => Promise<IncomingMessage>

const redirects = [301, 302, 303, 307, 308]

export function remoteRequests(
  options: Omit<Required<RemoteImageOptions>, 'timeoutMs'>,
  { lookup, admits }: RemoteNetwork = {
    lookup: systemLookup,
    admits: address => options.privateAddresses || isPublic(address),
  },
): RemoteRequest {
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
  return async (first, signal, headers = {}) => {
    let url = parse(first)
    for (let hops = 0; hops <= options.maxRedirects; hops++) {
      checkHost(url)
      const response = await get(url, checkedLookup, signal, headers)
      if (!redirects.includes(response.statusCode ?? 0)) return response
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

function get(
  url: URL,
  lookup: LookupFunction,
  signal: AbortSignal,
  more: Readonly<Record<string, string>>,
): Promise<IncomingMessage> {
  const headers = { 'accept-encoding': 'identity', 'user-agent': 'ggclip', ...more }
  const request = url.protocol === 'https:' ? https.get : http.get
  return new Promise((resolve, reject) => {
    // agent: false: a new connection, to an address that has just been checked
    request(url, { lookup, signal, headers, agent: false }, resolve).on('error', reject)
  })
}

function refused(message: string): ClipError {
  return new ClipError('ERR_CLIP_URL_REFUSED', message)
}

/** All of an answer. @param check throws where it has more bytes than are wanted; called for each piece with those so far */
export async function bodyOf(answer: AsyncIterable<Buffer>, check: (bytes: number) => void): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer) {
    bytes += chunk.length
    check(bytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The beginning of a URL, for messages. */
export function shown(url: string): string {
  return url.length > 80 ? `${url.slice(0, 79)}\u2026` : url
}
