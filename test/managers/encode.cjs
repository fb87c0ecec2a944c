// Runs in a project that has installed ggclip: a picture decoded and classified, a text encoded. Prints one line of JSON.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { Clip } = require('ggclip')

async function main() {
  const clip = await Clip.load(undefined, { threads: 1 })
  const folder = path.join(path.dirname(require.resolve('ggclip/package.json')), 'models', 'samples')
  const [best] = await clip.classify(fs.readFileSync(path.join(folder, 'rocket.png')), ['cat', 'rocket', 'pizza'])
  const text = await clip.encodeText('a slice of pizza')
  await clip.dispose()
  process.stdout.write(`${JSON.stringify({ label: best.label, length: Math.hypot(...text) })}\n`)
}

void main()
