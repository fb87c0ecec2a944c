/** Tables in parquet files, read and written by groups of rows: with the packages hyparquet and hyparquet-writer. */
import { type FileHandle, open } from 'node:fs/promises'
import * as zlib from 'node:zlib'

import { ClipError } from '../errors.js'
import { unreadable } from '../files.js'
import { importPeer } from '../peer.js'
import { readWhole } from './npy.js'
import type { ColumnKind } from './types.js'

/** The parts of the packages that are used. */
interface Source {
  byteLength: number
  slice(start: number, end?: number): Promise<ArrayBuffer>
}
interface Metadata {
  num_rows: bigint
  row_groups: { num_rows: bigint; columns: { meta_data?: { codec: string } }[] }[]
  key_value_metadata?: { key: string; value?: string }[]
}
interface Reader {
  parquetMetadataAsync(file: Source): Promise<Metadata>
  parquetSchema(metadata: Metadata): { children: { element: { name: string }; children: unknown[] }[] }
  parquetScan(options: { file: Source; metadata: Metadata; columns: string[]; compressors: object }): Promise<{
    readColumn(part: { column: string; rowStart: number; rowEnd: number }): Promise<ArrayLike<unknown>>
  }>
}
interface Bytes {
  buffer: ArrayBuffer
  index: number
  flush(): Promise<void>
  finish(): Promise<void>
}
interface Writer {
  ByteWriter: new() => Bytes
  ParquetWriter: new(options: object) => {
    write(options: { columnData: { name: string; data: unknown[] }[]; rowGroupSize: number }): Promise<void>
    finish(): Promise<void>
  }
}

const purpose = 'a parquet table'
const install = 'hyparquet hyparquet-writer'

/** @throws {ClipError} ERR_CLIP_INDEX_PARTS */
const findReader = (): Promise<Reader> => importPeer<Reader>('hyparquet', 'ERR_CLIP_INDEX_PARTS', purpose, install)
const findWriter = (): Promise<Writer> =>
  importPeer<Writer>('hyparquet-writer', 'ERR_CLIP_INDEX_PARTS', purpose, install)

type Unpacker = (bytes: Uint8Array, length: number) => Uint8Array

/** The package itself unpacks Snappy, pandas' default. */
const unpackers: Readonly<Record<string, Unpacker>> = {
  GZIP: (bytes: Uint8Array, length: number) => zlib.gunzipSync(bytes, { maxOutputLength: Math.max(length, 1) }),
  BROTLI: (bytes: Uint8Array, length: number) =>
    zlib.brotliDecompressSync(bytes, { maxOutputLength: Math.max(length, 1) }),
}

/** Node has zstd from version 22.15 on. */
const { zstdDecompressSync: unpackZstd } = zlib as { zstdDecompressSync?: typeof zlib.brotliDecompressSync }

/** Those of a table, with the package hyparquet-compressors if its packing needs it. @throws {ClipError} ERR_CLIP_INDEX_PARTS */
async function findUnpackers({ row_groups: groups }: Metadata): Promise<Readonly<Record<string, Unpacker>>> {
  const packings = new Set(groups.flatMap(({ columns }) => columns.map(({ meta_data: facts }) => facts?.codec)))
  const found = { ...unpackers }
  if (unpackZstd)
    found.ZSTD = (bytes, length) => unpackZstd(bytes, { maxOutputLength: Math.max(length, 1) })
  const others = ['ZSTD', 'LZ4', 'LZ4_RAW'].filter(packing => packings.has(packing) && found[packing] === undefined)
  if (others.length === 0) return found
  const { compressors } = await importPeer<{ compressors: Record<string, Unpacker> }>(
    'hyparquet-compressors',
    'ERR_CLIP_INDEX_PARTS',
    `a parquet table packed by ${others.join(' and ')}`,
  )
  return { ...found, ...Object.fromEntries(others.map(packing => [packing, compressors[packing]!])) }
}

/** What is needed to read from a file. */
interface Parts {
  reader: Reader
  handle: FileHandle
  source: Source
  metadata: Metadata
  compressors: Readonly<Record<string, Unpacker>>
}

/** A file that is read. */
export class ParquetFile {
  readonly file: string
  readonly rows: number
  /** Names of the columns of plain values; lists and structures are left out. */
  readonly columns: readonly string[]
  /** Rows of each group, which is unpacked as a whole. */
  readonly groups: readonly number[]
  readonly #parts: Parts

  private constructor(file: string, parts: Parts) {
    const { reader, metadata } = parts
    this.file = file
    this.#parts = parts
    this.rows = Number(metadata.num_rows)
    this.groups = metadata.row_groups.map(group => Number(group.num_rows))
    this.columns = reader.parquetSchema(metadata).children.filter(({ children }) => children.length === 0)
      .map(({ element }) => element.name)
  }

