/**
 * AVIF with colours at half resolution, like most AVIF files: the reference interpolates them, the decoder repeats them
 * in blocks, which differs by tens of levels at coloured edges.
 *
 * If the file's colour box claims RGB (matrix 0), the decoder returns the planes as stored. The conversion of ITU-T
 * H.273, after smooth enlargement, is done here.
 */
import type sharpModule from 'sharp'
import type { SharpOptions } from 'sharp'

import type { NativePixels } from '../native/contract.js'
import { checkPixelCount, type DecodeContext } from './decode-context.js'

/** Weights of red and blue in the luma, by H.273's matrix number. 2: unspecified, which decoders treat as BT.601. */
const lumaParts: Readonly<Record<number, readonly [red: number, blue: number]>> = {
  1: [0.2126, 0.0722],
  2: [0.299, 0.114],
  4: [0.3, 0.11],
  5: [0.299, 0.114],
  6: [0.299, 0.114],
  7: [0.212, 0.087],
  9: [0.2627, 0.0593],
}

interface Coding {
  bits: number
  halfWidth: boolean
  halfHeight: boolean
  matrix: number
  fullRange: boolean
  /** Offset of the matrix in the colour boxes, two bytes before the byte of the range. */
  matrixAt: number[]
  turned: boolean
}

/** Undefined: colours at full resolution, or a coding that only the decoder supports. */
export async function decodeAvif(
  sharp: typeof sharpModule,
  bytes: Buffer,
  options: SharpOptions,
  context: DecodeContext,
): Promise<NativePixels | undefined> {
  const coding = codingOf(bytes)
  if (!coding) return undefined
  const patched = Buffer.from(bytes)
  for (const at of coding.matrixAt) {
    patched.writeUInt16BE(0, at)
    patched[at + 2]! |= 0x80
  }
  const { width, height } = await sharp(patched, options).metadata()
  checkPixelCount(context, width, height)
  // a rotated image begins with half a block if its size is odd
  if (coding.turned && (width % 2 === 1 || height % 2 === 1)) return undefined
  const deep = coding.bits > 8
  const { data, info } = await sharp(patched, options).raw({ depth: deep ? 'ushort' : 'uchar' }).toBuffer({
    resolveWithObject: true,
  })
  if (info.channels < 3) return undefined
  const planes = deep ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2) : data
  return toRgb(planes, info as Planes, coding)
}

interface Planes {
  width: number
  height: number
  channels: 3 | 4
}

/** Interleaved [Cr, Y, Cb, alpha] to 8-bit RGB(A). Colours are weighted 9 : 3 : 3 : 1, nearest first. */
function toRgb(planes: Uint8Array | Uint16Array, { width, height, channels }: Planes, coding: Coding): NativePixels {
  const { bits, halfWidth, halfHeight, matrix, fullRange } = coding
  const [red, blue] = lumaParts[matrix]!
  const green = 1 - red - blue
  const unit = bits > 8 ? 2 ** (16 - bits) : 1 // deep values are shifted up to 16 bits
  const levels = 2 ** bits - 1
  const scale = 2 ** (bits - 8)
  const lumaGain = 255 / (fullRange ? levels : 219 * scale) / unit
  const colourGain = 255 / (fullRange ? levels : 224 * scale) / unit
  const black = fullRange ? 0 : 16 * scale * unit
  const middle = 128 * scale * unit
  const alphaGain = 255 / levels / unit
  const out = new Uint8ClampedArray(width * height * channels) // rounds and clamps
  const blocks = halfWidth ? Math.ceil(width / 2) : width
  const step = halfWidth ? 2 * channels : channels
  const [reds, blues] = [new Float32Array(blocks), new Float32Array(blocks)] // a row, interpolated between block rows
  const redGain = (2 * (1 - red) * colourGain) / 16
  const blueGain = (2 * (1 - blue) * colourGain) / 16
  for (let y = 0; y < height; y++) {
    const near = (halfHeight ? y & ~1 : y) * width * channels
    const far = (halfHeight ? neighbour(y, height) : y) * width * channels
    for (let i = 0, from = 0; i < blocks; i++, from += step) {
      reds[i] = 3 * planes[near + from]! + planes[far + from]! - 4 * middle
      blues[i] = 3 * planes[near + from + 2]! + planes[far + from + 2]! - 4 * middle
    }
    for (let x = 0, at = y * width * channels; x < width; x++, at += channels) {
      const i = halfWidth ? x >> 1 : x
      const next = halfWidth ? neighbour(x, width) >> 1 : x
      const luma = (planes[at + 1]! - black) * lumaGain
      const r = (3 * reds[i]! + reds[next]!) * redGain
      const b = (3 * blues[i]! + blues[next]!) * blueGain
      out[at] = luma + r
      out[at + 1] = luma - (red * r + blue * b) / green
      out[at + 2] = luma + b
      if (channels === 4) out[at + 3] = planes[at + 3]! * alphaGain
    }
  }
  return { data: new Uint8Array(out.buffer), width, height, channels }
}

