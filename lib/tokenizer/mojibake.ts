/**
 * Repairs UTF-8 that was once decoded with a single-byte code page ("cafÃ©" for "café"): what ftfy's `fix_encoding`
 * is for. The way is the same (is there mojibake at all; then the whole text back through each code page; then only
 * the damaged places; then stray C1 controls), the judgement is our own: a place is suspicious when its characters
 * spell a UTF-8 sequence in some code page and include one that does not follow a letter in real writing.
 */

/** A byte, or `lost`: a byte that somebody replaced by U+FFFD. */
const lost = 256

interface CodePage {
  /** No tail is a letter that stands inside words, and no language writes what first bytes and tails spell. */
  western: boolean
  /** C2 and C3, the first bytes of Latin-1's letters, are a letter that hardly ever precedes a sign. */
  latin: boolean
  /** What is no sign of mojibake at the end of a sequence of two, and of three or four. */
  ordinary: readonly [RegExp, RegExp]
  /** Byte of every character that is not ASCII. */
  bytes: ReadonlyMap<string, number>
  /** Runs of characters that spell UTF-8 sequences of two bytes and more. */
  runs: RegExp
}

/** Characters of bytes 80 to 9F in windows-1252; some versions of Node 20 decode them as Latin-1. */
export const windows1252Controls = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ'

// in ftfy's order; cp437 has no decoder in JavaScript
const pageNames = [
  'latin-1', 'windows-1252', 'windows-1251', 'windows-1250', 'windows-1253', 'windows-1254', 'windows-1257',
  'iso-8859-2', 'macintosh', 'cp437',
] as const
type PageName = (typeof pageNames)[number]

const cp437 = 'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐' +
  '└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0'

// characters that do stand after a letter in real writing: closing and opening marks, dashes, legal signs, units
const marks = '\u00a0\u00ad·´–—―…‘’“”„«»‹›•©®™°²³§¶¡¿'
const sign = /[©®°²³¶§¡¿·´\u00ad]/
const ordinaryMark = new RegExp(`[${marks}]`, 'u')
const ordinaryOrLetter = new RegExp(`(?!µ)[\\p{Lu}\\p{Ll}${marks}]`, 'u')
// in windows-1251 the letters of Serbian and Macedonian are tails, and what Russian mojibake consists of
const ordinaryCyrillic = new RegExp(`[ёЁіІїЇєЄґҐўЎ№${marks}]`, 'u')
// in cp437 frames of boxes are tails as well as first bytes
const ordinaryBox = new RegExp(`[░-▓│-╬${marks}]`, 'u')
const enough = 2

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

let pages: Map<PageName, CodePage> | undefined

/** `text` with its mojibake repaired, as often as it was mangled; text that is no mojibake comes back as it is. */
export function fixEncoding(text: string): string {
  for (let round = 0; round < 8; round++) {
    const fixed = fixOnce(text)
    if (fixed === text) break
    text = fixed
  }
  return text
}

function fixOnce(text: string): string {
  if (/^[\0-\x7f]*$/.test(text)) return text
  pages ??= makePages()
  const controls = /[\x80-\x9f]/.test(text)
  const suspected: [PageName, CodePage][] = []
  for (const [name, page] of pages) {
    if (suspicion(text, name, page) >= enough || (controls && name === 'latin-1')) suspected.push([name, page])
  }
  for (const [name, page] of suspected) {
    const whole = throughPage(text, name, page)
    if (whole !== undefined) return whole
  }
  for (const [name, page] of suspected) {
    const isSure = (run: string, at: number): boolean =>
      suspicionOfRun(run, page, isInsideWord(text, at, run.length)) >= enough
    let sure = 0
    for (const { 0: run, index } of text.matchAll(page.runs)) if (isSure(run, index) && ++sure > 2) break
    const all = sure > 2 && page.western // beside several sure places the doubtful ones are of the same kind
    const partly = text.replace(page.runs, (run: string, at: number) =>
      all || isSure(run, at) ? throughPage(run, name, page) ?? run : run)
    if (partly !== text) return partly
  }
  return controls ? text.replace(/[\x80-\x9f]/g, windows1252Char) : text
}

/** How sure it is that `text` is UTF-8 read with `page`: 2 is enough. */
function suspicion(text: string, name: PageName, page: CodePage): number {
  if (name === 'windows-1252' && /(?:^|[a-z]\s?)[ÃÂ] /.test(text)) return enough // 'à' whose U+00A0 became a space
  let points = 0
  for (const { 0: run, index } of text.matchAll(page.runs)) {
    points += suspicionOfRun(run, page, isInsideWord(text, index, run.length))
    if (points >= enough) break
  }
  return points
}

function suspicionOfRun(run: string, page: CodePage, insideWord: boolean): number {
  let sequences = 0
  let strangers = 0
  for (let at = 0; at < run.length; sequences++) {
    const first = byteOf(run[at]!, page)
    const length = lengthOfSequence(first)
    const tail = [...run.slice(at + 1, at + length)]
    const second = byteOf(tail[0]!, page)
    // general punctuation and emoji: what real texts lose most, and no real text spells their first two bytes
    if ((first === 0xe2 && second === 0x80) || (first === 0xf0 && second === 0x9f)) return enough
    const strange = tail.some((char) => !page.ordinary[length === 2 ? 0 : 1].test(char))
    if (length === 2 && first <= 0xc3 && page.latin && (strange || page.western || sign.test(tail[0]!))) return enough
    if (strange && (length > 2 || page.western)) return enough
    if (strange) strangers++
    at += length
  }
  if (insideWord && page.western) return enough
  return strangers > 0 && sequences > 1 ? enough : strangers
}

