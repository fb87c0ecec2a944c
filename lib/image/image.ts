/**
 * Turns every kind of image input into 8-bit pixels or a prepared tensor, for the addon.
 *
 * Pixels equal those of Pillow's `convert('RGB')`, as in the reference: embedded colour profiles are ignored, CMYK is
 * converted by the plain formula, 16-bit values lose their lower byte, alpha is kept for the engine to composite.
 */
import { types } from 'node:util'

import { throwIfAborted } from '../async/abort.js'
import { withTimeLimit } from '../async/deadline.js'
import { ClipError, invalidArgument, outOfRange } from '../errors.js'
import { checkFinite } from '../vectors/finite.js'
import { decodeBytes, decodeSharp, prepareDecoder as loadDecoder } from './decode.js'
import type { DecodeContext } from './decode-context.js'
import { DecoderPool, NoDecoder, tooLong } from './decoder-pool.js'
import { Gate, decodeSlots } from '../async/gate.js'
import { checkPath, isUrl, quotedPath } from './path.js'
import { formatsRead, type PictureFormat, recognise } from './picture-format.js'
import { endsSoon } from './pixel-size.js'
import { readBlob, readImageFile } from './read-bytes.js'
import type { ReductionTarget } from './reduced-size.js'
import type { NativeImage, NativePixels } from '../native/contract.js'
import { loadAddon } from '../native/load.js'
import type { DecodeMode, ImageInput, ImageTensor, RawPixels } from '../types.js'
import { checkFloat32Array, checkInteger } from '../validate.js'

/**
 * Default for the most pixels of an image: 2^28, sharp's own limit rounded up. Admits the 200-megapixel images of
 * today's phones; limits a decompression bomb to 1 GiB (RGBA).
 */
export const defaultMaxPixels = 2 ** 28

/** Default for the most milliseconds of decoding. */
export const defaultMaxDecodeMs = 20_000

/**
 * Most pixels of formats that may take long, if no process can be started to decode them: decoding cannot be stopped
 * then. SVG, which has no bound, is not read in that case.
 */
const mostPixelsInHost = 2 ** 24

export interface DecodeSettings {
  decode: DecodeMode
  maxPixels: number
  /** Side of the model's input in pixels; 0: unknown, which means exact decoding. */
  size: number
  /** How the image will be resized. Default 'shortest'. */
  mode?: ReductionTarget['mode']
  /** Apply the EXIF orientation. Default true. */
  orient?: boolean
  signal?: AbortSignal
  /** The image's name in messages. Default 'image'. */
  name?: string
  /** Read SVG. Default true. */
  svg?: boolean
  /** Longest time for decoding. Default {@link defaultMaxDecodeMs}. */
  maxDecodeMs?: number
}

const expectedImage = 'an image (a path, a file: URL, a Buffer, Uint8Array, ArrayBuffer or Blob of an encoded file, '
  + '{ data, width, height, channels }, a sharp instance or { tensor })'

const gate = new Gate(decodeSlots())
const decoders = new DecoderPool()

/** Whether a call's first argument is a list of images; anything else is one image. */
export function isImageList(value: ImageInput | readonly ImageInput[]): value is readonly ImageInput[] {
  return Array.isArray(value)
}

/**
 * Reads and decodes an image.
 *
 * @throws {TypeError} ERR_CLIP_INVALID_ARGUMENT: not an image; {RangeError} ERR_CLIP_OUT_OF_RANGE: raw pixels or a
 *   tensor of the wrong size; {ClipError} ERR_CLIP_FILE_NOT_FOUND, ERR_CLIP_IMAGE_EMPTY, ERR_CLIP_IMAGE_TOO_LARGE,
 *   ERR_CLIP_IMAGE_DECODE; the signal's reason when cancelled
 */
export async function decodeImage(input: ImageInput, settings: DecodeSettings): Promise<NativeImage> {
  const { signal, name = 'image' } = settings
  throwIfAborted(signal)
  if (typeof input === 'string' || isUrl(input)) {
    const path = checkPath(name, input)
    return decode(name, settings, () => readImageFile(path, name), path)
  }
  if (typeof input !== 'object' || input === null || types.isProxy(input))
    throw invalidArgument(name, expectedImage, input)
  // Bytes are copied just before decoding: a buffer may be shared, resized or transferred to another thread while
  // sharp's threads read it, and that must not crash the process.
  if (types.isUint8Array(input)) return decode(name, settings, () => Buffer.from(input))
  if (types.isAnyArrayBuffer(input)) return decode(name, settings, () => Buffer.from(new Uint8Array(input)))
  if (isBlob(input)) return decode(name, settings, () => readBlob(input, name))
  if (isSharp(input)) return gate.run(() => decodeSharp(input, contextOf(name, settings)), signal)
  // Copied as well: native threads will read them.
  if ('tensor' in input) return checkTensor(name, input, settings.size)
  if ('data' in input && 'width' in input && 'height' in input) return checkPixels(name, input, settings.maxPixels)
  throw invalidArgument(name, expectedImage, input)
}

/**
 * Reads the file when a decoding slot is free, and decodes it: in this process if that ends soon, else in a process
 * that can be stopped. The call rejects as soon as its signal aborts.
 */
