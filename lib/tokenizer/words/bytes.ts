import { TextDecoder, TextEncoder } from 'node:util'

/**
 * GPT-2's printable alphabet for bytes: printable Latin-1 characters stand for themselves, the other 68 bytes for
 * U+0100 and on, in order. Source: bytes_to_unicode of openai/CLIP's simple_tokenizer.py.
 */
export const byteChars: readonly string[] = makeByteChars()

const charBytes: ReadonlyMap<string, number> = new Map(byteChars.map((char, byte) => [char, byte]))

const utf8 = new TextEncoder()

/** The UTF-8 bytes of `text`, one printable character each. */
export function toByteChars(text: string): string[] {
  const chars: string[] = []
  for (const byte of utf8.encode(text)) chars.push(byteChars[byte]!)
  return chars
}

/** Decodes printable byte characters; invalid UTF-8 becomes U+FFFD, other characters are dropped. */
export function fromByteChars(chars: string): string {
  const bytes: number[] = []
  for (const char of chars) {
    const byte = charBytes.get(char)
    if (byte !== undefined) bytes.push(byte)
  }
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes))
}

function makeByteChars(): string[] {
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad)
    return String.fromCharCode(printable ? byte : next++)
  })
}
