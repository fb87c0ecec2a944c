/** PBM, PGM and PPM (netpbm), as text or bytes, up to 16 bits per value. The first image of the file. */
import type { NativePixels } from '../native/contract.js'
import type { CheckSize } from './decode-context.js'

const blanks = new Set([0x20, 0x09, 0x0a, 0x0b, 0x0c, 0x0d])
const hash = 0x23

/** @throws {Error} with the problem; {RangeError} if the file ends too early */
export function decodePnm(bytes: Buffer, checkSize: CheckSize): NativePixels {
  const kind = bytes[1]! - 0x30
  const reader = new TextReader(bytes, 2)
  const [width, height] = [reader.number(), reader.number()]
  const bitmap = kind === 1 || kind === 4
  const most = bitmap ? 1 : reader.number()
  if (width === 0 || height === 0) throw new Error(`a PNM file of ${width} x ${height} pixels`)
  if (most < 1 || most > 65535) throw new Error(`a PNM file with a maximum value of ${most}, expected 1 to 65535`)
  checkSize(width, height)

  const channels = kind === 3 || kind === 6 ? 3 : 1
  const row = width * channels
  const scaled = scale(most, bitmap)
  const data = new Uint8Array(row * height)
  if (kind <= 3) {
    for (let i = 0; i < data.length; i++) data[i] = scaled(bitmap ? reader.digit() : reader.number())
    return { data, width, height, channels }
  }
  const at = reader.at + 1 // one white-space character ends the header
  const wide = most > 255
  const rowBytes = bitmap ? Math.ceil(width / 8) : row * (wide ? 2 : 1)
  if (at + rowBytes * height > bytes.length) throw new RangeError('the rows end too early')
  for (let y = 0, to = 0; y < height; y++) {
    const from = at + y * rowBytes
    for (let x = 0; x < row; x++) {
      const value = bitmap
        ? (bytes[from + (x >> 3)]! >> (7 - (x & 7))) & 1
        : wide
        ? bytes.readUInt16BE(from + 2 * x)
        : bytes[from + x]!
      data[to++] = scaled(value)
    }
  }
  return { data, width, height, channels }
}

/** To 0 ... 255, halves to even, like Pillow; a bitmap's 1 is black. */
function scale(most: number, bitmap: boolean): (value: number) => number {
  if (bitmap) return value => (value === 0 ? 255 : 0)
  if (most === 255) return value => value
  return value => {
    const exact = (Math.min(value, most) * 255) / most
    const rounded = Math.round(exact)
    return exact % 1 === 0.5 && rounded % 2 === 1 ? rounded - 1 : rounded
  }
}

/** Numbers between white space and comments. */
class TextReader {
  at: number

  constructor(private readonly bytes: Buffer, at: number) {
    this.at = at
  }

  number(): number {
    this.#skip()
    let value = 0
    const from = this.at
    for (let digit = this.#digit(); digit !== undefined; digit = this.#digit()) {
      value = Math.min(value * 10 + digit, 2 ** 31)
      this.at++
    }
    if (this.at === from) throw this.#unexpected()
    return value
  }

  /** One digit, with or without white space after it. */
  digit(): number {
    this.#skip()
    const digit = this.#digit()
    if (digit === undefined || digit > 1) throw this.#unexpected()
    this.at++
    return digit
  }

  #digit(): number | undefined {
    const digit = (this.bytes[this.at] ?? 0) - 0x30
    return digit >= 0 && digit <= 9 ? digit : undefined
  }

  #skip(): void {
    const { bytes } = this
    for (;;) {
      if (blanks.has(bytes[this.at]!)) this.at++
      else if (bytes[this.at] === hash) {
        while (this.at < bytes.length && bytes[this.at] !== 0x0a && bytes[this.at] !== 0x0d)
          this.at++
      }
      else return
    }
  }

  #unexpected(): Error {
    if (this.at >= this.bytes.length) return new RangeError('the file ends too early')
    return new Error(`a PNM file with byte ${this.bytes[this.at]} in place of a number`)
  }
}