async function decode(
  name: string,
  settings: DecodeSettings,
  read: () => Buffer | Promise<Buffer>,
  path?: string | Buffer,
): Promise<NativePixels> {
  const { signal, svg = true, maxDecodeMs = defaultMaxDecodeMs } = settings
  const context = contextOf(path === undefined ? name : `${name} ${quotedPath(path)}`, settings)
  const { bytes, format, pixels } = await gate.run(async () => {
    const bytes = await read()
    const format = formatOf(bytes, context.label, svg)
    checkDecoderCpu(format, context.label)
    return { bytes, format, pixels: endsSoon(format, bytes) ? await decodeBytes(bytes, format, context) : undefined }
  }, signal)
  if (pixels) return pixels
  try {
    return await decoders.run(bytes, format, context, { maxDecodeMs, signal })
  } catch (error) {
    if (!(error instanceof NoDecoder)) throw error
    return decodeHere(bytes, format, context, { maxDecodeMs, signal })
  }
}

/** Without a separate process: the caller continues after its time, and decoding runs on to its end. */
function decodeHere(
  bytes: Buffer,
  format: PictureFormat,
  context: DecodeContext,
  { maxDecodeMs, signal }: { maxDecodeMs: number; signal?: AbortSignal },
): Promise<NativePixels> {
  if (format === 'svg') {
    throw new ClipError(
      'ERR_CLIP_IMAGE_DECODE',
      `${context.label} is an SVG, which needs a process of its own, and none can be started: convert it to PNG first`,
    )
  }
  const limited = { ...context, maxPixels: Math.min(context.maxPixels, mostPixelsInHost) }
  return withTimeLimit(maxDecodeMs, signal, () => tooLong(context.label, maxDecodeMs), stop => (
    gate.run(() => decodeBytes(bytes, format, limited), stop)
  ))
}

/** Loads the decoder before the first image, where it runs. A failure is reported when decoding that image. */
export function prepareDecoder(): void {
  if (decoderRuns()) loadDecoder()
}

/** sharp's binary ends the process on an x86-64 CPU that lacks its instructions, before its own check. */
const decoderRuns = (): boolean => loadAddon().build().x86_64_v2

function checkDecoderCpu(format: PictureFormat, label: string): void {
  if (format === 'bmp' || format === 'pnm' || format === 'heic' || decoderRuns()) return
  throw new ClipError(
    'ERR_CLIP_IMAGE_DECODE',
    `${label} cannot be decoded: the decoder (sharp) needs SSE4.2 and POPCNT, which this CPU lacks; `
      + 'pixels, tensors, BMP and PNM can be read',
  )
}

function contextOf(
  label: string,
  { decode, maxPixels, orient = true, size, mode = 'shortest' }: DecodeSettings,
): DecodeContext {
  return { label, maxPixels, orient, reduce: decode === 'auto' && size > 0 ? { size, mode } : undefined }
}

/** @throws {ClipError} ERR_CLIP_IMAGE_EMPTY; ERR_CLIP_IMAGE_DECODE for unsupported formats */
function formatOf(bytes: Buffer, label: string, svg: boolean): PictureFormat {
  if (bytes.length === 0) throw new ClipError('ERR_CLIP_IMAGE_EMPTY', `${label} is empty (0 bytes)`)
  const found = recognise(bytes)
  if ('foreign' in found) {
    throw new ClipError(
      'ERR_CLIP_IMAGE_DECODE',
      `${label} cannot be decoded: it is ${found.foreign}; ${formatsRead} can be read`,
    )
  }
  if (found.format === 'svg' && !svg) {
    throw new ClipError(
      'ERR_CLIP_IMAGE_DECODE',
      `${label} is an SVG, which is disabled: the option svg: true (--svg of "ggclip serve") enables it`,
    )
  }
  return found.format
}

/** `size`: side of a model with square images; 0: any size, which the tensor may give. The values are copied. */
function checkTensor(name: string, { tensor, width, height }: ImageTensor, size: number): NativeImage {
  const checked = checkFloat32Array(`${name}.tensor`, tensor)
  const given = { ...(width === undefined ? {} : { width }), ...(height === undefined ? {} : { height }) }
  for (const [key, value] of Object.entries(given)) checkInteger(`${name}.${key}`, value, { min: 1 })
  const [rows, columns] = [height ?? size, width ?? size]
  const expected = 3 * rows * columns
  if (expected > 0 && checked.length !== expected) {
    throw outOfRange(`${name}.tensor`, `a Float32Array of 3 x ${rows} x ${columns} = ${expected} values`, tensor)
  }
  return { tensor: checkFinite(`${name}.tensor`, new Float32Array(checked)), ...given }
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
    throw new ClipError(
      'ERR_CLIP_IMAGE_TOO_LARGE',
      `${name}: ${width} x ${height} pixels are more than maxPixels (${maxPixels})`,
    )
  }
  const length = width * height * channels
  if (data.length !== length) {
    throw outOfRange(`${name}.data`, `${width} x ${height} x ${channels} = ${length} bytes`, data)
  }
  return { data: Uint8Array.from(data), width, height, channels }
}

/**
 * Recognised by shape, like sharp instances: Blobs of other realms, of `undici` and of `fetch-blob` are accepted, too.
 */
function isBlob(value: object): value is Blob {
  const blob = value as Partial<Blob>
  return typeof blob.arrayBuffer === 'function' && typeof blob.size === 'number' && typeof blob.type === 'string'
}

function isSharp(value: object): value is Parameters<typeof decodeSharp>[0] {
  const sharp = value as Partial<Parameters<typeof decodeSharp>[0]>
  return [sharp.clone, sharp.metadata, sharp.raw, sharp.toBuffer, sharp.toColourspace].every(f =>
    typeof f === 'function'
  )
}
