/** Data on stdout: all of it, or an error; JSON, or tab-separated lines. */
import { once } from 'node:events'
import { fstatSync, writeSync } from 'node:fs'

import { ClipError } from '../library.js'
import { printable } from './table.js'

export class Output {
  readonly #stream: NodeJS.WriteStream & { fd: 1 }
  /** For files and devices: Node's own stream does not notice partial writes to them. */
  readonly #isFile: boolean
  #failure: ClipError | undefined

  /** `onReaderGone` is called when the reader has closed the pipe. */
  constructor(stream: NodeJS.WriteStream & { fd: 1 }, onReaderGone: () => void) {
    this.#stream = stream
    this.#isFile = stream.isTTY !== true && isFile(stream.fd)
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' || error.code === 'ECONNRESET') onReaderGone()
      this.#fail(error)
    })
  }

  /** Resolves when more may be written. @throws {ClipError} ERR_CLIP_FILE_WRITE */
  async write(text: string | Uint8Array, signal: AbortSignal): Promise<void> {
    if (!this.put(text)) await this.#drained(signal)
  }

  /** Whether more may be written at once. @throws {ClipError} ERR_CLIP_FILE_WRITE */
  put(text: string | Uint8Array): boolean {
    if (this.#failure) throw this.#failure
    if (!this.#isFile) return this.#stream.write(text)
    const bytes = typeof text === 'string' ? Buffer.from(text) : text
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(this.#stream.fd, bytes, done)
    } catch (error) {
      throw this.#fail(error as Error)
    }
    return true
  }

  /** Resolves when everything has been written. @throws {ClipError} ERR_CLIP_FILE_WRITE */
  async end(signal: AbortSignal): Promise<void> {
    // a failure arrives as an event, perhaps later
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

/** What data is written to: the shell. */
interface Writer {
  write(text: string): Promise<void>
}

/** A JSON array, written as its elements come, one a line. */
export class JsonList {
  readonly #shell: Writer
  #empty = true

  constructor(shell: Writer) {
    this.#shell = shell
  }

  async add(value: unknown): Promise<void> {
    const before = this.#empty ? '[\n' : ',\n'
    this.#empty = false
    await this.#shell.write(before + JSON.stringify(value))
  }

  async end(): Promise<void> {
    await this.#shell.write(this.#empty ? '[]\n' : '\n]\n')
  }
}

/** Cells of one line, with what would break it spelt out. */
export function tabbed(cells: readonly string[]): string {
  return `${cells.map(printable).join('\t')}\n`
}

/** A float32 in as many digits as bring it back exactly. */
export function float32(value: number): string {
  return String(Number(value.toPrecision(9)))
}
