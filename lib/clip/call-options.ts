/** The options that calls share: unknown keys, kinds and ranges, all checked before any work starts. */
import { invalidArgument } from '../errors.js'
import type { CallOptions, ClipInfo, EncodeImageOptions, EncodeTextOptions, Rgb, TextOptions,
  VectorOptions } from '../types.js'
import { checkBoolean, checkFunction, checkInteger, checkOneOf, checkOptions, checkSignal,
  checkString } from '../validate.js'
import { normalize } from '../vectors/similarity.js'

/** Longest delay of Node's timers. */
const longestTimer = 2 ** 31 - 1

export const callKeys = ['signal', 'priority', 'client', 'timeoutMs', 'onTrace'] as const
export const textKeys = ['normalize', 'dimensions', 'language', ...callKeys] as const
/** Options of a call that reads images and returns no vectors. */
export const pictureKeys = ['orient', 'background', 'decode', ...callKeys] as const
export const imageKeys = ['normalize', 'dimensions', ...pictureKeys] as const

/**
 * `options` without other keys than `keys`. Checks the values of the options named here; the caller checks the others.
 */
export function checkCallOptions<T extends CallOptions>(
  options: T | undefined,
  keys: readonly (keyof T & string)[],
): Partial<T> {
  const given = checkOptions('options', options, keys)
  const { signal, priority, client, timeoutMs, onTrace, language } = given as TextOptions
  checkSignal('signal', signal)
  if (priority !== undefined) checkInteger('priority', priority, { min: -100, max: 100 })
  if (client !== undefined) checkString('client', client)
  if (language !== undefined) checkString('language', language)
  if (timeoutMs !== undefined) checkInteger('timeoutMs', timeoutMs, { min: 0, max: longestTimer })
  if (onTrace !== undefined) checkFunction('onTrace', onTrace)
  return given
}

export function checkTextOptions<T extends EncodeTextOptions>(
  options: T | undefined,
  keys: readonly (keyof T & string)[] = textKeys,
): Partial<T> {
  const given = checkCallOptions(options, keys)
  if (given.normalize !== undefined) checkBoolean('normalize', given.normalize)
  return given
}

export function checkImageOptions<T extends EncodeImageOptions>(
  options: T | undefined,
  keys: readonly (keyof T & string)[],
): Partial<T> {
  const given = checkCallOptions(options, keys)
  const { normalize, orient, decode, background } = given as EncodeImageOptions
  if (normalize !== undefined) checkBoolean('normalize', normalize)
  if (orient !== undefined) checkBoolean('orient', orient)
  if (decode !== undefined) checkOneOf('decode', decode, ['auto', 'exact'])
  if (background !== undefined) checkRgb('background', background)
  return given
}

function checkRgb(name: string, value: Rgb): void {
  if (!Array.isArray(value) || value.length !== 3) throw invalidArgument(name, '[red, green, blue]', value)
  value.forEach((part, i) => checkInteger(`${name}[${i}]`, part, { min: 0, max: 255 }))
}

export function checkDimensions({ dimensions }: VectorOptions, { dim }: Readonly<ClipInfo>): void {
  if (dimensions !== undefined) checkInteger('dimensions', dimensions, { min: 1, max: dim })
}

/** The embedding that the caller gets: a copy, as the options say. */
export function finish(vector: Float32Array, { normalize: unit = true, dimensions }: VectorOptions): Float32Array {
  const part = vector.subarray(0, dimensions)
  return unit ? normalize(part) : part.slice()
}
