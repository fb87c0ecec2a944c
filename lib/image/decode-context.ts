/** What every decoder knows of a picture, and the check of its size that none may forget. */
import { ClipError } from '../errors.js'
import type { ReductionTarget } from './reduced-size.js'

export interface DecodeContext {
  /** What messages call the image. */
  label: string
  maxPixels: number
  orient: boolean
  /** Set: a large JPEG or WebP may be decoded at reduced scale. */
  reduce?: ReductionTarget
  /** Called with the number of pixels that will be decoded. */
  onSize?: (pixels: number) => void
}

/** Called as soon as the size is known, before memory is taken. */
export type CheckSize = (width: number, height: number) => void

/** Called as soon as a picture's size is known, before its pixels take memory. @throws {ClipError} ERR_CLIP_IMAGE_TOO_LARGE */
export function checkPixelCount({ label, maxPixels, onSize }: DecodeContext, width: number, height: number): void {
  if (width * height > maxPixels) {
    throw new ClipError(
      'ERR_CLIP_IMAGE_TOO_LARGE',
      `${label}: ${width} x ${height} pixels are more than maxPixels (${maxPixels})`,
    )
  }
  onSize?.(width * height)
}
