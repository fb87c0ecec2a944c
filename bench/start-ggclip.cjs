// One start: node start-ggclip.cjs MODEL PICTURE TOWERS THREADS. Prints times and peak memory as JSON.
'use strict'
const begin = performance.now()
const fs = require('node:fs')
const path = require('node:path')
const [model, picture, towers, threads] = process.argv.slice(2)

async function main() {
  const { Clip } = require(path.join(__dirname, '..', 'dist', 'index.js'))
  const clip = await Clip.load(model, { towers, threads: Number(threads) })
  const loadMs = performance.now() - begin
  await clip.encodeImage(fs.readFileSync(picture))
  const firstMs = performance.now() - begin
  // the text tower's pages and scratch memory, too; the random model has no tokenizer, so by its own session
  if (towers === 'both' && clip.info.text) await clip.encodeText('warm').catch(() => undefined)
  const peakMb = Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]) * 1.024e-3
  process.stdout.write(JSON.stringify({ loadMs, firstMs, peakMb }))
}
void main()
