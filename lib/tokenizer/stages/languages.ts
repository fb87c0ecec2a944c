/** The language token of tokenizers that put one beside every text (NLLB). */
import { outOfRange } from '../../errors.js'
import { nearestName } from '../../nearest-name.js'
import type { AddedToken } from '../types.js'
import type { Frame } from './frame.js'

/** As FLORES-200 names a language and its script: eng_Latn. */
const code = /^[a-z]{3}_[A-Z][a-z]{3}$/

/** Ids by code; undefined if the frame of a text names no language. */
export function languagesOf(frame: Frame, added: readonly AddedToken[]): ReadonlyMap<string, number> | undefined {
  const ids = new Map(
    added.filter(({ content, special }) => special && code.test(content)).map(({ content, id }) => [content, id]),
  )
  const known = new Set(ids.values())
  return [...frame.before, ...frame.after].some(id => known.has(id)) ? ids : undefined
}

/**
 * `frame` with another language.
 *
 * @throws RangeError ERR_CLIP_OUT_OF_RANGE for a language that the tokenizer lacks, or if it has none at all
 */
export function inLanguage(
  frame: Frame | undefined,
  languages: ReadonlyMap<string, number> | undefined,
  language: string,
): Frame {
  if (frame === undefined || languages === undefined)
    throw outOfRange('language', 'none: this model has no tokens for languages', language)
  const id = languages.get(language)
  if (id === undefined) {
    const [first] = languages.keys()
    const example = nearestName(language, [...languages.keys()]) ?? first
    throw outOfRange('language', `one of the model's ${languages.size} codes such as '${example}'`, language)
  }
  const known = new Set(languages.values())
  const swap = (ids: number[]): number[] => ids.map(one => (known.has(one) ? id : one))
  return { before: swap(frame.before), after: swap(frame.after) }
}
