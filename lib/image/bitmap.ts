/** BMP and PNM, which sharp does not read, read here exactly as Pillow does. */
import { ClipError } from '../errors.js'
import type { NativePixels } from '../native/contract.js'
import { decodeBmp } from './bmp.js'
import { checkPixelCount, type CheckSize, type DecodeContext } from './decode-context.js'
import { decodePnm } from './pnm.js'

export function decodeBitmap(bytes: Buffer, format: 'bmp' | 'pnm', context: DecodeContext): NativePixels {
  const checkSize: CheckSize = (width, height) => checkPixelCount(context, width, height)
  try {
    return format === 'bmp' ? decodeBmp(bytes, checkSize) : decodePnm(bytes, checkSize)
  } catch (error) {
    // reading beyond the end of a Buffer is a RangeError
    if (!(error instanceof RangeError)) throw error
    throw new ClipError(
      'ERR_CLIP_IMAGE_DECODE',
      `${context.label} cannot be decoded: the ${format.toUpperCase()} file is truncated`,
      { cause: error },
    )
  }
}
