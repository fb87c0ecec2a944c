/** The `pre_tokenizer` of a tokenizer.json: splits a normalised text into words, like the tokenizers library 0.23. */
import { toByteChars } from '../words/bytes.js'
import { patternOf } from './normalizer.js'
import { invalidPart, isRecord } from '../files/parts.js'
import { classOf, space, wordOfRegex } from '../text/unicode.js'

/** A piece of a text. Metaspace may put its sign only before the piece at the beginning of the text. */
export interface Piece {
  text: string
  /** Whether it begins with the text's first character; `'cut'`: the normaliser removed that character. */
  first: boolean | 'cut'
}

export type PreTokenize = (pieces: Piece[]) => Piece[]

/** Start and end of a part, and whether the pattern matched it. */
type Part = [start: number, end: number, matched: boolean]
type Behavior = (parts: Part[]) => Part[]

const behaviors: Readonly<Record<string, Behavior>> = {
  Removed: parts => parts.filter(([, , matched]) => !matched),
  Isolated: parts => parts,
  Contiguous: parts => joined(parts, (matched, before) => matched === before),
  MergedWithPrevious: parts => joined(parts, (matched, before) => matched && !before),
  MergedWithNext: parts => joined(parts.reverse(), (matched, before) => matched && !before).reverse(),
}

const gpt2 = `'s|'t|'re|'ve|'m|'ll|'d| ?[L]+| ?[N]+| ?[^${space}LN]+|[${space}]+(?![^${space}])|[${space}]+`

/** For `null` and absent: the text in one piece. */
export function makePreTokenizer(part: unknown, at = 'pre_tokenizer'): PreTokenize {
  if (part === null || part === undefined) return pieces => pieces
  if (!isRecord(part)) throw invalidPart(at, 'an object', part)
  switch (part.type) {
    case 'Sequence': {
      if (!Array.isArray(part.pretokenizers)) throw invalidPart(`${at}.pretokenizers`, 'a list', part.pretokenizers)
      const all = part.pretokenizers.map((one: unknown, index) =>
        makePreTokenizer(one, `${at}.pretokenizers[${index}]`)
      )
      return pieces => all.reduce((current, split) => split(current), pieces)
    }
    case 'BertPreTokenizer': {
      const words = splitter(new RegExp(`[${space}]`, 'gu'), 'Removed')
      const marks = splitter(new RegExp(`[${classOf('punctuation')}]`, 'gu'), 'Isolated')
      return pieces => marks(words(pieces))
    }
    case 'ByteLevel':
      return byteLevel(part)
    case 'Metaspace':
      return metaspace(part, at)
    case 'Whitespace':
      return splitter(new RegExp(`[${wordOfRegex}]+|[^${wordOfRegex}${space}]+`, 'gu'), 'Removed', true)
    case 'WhitespaceSplit':
      return splitter(new RegExp(`[${space}]`, 'gu'), 'Removed')
    case 'Punctuation':
      return splitter(new RegExp(`[${classOf('punctuation')}]`, 'gu'), behaviorOf(part.behavior ?? 'Isolated', at))
    case 'Digits':
      return splitter(/\p{N}/gu, part.individual_digits === true ? 'Isolated' : 'Contiguous')
    case 'Split':
      return splitter(patternOf(part.pattern, at), behaviorOf(part.behavior, at), part.invert === true)
    case 'CharDelimiterSplit':
      return splitter(patternOf({ String: part.delimiter }, at), 'Removed')
    default:
      throw invalidPart(`${at}.type`, 'a pre-tokeniser that is known', part.type)
  }
}

function behaviorOf(name: unknown, at: string): string {
  if (typeof name === 'string' && Object.hasOwn(behaviors, name)) return name
  throw invalidPart(`${at}.behavior`, `one of ${Object.keys(behaviors).join(', ')}`, name)
}

function splitter(pattern: RegExp, behavior: string, invert = false): PreTokenize {
  const arrange = behaviors[behavior]!
  return pieces =>
    pieces.flatMap(({ text, first }) =>
      arrange(partsOf(text, pattern, invert)).filter(([start, end]) => end > start)
        .map(([start, end]) => ({ text: text.slice(start, end), first: start === 0 && first }))
    )
}

function partsOf(text: string, pattern: RegExp, invert: boolean): Part[] {
  const parts: Part[] = []
  let done = 0
  for (const { 0: match, index } of text.matchAll(pattern)) {
    if (index > done) parts.push([done, index, invert])
    parts.push([index, index + match.length, !invert])
    done = index + match.length
  }
  if (done < text.length) parts.push([done, text.length, invert])
  return parts
}

/** Parts in order, each merged with the previous one if `joins` says so. */
function joined(parts: Part[], joins: (matched: boolean, before: boolean) => boolean): Part[] {
  const out: Part[] = []
  let before = false
  for (const [start, end, matched] of parts) {
    const last = out.at(-1)
    if (last !== undefined && joins(matched, before))
      [last[0], last[1]] = [Math.min(last[0], start), Math.max(last[1], end)]
    else out.push([start, end, matched])
    before = matched
  }
  return out
}

function byteLevel({ add_prefix_space: addsSpace, use_regex: usesPattern }: Record<string, unknown>): PreTokenize {
  const pattern = gpt2.replaceAll('L', classOf('letters')).replaceAll('N', classOf('numbers'))
  const split = usesPattern === false ? (pieces: Piece[]) => pieces : splitter(new RegExp(pattern, 'gu'), 'Isolated')
  const spaced = (pieces: Piece[]): Piece[] =>
    addsSpace === false
      ? pieces
      : pieces.map(({ text, first }) => ({ text: text.startsWith(' ') ? text : ` ${text}`, first }))
  return pieces => split(spaced(pieces)).map(({ text, first }) => ({ text: toByteChars(text).join(''), first }))
}

function metaspace(part: Record<string, unknown>, at: string): PreTokenize {
  const { replacement = '\u2581', add_prefix_space: addsSpace } = part
  const { prepend_scheme: scheme = addsSpace === false ? 'never' : 'always' } = part
  if (typeof replacement !== 'string' || [...replacement].length !== 1)
    throw invalidPart(`${at}.replacement`, 'one character', replacement)
  // 'start' is ours (sentencepiece.ts): before the text's beginning, even if the normaliser removed characters there
  if (scheme !== 'always' && scheme !== 'first' && scheme !== 'start' && scheme !== 'never')
    throw invalidPart(`${at}.prepend_scheme`, 'always, first or never', scheme)
  const split = part.split === false
    ? (pieces: Piece[]) => pieces
    : splitter(patternOf({ String: replacement }, at), 'MergedWithNext')
  return pieces =>
    split(pieces.map(({ text, first }) => {
      const signed = text.replaceAll(' ', () => replacement)
      const prepends = !signed.startsWith(replacement) &&
        (scheme === 'always' || (scheme === 'first' && first === true) || (scheme === 'start' && first !== false))
      return { text: prepends ? replacement + signed : signed, first }
    }))
}
