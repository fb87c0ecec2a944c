/**
 * Repairs UTF-8 that was decoded with a single-byte code page ("cafÃ©" for "café"), like ftfy 6.3's `fix_encoding`:
 * with its rules for recognising mojibake (ftfy-tables.ts) and in its order: the whole text back through each code
 * page, then only the damaged places, then stray C1 controls.
 */
import { TextDecoder } from 'node:util'

import * as tables from './ftfy-tables.js'

interface CodePage {
  name: string
  /** Byte of every non-ASCII character. */
  bytes: ReadonlyMap<string, number>
  /** Matches a text of these characters only. */
  fits: RegExp
}

/** Characters of bytes 80 to 9F in windows-1252; some versions of Node 20 decode them as Latin-1. */
export const windows1252Controls = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ'

// bytes are represented by characters U+0000 to U+00FF here
const lostByte = '\x1a'
const encodedLost = '\xef\xbf\xbd'
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const cesu8 = /^\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]/

interface Rules {
  bad: RegExp
  detector: RegExp
  altered: RegExp
  aGrave: RegExp
  lossy: RegExp
  pages: readonly CodePage[]
}
let made: Rules | undefined

/** `text` with its mojibake repaired, repeatedly if needed; other text is returned unchanged. */
export function fixEncoding(text: string): string {
  for (;;) {
    const fixed = fixOnce(text)
    if (fixed === text) return text
    text = fixed
  }
}

function fixOnce(text: string): string {
  if (/^[\0-\x7f]*$/.test(text)) return text
  const { bad, detector, pages } = (made ??= makeRules())
  if (!bad.test(text)) return text
  for (const page of pages) {
    if (!page.fits.test(text)) continue
    const fixed = throughPage(text, page)
    if (fixed !== undefined) return fixed
  }
  const partly = text.replace(detector, run => (run.length < text.length && bad.test(run) ? fixEncoding(run) : run))
  if (partly !== text) return partly
  return text.replace(/[\x80-\x9f]/g, windows1252Char)
}

/** Encodes `text` in `page` and decodes the bytes as UTF-8; undefined if they are not UTF-8. */
function throughPage(text: string, { name, bytes: byteOf }: CodePage): string | undefined {
  const { altered, aGrave, lossy } = made!
  let bytes = text.replace(/[^\0-\x7f]/g, char => String.fromCharCode(byteOf.get(char)!))
  if (name !== 'macroman' && altered.test(bytes)) {
    bytes = bytes.replace(aGrave, '\xc3\xa0 ').replace(altered, run => run.replaceAll(' ', '\xa0'))
  }
  if (name.startsWith('sloppy')) bytes = bytes.replace(lossy, encodedLost)
  return /[\xed\xc0]/.test(bytes) ? decodeVariants(bytes) : decodeUtf8(bytes)
}

function decodeUtf8(bytes: string): string | undefined {
  try {
    return strictUtf8.decode(Buffer.from(bytes, 'latin1'))
  } catch {
    return undefined
  }
}

/** UTF-8 with U+0000 as C0 80, and with surrogates in pairs (CESU-8). */
function decodeVariants(bytes: string): string | undefined {
  let text = ''
  for (let at = 0; at < bytes.length;) {
    const rest = bytes.slice(at)
    const next = rest.search(/[\xed\xc0]/)
    const plain = next < 0 ? rest : rest.slice(0, next)
    const decoded = decodeUtf8(plain)
    if (decoded === undefined) return undefined
    text += decoded
    at += plain.length
    if (next < 0) break
    const special = rest.slice(next)
    if (special.startsWith('\xc0\x80')) {
      text += '\0'
      at += 2
    } else if (cesu8.test(special)) {
      const half = (from: number): number =>
        ((special.charCodeAt(from) & 0x0f) << 12) | ((special.charCodeAt(from + 1) & 0x3f) << 6) |
        (special.charCodeAt(from + 2) & 0x3f)
      text += String.fromCharCode(0xd000 | half(0) & 0xfff, 0xd000 | half(3) & 0xfff)
      at += 6
    } else {
      const three = decodeUtf8(special.slice(0, 3))
      if (special[0] === '\xc0' || three === undefined) return undefined
      text += three
      at += 3
    }
  }
  return text
}

function makeRules(): Rules {
  return {
    bad: new RegExp(tables.badness, 'u'),
    detector: new RegExp(tables.detector, 'gu'),
    altered: new RegExp(tables.alteredUtf8, 'g'),
    aGrave: new RegExp(tables.aGraveWord, 'g'),
    lossy: new RegExp(tables.lossyUtf8, 'g'),
    pages: tables.pages.map(([name, characters]) => {
      const chars = [...characters]
      const bytes = new Map(chars.map((char, index): [string, number] => [char, index + 0x80]))
      const sloppy = name.startsWith('sloppy')
      if (sloppy) bytes.set('\ufffd', lostByte.charCodeAt(0))
      const others = [...chars, sloppy ? '\ufffd' : lostByte].map(char => char.replace(/[\\\]^-]/g, '\\$&')).join('')
      return { name, bytes, fits: new RegExp(`^[\\0-\\x19\\x1b-\\x7f${others}]*$`, 'u') }
    }),
  }
}

function windows1252Char(control: string): string {
  return windows1252Controls[control.charCodeAt(0) - 0x80]!
}
