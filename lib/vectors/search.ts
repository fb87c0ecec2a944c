/** Exact search by dot product over flat matrices of any size, on native threads with SIMD. */
import { types } from 'node:util'

import { withAbort } from '../async/abort.js'
import { availableCores } from '../cores/cores.js'
import { invalidArgument, outOfRange } from '../errors.js'
import type { NativeMatrix } from '../native/contract.js'
import { loadAddon } from '../native/load.js'
import { ownRealm } from '../native/own-realm.js'
import { checkFloat32Array, checkInteger, checkOptions, checkSignal } from '../validate.js'

/**
 * Rows of equal length, one after another: f32 values, half-precision bits (`Uint16Array`) or int8 values. With rows of
 * unit length the dot product is the cosine similarity.
 */
export interface Matrix {
  /** `dim` values per row. */
  data: Float32Array | Uint16Array | Int8Array
  /** Values per row. */
  dim: number
}

/** Options of {@link topK} and {@link similarityMatrix}. */
export interface SearchOptions {
  /** Cancels the search. */
  signal?: AbortSignal
  /** Native threads. Default: the machine's available cores. */
  threads?: number
}

/** The best rows for each query, best first; equal scores in the order of the rows. */
export interface TopK {
  /** Row numbers; [queries][k] flat. */
  indices: Uint32Array
  /** Dot products, same layout. */
  scores: Float32Array
  /** Results per query: k, or the number of rows if that is smaller. */
  k: number
}

/**
 * The `k` rows of `matrix` with the highest dot product, for each query.
 *
 * The matrix is not copied, since it may be gigabytes: do not change or transfer it before the promise settles.
 *
 * @param queries flat [n][dim], or one vector [dim]
 * @param k at least 1; if it exceeds the number of rows, all are returned
 * @throws {TypeError} wrong kinds; {RangeError} lengths that are not multiples of `dim`; the signal's reason
 *
 * @example
 * const rows = Float32Array.of(1, 0, 0, 1, 0.6, 0.8) // three of them
 * const { indices, scores, k } = await topK(Float32Array.of(1, 0), { data: rows, dim: 2 }, 2)
 * console.log(k, [...indices].join(), [...scores].map(score => score.toFixed(1)).join()) // 2 0,2 1.0,0.6
 */
export async function topK(queries: Float32Array, matrix: Matrix, k: number, options?: SearchOptions): Promise<TopK> {
  const { signal, threads } = searchOptions(options)
  const native = nativeMatrix('matrix', matrix)
  checkRows('queries', queries, matrix.dim)
  checkInteger('k', k, { min: 1, max: 2 ** 30 })
  const found = ownRealm(
    await withAbort(signal, () => loadAddon().topK(queries.slice(), native, matrix.dim, k, threads)),
  )
  return { ...found, k: Math.min(k, native.rows) }
}

/**
 * The dot product of every row of `a` with every row of `b`: flat [rows of a][rows of b].
 *
 * @throws as {@link topK}
 *
 * @example
 * const a = { data: Float32Array.of(1, 0, 0, 1), dim: 2 }
 * console.log([...await similarityMatrix(a, { data: Int8Array.of(3, 4), dim: 2 })].join()) // 3,4
 */
export async function similarityMatrix(
  a: Matrix & { data: Float32Array },
  b: Matrix,
  options?: SearchOptions,
): Promise<Float32Array> {
  const { signal, threads } = searchOptions(options)
  const native = nativeMatrix('b', b)
  checkRows('a.data', a?.data, b.dim)
  if (a.dim !== b.dim) throw outOfRange('a.dim', `${b.dim}, the dim of b,`, a.dim)
  return ownRealm(await withAbort(signal, () => loadAddon().similarityMatrix(a.data.slice(), native, b.dim, threads)))
}

function searchOptions(options: SearchOptions | undefined): { signal: AbortSignal | undefined; threads: number } {
  const { signal, threads = availableCores() } = checkOptions('options', options, ['signal', 'threads'])
  return { signal: checkSignal('signal', signal), threads: checkInteger('threads', threads, { min: 1, max: 256 }) }
}

function checkRows(name: string, data: Float32Array, dim: number): void {
  checkFloat32Array(name, data)
  if (data.length % dim !== 0) throw outOfRange(name, `a multiple of ${dim} values`, data.length)
}

function nativeMatrix(name: string, matrix: Matrix): NativeMatrix {
  const data: unknown = (matrix as Matrix | null | undefined)?.data
  const type = types.isFloat32Array(data)
    ? 'f32'
    : types.isUint16Array(data)
    ? 'f16'
    : types.isInt8Array(data)
    ? 'int8'
    : undefined
  if (type === undefined)
    throw invalidArgument(`${name}.data`, 'a Float32Array, Uint16Array (f16 bits) or Int8Array', data)
  const { buffer } = matrix.data
  if (types.isSharedArrayBuffer(buffer) || (buffer as { resizable?: boolean }).resizable) {
    throw invalidArgument(`${name}.data`, 'an array over an ArrayBuffer that is neither shared nor resizable', buffer)
  }
  const dim = checkInteger(`${name}.dim`, matrix.dim, { min: 1, max: 2 ** 24 })
  if (matrix.data.length % dim !== 0)
    throw outOfRange(`${name}.data`, `a multiple of ${dim} values`, matrix.data.length)
  return { data: matrix.data, type, rows: matrix.data.length / dim }
}
