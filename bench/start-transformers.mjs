// One start of the peer: node start-transformers.mjs ONNX_DIR PICTURE THREADS. Prints times and peak memory as JSON.
import fs from 'node:fs'

const begin = performance.now()
const [directory, picture, threads] = process.argv.slice(2)
const { openTransformers } = await import('./peers/transformers.mjs')
const peer = await openTransformers(directory, Number(threads))
const loadMs = performance.now() - begin
await peer.encode(fs.readFileSync(picture))
process.stdout.write(
  JSON.stringify({
    loadMs,
    firstMs: performance.now() - begin,
    peakMb: Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]) * 1.024e-3,
  }),
)
process.exit(0)