/** Offset of the block that is second nearest to pixel `i`. */
function neighbour(i: number, length: number): number {
  const block = (i & ~1) + (i & 1 ? 2 : -2)
  return block < 0 ? 0 : block >= length ? i & ~1 : block
}

function codingOf(bytes: Buffer): Coding | undefined {
  const properties = children(
    bytes,
    boxAt(bytes, 'ipco', boxAt(bytes, 'iprp', boxAt(bytes, 'meta', [0, bytes.length]))),
  )
  const codecs = properties.filter(({ type, start, end }) => type === 'av1C' && end - start >= 4).map(({ start }) =>
    bytes[start + 2]!
  )
  const colours = codecs.filter(flags => (flags & 0x10) === 0) // the others are grey: alpha
  const boxes = properties.filter(({ type, start, end }) =>
    type === 'colr' && end - start >= 11 && bytes.toString('latin1', start, start + 4) === 'nclx'
  )
  if (colours.length === 0 || boxes.length === 0) return undefined
  const [flags, box] = [colours[0]!, boxes[0]!.start]
  const matrix = bytes.readUInt16BE(box + 8)
  const halfWidth = (flags & 0x08) !== 0
  const unlike = colours.some(other => other !== flags) ||
    boxes.some(({ start }) => bytes.readUInt16BE(start + 8) !== matrix)
  if (!halfWidth || unlike || lumaParts[matrix] === undefined || properties.some(({ type }) => type === 'clap'))
    return undefined
  return {
    bits: (flags & 0x40) === 0 ? 8 : (flags & 0x20) === 0 ? 10 : 12,
    halfWidth,
    halfHeight: (flags & 0x04) !== 0,
    matrix,
    fullRange: (bytes[box + 10]! & 0x80) !== 0,
    matrixAt: boxes.map(({ start }) => start + 8),
    turned: properties.some(({ type }) => type === 'irot' || type === 'imir'),
  }
}

interface Box {
  type: string
  /** Offset of its content. */
  start: number
  end: number
}

type Range = readonly [start: number, end: number]

/** ISO 14496-12, 4.2: 32 bits of size, four letters, content. Malformed boxes are left to the decoder. */
function children(bytes: Buffer, [from, to]: Range): Box[] {
  const boxes: Box[] = []
  for (let at = from; at + 8 <= to;) {
    const size = bytes.readUInt32BE(at)
    const end = size === 0 ? to : at + size
    if (size === 1 || end > to || end < at + 8) break
    const type = bytes.toString('latin1', at + 4, at + 8)
    boxes.push({ type, start: at + 8, end })
    at = end
  }
  return boxes
}

function boxAt(bytes: Buffer, type: string, range: Range): Range {
  const box = children(bytes, range).find(child => child.type === type)
  if (!box) return [0, 0]
  return [box.start + (type === 'meta' ? 4 : 0), box.end] // meta starts with a version and flags
}
