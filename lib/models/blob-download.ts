/** One file of the hub into the cache: resumed where an earlier try ended, checked before it gets its name. */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'

import { throwIfAborted } from '../abort.js'
import { ClipError } from '../errors.js'
import { withLock } from './blob-lock.js'
import { writeFailure } from './hub-cache.js'
import type { Answer, HubClient } from './hub-client.js'
import type { Asked } from './hub-errors.js'
import type { HubBlob } from './hub-repository.js'
import { Transient, withRetries } from './retry.js'

export interface BlobRequest {
  /** Address of the file below the endpoint. */
  url: string
  asked: Asked
  expected: HubBlob
  /** Where the blob goes; what is not complete lies beside it as `.incomplete`. */
  blob: string
  lock: string
  /** Told how much of the file is there. */
  onBytes: (bytes: number) => void
}

/** @returns the bytes that came over the network; 0 when the blob was there or another process brought it */
export async function downloadBlob(client: HubClient, request: BlobRequest, signal: AbortSignal | undefined): Promise<number> {
  if (await isThere(request)) return 0
  const download = new Download(client, request, signal)
  return await withLock(request.lock, signal, () => isThere(request), () => download.run()) ?? 0
}

async function isThere({ blob, expected }: BlobRequest): Promise<boolean> {
  return await sizeOf(blob) === expected.bytes
}

class Download {
  readonly #client: HubClient
  readonly #request: BlobRequest
  readonly #signal: AbortSignal | undefined
  readonly #partial: string
  /** ETag of the server that has the bytes, which need not be the hub's. */
  #serverEtag: string | undefined
  #received = 0

  constructor(client: HubClient, request: BlobRequest, signal: AbortSignal | undefined) {
    this.#client = client
    this.#request = request
    this.#signal = signal
    this.#partial = `${request.blob}.incomplete`
  }

