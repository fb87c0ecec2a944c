// Makes models/emoji-clip.gguf from the trained checkpoint with ggclip's own convert().
//
//   node scripts/make-default-model.cjs CHECKPOINT             (what models/training/train.py wrote; needs a build)
//   node scripts/make-default-model.cjs CHECKPOINT --compare   prints the table of models/README.md instead
'use strict'
const { existsSync, mkdtempSync, readFileSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')

const root = path.join(__dirname, '..')
const output = path.join(root, 'models', 'emoji-clip.gguf')
const limit = 8e6
const metadata = {
  name: 'ggclip/emoji-clip',
  license: 'MIT',
  source: 'trained for ggclip; attribution of the training data: models/LICENSES.md',
}
/** What is shipped: see the table in models/README.md. */
const shipped = { dtype: 'q5_1' }

const compared = [
  ...['f32', 'f16', 'q8_0'].map(dtype => [dtype, { dtype }]),
  ['q8_0, text q6_k', { dtype: 'q8_0', overrides: { 't.*': 'q6_k', 'token_embd*': 'q6_k' } }],
  ...['q6_k', 'q5_1', 'q5_k', 'q5_0', 'q4_1', 'q4_k', 'q4_0'].map(dtype => [dtype, { dtype }]),
]

async function main() {
  const args = process.argv.slice(2)
  const given = args.find(arg => !arg.startsWith('-'))
  if (given === undefined)
    throw new Error('expected the folder of the checkpoint: node scripts/make-default-model.cjs CHECKPOINT [--compare]')
  const checkpoint = path.resolve(given)
  if (!existsSync(path.join(checkpoint, 'model.safetensors'))) throw new Error(`no checkpoint at ${checkpoint}`)
  const { convert } = require('../dist/index.js')
  if (args.includes('--compare')) return compare(checkpoint)
  const result = await convert(checkpoint, output, { ...metadata, ...shipped })
  if (result.bytes >= limit) throw new Error(`${output} has ${result.bytes} bytes; the limit is ${limit}`)
  console.log(`${path.relative(root, output)}: ${result.bytes} bytes`, result.tensors)
}

/** Size, accuracy on the held-out pictures and cosines to float32 for every type. */
async function compare(checkpoint) {
  const { Clip, convert } = require('../dist/index.js')
  const sharp = require('sharp')
  const heldout = path.join(root, 'test', 'fixtures', 'heldout')
  const labels = Object.values(JSON.parse(readFileSync(path.join(heldout, 'labels.json'), 'utf8')))
  const tile = i =>
    sharp(path.join(heldout, 'heldout.webp'))
      .extract({ left: 72 * (i % 20), top: 72 * Math.floor(i / 20), width: 72, height: 72 }).png().toBuffer()
  const pictures = await Promise.all(labels.map((_, i) => tile(i)))
  const prompts = labels.map(label => `a photo of a ${label}`)
  const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-default-'))
  let reference
  console.log('| weights | MB | top-1 | top-5 | same first label | lowest cosine, pictures / prompts | mean cosine |')
  console.log('|---|---|---|---|---|---|---|')
  try {
    for (const [name, options] of compared) {
      const file = path.join(scratch, `${name}.gguf`)
      const { bytes } = await convert(checkpoint, file, options)
      const clip = await Clip.load(file)
      const vectors = { images: await clip.encodeImage(pictures), texts: await clip.encodeText(prompts) }
      await clip.dispose()
      reference ??= vectors
      const images = cosines(vectors.images, reference.images)
      const texts = cosines(vectors.texts, reference.texts)
      const scores = scoresOf(vectors)
      const best = firsts(scoresOf(reference))
      const same = percent(firsts(scores).filter((label, i) => label === best[i]).length, best.length)
      const ranks = scores.map((row, i) => row.filter(score => score > row[i]).length)
      const share = k => percent(ranks.filter(rank => rank < k).length, ranks.length)
      const pair = measure => `${measure(images).toFixed(5)} / ${measure(texts).toFixed(5)}`
      const lowest = pair(values => Math.min(...values))
      const cells = [name, (bytes / 1e6).toFixed(2), share(1), share(5), same, lowest, pair(mean)]
      console.log(`| ${cells.join(' | ')} |`)
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0)
const cosines = (a, b) => a.map((vector, i) => dot(vector, b[i]))
const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length
const percent = (part, whole) => ((100 * part) / whole).toFixed(2)
const scoresOf = ({ images, texts }) => images.map(image => texts.map(text => dot(image, text)))
const firsts = rows => rows.map(row => row.indexOf(Math.max(...row)))

main().catch(error => {
  console.error(error.message)
  process.exitCode = 1
})
