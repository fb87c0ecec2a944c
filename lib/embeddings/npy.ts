/** NumPy's .npy (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): rows of floats. */
import { type FileHandle, open } from 'node:fs/promises'
import { endianness } from 'node:os'

import { ClipError } from '../errors.js'
import { readFully, unreadable } from '../files.js'
import { fromHalves } from '../search/storage/half.js'

/** NumPy's names of the types that are read: little-endian halves and floats. */
type NpyType = '<f2' | '<f4'

/** Longest header that is read; NumPy's own are below 200 bytes. */
const longestHeader = 65_536

/** The beginning of a file, version 1.0. @param bytes of it all; a multiple of 64, as the format recommends */
export function npyHeader(type: NpyType, shape: readonly number[], bytes: number): Buffer {
  const header = Buffer.alloc(bytes, ' ')
  header.write('\x93NUMPY\x01\x00', 'latin1')
  header.writeUInt16LE(bytes - 10, 8)
  header.write(
    `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`,
    10,
  )
  header.write('\n', bytes - 1)
  return header
}

/** Halves as they are in a file. @param halves of this machine's byte order; may be changed */
export function halvesForFile(halves: Uint16Array): Buffer {
  const bytes = Buffer.from(halves.buffer, halves.byteOffset, halves.byteLength)
  return endianness() === 'BE' ? bytes.swap16() : bytes
}

/** A file of vectors, [rows][dim], read by pieces. */
export class NpyRows {
  readonly file: string
  readonly rows: number
  /** Values per row. */
  readonly dim: number
  readonly #handle: FileHandle
  readonly #type: NpyType
  /** Where the values begin. */
  readonly #start: number

  private constructor(file: string, handle: FileHandle, header: Header) {
    this.file = file
    this.rows = header.rows
    this.dim = header.dim
    this.#handle = handle
    this.#type = header.type
    this.#start = header.start
  }

  /**
   * @throws {ClipError} ERR_CLIP_FILE_NOT_FOUND; ERR_CLIP_FILE_FORMAT: no .npy file, or of another version, type, shape or
   *   order; ERR_CLIP_FILE_TRUNCATED
   */
  static async open(file: string): Promise<NpyRows> {
    const handle = await open(file).catch((error: Error) => {
      throw unreadable(`'${file}'`, error)
    })
    try {
      const header = await readHeader(file, handle)
      const expected = header.start + header.rows * rowBytes(header)
      const { size } = await handle.stat()
      if (size < expected) throw truncated(file, expected, size)
      if (size > expected) throw wrong(file, `${expected} bytes for its shape`, `${size}`)
      return new NpyRows(file, handle, header)
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** Rows from number `first` on: flat [count][dim]. @throws {ClipError} ERR_CLIP_FILE_TRUNCATED */
  async read(first: number, count: number): Promise<Float32Array> {
    const bytes = Buffer.from(new ArrayBuffer(count * rowBytes({ type: this.#type, dim: this.dim }))) // aligned
    const position = this.#start + first * (bytes.length / Math.max(count, 1))
    await readWhole(this.file, this.#handle, bytes, position)
    if (this.#type === '<f4') {
      if (endianness() === 'BE') bytes.swap32()
      return new Float32Array(bytes.buffer)
    }
    if (endianness() === 'BE') bytes.swap16()
    return fromHalves(new Uint16Array(bytes.buffer))
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

interface Header {
  type: NpyType
  rows: number
  dim: number
  start: number
}

function rowBytes({ type, dim }: Pick<Header, 'type' | 'dim'>): number {
  return dim * (type === '<f2' ? 2 : 4)
}

async function readHeader(file: string, handle: FileHandle): Promise<Header> {
  const begin = await readWhole(file, handle, Buffer.alloc(12), 0)
  if (begin.toString('latin1', 0, 6) !== '\x93NUMPY') throw wrong(file, 'a .npy file', 'other bytes at its beginning')
  const version = begin[6]!
  if (version !== 1 && version !== 2) throw wrong(file, 'version 1 or 2 of .npy', `${version}`)
  const [at, length] = version === 1 ? [10, begin.readUInt16LE(8)] : [12, begin.readUInt32LE(8)]
  if (length > longestHeader) throw wrong(file, `a header of at most ${longestHeader} bytes`, `${length}`)
  const text = (await readWhole(file, handle, Buffer.alloc(length), at)).toString('latin1')
  const [, type] = /'descr'\s*:\s*'([^']*)'/.exec(text) ?? []
  if (type !== '<f2' && type !== '<f4') throw wrong(file, "values of type '<f2' or '<f4'", type ?? 'several values')
  if (!/'fortran_order'\s*:\s*False/.test(text)) throw wrong(file, 'rows in C order', 'columns (fortran_order)')
  const [, shape = ''] = /'shape'\s*:\s*\(([^)]*)\)/.exec(text) ?? []
  const [, rows, dim] = /^\s*(\d{1,15})\s*,\s*(\d{1,7})\s*,?\s*$/.exec(shape) ?? []
  if (dim === undefined || Number(dim) === 0) throw wrong(file, 'a shape (rows, values)', `(${shape})`)
  return { type, rows: Number(rows), dim: Number(dim), start: at + length }
}

/** Fills `bytes`. @throws {ClipError} ERR_CLIP_FILE_TRUNCATED; ERR_CLIP_FILE_NOT_FOUND */
export async function readWhole<B extends Uint8Array>(
  file: string,
  handle: FileHandle,
  bytes: B,
  position: number,
): Promise<B> {
  const found = await readFully(handle, bytes, position).catch((error: Error) => {
    throw unreadable(`'${file}'`, error) // a folder, a bad disk
  })
  if (found < bytes.length) throw truncated(file, position + bytes.length, position + found)
  return bytes
}

function truncated(file: string, expected: number, found: number): ClipError {
  return new ClipError('ERR_CLIP_FILE_TRUNCATED', `'${file}': expected ${expected} bytes, found ${found}`)
}

function wrong(file: string, expected: string, found: string): ClipError {
  return new ClipError('ERR_CLIP_FILE_FORMAT', `'${file}': expected ${expected}, found ${found}`)
}
