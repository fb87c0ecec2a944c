// Encodes with the binary that GGCLIP_ADDON names and the embedded model: a picture, a text, and both in batches. Run by
// another platform's Node, from the project's folder; needs no sharp. Prints one line of JSON.
'use strict'

const { Clip } = require('../../dist/index.js')

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

async function main() {
  const clip = await Clip.load(undefined, { threads: 2 })
  const one = [await clip.encodeImage(picture(1)), await clip.encodeText('a slice of pizza')]
  const images = await clip.encodeImage([2, 3, 4, 5, 6].map(seed => picture(seed)))
  const texts = await clip.encodeText(['a rocket', 'a red apple', 'two dogs in the snow'])
  const { kernels } = clip.info
  await clip.dispose()
  const vectors = [...one, ...images, ...texts].map(vector => Array.from(vector))
  const { platform, arch, version } = process
  process.stdout.write(`${JSON.stringify({ platform, arch, version, kernels, vectors })}\n`)
}

void main()
