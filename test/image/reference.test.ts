import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { NativeAddon, NativePixels } from '../../lib/native/contract'
import { loadAddon } from '../../lib/native/load'
import { pixelsOf } from './support'

interface Stored {
  dtype: string
  shape: number[]
  data: Buffer
}

function readSafetensors(file: string): Map<string, Stored> {
  const bytes = readFileSync(file)
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Header
  const tensors = Object.entries(header).filter(([name]) => name !== '__metadata__')
  return new Map(tensors.map(([name, { dtype, shape, data_offsets: [from, to] }]) =>
    [name, { dtype, shape, data: bytes.subarray(start + from, start + to) }]))
}

const folders = [join(__dirname, '../fixtures/oracle'), join(__dirname, '../../../shared/oracle')]
/** The reference fixtures: GGCLIP_ORACLE, or what lies beside the checkout. */
const oracle = [process.env.GGCLIP_ORACLE ?? '', ...folders]
  .filter(folder => folder !== '').map(folder => join(folder, 'preprocess')).find(existsSync)

function addonIfBuilt(): NativeAddon | undefined {
  try {
    return loadAddon()
  } catch (error) {
    console.warn(`skipped: tests that need the addon (${(error as Error).message})`)
    return undefined
  }
}

if (!oracle) console.warn('skipped: tests against the reference (set GGCLIP_ORACLE to its fixtures)')

;(oracle ? describe : describe.skip)('the reference', () => {
  const folder = oracle!
  type Index = Record<string, { rgb_sha256: string; format: string }>
  const index = oracle ? (JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Index) : {}
  const names = Object.keys(index)

  /** RGB without alpha: what convert('RGB') gives. */
  function dropAlpha({ data, width, height, channels }: NativePixels): Buffer {
    const rgb = Buffer.alloc(width * height * 3)
    for (let i = 0; i < width * height; i++) {
      for (let c = 0; c < 3; c++) rgb[i * 3 + c] = data[i * channels + (channels === 1 ? 0 : c)]!
    }
    return rgb
  }

  test.each(names)('%s decodes to the same bytes', async name => {
    const rgb = dropAlpha(await pixelsOf(join(folder, 'images', name)))
    const isSame = createHash('sha256').update(rgb).digest('hex') === index[name]!.rgb_sha256
    if (index[name]!.format === 'PNG') {
      expect(isSame).toBe(true)
    } else if (!isSame) { // lossy decoders may differ by version
      const expected = readSafetensors(join(folder, 'decoded.safetensors')).get(name)!.data
      const difference = rgb.reduce((sum, value, i) => sum + Math.abs(value - expected[i]!), 0) / rgb.length
      expect(difference).toBeLessThanOrEqual(1.5)
    }
  })

  const addon = oracle ? addonIfBuilt() : undefined
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

  const testEach = (addon ? test : test.skip).each(pipelines)
  testEach('%s: resize equals Pillow byte for byte', async (pipeline, outW, outH, mode, filter, crop) => {
    const expected = readSafetensors(join(folder, `expected_${pipeline}.safetensors`))
    const alternatives = readSafetensors(join(folder, 'expected_alternatives.safetensors'))
    const decoded = readSafetensors(join(folder, 'decoded.safetensors'))
    const isHf = !pipeline.startsWith('openclip')
    let compared = 0
    for (const name of names) {
      const source = await pixelsOf(join(folder, 'images', name))
      const { width, height } = source
      // as the reference had it: transformers over white, open_clip without alpha and RGB first
      const given = decoded.get(isHf && decoded.has(`${name}#over_white`) ? `${name}#over_white` : name)
      const data = given?.data ?? dropAlpha(source)
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
      const resized = await addon!.resize({ data, width, height, channels: 3 }, w, h, filter)
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
      const want = (alternatives.get(`${pipeline}/${name}#rgb_first`) ?? expected.get(name)!).data
      expect({ name, same: out.equals(want) }).toEqual({ name, same: true })
      compared++
    }
    expect(compared).toBeGreaterThanOrEqual(names.length - 2)
  })
})
