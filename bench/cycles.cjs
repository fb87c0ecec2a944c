// node cycles.cjs MODEL: loads and disposes of a model a hundred times and prints the resident memory.
'use strict'
const path = require('node:path')
const { Clip } = require(path.join(__dirname, '..', 'dist', 'index.js'))

async function main() {
  const tensor = new Float32Array(3 * 224 * 224)
  let afterTenMb = 0
  for (let i = 1; i <= 100; i++) {
    const clip = await Clip.load(process.argv[2], { towers: 'image' })
    await clip.encodeImage({ tensor })
    await clip.dispose()
    if (i % 10 === 0) global.gc?.() // exclude JavaScript's own garbage
    if (i === 10) afterTenMb = process.memoryUsage().rss / 1e6
  }
  process.stdout.write(JSON.stringify({ afterTenMb, afterHundredMb: process.memoryUsage().rss / 1e6 }))
}
void main()
