// Encodes with the binary that GGCLIP_ADDON names: a picture, a text, and both in batches, by the embedded model, which is
// quantised, and by the same weights in float32, which the binary converts itself. Run by another platform's Node, from the
// project's folder; needs no sharp. Prints one line of JSON.
'use strict'

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { Clip, convert } = require('../../dist/index.js')

/** RGB of its own for each seed: a gradient with a square. */
function picture(seed, width = 96, height = 80) {
  const data = new Uint8Array(width * height * 3)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      const inside = x > (seed * 13) % width && y > (seed * 17) % height
      data[at] = (x * 2 + seed * 31) & 255
      data[at + 1] = inside ? 220 : (y * 3 + seed * 29) & 255
      data[at + 2] = inside ? (seed * 53) & 255 : 30
    }
  }
  return { data, width, height, channels: 3 }
}

async function encode(model) {
  const clip = await Clip.load(model, { threads: 2 })
  const one = [await clip.encodeImage(picture(1)), await clip.encodeText('a slice of pizza')]
  const images = await clip.encodeImage([2, 3, 4, 5, 6].map(seed => picture(seed)))
  const texts = await clip.encodeText(['a rocket', 'a red apple', 'two dogs in the snow'])
  const { kernels } = clip.info
  await clip.dispose()
  return { kernels, vectors: [...one, ...images, ...texts].map(vector => Array.from(vector)) }
}

async function main() {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'ggclip-platform-'))
  try {
    const file = path.join(scratch, 'f32.gguf')
    await convert(path.join(__dirname, '..', '..', 'models', 'emoji-clip.gguf'), file, { dtype: 'f32' })
    const { kernels, vectors: quantised } = await encode(undefined)
    const { vectors: f32 } = await encode(file)
    const { arch, version } = process
    // not by process.stdout: Node cannot open Wine's pipes as streams
    fs.writeFileSync(1, `${JSON.stringify({ arch, version, kernels, vectors: { quantised, f32 } })}\n`)
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true })
  }
}

void main()
