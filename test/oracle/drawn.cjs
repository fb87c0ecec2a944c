// The models of test/fixtures/drawn: their weights follow from a rule (scripts/oracle/drawn.py), so that only configuration,
// shapes and expected values are kept. Made in build/cache/drawn, each again when its description has changed.
'use strict'

const { createHash } = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { checkpoint } = require('../fixtures/torch/zip.cjs')
const { fileOf, tensorsOf } = require('./safetensors.cjs')

const root = path.join(__dirname, '..', '..')
const stored = path.join(root, 'test', 'fixtures', 'drawn')
const built = path.join(root, 'build', 'cache', 'drawn')

const sizeOf = shape => shape.reduce((product, n) => product * n, 1)

/** [count] in [-1, 1): murmur3's 32-bit finaliser over index * 0x9e3779b9 + key. */
function uniform(seed, name, count) {
  const key = createHash('sha256').update(`${seed}/${name}`).digest().readUInt32LE()
  return Float64Array.from({ length: count }, (_, i) => {
    let h = Math.imul(i, 0x9e3779b9) + key | 0
    h = Math.imul(h ^ h >>> 16, 0x85ebca6b)
    h = Math.imul(h ^ h >>> 13, 0xc2b2ae35)
    return ((h ^ h >>> 16) >>> 0) / 2 ** 31 - 1
  })
}

/** [count, channels, height, width]: noise, and a ramp that grows from picture to picture. */
function pictures({ seed, shape }) {
  const [, channels, height, width] = shape
  return Float32Array.from(uniform(seed, 'pixel_values', sizeOf(shape)), (z, i) => {
    const picture = Math.floor(i / (channels * height * width))
    const x = i % width / width
    const y = Math.floor(i / width) % height / height
    return z + (x - y) * (picture + 1)
  })
}

/** The tensors of a description. */
function drawTensors(folder, { seed, tensors }) {
  const drawn = Object.entries(tensors).map(([name, [shape, centre, spread]]) => {
    const values = Float32Array.from(uniform(seed, name, sizeOf(shape)), u => centre + spread * u)
    return [name, { dtype: 'F32', shape, bytes: Buffer.from(values.buffer) }]
  })
  const file = path.join(folder, 'kept.safetensors')
  return { ...Object.fromEntries(drawn), ...(fs.existsSync(file) ? tensorsOf(fs.readFileSync(file)) : {}) }
}

/** What a folder's files follow from. */
function stampOf(folder) {
  const hash = createHash('sha256').update(fs.readFileSync(__filename))
  for (const name of fs.readdirSync(folder, { recursive: true }).map(String).sort()) {
    const file = path.join(folder, name)
    if (fs.statSync(file).isFile()) hash.update(name).update(fs.readFileSync(file))
  }
  return hash.digest('hex')
}

/** A drawn.json in any folder of the model becomes the file that it describes. */
function buildModel(name) {
  const from = path.join(stored, name)
  const to = path.join(built, name)
  const stamp = stampOf(from)
  const stampFile = path.join(built, `${name}.stamp`)
  if (fs.existsSync(stampFile) && fs.readFileSync(stampFile, 'utf8') === stamp && fs.existsSync(to)) return
  fs.rmSync(to, { recursive: true, force: true })
  fs.cpSync(from, to, { recursive: true })
  for (const found of fs.readdirSync(to, { recursive: true }).map(String)) {
    if (path.basename(found) !== 'drawn.json') continue
    const folder = path.dirname(path.join(to, found))
    const model = JSON.parse(fs.readFileSync(path.join(folder, 'drawn.json'), 'utf8'))
    const tensors = drawTensors(folder, model)
    const bytes = model.file.endsWith('.safetensors')
      ? fileOf(tensors, { format: 'pt' })
      : checkpoint(
        Object.fromEntries(
          Object.entries(tensors).map(([tensor, { bytes: data, ...rest }]) => [tensor, { ...rest, data }]),
        ),
      )
    fs.writeFileSync(path.join(folder, model.file), bytes)
    fs.rmSync(path.join(folder, 'drawn.json'))
    fs.rmSync(path.join(folder, 'kept.safetensors'), { force: true })
  }
  fs.writeFileSync(stampFile, stamp)
}

/** @returns {string} the folder of all models */
function buildDrawn() {
  fs.mkdirSync(built, { recursive: true })
  const names = fs.existsSync(stored) ? fs.readdirSync(stored).sort() : []
  for (const name of names) buildModel(name)
  for (const entry of fs.readdirSync(built))
    if (!names.includes(entry.replace(/\.stamp$/, '')))
      fs.rmSync(path.join(built, entry), { recursive: true, force: true })
  return built
}

module.exports = { buildDrawn, pictures }
