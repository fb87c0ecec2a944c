/** Chooses the scale at which to decode an image that will be made much smaller anyway. */

export interface ReductionTarget {
  /** Edge length that the image is resized to. */
  size: number
  /** Which edge that is: the shortest, the longest, or both (squash). */
  mode: 'shortest' | 'longest' | 'squash'
}

interface Picture {
  format: string
  /** Pixels, orientation applied. */
  width: number
  height: number
}

/** Keep at least this many times the target size, so that the exact resize that follows determines the pixels. */
const margin = 2

/** Most that a reduced image may be shifted against the exact one at its far edge, in pixels of the model's input. */
const maxDrift = 0.1

/**
 * JPEG decoders scale by 1/2, 1/4 or 1/8 in the frequency domain, in a fraction of the time. libvips does this when
 * sharp resizes by `from` up to `below` (sharp's pipeline.cc: the largest power of two that is not the integer part of
 * the ratio), and resizes the rest with Lanczos 3.
 */
const jpegSteps = [
  { factor: 8, from: 9, below: Infinity },
  { factor: 4, from: 5, below: 9 },
  { factor: 2, from: 3, below: 5 },
]

/**
 * The size for sharp, or undefined to decode the image at full size: other formats, too small, or a size at which
 * libvips would drop significant columns or rows.
 *
 * Verified against exact decoding on detailed 4 to 24-megapixel JPEGs (224 px, 8-bit levels): mean difference 0.3, at
 * most 3, and 0.6, at most 7, if rows are dropped within the allowed drift; in about half the time. The drift shows
 * that the step is really taken: libvips drops just the `edge % factor` last pixels.
 */
export function reducedSize(picture: Picture, target: ReductionTarget): { width: number; height: number } | undefined {
  const { format, width, height } = picture
  // the edge that `size` refers to, and the other one
  const firstIsWidth = target.mode === 'longest' ? width >= height : width <= height
  const [first, second] = firstIsWidth ? [width, height] : [height, width]
  const least = margin * target.size

  let wanted: number | undefined
  if (format === 'webp' && first >= 3 * least) {
    wanted = least // its decoder scales to any size
  } else if (format === 'jpeg') {
    const step = jpegSteps.find(({ factor, from }) => {
      const lost = Math.max(width % factor, height % factor)
      return first >= from * least && (lost * target.size) / first <= maxDrift
    })
    if (step) wanted = Math.max(least, Math.floor(first / step.below) + 1)
  }
  if (wanted === undefined) return undefined
  const other = otherEdge(first, second, wanted, target)
  if (other === undefined) return undefined
  return firstIsWidth ? { width: wanted, height: other } : { width: other, height: wanted }
}

/** The other edge at that scale, such that the exact resize gives the same number of pixels as from the original. */
function otherEdge(first: number, second: number, wanted: number, target: ReductionTarget): number | undefined {
  const exact = (wanted * second) / first
  const candidates = [Math.round(exact), Math.floor(exact), Math.ceil(exact)].filter(edge => edge >= 1)
  const planned = plannedEdge(first, second, target)
  return candidates.find(edge => plannedEdge(wanted, edge, target) === planned)
}

/** Mirrors plan_resize of cpp/engine/preprocess.cpp. */
function plannedEdge(first: number, second: number, { size, mode }: ReductionTarget): number {
  if (mode === 'squash') return size
  return mode === 'shortest' ? Math.floor((size * second) / first) : Math.round((size * second) / first)
}
