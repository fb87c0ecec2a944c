import { unescapeHtmlStrict } from './html.js'
import { fixEncoding } from './mojibake.js'

// ftfy examines at most this much at once (its max_decode_length)
const maxSegment = 1_000_000

/**
 * The repairs of ftfy 6.3's `fix_text` with its default settings, line by line: HTML entities, mojibake, ligatures,
 * full- and half-width letters, curly quotes, line breaks, terminal escapes, control characters, NFC. Written from its
 * documentation; only the recognition of mojibake uses ftfy's own rules (mojibake.ts).
 *
 * Lines must be given in order: once a line contains '<', entities of that and later lines stay as they are.
 */
export class TextFixer {
  #unescape = true

  /** `text` is any number of whole lines, each with its '\n'; only the last may lack it. */
  fix(text: string): string {
    let fixed = ''
    for (let start = 0; start < text.length;) {
      const newline = text.indexOf('\n', start)
      const end = Math.min(newline < 0 ? text.length : newline + 1, start + maxSegment)
      fixed += this.#fixSegment(text.slice(start, end))
      start = end
    }
    return fixed
  }

  #fixSegment(segment: string): string {
    if (this.#unescape && segment.includes('<')) this.#unescape = false
    if (/^[\t\n\f -~]*$/.test(segment) && !(this.#unescape && segment.includes('&'))) return segment
    for (let text = segment;;) {
      const fixed = fixOnce(text, this.#unescape)
      if (fixed === text) return text
      text = fixed
    }
  }
}

function fixOnce(text: string, unescape: boolean): string {
  let fixed = fixEncoding(unescape ? unescapeHtmlStrict(text) : text)
  fixed = fixed.replace(/[ĲĳŉǄ-ǌǱ-ǳﬀ-ﬆ]/g, char => (char === 'ﬅ' ? 'ſt' : char.normalize('NFKC')))
  fixed = fixed.replace(/[\u3000\uff01-\uffef]/g, char => char.normalize('NFKC'))
  fixed = fixed.replace(/[\u02bc\u2018-\u201b]/g, "'").replace(/[\u201c-\u201f]/g, '"')
  fixed = fixed.replace(/\r\n?|[\u0085\u2028\u2029]/g, '\n')
  fixed = fixed.replace(/\x1b\[[\p{Nd};]*[a-zA-Z]/gu, '')
  fixed = fixed.replace(/[\0-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufeff\ufff9-\ufffc]/g, '')
  return fixed.normalize('NFC')
}
