/** Pictures to decode, and how. */
import sharp from 'sharp'

import { type DecodeSettings, decodeImage } from '../../lib/image/image'
import type { NativePixels } from '../../lib/native/contract'
import type { ImageInput } from '../../lib/types'

export const exact: DecodeSettings = { decode: 'exact', maxPixels: 2 ** 28, size: 224 }
export const auto: DecodeSettings = { ...exact, decode: 'auto' }

export async function pixelsOf(input: ImageInput, settings: DecodeSettings = exact): Promise<NativePixels> {
  const image = await decodeImage(input, settings)
  if ('tensor' in image) throw new Error('expected pixels')
  return image
}

/** The error that decoding rejects with. */
export async function failure(input: unknown, settings: DecodeSettings = exact): Promise<Error & { code: string }> {
  const result = await decodeImage(input as ImageInput, settings).then(() => undefined, (error: unknown) => error)
  if (!(result instanceof Error)) throw new Error('expected a rejection')
  return result as Error & { code: string }
}

/** Smooth colours with some noise, the same at every run. */
export function picture(width: number, height: number, channels = 3): Buffer {
  const data = Buffer.alloc(width * height * channels)
  let state = 1
  for (let i = 0; i < data.length; i++) {
    const pixel = Math.floor(i / channels)
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const x = (pixel % width) / width
    const y = Math.floor(pixel / width) / height
    data[i] = 128 + 100 * Math.sin(9 * x + 5 * y * (1 + (i % channels))) + (state >>> 28)
  }
  return data
}

export function encode(width: number, height: number, channels: 1 | 2 | 3 | 4 = 3): sharp.Sharp {
  return sharp(picture(width, height, channels), { raw: { width, height, channels } })
}
