/** Encoded images to pixels, through sharp. */
import type sharpModule from 'sharp'
import type { Sharp, SharpOptions } from 'sharp'

import { ClipError } from '../errors.js'
import type { NativePixels } from '../native/contract.js'
import { decodeAvif } from './avif.js'
import { decodeBitmap } from './bitmap.js'
import { checkPixelCount, type DecodeContext } from './decode-context.js'
import { decodeHeic } from './heic.js'
import { jpegFrame } from './jpeg-frame.js'
import type { PictureFormat } from './picture-format.js'
import { reducedSize } from './reduced-size.js'

let loaded: typeof sharpModule | undefined

/** Loaded at first use: text-only programs need neither its time nor its memory. */
export function loadSharp(): typeof sharpModule {
  try {
    loaded ??= require('sharp') as typeof sharpModule // import() would first start Node's loader of ES modules: 75 ms
    return loaded
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND'
    const message = isMissing
      ? 'decoding needs sharp, which is not installed: "npm install sharp" (pixels, tensors, BMP and PNM need nothing)'
      : `the decoder (sharp) cannot be loaded: ${(error as Error).message}`
    throw new ClipError('ERR_CLIP_IMAGE_DECODE', message, { cause: error })
  }
}

/** Loads sharp before the first image. A failure is reported when decoding that image. */
export function prepareDecoder(): void {
  try {
    loadSharp()
  } catch { /* see above */ }
}

/**
 * The first frame of an encoded file. The bytes must not change meanwhile. Runs in this process if decoding ends soon,
 * else in a decoder process.
 */
export async function decodeBytes(bytes: Buffer, format: PictureFormat, context: DecodeContext): Promise<NativePixels> {
  const { label, maxPixels, orient, reduce } = context
  try {
    if (format === 'bmp' || format === 'pnm') return decodeBitmap(bytes, format, context)
    if (format === 'heic') return await decodeHeic(bytes, context)
    const sharp = loadSharp()
    const options = sharpOptions(context)
    if (format === 'avif')
      return await decodeAvif(sharp, bytes, options, context) ?? await toPixels(sharp(bytes, options), label)
    const frame = format === 'jpeg' ? jpegFrame(bytes) : undefined
    if (frame && frame.components < 4 && !(reduce && reducedSize({ format, ...frame }, reduce))) {
      // nothing more to know (whether it is reduced does not depend on which edge is which): one pass fewer through the
      // decoder
      checkPixelCount(context, frame.width, frame.height)
      return await toPixels(sharp(bytes, options), label)
    }
    const { space, width, height, autoOrient } = await sharp(bytes, options).metadata()
    checkPixelCount(context, width, height)
    if (space === 'cmyk') return await decodeCmyk(sharp(bytes, options), label)
    const oriented = orient ? autoOrient : { width, height }
    const reduced = reduce && reducedSize({ format, ...oriented }, reduce)
    const pipeline = sharp(bytes, options)
    return await toPixels(reduced ? pipeline.resize({ ...reduced, fit: 'fill', kernel: 'lanczos3' }) : pipeline, label)
  } catch (error) {
    throw decodeError(label, maxPixels, error)
  }
}

function sharpOptions({ maxPixels, orient }: DecodeContext): SharpOptions {
  return {
    // like Pillow's convert('RGB') and the reference: stored values are taken as sRGB, whatever profile is embedded
    ignoreIcc: true,
    // truncated and damaged files are errors, not grey areas; warnings are not: many cameras' files cause them
    failOn: 'error',
    limitInputPixels: maxPixels,
    autoOrient: orient,
  }
}

/** The result of a user's own pipeline; the instance itself stays usable. */
export async function decodeSharp(instance: Sharp, context: DecodeContext): Promise<NativePixels> {
  const { label, maxPixels, orient } = context
  try {
    const copy = instance.clone()
    const pixels = await toPixels(orient ? copy.autoOrient() : copy, label)
    checkPixelCount(context, pixels.width, pixels.height)
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

/** Pillow's plain conversion; libvips would use a printing profile and give other colours. */
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

function decodeError(label: string, maxPixels: number, error: unknown): unknown {
  if (error instanceof ClipError) return error
  const reason = reasonOf((error as Error).message)
  if (/pixel limit/i.test(reason)) {
    return new ClipError(
      'ERR_CLIP_IMAGE_TOO_LARGE',
      `${label} has more than maxPixels (${maxPixels}) pixels: ${reason}`,
      { cause: error },
    )
  }
  return new ClipError('ERR_CLIP_IMAGE_DECODE', `${label} cannot be decoded: ${reason}`, { cause: error })
}

/** libvips lists errors with the consequences of a truncated file first; the last line is the reason. */
function reasonOf(message: string): string {
  const lines = message.split('\n').map(line => line.trim()).filter(line =>
    line !== '' && !line.startsWith('source: bad seek')
  )
  return (lines.at(-1) ?? 'it is damaged').slice(0, 300)
}
