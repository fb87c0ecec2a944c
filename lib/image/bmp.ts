/** Windows and OS/2 bitmaps: 1 to 32 bits per pixel, palettes, bit masks, run lengths. */
import type { NativePixels } from '../native/contract.js'
import type { CheckSize } from './decode-context.js'

interface Header {
  width: number
  height: number
  topDown: boolean
  bits: number
  compression: number
  /** Offset of the pixels. */
  pixelsAt: number
  /** 256 RGB colours; missing ones are black. */
  palette: Uint8Array
  /** Bit masks of red, green, blue and alpha in a pixel of 16 or 32 bits. */
  masks: readonly number[]
}

const [plain, runs8, runs4, bitfields, alphaBitfields] = [0, 1, 2, 3, 6]
const fileHeaderBytes = 14

/** @throws {Error} with the problem; {RangeError} if the file ends too early */
export function decodeBmp(bytes: Buffer, checkSize: CheckSize): NativePixels {
  const header = readHeader(bytes)
  const { width, height, bits, compression } = header
  if (width <= 0 || height <= 0) throw new Error(`a BMP file of ${width} x ${height} pixels`)
  checkSize(width, height)
  if (bits <= 8) {
    const indices = compression === plain ? unpackIndices(bytes, header) : expandRuns(bytes, header)
    return { data: lookUp(indices, header), width, height, channels: 3 }
  }
  return { ...(bits === 24 ? readBytes(bytes, header) : readMasked(bytes, header)), width, height }
}

function readHeader(bytes: Buffer): Header {
  const size = bytes.readUInt32LE(14)
  const old = size === 12
  const width = old ? bytes.readUInt16LE(18) : bytes.readInt32LE(18)
  const signed = old ? bytes.readUInt16LE(20) : bytes.readInt32LE(22)
  const bits = bytes.readUInt16LE(old ? 24 : 28)
  const compression = size >= 40 ? bytes.readUInt32LE(30) : plain
  const supported = [1, 4, 8, 16, 24, 32].includes(bits) && (
    compression === plain || (compression === runs8 && bits === 8) || (compression === runs4 && bits === 4)
    || ((compression === bitfields || compression === alphaBitfields) && bits >= 16)
  )
  if (!supported) throw new Error(`a BMP file of ${bits} bits with compression ${compression}, which is not supported`)

  const masksAt = fileHeaderBytes + 40 // the longer headers have them at the same offset
  const masked = compression === bitfields || compression === alphaBitfields
  const maskCount = size >= 56 || compression === alphaBitfields ? 4 : 3
  const masks = masked
    ? Array.from({ length: 4 }, (_, i) => (i < maskCount ? bytes.readUInt32LE(masksAt + 4 * i) : 0))
    : bits === 16
    ? [0x7c00, 0x03e0, 0x001f, 0]
    : [0xff0000, 0x00ff00, 0x0000ff, 0]

  const pixelsAt = bytes.readUInt32LE(10)
  const paletteAt = fileHeaderBytes + size
  const entryBytes = old ? 3 : 4
  const named = size >= 40 ? bytes.readUInt32LE(46) : 0
  const room = Math.max(0, Math.floor((pixelsAt - paletteAt) / entryBytes))
  const count = bits <= 8 ? Math.min(named || 1 << bits, 256, room) : 0
  const palette = new Uint8Array(256 * 3)
  for (let i = 0; i < count; i++)
    for (let c = 0; c < 3; c++) palette[3 * i + c] = bytes.readUInt8(paletteAt + entryBytes * i + 2 - c)
  return { width, height: Math.abs(signed), topDown: signed < 0, bits, compression, pixelsAt, palette, masks }
}

/** Rows are padded to 4 bytes; row `y` of the image. */
function rowStart({ width, height, bits, topDown, pixelsAt }: Header, y: number): number {
  return pixelsAt + Math.ceil((width * bits) / 32) * 4 * (topDown ? y : height - 1 - y)
}

