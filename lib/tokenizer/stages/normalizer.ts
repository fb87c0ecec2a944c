/**
 * The `normalizer` of a tokenizer.json, as the tokenizers library 0.23 runs it. What that library works out from character
 * tables of old Unicode versions is worked out from the same tables here (unicode-tables.ts).
 */
import { readCharsmap } from './charsmap.js'
import { lowerEach } from '../text/clean.js'
import { invalidPart, isRecord } from '../files/parts.js'
import { javaScriptPattern, literalPattern } from './oniguruma.js'
import { toByteChars } from '../words/bytes.js'
import { classOf, space } from '../text/unicode.js'

export type Normalize = (text: string) => string

// characters with a decomposition in Unicode 12.1 or later, which the reference's normaliser lacks
/* eslint-disable no-misleading-character-class -- each stands for itself */
const undecomposed = new RegExp(
  '([\\u32ff\\ua7f1-\\ua7f4\\uab69\\u{105c9}\\u{105e4}\\u{10781}-\\u{107ba}\\u{11383}\\u{11385}\\u{1138e}\\u{11391}' +
    '\\u{113c5}-\\u{113c8}\\u{11938}\\u{16121}-\\u{16128}\\u{16d68}-\\u{16d6a}\\u{1ccd6}-\\u{1ccf9}\\u{1e030}-\\u{1e06d}\\u{1f16c}\\u{1fbf0}-\\u{1fbf9}])',
  'u',
)
/* eslint-enable no-misleading-character-class */
// the blocks that BERT's reference puts spaces around; not all CJK extensions
const ideographs =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu
const spaces = new RegExp(`[${space}]`, 'gu')
const leadingSpaces = new RegExp(`^[${space}]+`, 'u')
const trailingSpaces = new RegExp(`[${space}]+$`, 'u')

/** For `null` and absent: the text unchanged. */
export function makeNormalizer(part: unknown, at = 'normalizer'): Normalize {
  if (part === null || part === undefined) return text => text
  if (!isRecord(part)) throw invalidPart(at, 'an object', part)
  switch (part.type) {
    case 'Sequence':
      return sequence(part.normalizers, at)
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return unicodeForm(part.type)
    case 'Lowercase':
      return lowerEach
    case 'StripAccents': {
      const marks = new RegExp(`[${classOf('marks')}]`, 'gu')
      return text => text.replace(marks, '')
    }
    case 'Strip':
      return strip(part)
    case 'Replace':
      return replace(part, at)
    case 'Prepend': {
      if (typeof part.prepend !== 'string') throw invalidPart(`${at}.prepend`, 'a string', part.prepend)
      const prefix = part.prepend
      return text => (text === '' ? text : prefix + text)
    }
    case 'BertNormalizer':
      return bert(part)
    case 'Precompiled': {
      const map: unknown = part.precompiled_charsmap
      if (map === null || map === '') return text => text // a SentencePiece model without a character map
      if (typeof map !== 'string') throw invalidPart(`${at}.precompiled_charsmap`, 'a string', map)
      return readCharsmap(map)
    }
    case 'ByteLevel':
      return text => toByteChars(text).join('')
    case 'Nmt':
      return nmt
    default:
      throw invalidPart(`${at}.type`, 'a normaliser that is known', part.type)
  }
}

function sequence(parts: unknown, at: string): Normalize {
  if (!Array.isArray(parts)) throw invalidPart(`${at}.normalizers`, 'a list', parts)
  const all = parts.map((part: unknown, index) => makeNormalizer(part, `${at}.normalizers[${index}]`))
  return text => all.reduce((current, normalize) => normalize(current), text)
}

function unicodeForm(form: 'NFC' | 'NFD' | 'NFKC' | 'NFKD'): Normalize {
  return text => {
    if (form === 'NFC' || !undecomposed.test(text)) return text.normalize(form)
    return text.split(undecomposed).map((piece, index) => (index % 2 === 1 ? piece : piece.normalize(form))).join('')
  }
}

function strip({ strip_left: left, strip_right: right }: Record<string, unknown>): Normalize {
  return text => {
    const rest = left === false ? text : text.replace(leadingSpaces, '')
    return right === false ? rest : trimEnd(rest)
  }
}

/** Not by a pattern alone, which takes quadratic time in the length of white space inside a text. */
function trimEnd(text: string): string {
  let end = text.length
  while (end > 0 && trailingSpaces.test(text[end - 1]!)) end--
  return text.slice(0, end)
}

/** The pattern of a Replace or a Split: { String } or { Regex }. */
export function patternOf(pattern: unknown, at: string): RegExp {
  if (isRecord(pattern) && typeof pattern.String === 'string') return literalPattern(pattern.String)
  if (!isRecord(pattern) || typeof pattern.Regex !== 'string')
    throw invalidPart(`${at}.pattern`, '{ String } or { Regex }', pattern)
  return javaScriptPattern(pattern.Regex)
}

function replace(part: Record<string, unknown>, at: string): Normalize {
  const { content } = part
  if (typeof content !== 'string') throw invalidPart(`${at}.content`, 'a string', content)
  const pattern = patternOf(part.pattern, at)
  return text => text.replace(pattern, () => content)
}

function bert(
  { clean_text: clean, handle_chinese_chars: chinese, strip_accents: accents, lowercase: lower }: Record<
    string,
    unknown
  >,
): Normalize {
  const controls = new RegExp(`[${classOf('controls')}]`, 'gu')
  const marks = new RegExp(`[${classOf('nonSpacingMarks')}]`, 'gu')
  const decompose = unicodeForm('NFD')
  const stripsAccents = typeof accents === 'boolean' ? accents : lower !== false
  return text => {
    if (clean !== false) text = text.replace(controls, '').replace(spaces, ' ')
    if (chinese !== false) text = text.replace(ideographs, ' $& ')
    if (stripsAccents) text = decompose(text).replace(marks, '')
    return lower === false ? text : lowerEach(text)
  }
}

function nmt(text: string): string {
  return text.replace(/[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]/g, '')
    .replace(/[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g, ' ')
}