/** A capital letter and a sign between small letters: no word of any language. */
function isInsideWord(text: string, start: number, length: number): boolean {
  return /[a-z]/.test(text[start - 1] ?? '') && /[a-z]/.test(text[start + length] ?? '')
}

/** `text` back through `page` to bytes and from UTF-8 to text; undefined when either is impossible. */
function throughPage(text: string, name: PageName, page: CodePage): string | undefined {
  const bytes = new Uint16Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const byte = byteOf(text[i]!, page)
    if (byte < 0) return undefined
    bytes[i] = byte
  }
  return decodeUtf8(name === 'macintosh' || name === 'cp437' ? bytes : restoreSpaces(bytes))
}

function byteOf(char: string, page: CodePage): number {
  if (char <= '\x7f') return char.charCodeAt(0)
  return char === '\ufffd' ? lost : page.bytes.get(char) ?? -1
}

/**
 * Byte A0 that somebody took for a space: after C2 it is a space, after C3 the word 'à' (which keeps its space
 * unless it is a Portuguese contraction), inside a sequence of three it is the missing byte.
 */
function restoreSpaces(bytes: Uint16Array): Uint16Array {
  const restored = new Uint16Array(2 * bytes.length)
  let length = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    restored[length++] = byte
    if (bytes[i + 1] !== 0x20) continue
    const before = i > 0 ? bytes[i - 1]! : 0
    const inside = before >= 0xe0 && before <= 0xe3 && isTail(byte) && byte !== 0x85 && byte !== 0xa0
    if (byte !== 0xc2 && byte !== 0xc3 && !inside) continue
    restored[length++] = 0xa0
    const rest = String.fromCharCode(...bytes.subarray(i + 2, i + 8))
    if (byte !== 0xc3 || /^(?: |quele|quela|quilo|s )/.test(rest)) i++
  }
  return restored.subarray(0, length)
}

/** UTF-8, strictly, but also surrogates in pairs (CESU-8), C0 80 for U+0000, and lost bytes as U+FFFD. */
function decodeUtf8(bytes: Uint16Array): string | undefined {
  try {
    if (!bytes.includes(lost)) return strictUtf8.decode(Uint8Array.from(bytes))
  } catch {
    // not strictly UTF-8
  }
  const parts: string[] = []
  for (let i = 0; i < bytes.length;) {
    const first = bytes[i]!
    if (first < 0x80 || first === lost) {
      parts.push(first === lost ? '\ufffd' : String.fromCharCode(first))
      i++
      continue
    }
    const length = lengthOfSequence(first)
    if (first < 0xc0 || first > 0xf4 || i + length > bytes.length) return undefined
    let code = first & (0x7f >> length)
    let complete = true
    for (let k = 1; k < length; k++) {
      const byte = bytes[i + k]!
      if (byte === lost) complete = false
      else if (!isTail(byte)) return undefined
      code = (code << 6) | (byte & 0x3f)
    }
    const least = length === 4 ? 0x10000 : length === 3 ? 0x800 : 0x80
    if (complete && ((code < least && !(first === 0xc0 && code === 0)) || code > 0x10ffff)) return undefined
    parts.push(complete ? String.fromCodePoint(code) : '\ufffd')
    i += length
  }
  return parts.join('')
}

function lengthOfSequence(first: number): number {
  return first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
}

function isTail(byte: number): boolean {
  return byte >= 0x80 && byte <= 0xbf
}

function makePages(): Map<PageName, CodePage> {
  const made = new Map<PageName, CodePage>()
  for (const name of pageNames) {
    const chars = charsOfPage(name)
    if (chars === undefined) continue
    const set = (from: number, to: number): string => chars.slice(from - 0x80, to - 0x80 + 1).join('')
      .replace(/[\\\]^-]/g, '\\$&')
    const tail = `[${set(0x80, 0xbf)}\ufffd]`
    // other first bytes are too common as characters of macintosh: U+00A0, dashes, quotes
    const [two, three, four] = name === 'macintosh'
      ? [set(0xc2, 0xc3), set(0xe2, 0xe2), set(0xf0, 0xf0)]
      : [set(0xc2, 0xdf), set(0xe0, name === 'cp437' ? 0xe2 : 0xef), set(0xf0, 0xf4)]
    const sequence = `[${two}]${tail}|[${three}]${tail}{2}|[${four}]${tail}{3}`
    const western = ['latin-1', 'windows-1252', 'windows-1254', 'macintosh'].includes(name)
    const ordinary = name === 'cp437' ? ordinaryBox : western ? ordinaryMark : ordinaryOrLetter
    made.set(name, {
      western,
      latin: name !== 'windows-1251' && name !== 'windows-1253' && name !== 'cp437',
      ordinary: [name === 'windows-1251' ? ordinaryCyrillic : ordinary, ordinary],
      bytes: new Map(chars.map((char, index) => [char, index + 0x80])),
      runs: new RegExp(`(?:${sequence})+`, 'gu'),
    })
  }
  return made
}

/** Characters of bytes 80 to FF; undefined when this JavaScript was built without the code page. */
function charsOfPage(name: PageName): string[] | undefined {
  const bytes = Array.from({ length: 128 }, (_, index) => index + 0x80)
  if (name === 'latin-1') return bytes.map((byte) => String.fromCharCode(byte))
  if (name === 'windows-1252') return bytes.map((byte) => windows1252Controls[byte - 0x80] ?? String.fromCharCode(byte))
  if (name === 'cp437') return [...cp437]
  try {
    const decoder = new TextDecoder(name)
    return bytes.map((byte) => {
      const char = decoder.decode(Uint8Array.of(byte))
      return char === '\ufffd' ? String.fromCharCode(byte) : char
    })
  } catch {
    return undefined
  }
}

function windows1252Char(control: string): string {
  return windows1252Controls[control.charCodeAt(0) - 0x80]!
}