  async run(): Promise<number> {
    await mkdir(path.dirname(this.#partial), { recursive: true }).catch((error: unknown) => { throw writeFailure(this.#partial, error) })
    // what lay there may have been damaged: without it the file gets a second chance
    for (let again = (await sizeOf(this.#partial) ?? 0) > 0; ; again = false) {
      try {
        await this.#fetchAndCheck()
        break
      } catch (error) {
        if (!(error instanceof ClipError) || error.code !== 'ERR_CLIP_HUB_CORRUPT') throw error
        await rm(this.#partial, { force: true })
        if (!again) throw error
      }
    }
    try {
      await rename(this.#partial, this.#request.blob)
    } catch (error) {
      // another process that took our lock for left over has brought it
      if (!await isThere(this.#request)) throw writeFailure(this.#request.blob, error)
    }
    return this.#received
  }

  async #fetchAndCheck(): Promise<void> {
    const { expected, asked } = this.#request
    const hash = await withRetries(this.#client.settings.retry, this.#signal, () => this.#attempt())
    const digest = hash?.digest('hex') ?? expected.etag
    const bytes = await sizeOf(this.#partial)
    if (digest === expected.etag && (bytes === expected.bytes || await isThere(this.#request))) return
    const found = bytes === expected.bytes ? `hash ${digest}` : `${bytes} bytes`
    throw new ClipError('ERR_CLIP_HUB_CORRUPT', `${asked.what}: expected ${expected.bytes} bytes with hash ${expected.etag}, found ${found}`)
  }

  /** @returns the hash of the whole file, when all of it is there */
  async #attempt(): Promise<Hash | undefined> {
    const { expected, asked, onBytes, url } = this.#request
    let start = await sizeOf(this.#partial) ?? 0
    if (start > expected.bytes) {
      await rm(this.#partial, { force: true })
      start = 0
    }
    const hash = newHash(expected)
    if (hash && start > 0) await hashFile(hash, this.#partial, this.#signal)
    onBytes(start)
    if (start === expected.bytes && start > 0) return hash
    const answer = await this.#client.open(url, asked, this.#rangeHeaders(start))
    try {
      this.#checkAnnounced(answer)
      if (beginsAt(answer) === start) return await this.#receive(answer, start, hash)
      // a new file, since another process may write to this one
      await rm(this.#partial, { force: true })
      if (answer.status === 200) return await this.#receive(answer, 0, newHash(expected))
      const found = `${asked.what}: ${answer.host} answered ${answer.status} to a request from byte ${start} on`
      throw new Transient(new ClipError('ERR_CLIP_HUB_RESPONSE', found))
    } finally {
      await answer.close()
    }
  }

  #rangeHeaders(start: number): Record<string, string> {
    if (start === 0) return {}
    // an ETag that is not known from this server would make it start over; the hash tells if the content changed
    const condition: Record<string, string> = this.#serverEtag === undefined ? {} : { 'if-range': this.#serverEtag }
    return { range: `bytes=${start}-`, ...condition }
  }

  /** Before anything is received: is it the file that the hub's list told of? */
  #checkAnnounced({ status, host, headers, hubHeaders }: Answer): void {
    const { expected, asked } = this.#request
    const etag = headers.get('etag')
    if (etag?.startsWith('"')) this.#serverEtag = etag
    const [, total] = /^bytes .*\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? []
    const length = status === 200 && !headers.has('content-encoding') ? headers.get('content-length') : null
    for (const announced of [hubHeaders.get('x-linked-size'), total, length]) {
      if (announced === null || announced === undefined || Number(announced) === expected.bytes) continue
      throw new ClipError('ERR_CLIP_HUB_CORRUPT', `${asked.what}: expected ${expected.bytes} bytes, ${host} announces ${announced}`)
    }
  }

  async #receive(answer: Answer, start: number, hash: Hash | undefined): Promise<Hash | undefined> {
    const { expected, asked, onBytes } = this.#request
    let position = start
    const handle = await open(this.#partial, start > 0 ? 'r+' : 'w').catch((error: unknown) => { throw writeFailure(this.#partial, error) })
    try {
      for await (const chunk of answer.chunks()) {
        throwIfAborted(this.#signal)
        if (position + chunk.length > expected.bytes) {
          throw new ClipError('ERR_CLIP_HUB_CORRUPT', `${asked.what}: expected ${expected.bytes} bytes, ${answer.host} sends more`)
        }
        await writeAll(handle, chunk, position).catch((error: unknown) => { throw writeFailure(this.#partial, error) })
        hash?.update(chunk)
        position += chunk.length
        this.#received += chunk.length
        onBytes(position)
      }
      if (position === expected.bytes) await handle.datasync().catch((error: unknown) => { throw writeFailure(this.#partial, error) })
    } finally {
      await handle.close()
    }
    if (position === expected.bytes) return hash
    const ended = `${asked.what}: ${answer.host} ended after ${position} of ${expected.bytes} bytes`
    throw new Transient(new ClipError('ERR_CLIP_HUB_UNREACHABLE', ended), undefined, position > start)
  }
}

/** The place of a body's first byte in the file; undefined when the range asked for was refused. */
function beginsAt({ status, headers }: Answer): number | undefined {
  if (status === 200) return 0
  const [, first] = /^bytes (\d+)-/.exec(headers.get('content-range') ?? '') ?? []
  return status === 206 && first !== undefined ? Number(first) : undefined
}

interface Writer {
  write(data: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesWritten: number }>
}

async function writeAll(handle: Writer, data: Uint8Array, position: number): Promise<void> {
  for (let offset = 0; offset < data.length;) {
    const { bytesWritten } = await handle.write(data, offset, data.length - offset, position + offset)
    offset += bytesWritten
  }
}

/** SHA-256 for large files, git's hash for small ones; mirrors with other ETags get their size checked only. */
function newHash({ etag, bytes }: HubBlob): Hash | undefined {
  if (/^[0-9a-f]{64}$/.test(etag)) return createHash('sha256')
  if (/^[0-9a-f]{40}$/.test(etag)) return createHash('sha1').update(`blob ${bytes}\0`)
  return undefined
}

async function hashFile(hash: Hash, file: string, signal: AbortSignal | undefined): Promise<void> {
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    throwIfAborted(signal)
    hash.update(chunk as Buffer)
  }
}

async function sizeOf(file: string): Promise<number | undefined> {
  const info = await stat(file).catch(() => undefined)
  return info?.isFile() ? info.size : undefined
}
