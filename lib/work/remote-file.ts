/**
 * A large file on a server, read forwards in pieces through one connection at a time, in bounded memory. Where the
 * connection breaks, reading goes on from there with another, by a range where the server allows ranges.
 */
import type { IncomingMessage } from 'node:http'

import { onAbort, throwIfAborted } from '../async/abort.js'
import { ClipError } from '../errors.js'
import { type RetryPolicy } from '../models/hub-settings.js'
import { RetryableFailure, serverPauseMs, withRetries } from '../models/retry.js'

/** Requests the file from this byte on. */
export type OpenFile = (from: number, signal: AbortSignal) => Promise<IncomingMessage>

export interface RemoteFileSettings {
  /** For messages. */
  name: string
  open: OpenFile
  /** Of an answer that is no content. */
  failure(response: IncomingMessage): Promise<ClipError>
  /** In each such time, at least {@link slowestBytes} must come, or what is wanted. */
  timeoutMs: number
  retries: RetryPolicy
}

/** Less than that in a file's time limit is too slow. */
const slowestBytes = 2 ** 18
/** What is between two pieces is read and dropped, up to this: a request of its own takes as long. */
const skipBytes = 2 ** 20

/** An open connection. */
interface Part {
  /** Where its next byte is in the file. */
  at: number
  /** What has come and was not wanted yet. */
  rest: Buffer
  chunks: AsyncIterator<Buffer>
  response: IncomingMessage
}

export class RemoteFile {
  readonly #settings: RemoteFileSettings
  #part: Part | undefined
  /** Whether the server sends parts, once that is known. */
  #ranges: boolean | undefined
  #size: number | undefined
  #version: string | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #received = 0

  constructor(settings: RemoteFileSettings) {
    this.#settings = settings
  }

  /** Bytes of the whole file, if the server has said that. */
  get size(): number | undefined {
    return this.#size
  }

  /**
   * One piece; fewer bytes at the end of the file. Calls take turns.
   *
   * @throws {ClipError} what `failure` makes; ERR_CLIP_URL_FAILED: no connection, too slow; ERR_CLIP_FILE_TRUNCATED: it
   *   ends before `at`; ERR_CLIP_FILE_CHANGED: it is not the same file any more; the signal's reason
   */
  read(at: number, bytes: number, signal: AbortSignal | undefined): Promise<Buffer> {
    const result = this.#turn.then(() => this.#read(at, bytes, signal))
    this.#turn = result.catch(() => undefined)
    return result
  }

  close(): void {
    this.#part?.response.destroy()
    this.#part = undefined
  }

