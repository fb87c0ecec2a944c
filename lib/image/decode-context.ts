/** Settings of all decoders for one image, and the check of its size that each of them must make. */
import { ClipError } from '../errors.js'
import type { ReductionTarget } from './reduced-size.js'

export interface DecodeContext {
  /** The image's name in messages. */
  label: string
  maxPixels: number
  orient: boolean
  /** If set, a large JPEG or WebP may be decoded at reduced scale. */
  reduce?: ReductionTarget
  /** Called with the number of pixels that will be decoded. */
  onSize?: (pixels: number) => void
}

/** Called as soon as the size is known, before memory is allocated. */
export type CheckSize = (width: number, height: number) => void

/**
 * Called as soon as an image's size is known, before its pixels are allocated. @throws {ClipError}
 * ERR_CLIP_IMAGE_TOO_LARGE
 */
export function checkPixelCount({ label, maxPixels, onSize }: DecodeContext, width: number, height: number): void {
  if (width * height > maxPixels) {
    throw new ClipError(
      'ERR_CLIP_IMAGE_TOO_LARGE',
      `${label}: ${width} x ${height} pixels are more than maxPixels (${maxPixels})`,
    )
  }
  onSize?.(width * height)
}
