/**
 * Argument checks: each returns the value with its type, or throws a coded TypeError (wrong kind) or RangeError (right
 * kind, unusable value) that names the argument.
 *
 * The public API applies defaults, checks, then acts. Nothing here relies on `instanceof`: values may come from another
 * realm (worker, vm, test runner).
 */
import { types } from 'node:util'

import { invalidArgument, outOfRange, unknownOption } from './errors.js'

interface Bounds {
  /** Smallest value allowed; default: the smallest finite one. */
  min?: number
  /** Largest value allowed; default: the largest finite one. */
  max?: number
}

/** A list of numbers: an array, or any numeric typed array (its view is respected, not its whole buffer). */
export type Vector = readonly number[] | Float32Array | Float64Array | Int8Array | Uint8Array | Uint8ClampedArray
  | Int16Array | Uint16Array | Int32Array | Uint32Array

/** A prompt: a string with `{}` or `{label}` in it, or a function from the label to the prompt. */
export type Template = string | ((label: string) => string)

/** A string; non-empty unless `empty` is true. */
export function checkString(name: string, value: unknown, options: { empty?: boolean } = {}): string {
  if (typeof value !== 'string') throw invalidArgument(name, 'a string', value)
  if (value === '' && !options.empty) throw outOfRange(name, 'a non-empty string', value)
  return value
}

export function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalidArgument(name, 'a boolean', value)
  return value
}

export function checkFunction<F extends (...args: never[]) => unknown>(name: string, value: F): F {
  if (typeof value !== 'function') throw invalidArgument(name, 'a function', value)
  return value
}

/** A safe integer within the bounds, inclusive. */
export function checkInteger(name: string, value: unknown, bounds: Bounds = {}): number {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = bounds
  if (typeof value !== 'number') throw invalidArgument(name, 'an integer', value)
  if (!Number.isInteger(value) || value < min || value > max) {
    throw outOfRange(name, `an integer${boundsText(bounds)}`, value)
  }
  return value
}

/** A number within the bounds, inclusive. NaN is refused; infinities unless a bound is infinite. */
export function checkNumber(name: string, value: unknown, bounds: Bounds = {}): number {
  const { min = -Number.MAX_VALUE, max = Number.MAX_VALUE } = bounds
  if (typeof value !== 'number') throw invalidArgument(name, 'a number', value)
  if (!(value >= min && value <= max))
    throw outOfRange(name, `a ${boundsText(bounds) === '' ? 'finite ' : ''}number${boundsText(bounds)}`, value)
  return value
}

/** One of the strings of `allowed`. */
export function checkOneOf<const T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  const expected = `one of ${allowed.map(word => `'${word}'`).join(', ')}`
  if (typeof value !== 'string') throw invalidArgument(name, expected, value)
  if (!(allowed as readonly string[]).includes(value)) throw outOfRange(name, expected, value)
  return value as T
}

/** An AbortSignal, or undefined. Recognised by shape: signals of other realms and polyfills are accepted. */
export function checkSignal(name: string, value: unknown): AbortSignal | undefined {
  if (value === undefined) return undefined
  const signal = value as AbortSignal | null
  if (
    typeof signal !== 'object' || signal === null || typeof signal.aborted !== 'boolean'
    || typeof signal.addEventListener !== 'function' || typeof signal.removeEventListener !== 'function'
  ) {
    throw invalidArgument(name, 'an AbortSignal', value)
  }
  return signal
}

/**
 * An options object: a plain object with no key outside `keys`, or undefined. Returns a copy without undefined values,
 * so that `{ ...defaults, ...checkOptions(...) }` works; the caller still checks the values.
 */
export function checkOptions<T extends object>(
  name: string,
  value: T | undefined,
  keys: readonly (keyof T & string)[],
): Partial<T> {
  const copy: Partial<T> = {}
  if (value === undefined) return copy
  if (!isPlainObject(value)) throw invalidArgument(name, 'an options object', value)
  for (const key of Object.keys(value) as (keyof T & string)[]) {
    if (!keys.includes(key)) throw unknownOption(name, key, keys)
    const option = value[key]
    if (option !== undefined) copy[key] = option
  }
  return copy
}

/** A non-empty array; the caller checks its elements. */
export function checkNonEmptyArray<T>(name: string, value: readonly T[]): readonly T[] {
  if (!Array.isArray(value)) throw invalidArgument(name, 'a non-empty array', value)
  if (value.length === 0) throw outOfRange(name, 'a non-empty array', value)
  return value as readonly T[]
}

