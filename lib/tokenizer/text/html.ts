import { decodeHTML, decodeHTMLStrict } from 'entities/decode'
import { windows1252Controls } from './mojibake.js'

/**
 * Python's `html.unescape`: named references of HTML5, the old ones also without their semicolon, and numeric ones.
 * Source: Python 3.11's html/__init__.py; it drops references to characters that HTML5 calls invalid.
 */
export function unescapeHtml(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(
    /&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)/g,
    reference => reference[1] === '#' ? characterOf(reference) : decodeHTML(reference),
  )
}

/**
 * ftfy's `unescape_html`: only references that end with a semicolon; also names in capitals (`&EACUTE;`) that are not
 * names themselves.
 */
export function unescapeHtmlStrict(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&#?[0-9A-Za-z]{1,24};/g, reference => {
    if (reference[1] === '#') {
      const character = unescapeHtml(reference)
      return character.includes(';') ? reference : character
    }
    const named = decodeHTMLStrict(reference)
    const isCapitals = reference === reference.toUpperCase() && decodeHTML(reference) === reference
    if (named !== reference || !isCapitals) return named
    const lower = reference.toLowerCase()
    const character = decodeHTMLStrict(lower)
    return character === lower ? reference : character.toUpperCase()
  })
}

function characterOf(reference: string): string {
  const digits = reference.replace(/[&#;xX]/g, '')
  const code = Number.parseInt(digits, /^&#[xX]/.test(reference) ? 16 : 10)
  if (code >= 0x80 && code <= 0x9f) return windows1252Controls[code - 0x80]! // as in HTML5
  if (code === 0 || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return '\ufffd'
  if (code === 0x0d) return '\r'
  const control = code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0c
  const noncharacter = (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe
  return control || code === 0x7f || noncharacter ? '' : String.fromCodePoint(code)
}
