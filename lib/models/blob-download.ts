/**
 * Downloads one file of the hub into the cache: resumes an earlier attempt, and checks the file before it gets its
 * name.
 *
 * Other programs write into the same folder, and not all of them use our lock. So each download has a file of its own,
 * which no other download writes to, and verifies it before renaming it.
 */
import { createHash, type Hash, randomBytes } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { copyFile, open, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'

import { throwIfAborted } from '../async/abort.js'
import { ClipError } from '../errors.js'
import { makeFolder } from '../files.js'
import { withLock } from './blob-lock.js'
import { partialFiles, writeFailure } from './hub-cache.js'
import type { Answer, HubClient } from './hub-client.js'
import type { RequestSubject } from './hub-errors.js'
import type { HubBlob } from './hub-repository.js'
import { RetryableFailure, withRetries } from './retry.js'

interface BlobRequest {
  /** Path of the file below the endpoint. */
  url: string
  subject: RequestSubject
  expected: HubBlob
  /** Path of the blob; its unfinished parts are beside it. */
  blob: string
  lock: string
  /** Called with the size of the part that is complete. */
  onBytes: (bytes: number) => void
}

/** @returns the bytes transferred; 0 if the blob existed or another process downloaded it */
export async function downloadBlob(
  client: HubClient,
  request: BlobRequest,
  signal: AbortSignal | undefined,
): Promise<number> {
  let received = 0
  for (;;) {
    if (await isThere(request)) {
      // other programs check only its size before they rename it
      if (await isSound(request.blob, request.expected, signal)) return received
      await rm(request.blob, { force: true }).catch((error: unknown) => {
        throw writeFailure(request.blob, error)
      })
    }
    const download = new Download(client, request, signal)
    const placed = await withLock(request.lock, signal, () => isThere(request), alone => download.run(alone))
    received += download.received
    if (placed) return received
  }
}

async function isThere({ blob, expected }: BlobRequest): Promise<boolean> {
  return await sizeOf(blob) === expected.bytes
}

class Download {
  /** Bytes transferred. */
  received = 0
  readonly #client: HubClient
  readonly #request: BlobRequest
  readonly #signal: AbortSignal | undefined
  /** Only this object writes to it. */
  readonly #own: string
  /** Bytes of the longest attempt. */
  #furthest = 0
  /** ETag of the server that sends the bytes, which need not be the hub's. */
  #serverEtag: string | undefined

  constructor(client: HubClient, request: BlobRequest, signal: AbortSignal | undefined) {
    this.#client = client
    this.#request = request
    this.#signal = signal
    this.#own = partialFiles(request.blob).own(randomBytes(6).toString('hex'))
  }

  /**
   * @param alone no other process of ggclip downloads this blob: unfinished files are left over
   * @returns false if another process took this download for left over, so that it must start again
   */
  async run(alone: boolean): Promise<boolean> {
    await makeFolder(path.dirname(this.#own)).catch((error: unknown) => {
      throw writeFailure(this.#own, error)
    })
    await this.#adopt(alone)
    try {
      // the resumed data may have been damaged: the file gets a second attempt without it
      for (let resumed = (await sizeOf(this.#own) ?? 0) > 0;; resumed = false) {
        await withRetries(this.#client.settings.retry, this.#signal, () => this.#advance())
        const found = await this.#fault()
        if (found === undefined) break
        await rm(this.#own, { force: true })
        const { expected, subject } = this.#request
        if (!resumed)
          throw new ClipError(
            'ERR_CLIP_HUB_CORRUPT',
            `${subject.what}: expected ${expected.bytes} bytes with hash ${expected.etag}, found ${found}`,
          )
      }
      return await this.#place()
    } catch (error) {
      await this.#leave(error)
      throw error
    }
  }

  /** Resumes an earlier download, if there is one. */
  async #adopt(alone: boolean): Promise<void> {
    const { parked, abandoned } = partialFiles(this.#request.blob)
    // the process that renames it owns it
    const taken = await rename(parked, this.#own).then(() => true, () => false)
    if (!alone) return
    for (const file of taken ? [] : await abandoned()) {
      // its writer may only be suspended: copy it and leave the file
      if (await copyFile(file, this.#own, constants.COPYFILE_FICLONE).then(() => true, () => false)) break
    }
    for (const file of await abandoned()) if (file !== this.#own) await rm(file, { force: true }).catch(() => undefined)
  }

  /** Keeps the received part for the next download, unless it is wrong. */
  async #leave(error: unknown): Promise<void> {
    const keep = !(error instanceof ClipError && error.code === 'ERR_CLIP_HUB_CORRUPT') &&
      (await sizeOf(this.#own) ?? 0) > 0
    if (keep) await rename(this.#own, partialFiles(this.#request.blob).parked).catch(() => undefined)
    else await rm(this.#own, { force: true }).catch(() => undefined)
  }

  async #place(): Promise<boolean> {
    try {
      await rename(this.#own, this.#request.blob)
      return true
    } catch (error) {
      if (await sizeOf(this.#own) === undefined) return false
      throw writeFailure(this.#request.blob, error)
    }
  }

  /** What is wrong with the whole file, as read from the disk. */
  async #fault(): Promise<string | undefined> {
    const { expected } = this.#request
    const bytes = await sizeOf(this.#own)
    if (bytes === undefined) return undefined // it was removed: noticed when it gets its name
    if (bytes !== expected.bytes) return `${bytes} bytes`
    const digest = await digestOf(this.#own, expected, this.#signal)
    return digest === expected.etag || await sizeOf(this.#own) === undefined ? undefined : `hash ${digest}`
  }

  /**
   * One attempt. Its failure counts as progress only if it received more than all before, so that constant restarts do
   * not.
   */
  async #advance(): Promise<void> {
    try {
      await this.#attempt()
    } catch (failure) {
      if (!(failure instanceof RetryableFailure)) throw failure
      const bytes = await sizeOf(this.#own) ?? 0
      const { error, pauseMs, progressed } = failure
      const further = progressed && bytes > this.#furthest
      this.#furthest = Math.max(this.#furthest, bytes)
      throw new RetryableFailure(error, pauseMs, further)
    }
  }

  async #attempt(): Promise<void> {
    const { expected, subject, onBytes, url } = this.#request
    let start = await sizeOf(this.#own) ?? 0
    if (start > expected.bytes) start = 0
    onBytes(start)
    if (start === expected.bytes && start > 0) return
    const answer = await this.#client.open(url, subject, this.#rangeHeaders(start))
    try {
      this.#checkAnnounced(answer)
      if (beginsAt(answer) === start) return await this.#receive(answer, start)
      await rm(this.#own, { force: true })
      if (answer.status === 200) return await this.#receive(answer, 0)
      const found = `${subject.what}: ${answer.url.host} answered ${answer.status} to a request from byte ${start} on`
      throw new RetryableFailure(new ClipError('ERR_CLIP_HUB_RESPONSE', found))
    } finally {
      answer.close()
    }
  }

  #rangeHeaders(start: number): Record<string, string> {
    if (start === 0) return {}
    // an ETag unknown to this server would restart the download; the hash detects changed content
    const condition: Record<string, string> = this.#serverEtag === undefined ? {} : { 'if-range': this.#serverEtag }
    return { range: `bytes=${start}-`, ...condition }
  }

  /** Before receiving anything: is this the file that the hub listed? */
  #checkAnnounced({ status, url, headers, hubHeaders }: Answer): void {
    const { expected, subject } = this.#request
    const etag = headers.get('etag')
    if (etag?.startsWith('"')) this.#serverEtag = etag
    const [, total] = /^bytes .*\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? []
    const here = headers.has('content-encoding') ? null : status === 200 ? headers.get('content-length') : total
    for (const announced of [hubHeaders.get('x-linked-size'), here]) {
      if (announced === null || announced === undefined || Number(announced) === expected.bytes) continue
      throw new ClipError(
        'ERR_CLIP_HUB_CORRUPT',
        `${subject.what}: expected ${expected.bytes} bytes, ${url.host} announces ${announced}${pageNote(headers)}`,
      )
    }
  }

  async #receive(answer: Answer, start: number): Promise<void> {
    const { expected, subject, onBytes } = this.#request
    let position = start
    const handle = await open(this.#own, start > 0 ? 'r+' : 'w').catch((error: unknown) => {
      throw writeFailure(this.#own, error)
    })
    try {
      for await (const chunk of answer.chunks()) {
        throwIfAborted(this.#signal)
        if (position + chunk.length > expected.bytes) {
          throw new ClipError(
            'ERR_CLIP_HUB_CORRUPT',
            `${subject.what}: expected ${expected.bytes} bytes, ${answer.url.host} sends more${
              pageNote(answer.headers)
            }`,
          )
        }
        await writeAll(handle, chunk, position).catch((error: unknown) => {
          throw writeFailure(this.#own, error)
        })
        position += chunk.length
        this.received += chunk.length
        onBytes(position)
      }
      if (position === expected.bytes)
        await handle.datasync().catch((error: unknown) => {
          throw writeFailure(this.#own, error)
        })
    } finally {
      await handle.close()
    }
    if (position === expected.bytes) return
    const ended = `${subject.what}: ${answer.url.host} ended after ${position} of ${expected.bytes} bytes`
    throw new RetryableFailure(new ClipError('ERR_CLIP_HUB_UNREACHABLE', ended), undefined, position > start)
  }
}

/** Networks that require a login answer in place of any host. */
function pageNote(headers: Headers): string {
  return headers.get('content-type')?.startsWith('text/html') ? ' (a web page: does this network want a login?)' : ''
}

/** Offset of the body's first byte in the file; undefined if the range was refused. */
function beginsAt({ status, headers }: Answer): number | undefined {
  if (status === 200) return 0
  const [, first] = /^bytes (\d+)-/.exec(headers.get('content-range') ?? '') ?? []
  // the range of a compressed body counts compressed bytes
  return status === 206 && first !== undefined && !headers.has('content-encoding') ? Number(first) : undefined
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

async function isSound(file: string, expected: HubBlob, signal: AbortSignal | undefined): Promise<boolean> {
  return await digestOf(file, expected, signal) === expected.etag
}

/** SHA-256 for large files, git's hash for small ones; with a mirror's own ETags only the size can be checked. */
async function digestOf(file: string, { etag, bytes }: HubBlob, signal: AbortSignal | undefined): Promise<string> {
  const hash: Hash | undefined = /^[0-9a-f]{64}$/.test(etag) ?
    createHash('sha256')
    : /^[0-9a-f]{40}$/.test(etag)
    ? createHash('sha1').update(`blob ${bytes}\0`)
    : undefined
  if (!hash) return etag
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
      throwIfAborted(signal)
      hash.update(chunk as Buffer)
    }
  } catch (error) {
    throwIfAborted(signal)
    return `none (${(error as Error).message})`
  }
  return hash.digest('hex')
}

async function sizeOf(file: string): Promise<number | undefined> {
  const info = await stat(file).catch(() => undefined)
  return info?.isFile() ? info.size : undefined
}
