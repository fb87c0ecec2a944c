/**
 * Writes float32 rows to a file: NumPy's .npy (version 1.0) or .safetensors with one tensor. Rows are written as they
 * arrive; the file gets its name when it is complete.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import path from 'node:path'

import { npyHeader } from '../embeddings/npy.js'
import { ClipError } from '../library.js'
import { UsageError } from './failure.js'

/** Space reserved before the data; a multiple of 64, as both formats recommend. */
const headerBytes = 1024

export class ArrayFile {
  readonly #path: string
  readonly #temporary: string
  readonly #name: string
  readonly #metadata: Record<string, string>
  #file: FileHandle | undefined
  #rowShape: readonly number[] = []
  #rows = 0

  /** `name` and `metadata` are for safetensors only. */
  constructor(file: string, name: string, metadata: Record<string, string>) {
    if (!['.npy', '.safetensors'].includes(path.extname(file)))
      throw new UsageError(`'${file}': --out writes .npy or .safetensors`)
    this.#path = path.resolve(file)
    this.#temporary = `${this.#path}.${process.pid}.tmp`
    this.#name = name
    this.#metadata = metadata
  }

  async add(shape: readonly number[], parts: readonly Float32Array[]): Promise<void> {
    if (this.#rows > 0 && shape.join() !== this.#rowShape.join()) {
      throw new ClipError(
        'ERR_CLIP_INTERNAL',
        `expected a row of shape [${this.#rowShape.join(', ')}], found [${shape.join(', ')}]`,
      )
    }
    this.#rowShape = shape
    await this.#attempt(async () => {
      await this.#create()
      for (const part of parts) await this.#write(Buffer.from(part.buffer, part.byteOffset, part.byteLength))
    })
    this.#rows++
  }

  /** Returns the shape of all rows together. */
  async finish(): Promise<number[]> {
    const shape = [this.#rows, ...this.#rowShape]
    await this.#attempt(async () => {
      await this.#create()
      const header = path.extname(this.#path) === '.npy'
        ? npyHeader('<f4', shape, headerBytes)
        : this.#safetensorsHeader(shape)
      await this.#write(header, 0)
      const file = this.#file!
      await file.sync()
      this.#file = undefined
      await file.close()
      await rename(this.#temporary, this.#path)
    })
    return shape
  }

  /** Removes an unfinished file. No effect after finish(). */
  async discard(): Promise<void> {
    await this.#file?.close().catch(() => undefined)
    this.#file = undefined
    await rm(this.#temporary, { force: true })
  }

  async #create(): Promise<void> {
    if (this.#file) return
    this.#file = await open(this.#temporary, 'wx')
    await this.#write(Buffer.alloc(headerBytes))
  }

  /** `position`: of the first byte; default: after the last write. */
  async #write(bytes: Buffer, position?: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const at = position === undefined ? undefined : position + done
      done += (await this.#file!.write(bytes, done, bytes.length - done, at)).bytesWritten
    }
  }

  #safetensorsHeader(shape: readonly number[]): Buffer {
    const bytes = 4 * shape.reduce((product, n) => product * n, 1)
    const text = JSON.stringify({
      __metadata__: this.#metadata,
      [this.#name]: { dtype: 'F32', shape, data_offsets: [0, bytes] },
    })
    const header = Buffer.alloc(headerBytes, ' ')
    header.writeBigUInt64LE(BigInt(headerBytes - 8), 0)
    header.write(text, 8)
    return header
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (cause) {
      throw new ClipError('ERR_CLIP_FILE_WRITE', `${this.#path}: ${(cause as Error).message}`, { cause })
    }
  }
}