  #read(at: number, bytes: number, signal: AbortSignal | undefined): Promise<Buffer> {
    const pieces: Buffer[] = []
    let got = 0
    return withRetries(this.#settings.retries, signal, async () => {
      const before = this.#received
      const limits = new AbortController()
      const stopListening = signal && onAbort(signal, () => limits.abort(signal.reason))
      const clock = this.#clock(limits)
      try {
        const part = await this.#seek(at + got, limits.signal)
        while (got < bytes) {
          const piece = await this.#next(part, bytes - got, limits.signal)
          if (piece === undefined) break
          pieces.push(piece)
          got += piece.length
        }
        return Buffer.concat(pieces, got)
      } catch (error) {
        this.close()
        throwIfAborted(signal)
        if (limits.signal.aborted) throw limits.signal.reason
        if (error instanceof ClipError) throw error
        if (error instanceof RetryableFailure) throw error
        throw new RetryableFailure(this.#failed((error as Error).message, error), undefined, this.#received > before)
      } finally {
        stopListening?.()
        clearInterval(clock)
      }
    })
  }

  #clock(limits: AbortController): NodeJS.Timeout {
    let last = this.#received
    const { timeoutMs } = this.#settings
    return setInterval(() => {
      if (this.#received - last < slowestBytes)
        limits.abort(this.#failed(`it sends less than ${slowestBytes} bytes in ${timeoutMs} ms`))
      last = this.#received
    }, timeoutMs)
  }

  /** A connection whose next byte is the one at `at`. */
  async #seek(at: number, signal: AbortSignal): Promise<Part> {
    let part = this.#part
    if (!part || part.at > at || (this.#ranges !== false && at - part.at > skipBytes)) {
      this.close()
      part = await this.#open(at, signal)
    }
    while (part.at < at) {
      if (await this.#next(part, at - part.at, signal)) continue
      throw new ClipError('ERR_CLIP_FILE_TRUNCATED', `'${this.#settings.name}' ends at byte ${part.at}, before ${at}`)
    }
    return part
  }

  async #open(at: number, signal: AbortSignal): Promise<Part> {
    const end = new AbortController()
    const stopListening = onAbort(signal, () => end.abort(signal.reason))
    try {
      const response = await this.#settings.open(at, end.signal)
      response.on('error', () => undefined) // of a connection that nobody is reading from
      const from = await this.#beginning(response, at)
      this.#check(response, from)
      const chunks = (response as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
      return this.#part = { at: from, rest: Buffer.alloc(0), chunks, response }
    } catch (error) {
      end.abort()
      throw error
    } finally {
      stopListening()
    }
  }

  /** Where the content of an answer begins in the file. */
  async #beginning(response: IncomingMessage, at: number): Promise<number> {
    const { statusCode: status = 0, headers } = response
    const encoding = (headers['content-encoding'] ?? 'identity').trim().toLowerCase()
    if ((status === 200 || status === 206) && encoding !== 'identity' && encoding !== '')
      throw this.#failed(`expected its bytes as they are, received content encoding '${encoding.slice(0, 40)}'`)
    if (status === 200) {
      if (at > 0) this.#ranges = false
      return 0
    }
    if (status === 416)
      throw new ClipError('ERR_CLIP_FILE_TRUNCATED', `'${this.#settings.name}' ends before byte ${at}`)
    if (status === 206) {
      const [, from] = /^bytes (\d+)-/.exec(headers['content-range'] ?? '') ?? []
      if (from === undefined || Number(from) > at)
        throw this.#failed(`expected a part from byte ${at} on, received '${headers['content-range']}'`)
      this.#ranges = true
      return Number(from)
    }
    throw passing(response, await this.#settings.failure(response))
  }

  /** Whether it is the file that was read from before. */
  #check({ statusCode, headers }: IncomingMessage, from: number): void {
    const whole = statusCode === 206 ? /\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1] : headers['content-length']
    const size = whole === undefined ? undefined : Number(whole)
    const version = headers.etag ?? headers['last-modified']
    const differ = <T>(one: T | undefined, other: T | undefined): boolean =>
      one !== undefined && other !== undefined && one !== other
    if (differ(this.#size, size) || differ(this.#version, version)) {
      throw new ClipError(
        'ERR_CLIP_FILE_CHANGED',
        `'${this.#settings.name}' has changed while it was read, at byte ${from}`,
      )
    }
    this.#size ??= size
    this.#version ??= version
  }

  /** At most `bytes`, and at least one; undefined at the end. */
  async #next(part: Part, bytes: number, signal: AbortSignal): Promise<Buffer | undefined> {
    if (part.rest.length === 0) {
      const stopListening = onAbort(signal, () => part.response.destroy())
      try {
        const step = await part.chunks.next()
        if (step.done) return undefined
        part.rest = step.value
        this.#received += step.value.length
      } finally {
        stopListening()
      }
    }
    const piece = part.rest.subarray(0, bytes)
    part.rest = part.rest.subarray(piece.length)
    part.at += piece.length
    return piece
  }

  #failed(reason: string, cause?: unknown): ClipError {
    return new ClipError('ERR_CLIP_URL_FAILED', `'${this.#settings.name}' cannot be read: ${reason}`, { cause })
  }
}

/** `error`, for a repetition where the answer's status says that a later request may succeed. */
export function passing({ statusCode = 0, headers }: IncomingMessage, error: ClipError): ClipError | RetryableFailure {
  if (statusCode < 500 && statusCode !== 429 && statusCode !== 408) return error
  const after = headers['retry-after']
  return new RetryableFailure(
    error,
    after === undefined ? undefined : serverPauseMs(new Headers({ 'retry-after': after })),
  )
}
