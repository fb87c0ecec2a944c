/**
 * Vectors of equal length, one after another. The file is a copy of what SQLite holds, laid out for the scan:
 * it is read by range, never mapped, so that a file that another process cuts cannot kill this one.
 */
import { type FileHandle, open } from 'node:fs/promises'

import { withAbort } from '../../async/abort.js'
import { ClipError } from '../../errors.js'
import { readFully } from '../../files.js'
import type { NativeHits, NativeRows, NativeScan, NativeTask } from '../../native/contract.js'
import { loadAddon } from '../../native/load.js'

export class VectorFile {
  readonly #file: FileHandle
  readonly #rows: NativeRows
  readonly #rowBytes: number
  readonly #name: string

  private constructor(file: FileHandle, rows: NativeRows, rowBytes: number, name: string) {
    this.#file = file
    this.#rows = rows
    this.#rowBytes = rowBytes
    this.#name = name
  }

  /** @param writable made if it does not exist */
  static async open(name: string, rowBytes: number, { writable = false } = {}): Promise<VectorFile> {
    try {
      // 'a' could not write at a position
      const file = await open(name, 'r+').catch((error: NodeJS.ErrnoException) => {
        if (!writable) return open(name, 'r')
        if (error.code === 'ENOENT') return open(name, 'wx+')
        throw error
      })
      try {
        const rows = await withAbort(undefined, () => loadAddon().openRows(name))
        return new VectorFile(file, rows, rowBytes, name)
      } catch (error) {
        await file.close()
        throw error
      }
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
  async write(first: number, bytes: Uint8Array): Promise<void> {
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

  /** Fills `into` with rows from number `first` on. @throws {ClipError} ERR_CLIP_FILE_TRUNCATED */
  async read(first: number, into: Uint8Array): Promise<Uint8Array> {
    if (await readFully(this.#file, into, first * this.#rowBytes) === into.length) return into
    throw new ClipError(
      'ERR_CLIP_FILE_TRUNCATED',
      `the vectors of the index, '${this.#name}', end before row ${
        first + into.length / this.#rowBytes
      }: "ggclip index" mends them`,
    )
  }

  /** Compares rows with queries, on the addon's threads. */
  scan(options: NativeScan): NativeTask<NativeHits> {
    return this.#rows.scan(options)
  }

  async close(): Promise<void> {
    this.#rows.close()
    await this.#file.close()
  }

  #failed(what: string, error: unknown): ClipError {
    const message = `the vectors of the index, '${this.#name}', cannot be ${what}: ${(error as Error).message}`
    return new ClipError('ERR_CLIP_FILE_WRITE', message, { cause: error })
  }
}
