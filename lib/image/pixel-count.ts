import { ClipError } from '../errors.js'
import type { DecodeContext } from './decode.js'

/** Called as soon as a picture's size is known, before its pixels take memory. @throws {ClipError} ERR_CLIP_IMAGE_TOO_LARGE */
export function checkPixelCount({ label, maxPixels, onSize }: DecodeContext, width: number, height: number): void {
  if (width * height > maxPixels) {
    throw new ClipError('ERR_CLIP_IMAGE_TOO_LARGE', `${label}: ${width} x ${height} pixels are more than maxPixels (${maxPixels})`)
  }
  onSize?.(width * height)
}
