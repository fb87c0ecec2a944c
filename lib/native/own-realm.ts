/**
 * Converts results to the realm of this module. The addon is loaded once per process and creates its arrays and objects
 * in the main realm; for a caller in another one (Jest, vm), `instanceof Float32Array` would be false.
 */
import { types } from 'node:util'

type View = new(memory: ArrayBufferLike, byteOffset: number, length: number) => NodeJS.TypedArray

const views: Readonly<Record<string, View>> = {
  Float32Array,
  Float64Array,
  Int8Array,
  Int16Array,
  Int32Array,
  Uint8Array,
  Uint8ClampedArray,
  Uint16Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
}

/**
 * Typed arrays keep their memory; arrays and plain objects are copied, at any depth. Values of this realm are returned
 * as they are.
 */
export function ownRealm<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Object) return value
  if (types.isTypedArray(value)) return ownView(value) as T
  return (Array.isArray(value) ? Array.from(value, ownRealm) : ownObject(value)) as T
}

function ownView({ [Symbol.toStringTag]: name, buffer, byteOffset, length }: NodeJS.TypedArray): NodeJS.TypedArray {
  return new views[name]!(buffer, byteOffset, length)
}

function ownObject(value: object): object {
  return Object.fromEntries(Object.entries(value).map(([key, part]: [string, unknown]) => [key, ownRealm(part)]))
}
