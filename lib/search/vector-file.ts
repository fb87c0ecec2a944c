/**
 * Vectors of equal length, one after another, as halves. The file is a copy of what SQLite holds, laid out for the scan:
 * it is read by range, never mapped, so that a file that another process cuts cannot kill this one.
 */
import { type FileHandle, open } from 'node:fs/promises'

import { ClipError } from '../errors.js'

export class VectorFile {
  readonly #file: FileHandle
  readonly #dim: number
  readonly #name: string

  private constructor(file: FileHandle, dim: number, name: string) {
    this.#file = file
    this.#dim = dim
    this.#name = name
  }

  /** @param writable made if it does not exist */
  static async open(name: string, dim: number, { writable = false } = {}): Promise<VectorFile> {
    try {
      // 'a' could not write at a position
      const file = await open(name, 'r+').catch((error: NodeJS.ErrnoException) => {
        if (!writable) return open(name, 'r')
        if (error.code === 'ENOENT') return open(name, 'wx+')
        throw error
      })
      return new VectorFile(file, dim, name)
    } catch (error) {
      throw new ClipError(
        'ERR_CLIP_FILE_NOT_FOUND',
        `the vectors of the index, '${name}', cannot be opened: ${(error as Error).message}`,
        { cause: error },
      )
    }
  }

  /** Whole rows that are there. */
  async rows(): Promise<number> {
    return Math.floor((await this.#file.stat()).size / this.#rowBytes)
  }

  /** Writes rows from number `first` on. */
  async write(first: number, halves: Uint16Array): Promise<void> {
    const bytes = new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength)
    try {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, first * this.#rowBytes + done)
        done += bytesWritten
      }
    } catch (error) {
      throw this.#failed('written', error)
    }
  }

  /** Returns when all that was written is on the disk. */
  async sync(): Promise<void> {
    await this.#file.datasync().catch(error => {
      throw this.#failed('written', error)
    })
  }

  /** Reads rows `first` to `first + count - 1` into `into`. @throws {ClipError} ERR_CLIP_FILE_TRUNCATED */
  async read(first: number, count: number, into: Uint16Array): Promise<Uint16Array> {
    const length = count * this.#rowBytes
    for (let done = 0; done < length;) {
      const { bytesRead } = await this.#file.read(
        new Uint8Array(into.buffer, into.byteOffset + done, length - done),
        0,
        length - done,
        first * this.#rowBytes + done,
      )
      if (bytesRead === 0) {
        throw new ClipError(
          'ERR_CLIP_FILE_TRUNCATED',
          `the vectors of the index, '${this.#name}', end before row ${first + count}: "ggclip index" mends them`,
        )
      }
      done += bytesRead
    }
    return into.subarray(0, count * this.#dim)
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  get #rowBytes(): number {
    return 2 * this.#dim
  }

  #failed(what: string, error: unknown): ClipError {
    const message = `the vectors of the index, '${this.#name}', cannot be ${what}: ${(error as Error).message}`
    return new ClipError('ERR_CLIP_FILE_WRITE', message, { cause: error })
  }
}
