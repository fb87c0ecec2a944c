/** Decoded pixels, and resized ones, against Pillow's: the same bytes. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { NativePixels } from '../../lib/native/contract'
import { loadAddon } from '../../lib/native/load'
import { oracle } from '../helpers/oracle'
import { pixelsOf } from './support'

interface Reference {
  rgb_sha256: string
  /** Where the picture has transparency: laid over white. */
  rgb_over_white_sha256?: string
}

const folder = join(oracle, 'preprocess')
const jsonOf = <T>(name: string): T => JSON.parse(readFileSync(join(folder, name), 'utf8')) as T
const index = jsonOf<Record<string, Reference>>('expected.json')
/** SHA-256 of the resized RGB bytes, by pipeline and picture. */
const resizedSums = jsonOf<Record<string, Record<string, string>>>('resized.json')
const names = Object.keys(index)
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** RGB without alpha: what convert('RGB') gives. */
function dropAlpha({ data, width, height, channels }: NativePixels): Buffer {
  const rgb = Buffer.alloc(width * height * 3)
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) rgb[i * 3 + c] = data[i * channels + (channels === 1 ? 0 : c)]!
  }
  return rgb
}

/** RGB over white, with the rounding of Pillow's alpha_composite. */
function overWhite({ data, width, height, channels }: NativePixels): Buffer {
  const rgb = Buffer.alloc(width * height * 3)
  for (let i = 0; i < width * height; i++) {
    const weight = data[i * channels + 3]! * 128
    for (let c = 0; c < 3; c++) {
      const sum = data[i * channels + c]! * weight + 255 * (255 * 128 - weight) + (128 << 7)
      rgb[i * 3 + c] = ((sum >> 8) + sum) >> 15
    }
  }
  return rgb
}

describe('the reference', () => {
  // JPEG and WebP, too: sharp's decoders and Pillow's agree to the last bit
  test.each(names)('%s decodes to the same bytes', async name => {
    const pixels = await pixelsOf(join(folder, 'images', name))
    expect(sha256(dropAlpha(pixels))).toBe(index[name]!.rgb_sha256)
    const white = index[name]!.rgb_over_white_sha256
    if (white !== undefined) expect(sha256(overWhite(pixels))).toBe(white)
  })

  const addon = loadAddon()
  const round = (n: number): number => { // Python's: ties to even
    const down = Math.floor(n)
    return n - down === 0.5 ? down + (down % 2) : Math.round(n)
  }

  // pipeline, output width and height, mode, filter, crop rounding
  const pipelines = [
    ['hf_clip_224', 224, 224, 'shortest', 'bicubic', Math.floor],
    ['hf_clip_64', 64, 64, 'shortest', 'bicubic', Math.floor],
    ['openclip_shortest_224', 224, 224, 'shortest', 'bicubic', round],
    ['openclip_longest_224', 224, 224, 'longest', 'bicubic', round],
    ['openclip_shortest_h96_w160', 160, 96, 'shortest', 'bicubic', round],
    ['openclip_squash_bilinear_h96_w160', 160, 96, 'squash', 'bilinear', round],
    ['siglip_bicubic_224', 224, 224, 'squash', 'bicubic', Math.floor],
    ['siglip_bilinear_96', 96, 96, 'squash', 'bilinear', Math.floor],
  ] as const

  test.each(pipelines)('%s: resize equals Pillow byte for byte', async (pipeline, outW, outH, mode, filter, crop) => {
    const isHf = !pipeline.startsWith('openclip')
    let compared = 0
    for (const name of names) {
      const source = await pixelsOf(join(folder, 'images', name))
      const { width, height } = source
      // as the reference had it: transformers over white, open_clip without alpha and RGB first
      const data = isHf && index[name]!.rgb_over_white_sha256 !== undefined ? overWhite(source) : dropAlpha(source)
      let [w, h] = [outW as number, outH as number]
      if (mode === 'longest' || (mode === 'shortest' && outW !== outH)) {
        const ratio = (mode === 'longest' ? Math.max : Math.min)(height / outH, width / outW)
        ;[w, h] = [round(width / ratio), round(height / ratio)]
      } else if (mode === 'shortest') {
        if (width <= height) h = Math.floor((outW * height) / width)
        else w = Math.floor((outH * width) / height)
      }
      // the test hook makes the whole picture; the encoder only what the crop keeps
      if (Math.max(w, h) > 16384) continue
      const resized = await addon.resize({ data, width, height, channels: 3 }, w, h, filter)
      // crop or pad to the output
      const [left, top] = [w, h].map((n, axis) => {
        const out = axis === 0 ? outW : outH
        return n >= out ? crop((n - out) / 2) : -Math.floor((out - n) / 2)
      }) as [number, number]
      const out = Buffer.alloc(outW * outH * 3)
      for (let y = Math.max(0, -top); y < outH && y + top < h; y++) {
        const x = Math.max(0, -left)
        const n = Math.min(outW - x, w - (x + left))
        const from = ((y + top) * w + x + left) * 3
        out.set(resized.subarray(from, from + n * 3), (y * outW + x) * 3)
      }
      expect([name, sha256(out)]).toEqual([name, resizedSums[pipeline]![name]])
      compared++
    }
    expect(compared).toBeGreaterThanOrEqual(names.length - 2)
  })
})
