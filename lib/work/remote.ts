/** What is read from servers: pictures at URLs, objects of S3, and large files at either, each loaded at first use. */
import type { IncomingMessage } from 'node:http'

import { ClipError } from '../errors.js'
import { type RetryPolicy } from '../models/hub-settings.js'
import { loadPeer } from '../peer.js'
import { checkSize, remoteImages } from '../remote/remote-image.js'
import { bodyOf, type RemoteImageOptions, type RemoteRequest, remoteRequests, shown } from '../remote/remote-request.js'
import { type S3Options, s3Settings } from '../remote/s3-settings.js'
import { checkBoolean, checkInteger, checkOptions, checkStrings } from '../validate.js'
import { isS3, parseS3 } from './address.js'
import { RemoteFile } from './remote-file.js'
import { S3Client } from './s3/client.js'

export interface RemoteRules {
  remoteImages: Required<RemoteImageOptions>
  s3: S3Options | undefined
}

/** @param name of the options, for messages */
export function checkRemote(
  name: string,
  { remoteImages: images, s3 }: { remoteImages?: RemoteImageOptions; s3?: S3Options },
): RemoteRules {
  const keys = ['hosts', 'privateAddresses', 'timeoutMs', 'maxRedirects'] as const
  const at = `${name}.remoteImages`
  const { hosts = [], privateAddresses = false, timeoutMs = 10_000, maxRedirects = 3 } = checkOptions(at, images, keys)
  s3Settings(`${name}.s3`, s3, {})
  return {
    remoteImages: {
      hosts: checkStrings(`${at}.hosts`, hosts),
      privateAddresses: checkBoolean(`${at}.privateAddresses`, privateAddresses),
      timeoutMs: checkInteger(`${at}.timeoutMs`, timeoutMs, { min: 1, max: 86_400_000 }),
      maxRedirects: checkInteger(`${at}.maxRedirects`, maxRedirects, { min: 0, max: 20 }),
    },
    s3,
  }
}

export class Remote {
  readonly #rules: RemoteRules
  #images: { maxBytes: number; fetch: ReturnType<typeof remoteImages> } | undefined
  #request: RemoteRequest | undefined
  #s3: S3Client | undefined

  constructor(rules: RemoteRules) {
    this.#rules = rules
  }

  /** @throws {ClipError} ERR_CLIP_WORK_PARTS; see {@link S3Client} */
  s3(): S3Client {
    return this.#s3 ??= new S3Client(s3Settings('s3', this.#rules.s3))
  }

  /** The picture at a URL. */
  image(url: string, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
    if (this.#images?.maxBytes !== maxBytes) {
      needAddresses()
      this.#images = { maxBytes, fetch: remoteImages(this.#rules.remoteImages, maxBytes) }
    }
    return this.#images.fetch(url, signal)
  }

  /**
   * A whole object, within the time of one picture.
   *
   * @throws {ClipError} ERR_CLIP_S3_DENIED, ERR_CLIP_S3_NOT_FOUND, ERR_CLIP_S3_FAILED, ERR_CLIP_IMAGE_TOO_LARGE; the
   *   signal's reason
   */
  async object(address: string, maxBytes: number, signal: AbortSignal): Promise<{ bytes: Buffer; modified?: Date }> {
    const { bucket, key } = parseS3('source', address)
    const client = this.s3()
    const { timeoutMs } = this.#rules.remoteImages
    const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    let response: IncomingMessage | undefined
    try {
      response = await client.open(bucket, key, {}, limited)
      if (response.statusCode !== 200) throw await client.failure(response, address)
      checkSize(`'${address}'`, Number(response.headers['content-length'] ?? 0), maxBytes)
      const bytes = await bodyOf(response, size => checkSize(`'${address}'`, size, maxBytes))
      const time = Date.parse(response.headers['last-modified'] ?? '')
      return { bytes, ...(Number.isNaN(time) ? {} : { modified: new Date(time) }) }
    } catch (error) {
      response?.destroy()
      if (signal.aborted) throw signal.reason
      if (error instanceof ClipError) throw error
      const reason = limited.aborted ? `it took longer than ${timeoutMs} ms` : (error as Error).message
      throw new ClipError('ERR_CLIP_S3_FAILED', `'${address}' cannot be read: ${reason}`, { cause: error })
    }
  }

  /** A large file at an `http:`, `https:` or `s3:` address, to be read in pieces. */
  file(address: string, retries: RetryPolicy): RemoteFile {
    const { timeoutMs } = this.#rules.remoteImages
    const range = (from: number): Record<string, string> => (from === 0 ? {} : { range: `bytes=${from}-` })
    if (isS3(address)) {
      const { bucket, key } = parseS3('source', address)
      const client = this.s3()
      return new RemoteFile({
        name: address,
        open: (from, signal) => client.open(bucket, key, range(from), signal),
        failure: response => client.failure(response, address),
        timeoutMs,
        retries,
      })
    }
    needAddresses()
    const request = this.#request ??= remoteRequests(this.#rules.remoteImages)
    return new RemoteFile({
      name: shown(address),
      open: (from, signal) => request(address, signal, range(from)),
      failure: ({ statusCode }) =>
        Promise.resolve(
          new ClipError('ERR_CLIP_URL_FAILED', `'${shown(address)}' cannot be read: status ${statusCode}`),
        ),
      timeoutMs,
      retries,
    })
  }

  close(): void {
    this.#s3?.close()
  }
}

function needAddresses(): void {
  loadPeer('ipaddr.js', 'ERR_CLIP_WORK_PARTS', 'fetching pictures from URLs')
}
