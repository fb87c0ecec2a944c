/** Fetches images from URLs that others name, by guarded requests; size and time are bounded. */
import type http from 'node:http'
import { type Duplex, pipeline, type Readable } from 'node:stream'
import zlib from 'node:zlib'

import { ClipError } from '../errors.js'
import { bodyOf, type RemoteImageOptions, type RemoteNetwork, remoteRequests, shown } from './remote-request.js'

export type { RemoteImageOptions, RemoteNetwork } from './remote-request.js'

export function remoteImages(
  options: Required<RemoteImageOptions>,
  maxBytes: number,
  network?: RemoteNetwork,
): (url: string, signal: AbortSignal) => Promise<Buffer> {
  const request = remoteRequests(options, network)
  return async (url, signal) => {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)])
    try {
      return await read(await request(url, limited, { accept: 'image/*' }), url, maxBytes)
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (error instanceof ClipError) throw error
      const reason = limited.aborted ? `it took longer than ${options.timeoutMs} ms` : (error as Error).message
      throw new ClipError('ERR_CLIP_URL_FAILED', `'${shown(url)}' cannot be fetched: ${reason}`, { cause: error })
    }
  }
}

async function read(response: http.IncomingMessage, url: string, maxBytes: number): Promise<Buffer> {
  try {
    if (response.statusCode !== 200) {
      throw new ClipError('ERR_CLIP_URL_FAILED', `'${shown(url)}' cannot be fetched: status ${response.statusCode}`)
    }
    checkSize(`'${shown(url)}'`, Number(response.headers['content-length'] ?? 0), maxBytes)
    return await bodyOf(decoded(response, url), bytes => checkSize(`'${shown(url)}'`, bytes, maxBytes))
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