/** A Float32Array and no other type; of exactly `length` elements if given. Views keep their offset. */
export function checkFloat32Array(name: string, value: unknown, options: { length?: number } = {}): Float32Array {
  const { length } = options
  const expected = length === undefined ? 'a Float32Array' : `a Float32Array of length ${length}`
  if (!types.isFloat32Array(value)) throw invalidArgument(name, expected, value)
  if (length !== undefined && value.length !== length) throw outOfRange(name, expected, value)
  return value
}

/** A list of numbers; of exactly `length` elements if given. */
export function checkVector(name: string, value: Vector, options: { length?: number } = {}): Vector {
  const { length } = options
  const expected = length === undefined ? 'an array of numbers' : `an array of ${length} numbers`
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      if (typeof value[i] !== 'number') throw invalidArgument(`${name}[${i}]`, 'a number', value[i])
    }
  } else if (!types.isTypedArray(value) || types.isBigInt64Array(value) || types.isBigUint64Array(value)) {
    throw invalidArgument(name, expected, value)
  }
  if (length !== undefined && value.length !== length) throw outOfRange(name, expected, value)
  return value
}

/**
 * Labels of a classification: at least one, none blank. Returns a copy. Duplicate labels are allowed and share the
 * probability, as in the reference.
 */
export function checkLabels(name: string, value: readonly string[]): string[] {
  if (!Array.isArray(value)) throw invalidArgument(name, 'a non-empty array of strings', value)
  if (value.length === 0) throw outOfRange(name, 'a non-empty array of strings', value)
  return Array.from(value as readonly unknown[], (label, i) => {
    if (typeof label !== 'string') throw invalidArgument(`${name}[${i}]`, 'a string', label)
    if (label.trim() === '') throw outOfRange(`${name}[${i}]`, 'a string that is not blank', label)
    return label
  })
}

/**
 * Prompt templates, one or several, as functions from a label to a prompt. In a string every `{}` and `{label}` is
 * replaced by the label; the result of a function is checked when it is called.
 */
export function checkTemplates(name: string, value: Template | readonly Template[]): ((label: string) => string)[] {
  const expected = "a string with '{}' or '{label}' in it, or a function"
  const several = Array.isArray(value)
  const list: readonly unknown[] = several ? value : [value]
  if (list.length === 0) throw outOfRange(name, 'at least one template', value)
  return Array.from(list, (template, i) => {
    const itemName = several ? `${name}[${i}]` : name
    if (typeof template === 'function') {
      return (label: string) =>
        checkString(`the result of ${itemName}`, (template as (label: string) => unknown)(label))
    }
    if (typeof template !== 'string') throw invalidArgument(itemName, expected, template)
    if (!/\{(?:label)?\}/.test(template)) throw outOfRange(itemName, expected, template)
    // with a function, so that '$&' in a label is plain text; in one pass, so that '{}' in a label is, too
    return (label: string) => template.replace(/\{(?:label)?\}/g, () => label)
  })
}

export function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  // Object.prototype of any realm: the only prototype without a prototype
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function boundsText({ min, max }: Bounds): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`
  if (min !== undefined) return ` of at least ${min}`
  if (max !== undefined) return ` of at most ${max}`
  return ''
}

/** One text or several. */
export function checkTexts(texts: string | readonly string[]): readonly string[] {
  const list: readonly unknown[] = Array.isArray(texts) ? texts : [texts]
  list.forEach((text, i) => {
    if (typeof text !== 'string') throw invalidArgument(Array.isArray(texts) ? `texts[${i}]` : 'text', 'a string', text)
  })
  return list as readonly string[]
}

export function checkIterable<T>(name: string, value: Iterable<T> | AsyncIterable<T>): Iterable<T> | AsyncIterable<T> {
  const candidate = value as Partial<Iterable<T> & AsyncIterable<T>> | null | undefined
  const iterable = typeof value === 'object' && candidate &&
    (candidate[Symbol.asyncIterator] ?? candidate[Symbol.iterator])
  if (!iterable) throw invalidArgument(name, 'an iterable or async iterable', value)
  return value
}

export function checkStrings(name: string, value: readonly string[]): string[] {
  if (!Array.isArray(value)) throw invalidArgument(name, 'an array of strings', value)
  return Array.from(value as readonly unknown[], (element, i) => checkString(`${name}[${i}]`, element))
}
