// One start on a small machine: node start-edge.cjs MODEL TOWERS. Embeds a camera's frame and a text with one thread; prints
// times in milliseconds, the weights' bytes and this process's peak of resident memory. TOWERS none: Node alone.
'use strict'
const path = require('node:path')
const [model, towers] = process.argv.slice(2)

async function embed() {
  const began = performance.now()
  const { Clip } = require(path.join(__dirname, '..', 'dist'))
  const clip = await Clip.load(model, { threads: 1, sessions: 1, maxBatch: 1, towers })
  const loadMs = performance.now() - began
  const frame = { data: new Uint8Array(640 * 480 * 3).map((_, i) => i % 251), width: 640, height: 480, channels: 3 }
  if (towers !== 'text') await clip.encodeImage(frame)
  if (towers !== 'image') await clip.encodeText('a photo of a dog')
  const firstMs = performance.now() - began
  await clip.dispose()
  return { loadMs, firstMs, weightBytes: clip.info.bytes }
}

async function main() {
  const result = towers === 'none' ? { loadMs: 0, firstMs: 0, weightBytes: 0 } : await embed()
  console.log(JSON.stringify({ ...result, peakBytes: process.resourceUsage().maxRSS * 1024 }))
}
void main()
