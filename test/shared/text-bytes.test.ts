/** Bytes to text: every encoding that is known, and nothing guessed. */
import { decodeText, NotText, textLines } from '../../lib/text-bytes'

const text = 'a red apple\r\nUn café — 東京 🍕\n\nlast'
const utf16be = (of: string): Buffer => Buffer.from(of, 'utf16le').swap16()
const encodings: Record<string, Buffer> = {
  'UTF-8': Buffer.from(text),
  'UTF-8 with a byte order mark': Buffer.from(`\ufeff${text}`),
  'UTF-16LE with a byte order mark': Buffer.from(`\ufeff${text}`, 'utf16le'),
  'UTF-16BE with a byte order mark': utf16be(`\ufeff${text}`),
}
const refused: Record<string, Buffer> = {
  'Latin-1': Buffer.from('caf\xe9 ol\xe9', 'latin1'),
  'UTF-8 that is cut in a character': Buffer.from('café').subarray(0, 4),
  'UTF-16LE without a mark': Buffer.from('a red apple', 'utf16le'),
  'UTF-16BE without a mark': utf16be('a red apple'),
  'UTF-16 of an odd length': Buffer.from('\ufeffapple', 'utf16le').subarray(0, 9),
  'UTF-16 with half a pair': Buffer.from('\ufeffa\ud83d', 'utf16le'),
  'UTF-32': Buffer.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0]),
  'a lone surrogate in UTF-8': Buffer.from([0x61, 0xed, 0xa0, 0x80]),
  'an overlong slash': Buffer.from([0xc0, 0xaf]),
  'a picture': Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
  'NULs': Buffer.from('a\0b'),
}

/** The bytes in pieces of `size`. */
async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function linesOf(bytes: Buffer, size: number): Promise<string[]> {
  const lines: string[] = []
  for await (const line of textLines(inPieces(bytes, size))) lines.push(line)
  return lines
}

test.each(Object.entries(encodings))('%s: whole, and as lines however it is cut', async (_, bytes) => {
  expect(decodeText(bytes)).toBe(text)
  for (const size of [1, 2, 3, 5, 7, 1000])
    expect(await linesOf(bytes, size)).toEqual(['a red apple', 'Un café — 東京 🍕', '', 'last'])
})

test.each(Object.entries(refused))('%s is refused, whole and as lines', async (_, bytes) => {
  expect(() => decodeText(bytes)).toThrow(NotText)
  for (const size of [1, 2, 3, 1000]) await expect(linesOf(bytes, size)).rejects.toThrow(NotText)
})

test('LF, CR LF and CR end a line; U+2028 and others do not', async () => {
  for (const size of [1, 2, 100]) {
    expect(await linesOf(Buffer.from('a\nb\r\nc\rd\r\r\n\ne\u2028f\u0085g'), size)).toEqual(['a', 'b', 'c', 'd', '', '',
      'e\u2028f\u0085g'])
    expect(await linesOf(Buffer.from(''), size)).toEqual([])
    expect(await linesOf(Buffer.from('\ufeff'), size)).toEqual([])
    expect(await linesOf(Buffer.from('a'), size)).toEqual(['a'])
  }
})
