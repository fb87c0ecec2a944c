/** The forms in which answers carry vectors: numbers, base64, bits. */
import { endianness } from 'node:os'

import { outOfRange } from '../../errors.js'
import { normalize } from '../../library.js'

/** A vector that is written when the answer is: as numbers, those of a large request would take hundreds of megabytes. */
export interface WrittenVector {
  toJSON(): ArrayLike<number> | string
}

/**
 * - `float`: a list of float32 numbers
 * - `base64`: their bytes, little-endian, in base64 (OpenAI's form)
 * - `ubinary`: one bit a number, 1 from zero up, the first in the highest bit of the first byte; bytes 0 to 255
 * - `binary`: the same bytes minus 128
 */
export type VectorForm = 'float' | 'base64' | 'binary' | 'ubinary'

export interface VectorShape {
  form: VectorForm
  /** Numbers of the vector that are kept. */
  length: number
  /** Whether the vector has length 1; a shortened one is scaled to it again. */
  normalized: boolean
}

export function writtenVector(vector: Float32Array, shape: VectorShape): WrittenVector {
  return { toJSON: () => written(vector, shape) }
}

/**
 * The length for a request's `field`. @param asked undefined or 0 (infinity's clients): the model's own.
 * @throws {RangeError} a length that is neither the model's own nor one of the allowed
 */
export function checkLength(field: string, asked = 0, own: number, allowed: readonly number[] = []): number {
  if (asked === 0) return own
  if (asked === own || (asked < own && allowed.includes(asked))) return asked
  const choices = [...allowed.filter(size => size < own), own].join(', ')
  throw outOfRange(field, `a length that this model allows (${choices})`, asked)
}

function written(vector: Float32Array, { form, length, normalized }: VectorShape): ArrayLike<number> | string {
  const part = length === vector.length ? vector : shorten(vector, length, normalized)
  if (form === 'float') return part
  if (form === 'base64') return toBase64(part)
  const bits = toBits(part)
  return form === 'ubinary' ? bits : Int8Array.from(bits, byte => byte - 128)
}

/** The beginning of a vector, scaled to the length of the whole. */
function shorten(vector: Float32Array, length: number, normalized: boolean): Float32Array {
  const part = vector.subarray(0, length)
  return normalized ? normalize(part) : part
}

function toBase64(vector: Float32Array): string {
  const bytes = Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)
  return (endianness() === 'LE' ? bytes : Buffer.from(bytes).swap32()).toString('base64')
}

/** As numpy's `packbits(vector >= 0)`. */
function toBits(vector: Float32Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(vector.length / 8))
  vector.forEach((value, i) => {
    if (value >= 0) bytes[i >> 3]! |= 0x80 >> (i & 7)
  })
  return bytes
}
