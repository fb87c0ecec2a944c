// Encodes sample pictures from their files, and texts, by `require('ggclip')`: run where it was installed, and in this checkout
// for what is expected. Prints one line of JSON.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { Clip } = require('ggclip')

async function main() {
  const samples = path.join(path.dirname(require.resolve('ggclip/package.json')), 'models', 'samples')
  const [picture, ...more] = ['pizza.webp', 'rocket.png', 'guitar.jpg'].map(name => path.join(samples, name))
  const clip = await Clip.load(undefined, { threads: 2 })
  const vectors = [
    await clip.encodeImage(picture),
    await clip.encodeText('a slice of pizza'),
    ...await clip.encodeImage([picture, ...more]),
    ...await clip.encodeText(['a rocket', 'a guitar']),
  ].map(vector => Array.from(vector))
  await clip.dispose()
  const { arch, platform, version } = process
  // not by process.stdout: Node cannot open Wine's pipes as streams
  fs.writeFileSync(1, `${JSON.stringify({ arch, platform, version, vectors })}\n`)
}

void main()
