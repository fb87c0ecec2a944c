/** Encoded pictures to pixels, through sharp. */
import type sharpModule from 'sharp'
import type { Sharp } from 'sharp'

import { ClipError } from '../errors.js'
import type { NativePixels } from '../native/contract.js'
import { jpegFrame } from './jpeg-frame.js'
import { type ReductionTarget, reducedSize } from './reduced-size.js'

export interface DecodeContext {
  /** What messages call the image. */
  label: string
  maxPixels: number
  orient: boolean
  /** Set: a large JPEG or WebP may be decoded at reduced scale. */
  reduce?: ReductionTarget
}

let loaded: typeof sharpModule | undefined

/** At first use: text-only users pay neither the time nor the memory. */
function loadSharp(): typeof sharpModule {
  try {
    loaded ??= require('sharp') as typeof sharpModule // import() would first start Node's loader of ES modules: 75 ms
    return loaded
  } catch (error) {
    const message = `the decoder (sharp) cannot be loaded: ${(error as Error).message}`
    throw new ClipError('ERR_CLIP_IMAGE_DECODE', message, { cause: error })
  }
}

/** Loads what decoding needs ahead of the first picture. Failures are that picture's to tell. */
export function prepareDecoder(): void {
  try {
    loadSharp()
  } catch { /* see above */ }
}

/** The first frame of an encoded file. The bytes may not change meanwhile. */
export async function decodeBytes(bytes: Buffer, context: DecodeContext): Promise<NativePixels> {
  const { label, maxPixels, orient, reduce } = context
  if (bytes.length === 0) throw new ClipError('ERR_CLIP_IMAGE_EMPTY', `${label} is empty (0 bytes)`)
  const sharp = loadSharp()
  const options = {
    // Pillow's convert('RGB') takes the stored values for sRGB, whatever profile is embedded. So does the reference.
    ignoreIcc: true,
    // The strictest: truncated and damaged files are errors, not grey areas.
    failOn: 'warning',
    limitInputPixels: maxPixels,
    autoOrient: orient,
  } as const
  try {
    const frame = jpegFrame(bytes)
    if (frame && frame.components < 4 && !(reduce && reducedSize({ format: 'jpeg', ...frame }, reduce))) {
      // nothing more to know (whether it is reduced does not depend on which edge is which): one visit to the decoder less
      checkPixelCount(label, frame.width, frame.height, maxPixels)
      return await toPixels(sharp(bytes, options), label)
    }
    const { format, space, width, height, autoOrient } = await sharp(bytes, options).metadata()
    checkPixelCount(label, width, height, maxPixels)
    if (space === 'cmyk') return await decodeCmyk(sharp(bytes, options), label)
    const oriented = orient ? autoOrient : { width, height }
    const reduced = reduce && reducedSize({ format, ...oriented }, reduce)
    const pipeline = sharp(bytes, options)
    return await toPixels(reduced ? pipeline.resize({ ...reduced, fit: 'fill', kernel: 'lanczos3' }) : pipeline, label)
  } catch (error) {
    throw decodeError(label, maxPixels, error)
  }
}

/** The result of a user's own pipeline; the instance itself stays usable. */
export async function decodeSharp(instance: Sharp, { label, maxPixels, orient }: DecodeContext): Promise<NativePixels> {
  try {
    const copy = instance.clone()
    const pixels = await toPixels(orient ? copy.autoOrient() : copy, label)
    checkPixelCount(label, pixels.width, pixels.height, maxPixels)
    return pixels
  } catch (error) {
    throw decodeError(label, maxPixels, error)
  }
}

async function toPixels(pipeline: Sharp, label: string): Promise<NativePixels> {
  const output = pipeline.toColourspace('srgb').raw({ depth: 'uchar' })
  const { data, info } = await output.toBuffer({ resolveWithObject: true })
  const { width, height, channels } = info
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    throw new ClipError('ERR_CLIP_IMAGE_DECODE', `${label} has ${channels} channels; 1, 3 or 4 can be used`)
  }
  return { data, width, height, channels }
}

/** Pillow's plain conversion; libvips would go through a printing profile and give other colours. */
async function decodeCmyk(image: Sharp, label: string): Promise<NativePixels> {
  const output = image.pipelineColourspace('cmyk').toColourspace('cmyk').raw({ depth: 'uchar' })
  const { data, info } = await output.toBuffer({ resolveWithObject: true })
  const { width, height, channels } = info
  if (channels < 4) throw new ClipError('ERR_CLIP_IMAGE_DECODE', `${label} is CMYK with ${channels} channels`)
  const rgb = new Uint8Array(width * height * 3)
  for (let from = 0, to = 0; to < rgb.length; from += channels, to += 3) {
    const light = 255 - data[from + 3]!
    for (let c = 0; c < 3; c++) {
      const product = data[from + c]! * light + 128
      rgb[to + c] = light - ((product + (product >> 8)) >> 8) // light * (1 - ink), rounded to nearest
    }
  }
  return { data: rgb, width, height, channels: 3 }
}

function checkPixelCount(label: string, width: number, height: number, maxPixels: number): void {
  if (width * height <= maxPixels) return
  throw new ClipError('ERR_CLIP_IMAGE_TOO_LARGE', `${label}: ${width} x ${height} pixels are more than maxPixels (${maxPixels})`)
}

function decodeError(label: string, maxPixels: number, error: unknown): unknown {
  if (error instanceof ClipError) return error
  const reason = (error as Error).message.split('\n', 1)[0]!.slice(0, 300)
  if (/pixel limit/i.test(reason)) {
    return new ClipError('ERR_CLIP_IMAGE_TOO_LARGE', `${label} has more than maxPixels (${maxPixels}) pixels: ${reason}`, { cause: error })
  }
  return new ClipError('ERR_CLIP_IMAGE_DECODE', `${label} cannot be decoded: ${reason}`, { cause: error })
}
