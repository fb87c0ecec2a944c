/** From words and pictures to the direction that is searched. */
import { existsSync } from 'node:fs'

import { invalidArgument, outOfRange } from '../../errors.js'
import type { CallOptions, ImageInput } from '../../types.js'
import { checkBoolean, checkNumber, checkOptions, checkString } from '../../validate.js'
import { normalize } from '../../vectors/similarity.js'
import type { IndexModel } from '../types.js'

/** A part of a query: a text, a picture, or a vector of the model, such as that of a picture of the index. */
export type QueryPart = (
  | { text: string; image?: undefined; vector?: undefined }
  | { image: ImageInput; text?: undefined; vector?: undefined }
  | { vector: Float32Array; text?: undefined; image?: undefined }
) & {
  /** Its share in the sum; below 0: away from it. Default 1. */
  weight?: number
}

/** A text, a part, or several that are added up. A string is always a text, never a path. */
export type SearchQuery = string | QueryPart | readonly QueryPart[]

export function checkQuery(query: SearchQuery): QueryPart[] {
  if (typeof query === 'string') return [{ text: checkText('query', query) }]
  const several = Array.isArray(query)
  const parts = (several ? query : [query]) as readonly QueryPart[]
  if (parts.length === 0) throw outOfRange('query', 'at least one part', query)
  const checked = parts.map((part, i) => {
    const name = several ? `query[${i}]` : 'query'
    const { text, image, vector, weight = 1 } = checkOptions(name, part, ['text', 'image', 'vector', 'weight'])
    if ([text, image, vector].filter(value => value !== undefined).length !== 1)
      throw invalidArgument(name, 'a string, { text }, { image } or { vector }', part)
    if (vector !== undefined && Object.prototype.toString.call(vector) !== '[object Float32Array]')
      throw invalidArgument(`${name}.vector`, 'a Float32Array', vector)
    if (text !== undefined) checkText(`${name}.text`, text)
    checkNumber(`${name}.weight`, weight, { min: -100, max: 100 })
    return { ...part, weight }
  })
  if (checked.every(({ weight }) => weight === 0)) throw outOfRange('query', 'a part with a weight other than 0', query)
  return checked
}

function checkText(name: string, text: string): string {
  if (checkString(name, text).trim() === '') throw outOfRange(name, 'a text that is not blank', text)
  return text
}

/** The sum of the parts' unit vectors times their weights, with unit length: f32 [dim]. */
export async function queryVector(
  clip: IndexModel,
  parts: readonly QueryPart[],
  options: CallOptions,
): Promise<Float32Array> {
  const vectors = await Promise.all(parts.map(part => vectorOf(clip, part, options)))
  const sum = new Float32Array(vectors[0]!.length)
  parts.forEach(({ weight = 1 }, i) => vectors[i]!.forEach((value, at) => (sum[at]! += weight * value)))
  if (!sum.some(value => Math.abs(value) > 1e-6))
    throw outOfRange('query', 'parts that do not cancel each other', parts)
  return normalize(sum)
}

async function vectorOf(
  clip: IndexModel,
  { text, image, vector }: QueryPart,
  options: CallOptions,
): Promise<Float32Array> {
  if (text !== undefined) return clip.encodeText(text, options)
  if (image !== undefined) return clip.encodeImage(image, options)
  const { dim } = clip.info
  if (vector.length !== dim) throw outOfRange('query', `vectors of ${dim} values`, vector.length)
  return normalize(vector)
}

/** What stands between two parts, with spaces around it. */
const operator = /\s[+-](?=\s|$)/
/** `0.5*people`, `2 * sunset` */
const weighted = /^(\d{1,3}(?:\.\d{1,6})?)\s*\*\s*(?=\S)/
const pictureName = /\.[a-z]{3,4}$/i

/**
 * Reads a query as people type it: parts joined by ` + ` and ` - `, each a text, a text in double quotes (in which those
 * are words), or the path of an existing picture; `0.5*people` weighs a part. The first may begin with `- `.
 *
 * @param options `pictures: false`: names of pictures are words, too, for queries of strangers. Default true
 * @throws {RangeError} ERR_CLIP_OUT_OF_RANGE: an empty part, a quote without its end
 *
 * @example
 * console.log(parseQuery('sunset - 0.5*people'))
 * // [ { text: 'sunset', weight: 1 }, { text: 'people', weight: -0.5 } ]
 */
export function parseQuery(query: string, options?: { pictures?: boolean }): QueryPart[] {
  const { pictures = true } = checkOptions('options', options, ['pictures'])
  checkBoolean('options.pictures', pictures)
  const parts: QueryPart[] = []
  let rest = checkString('query', query).trim()
  let sign = 1
  if (/^[+-]\s/.test(rest)) {
    sign = rest[0] === '-' ? -1 : 1
    rest = rest.slice(1).trimStart()
  }
  for (;;) {
    const [factor, times] = weighted.exec(rest) ?? ['']
    rest = rest.slice(factor.length)
    const { value, quoted, after } = takePart(rest, query)
    const weight = sign * Number(times ?? 1)
    const isPicture = pictures && !quoted && pictureName.test(value) && existsSync(value)
    parts.push(isPicture ? { image: value, weight } : { text: value, weight })
    if (after === '') return parts
    sign = after[0] === '-' ? -1 : 1
    rest = after.slice(1).trimStart()
  }
}

/** The first part of `rest`, and what follows it from the operator on. */
function takePart(rest: string, query: string): { value: string; quoted: boolean; after: string } {
  if (rest.startsWith('"')) {
    const end = rest.indexOf('"', 1)
    if (end < 0) throw outOfRange('query', 'a second " after each', query)
    const after = rest.slice(end + 1).trimStart()
    if (end === 1) throw outOfRange('query', 'words between quotes', query)
    if (after !== '' && !/^[+-]\s/.test(after)) throw outOfRange('query', ' + or - after a closing quote', query)
    return { value: rest.slice(1, end), quoted: true, after }
  }
  const at = operator.exec(rest)?.index ?? rest.length
  const value = rest.slice(0, at).trim()
  if (value === '' || /^[+-](?:\s|$)/.test(value))
    throw outOfRange('query', 'words or a picture on both sides of + and -', query)
  return { value, quoted: false, after: rest.slice(at).trimStart() }
}
