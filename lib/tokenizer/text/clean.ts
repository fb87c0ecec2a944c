import { unescapeHtml } from './html.js'
import { TextFixer } from './text-fixes.js'
import type { TextCleaning } from '../types.js'

// white space of Python's str.split() and \s; JavaScript's \s lacks U+001C..1F and U+0085 but includes U+FEFF
const pythonSpaces = /[\p{White_Space}\x1c-\x1f]+/gu

/** Cleans a text in consecutive pieces; see {@link TextCleaning}. */
type Cleaner = (part: string) => string

/** A cleaner for the parts of one text, in order; parts end where {@link splitForCleaning} cuts. */
export function cleanerFor(cleaning: TextCleaning): Cleaner {
  if (cleaning === 'none') return part => part
  if (cleaning === 'whitespace_lower') return lowerLikeTransformers
  if (cleaning === 'lower') return lowerEach
  const fixer = new TextFixer()
  const basic: Cleaner = part => unescapeHtml(unescapeHtml(fixer.fix(part)))
  if (cleaning === 'open_clip' || cleaning === 'repair_lower') return part => collapse(basic(part)).toLowerCase()
  if (cleaning === 'repair') return part => collapse(basic(part))
  return part => canonicalize(basic(part))
}

/** The whole `text`, cleaned. */
export function cleanText(text: string, cleaning: TextCleaning): string {
  return cleanerFor(cleaning)(text)
}

/** open_clip's clean function for tokenizers other than its own: repairs and whitespace, case kept. */
export function repairText(text: string): string {
  return collapse(unescapeHtml(unescapeHtml(new TextFixer().fix(text))))
}

/**
 * Parts of about `size` characters that can be cleaned and tokenised one by one, so that a long text is cleaned only as
 * far as needed. Cuts are where no rule of the cleaning looks across: ftfy works line by line, and nothing else looks
 * across white space.
 */
export function* splitForCleaning(text: string, cleaning: TextCleaning, size: number): Generator<string> {
  const lines = cleaning !== 'whitespace_lower' && cleaning !== 'lower' && cleaning !== 'none'
  const cut = lines ? /(?<=\n)/g : /(?=\p{White_Space})/gu
  let start = 0
  while (text.length - start > size) {
    cut.lastIndex = start + size
    const end = cut.exec(text)?.index
    if (end === undefined) break
    yield text.slice(start, end)
    start = end
  }
  yield start === 0 ? text : text.slice(start)
}

/**
 * The normaliser of CLIP's tokenizer.json: NFC, white space, lower case. It lowers each character separately, so a
 * final capital sigma becomes U+03C3, while JavaScript and Python give U+03C2.
 */
export function lowerLikeTransformers(text: string): string {
  return lowerEach(text.normalize('NFC').replace(/\p{White_Space}+/gu, ' '))
}

/** Lowers each character separately, like the tokenizers library. */
export function lowerEach(text: string): string {
  return text.replaceAll('\u03a3', '\u03c3').toLowerCase()
}

/** big_vision's canonicalize_text: '_' to a space, Python's string.punctuation removed, lower case. */
function canonicalize(text: string): string {
  return collapse(text.replaceAll('_', ' ').replace(/[!-/:-@[-`{-~]/g, '').toLowerCase())
}

function collapse(text: string): string {
  return text.replace(pythonSpaces, ' ').replace(/^ | $/g, '')
}