function needRows(bytes: Buffer, header: Header): void {
  const last = rowStart(header, header.topDown ? header.height - 1 : 0)
  if (last + Math.ceil((header.width * header.bits) / 8) > bytes.length) throw new RangeError('the rows end too early')
}

function unpackIndices(bytes: Buffer, header: Header): Uint8Array {
  const { width, height, bits } = header
  needRows(bytes, header)
  const perByte = 8 / bits
  const mask = (1 << bits) - 1
  const indices = new Uint8Array(width * height)
  for (let y = 0, to = 0; y < height; y++) {
    const row = rowStart(header, y)
    for (let x = 0; x < width; x++) {
      const shift = 8 - bits - bits * (x % perByte)
      indices[to++] = (bytes[row + Math.floor(x / perByte)]! >> shift) & mask
    }
  }
  return indices
}

/** Pixels outside all runs have colour 0. */
function expandRuns(bytes: Buffer, { width, height, bits, topDown, pixelsAt }: Header): Uint8Array {
  const indices = new Uint8Array(width * height)
  let [x, y, at] = [0, 0, pixelsAt]
  const put = (index: number): void => {
    if (x < width && y < height) indices[(topDown ? y : height - 1 - y) * width + x] = index
    x++
  }
  while (y < height) {
    const count = bytes.readUInt8(at++)
    const value = bytes.readUInt8(at++)
    if (count > 0) {
      for (let i = 0; i < count; i++) put(bits === 8 ? value : i % 2 === 0 ? value >> 4 : value & 15)
    } else if (value === 0) { // end of the row
      x = 0
      y++
    } else if (value === 1) { // end of the image
      break
    } else if (value === 2) { // a step
      x += bytes.readUInt8(at++)
      y += bytes.readUInt8(at++)
    } else { // this many literal pixels, padded to 2 bytes
      const length = bits === 8 ? value : Math.ceil(value / 2)
      for (let i = 0; i < value; i++) {
        put(bits === 8 ? bytes.readUInt8(at + i) : (bytes.readUInt8(at + (i >> 1)) >> (i % 2 === 0 ? 4 : 0)) & 15)
      }
      at += length + (length % 2)
    }
  }
  return indices
}

function lookUp(indices: Uint8Array, { palette }: Header): Uint8Array {
  const data = new Uint8Array(indices.length * 3)
  for (let i = 0, to = 0; i < indices.length; i++) {
    const from = indices[i]! * 3
    data[to++] = palette[from]!
    data[to++] = palette[from + 1]!
    data[to++] = palette[from + 2]!
  }
  return data
}

/** 24 bits: blue, green, red. */
function readBytes(bytes: Buffer, header: Header): Pick<NativePixels, 'data' | 'channels'> {
  const { width, height } = header
  needRows(bytes, header)
  const data = new Uint8Array(width * height * 3)
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, from = rowStart(header, y); x < width; x++, from += 3) {
      data[to++] = bytes[from + 2]!
      data[to++] = bytes[from + 1]!
      data[to++] = bytes[from]!
    }
  }
  return { data, channels: 3 }
}

/** 16 or 32 bits: each colour is scaled from its mask's range, rounded down like Pillow. */
function readMasked(bytes: Buffer, header: Header): Pick<NativePixels, 'data' | 'channels'> {
  const { width, height, bits, masks } = header
  needRows(bytes, header)
  const parts = masks.map(mask => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask)
    return { mask, shift, most: mask >>> shift }
  })
  const channels = parts[3]!.most > 0 ? 4 : 3
  const data = new Uint8Array(width * height * channels)
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, row = rowStart(header, y); x < width; x++) {
      const pixel = bits === 16 ? bytes.readUInt16LE(row + 2 * x) : bytes.readUInt32LE(row + 4 * x)
      for (let c = 0; c < channels; c++) {
        const { mask, shift, most } = parts[c]!
        data[to++] = most === 0 ? 0 : Math.floor((((pixel & mask) >>> shift) * 255) / most)
      }
    }
  }
  return { data, channels }
}
