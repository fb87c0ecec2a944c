/**
 * Every kind of image input becomes 8-bit pixels or a ready tensor, which is what the addon takes.
 *
 * Pixels are those of Pillow's `convert('RGB')`, as the reference sees them: embedded colour profiles are ignored,
 * CMYK is converted by the plain formula, 16 bits lose their lower byte, alpha is kept for the engine to composite.
 */
import { types } from 'node:util'

import { throwIfAborted } from './abort.js'
import { ClipError, invalidArgument, outOfRange } from './errors.js'
import { checkFinite } from './finite.js'
import { type DecodeContext, decodeBytes, decodeSharp } from './image/decode.js'
import { Gate, decodeSlots } from './image/gate.js'
import { readBlob, readImageFile } from './image/read-bytes.js'
import type { ReductionTarget } from './image/reduced-size.js'
import type { NativeImage, NativePixels } from './native/contract.js'
import type { DecodeMode, ImageInput, ImageTensor, RawPixels } from './types.js'
import { checkFloat32Array, checkInteger } from './validate.js'

export { prepareDecoder } from './image/decode.js'

/**
 * Most pixels of an image unless the caller says otherwise: 2^28, sharp's own limit rounded up. Admits the
 * 200-megapixel pictures of today's phones; keeps what a decompression bomb can cost to 1 GiB (RGBA).
 */
export const defaultMaxPixels = 2 ** 28

export interface DecodeSettings {
  decode: DecodeMode
  maxPixels: number
  /** Side of the model's input, pixels; 0: unknown, which means exact decoding. */
  size: number
  /** How the picture will be resized. Default 'shortest'. */
  mode?: ReductionTarget['mode']
  /** Apply the EXIF orientation. Default true. */
  orient?: boolean
  signal?: AbortSignal
  /** What messages call the image. Default 'image'. */
  name?: string
}

const expectedImage =
  'an image (a path, a Buffer, Uint8Array, ArrayBuffer or Blob of an encoded file, '
  + '{ data, width, height, channels }, a sharp instance or { tensor })'

const gate = new Gate(decodeSlots())

/** Whether a call's first argument is a list of images; everything else is one image. */
export function isImageList(value: ImageInput | readonly ImageInput[]): value is readonly ImageInput[] {
  return Array.isArray(value)
}

/**
 * Reads and decodes an image.
 *
 * @throws {TypeError} ERR_CLIP_INVALID_ARGUMENT: no kind of image; {RangeError} ERR_CLIP_OUT_OF_RANGE: raw pixels or a
 *   tensor of the wrong size; {ClipError} ERR_CLIP_FILE_NOT_FOUND, ERR_CLIP_IMAGE_EMPTY, ERR_CLIP_IMAGE_TOO_LARGE,
 *   ERR_CLIP_IMAGE_DECODE; the signal's reason when cancelled
 */
export async function decodeImage(input: ImageInput, settings: DecodeSettings): Promise<NativeImage> {
  const { signal, name = 'image' } = settings
  throwIfAborted(signal)
  if (typeof input === 'string') {
    if (input === '') throw outOfRange(name, 'a non-empty path', input)
    return decode(name, settings, async context => decodeBytes(await readImageFile(input, name), context), input)
  }
  if (typeof input !== 'object' || input === null || types.isProxy(input)) throw invalidArgument(name, expectedImage, input)
  // Bytes are copied when their turn comes: a buffer may be shared, resized or transferred to another thread while
  // sharp's threads read it, and that must not crash the process.
  if (types.isUint8Array(input)) return decode(name, settings, context => decodeBytes(Buffer.from(input), context))
  if (types.isAnyArrayBuffer(input)) {
    return decode(name, settings, context => decodeBytes(Buffer.from(new Uint8Array(input)), context))
  }
  if (isBlob(input)) return decode(name, settings, async context => decodeBytes(await readBlob(input, name), context))
  if (isSharp(input)) return decode(name, settings, context => decodeSharp(input, context))
  // Copied as well: native threads will read them.
  if ('tensor' in input) return checkTensor(name, input, settings.size)
  if ('data' in input && 'width' in input && 'height' in input) return checkPixels(name, input, settings.maxPixels)
  throw invalidArgument(name, expectedImage, input)
}

/** Runs `work` when one of the few decoding slots is free. */
async function decode(
  name: string, settings: DecodeSettings, work: (context: DecodeContext) => Promise<NativePixels>, path?: string,
): Promise<NativePixels> {
  const { maxPixels, orient = true, size, mode = 'shortest', signal } = settings
  const label = path === undefined ? name : `${name} '${path}'`
  const reduce = settings.decode === 'auto' && size > 0 ? { size, mode } : undefined
  const pixels = await gate.run(() => work({ label, maxPixels, orient, reduce }), signal)
  throwIfAborted(signal)
  return pixels
}

/** `size`: side of a model of square pictures; 0: any edges, which the tensor may name. The values are copied. */
function checkTensor(name: string, { tensor, width, height }: ImageTensor, size: number): NativeImage {
  const checked = checkFloat32Array(`${name}.tensor`, tensor)
  const given = { ...(width === undefined ? {} : { width }), ...(height === undefined ? {} : { height }) }
  for (const [key, value] of Object.entries(given)) checkInteger(`${name}.${key}`, value, { min: 1 })
  const [rows, columns] = [height ?? size, width ?? size]
  const expected = 3 * rows * columns
  if (expected > 0 && checked.length !== expected) {
    throw outOfRange(`${name}.tensor`, `a Float32Array of 3 x ${rows} x ${columns} = ${expected} values`, tensor)
  }
  return { tensor: checkFinite(`${name}.tensor`, checked.slice()), ...given }
}

function checkPixels(name: string, pixels: RawPixels, maxPixels: number): NativePixels {
  const { data } = pixels
  if (!types.isUint8Array(data) && !types.isUint8ClampedArray(data)) {
    throw invalidArgument(`${name}.data`, 'a Uint8Array of pixels', data)
  }
  const width = checkInteger(`${name}.width`, pixels.width, { min: 1 })
  const height = checkInteger(`${name}.height`, pixels.height, { min: 1 })
  const { channels } = pixels
  if (typeof channels !== 'number') throw invalidArgument(`${name}.channels`, '1, 3 or 4', channels)
  if (channels !== 1 && channels !== 3 && channels !== 4) throw outOfRange(`${name}.channels`, '1, 3 or 4', channels)
  if (width * height > maxPixels) {
    throw new ClipError('ERR_CLIP_IMAGE_TOO_LARGE', `${name}: ${width} x ${height} pixels are more than maxPixels (${maxPixels})`)
  }
  const length = width * height * channels
  if (data.length !== length) {
    throw outOfRange(`${name}.data`, `${width} x ${height} x ${channels} = ${length} bytes`, data)
  }
  return { data: Uint8Array.from(data), width, height, channels }
}

/** Told by shape, as are sharp instances: Blobs of other realms, of `undici` and of `fetch-blob` are good too. */
function isBlob(value: object): value is Blob {
  const blob = value as Partial<Blob>
  return typeof blob.arrayBuffer === 'function' && typeof blob.size === 'number' && typeof blob.type === 'string'
}

function isSharp(value: object): value is Parameters<typeof decodeSharp>[0] {
  const sharp = value as Partial<Parameters<typeof decodeSharp>[0]>
  return [sharp.clone, sharp.metadata, sharp.raw, sharp.toBuffer, sharp.toColourspace].every(f => typeof f === 'function')
}