  /** @throws {ClipError} ERR_CLIP_INDEX_PARTS; ERR_CLIP_FILE_NOT_FOUND; ERR_CLIP_FILE_FORMAT */
  static async open(file: string): Promise<ParquetFile> {
    const reader = await findReader()
    const handle = await open(file).catch((error: Error) => {
      throw unreadable(`'${file}'`, error)
    })
    try {
      const { size } = await handle.stat()
      const slice = async (start: number, end = size): Promise<ArrayBuffer> =>
        (await readWhole(file, handle, new Uint8Array(end - start), start)).buffer
      const source = { byteLength: size, slice }
      return await coded(file, async () => {
        const metadata = await reader.parquetMetadataAsync(source)
        const compressors = await findUnpackers(metadata)
        const opened = new ParquetFile(file, { reader, handle, source, metadata, compressors })
        const inGroups = opened.groups.reduce((sum, rows) => sum + rows, 0)
        if (inGroups !== opened.rows) throw new Error(`${opened.rows} rows, and ${inGroups} in its groups`)
        return opened
      })
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** What its writer noted under a name. */
  note(name: string): string | undefined {
    return this.#parts.metadata.key_value_metadata?.find(({ key }) => key === name)?.value
  }

  /** Values of rows of one group; null where there is none. @throws {ClipError} ERR_CLIP_FILE_FORMAT */
  async read(columns: readonly string[], first: number, count: number): Promise<Record<string, unknown[]>> {
    const { reader, source, metadata, compressors } = this.#parts
    return coded(this.file, async () => {
      const options = { file: source, metadata, columns: [...columns], compressors }
      const scan = await reader.parquetScan(options)
      const found: Record<string, unknown[]> = {}
      for (const column of columns) {
        const values = await scan.readColumn({ column, rowStart: first, rowEnd: first + count })
        if (values.length !== count) throw new Error(`${values.length} of ${count} values of the column ${column}`)
        found[column] = Array.from(values, value => (typeof value === 'bigint' ? Number(value) : value ?? null))
      }
      return found
    })
  }

  close(): Promise<void> {
    return this.#parts.handle.close()
  }
}

async function coded<R>(file: string, work: () => Promise<R>): Promise<R> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ClipError) throw error
    throw new ClipError(
      'ERR_CLIP_FILE_FORMAT',
      `'${file}': expected a parquet table that can be read: ${(error as Error).message}`,
      { cause: error },
    )
  }
}

const types: Record<ColumnKind, object> = {
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  number: { type: 'DOUBLE' },
  integer: { type: 'INT64' },
  boolean: { type: 'BOOLEAN' },
  date: { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
}

/** A file that is written, group after group. Its errors are the file system's. */
export class ParquetOutput {
  readonly #handle: FileHandle
  readonly #kinds: Readonly<Record<string, ColumnKind>>
  readonly #writer: InstanceType<Writer['ParquetWriter']>

  private constructor(handle: FileHandle, kinds: Readonly<Record<string, ColumnKind>>, note: string, parts: Writer) {
    this.#handle = handle
    this.#kinds = kinds
    const bytes = new parts.ByteWriter()
    bytes.flush = async () => {
      await handle.writeFile(new Uint8Array(bytes.buffer, 0, bytes.index)) // goes on where the last one ended
      bytes.index = 0
    }
    bytes.finish = bytes.flush
    const columns = Object.entries(kinds).map(([name, kind]) => ({ name, repetition_type: 'OPTIONAL', ...types[kind] }))
    this.#writer = new parts.ParquetWriter({
      writer: bytes,
      schema: [{ name: 'schema', num_children: columns.length }, ...columns],
      kvMetadata: [{ key: 'ggclip', value: note }],
      createdBy: 'ggclip',
    })
  }

  /** @param note kept under the name `ggclip` */
  static async create(
    file: string,
    kinds: Readonly<Record<string, ColumnKind>>,
    note: string,
  ): Promise<ParquetOutput> {
    const parts = await findWriter()
    return new ParquetOutput(await open(file, 'wx'), kinds, note, parts)
  }

  /** A group of rows. @param columns values of each column; undefined or null: none */
  async write(columns: Readonly<Record<string, unknown[]>>, count: number): Promise<void> {
    const columnData = Object.entries(this.#kinds).map(([name, kind]) => ({
      name,
      data: kind === 'integer'
        ? columns[name]!.map(value => typeof value === 'number' ? BigInt(value) : value)
        : columns[name]!,
    }))
    await this.#writer.write({ columnData, rowGroupSize: count })
  }

  /** Returns when all of it is on the disk. */
  async finish(): Promise<void> {
    await this.#writer.finish()
    await this.#handle.sync()
    await this.#handle.close()
  }

  /** Ends it unfinished. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => undefined)
  }
}

/** @throws {ClipError} ERR_CLIP_INDEX_PARTS: before anything is written */
export async function needParquet(): Promise<void> {
  await findReader()
  await findWriter()
}
