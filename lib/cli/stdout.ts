/** Data on stdout: all of it, or an error. */
import { once } from 'node:events'
import { fstatSync, writeSync } from 'node:fs'

import { ClipError } from '../library.js'

export class Output {
  readonly #stream: NodeJS.WriteStream & { fd: 1 }
  /** Files and devices: Node's own stream for them takes no notice when the system writes only a part. */
  readonly #isFile: boolean
  #failure: ClipError | undefined

  /** `onReaderGone` is called when the reader of a pipe has gone. */
  constructor(stream: NodeJS.WriteStream & { fd: 1 }, onReaderGone: () => void) {
    this.#stream = stream
    this.#isFile = stream.isTTY !== true && isFile(stream.fd)
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' || error.code === 'ECONNRESET') onReaderGone()
      this.#fail(error)
    })
  }

  /** Resolves when more may be written. @throws {ClipError} ERR_CLIP_FILE_WRITE */
  async write(text: string, signal: AbortSignal): Promise<void> {
    if (!this.put(text)) await this.#drained(signal)
  }

  /** Whether more may be written at once. @throws {ClipError} ERR_CLIP_FILE_WRITE */
  put(text: string): boolean {
    if (this.#failure) throw this.#failure
    if (!this.#isFile) return this.#stream.write(text)
    const bytes = Buffer.from(text)
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(this.#stream.fd, bytes, done)
    } catch (error) {
      throw this.#fail(error as Error)
    }
    return true
  }

  /** Resolves when everything has been taken. @throws {ClipError} ERR_CLIP_FILE_WRITE */
  async end(signal: AbortSignal): Promise<void> {
    // a failure comes as an event, which may be on its way
    await new Promise(resolve => void setImmediate(resolve))
    if (this.#failure) throw this.#failure
    if (!this.#isFile && this.#stream.writableLength > 0)
      await new Promise<void>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
        this.#stream.write('', error => (error ? reject(this.#fail(error)) : resolve()))
      })
  }

  async #drained(signal: AbortSignal): Promise<void> {
    try {
      await once(this.#stream, 'drain', { signal })
    } catch (error) {
      throw signal.aborted ? signal.reason : this.#fail(error as Error)
    }
  }

  #fail(cause: Error): ClipError {
    this.#failure ??= new ClipError('ERR_CLIP_FILE_WRITE', `standard output cannot be written: ${cause.message}`, {
      cause,
    })
    return this.#failure
  }
}

function isFile(fd: number): boolean {
  const stat = fstatSync(fd)
  return !stat.isFIFO() && !stat.isSocket()
}
