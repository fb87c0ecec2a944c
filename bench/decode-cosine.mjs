// Effect of decoding at reduced scale (decode: 'auto') on real photographs: cosine of the embeddings, and pixels of the
// model's input, against decoding every pixel (decode: 'exact'). Each photograph as it is and in forms that take other
// paths through the decoder. Fails if a cosine is below 0.999.
//
//   bench/photos.sh                       # once: 25 photographs of 1.3 to 16 megapixels
//   node bench/decode-cosine.mjs [--photos FOLDER] [--json FILE]      # about 2 minutes
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { makeModel } from './make-model.mjs'
import { benchFile } from './models.mjs'

const { values: options } = parseArgs({
  options: { photos: { type: 'string', default: benchFile('photos') }, json: { type: 'string' } },
})
const require = createRequire(import.meta.url)
const { Clip, cosineSimilarity } = require('../dist/index.js')
const sharp = require('sharp')
const least = 0.999

const pixels = async image => {
  const { width, height } = await image.metadata()
  return { width, height }
}
const jpeg = (image, quality = 90) => image.jpeg({ quality }).toBuffer()

/** Sizes that no power of two divides: libvips then drops columns and rows. */
async function oddCrop(file) {
  const { width, height } = await pixels(sharp(file))
  return jpeg(
    sharp(file).extract({
      left: 0,
      top: 0,
      width: width - 1 - (width % 8 === 0 ? 0 : width % 8),
      height: height - 3 - (height % 8),
    }),
  )
}

/** Each form of one photograph. */
const forms = [
  ['as it is', file => fs.readFileSync(file)],
  ['odd edges, JPEG 90', oddCrop],
  ['turned, JPEG 75, 4:4:4',
    file => sharp(file).rotate(90).jpeg({ quality: 75, chromaSubsampling: '4:4:4' }).toBuffer()],
  ['progressive grey JPEG', file => sharp(file).greyscale().jpeg({ quality: 85, progressive: true }).toBuffer()],
  ['WebP 85', file => sharp(file).webp({ quality: 85 }).toBuffer()],
]

/**
 * 8000 x 6000 from four photographs: no real photographs of that size were available, and 1/8 needs them at 224 pixels.
 */
async function mosaic(files) {
  const tiles = await Promise.all(files.map(file => sharp(file).resize(4000, 3000, { fit: 'cover' }).toBuffer()))
  const composite = tiles.map((input, i) => ({ input, left: 4000 * (i % 2), top: 3000 * (i >> 1) }))
  return jpeg(sharp({ create: { width: 8000, height: 6000, channels: 3, background: 'black' } }).composite(composite))
}

async function* pictures(files) {
  for (const file of files) {
    for (const [form, make] of forms) yield { name: path.basename(file), form, bytes: await make(file) }
  }
  const large = []
  for (const file of files) if ((await pixels(sharp(file))).width >= 3000) large.push(file)
  for (let i = 0; i + 4 <= large.length; i += 4) {
    const four = large.slice(i, i + 4)
    yield {
      name: four.map(file => path.basename(file, '.jpg')).join(' + '),
      form: 'mosaic of four, enlarged',
      bytes: await mosaic(four),
    }
  }
}

/** In 8-bit levels. */
function pixelDifference(a, b, std) {
  const plane = a.length / 3
  let [most, sum] = [0, 0]
  for (let i = 0; i < a.length; i++) {
    const levels = 255 * std[Math.floor(i / plane)] * Math.abs(a[i] - b[i])
    most = Math.max(most, levels)
    sum += levels
  }
  return { most: Math.round(most), mean: sum / a.length }
}

async function compare(clip, bytes) {
  const [reduced, exact] = await Promise.all(['auto', 'exact'].map(decode => clip.preprocess(bytes, { decode })))
  const { most, mean } = pixelDifference(reduced, exact, clip.info.vision.std)
  if (most === 0) return { reduced: false }
  const [a, b] = await clip.encodeImage([{ tensor: reduced }, { tensor: exact }])
  return { reduced: true, cosine: cosineSimilarity(a, b), mostLevels: most, meanLevels: mean, embedding: b }
}

/** How alike different photographs are, for comparison. */
function between(embeddings) {
  const cosines = []
  embeddings.forEach((a, i) => embeddings.slice(0, i).forEach(b => cosines.push(cosineSimilarity(a, b))))
  return { mean: cosines.reduce((sum, value) => sum + value, 0) / cosines.length, most: Math.max(...cosines) }
}

function summary(name, results) {
  const reduced = results.filter(result => result.reduced).sort((a, b) => a.cosine - b.cosine)
  const worst = reduced[0]
  const originals = reduced.filter(({ form }) => form === 'as it is').map(({ embedding }) => embedding)
  return {
    model: name,
    pictures: results.length,
    reduced: reduced.length,
    leastCosine: worst.cosine,
    medianCosine: reduced[reduced.length >> 1].cosine,
    worst: `${worst.name}, ${worst.form}, ${worst.width} x ${worst.height}`,
    mostLevels: Math.max(...reduced.map(({ mostLevels }) => mostLevels)),
    meanLevels: reduced.reduce((sum, { meanLevels }) => sum + meanLevels, 0) / reduced.length,
    betweenPhotographs: between(originals),
  }
}

const files = fs.existsSync(options.photos)
  ? fs.readdirSync(options.photos).filter(name => /\.jpe?g$/i.test(name)).sort().map(name =>
    path.join(options.photos, name)
  )
  : []
if (files.length === 0)
  throw new Error(`no photographs in ${options.photos}: run bench/photos.sh, or give a folder with --photos`)
const models = {
  'vit-b-32, random weights, f32': await Clip.load(makeModel('vit-b-32').directory, {
    towers: 'image',
    precision: 'exact',
  }),
  'embedded model': await Clip.load(undefined, { towers: 'image', precision: 'exact' }),
}
const results = Object.fromEntries(Object.keys(models).map(name => [name, []]))
for await (const { name, form, bytes } of pictures(files)) {
  const { width, height } = await pixels(sharp(bytes))
  for (const [model, clip] of Object.entries(models))
    results[model].push({ name, form, width, height, ...await compare(clip, bytes) })
}
const summaries = Object.entries(results).map(([name, list]) => summary(name, list))
const report = {
  date: new Date().toISOString(),
  sharp: sharp.versions,
  photographs: files.length,
  forms: [...forms.map(([form]) => form), 'mosaic of four, enlarged'],
  summaries,
  results: Object.fromEntries(
    Object.entries(results).map((
      [model, list],
    ) => [model, list.filter(({ reduced }) => reduced).map(row => ({ ...row, embedding: undefined }))]),
  ),
}
for (const row of summaries) {
  process.stdout.write(
    `${row.model}: ${row.reduced} of ${row.pictures} pictures reduced, cosine >= ${
      row.leastCosine.toFixed(6)
    } (median ${row.medianCosine.toFixed(6)}; `
      + `different photographs ${row.betweenPhotographs.mean.toFixed(3)} on average), pixels differ by ${
        row.meanLevels.toFixed(2)
      } levels on average, ${row.mostLevels} at most\n  worst: ${row.worst}\n`,
  )
}
const file = options.json ?? benchFile(path.join('results', 'decode-cosine.json'))
fs.mkdirSync(path.dirname(file), { recursive: true })
fs.writeFileSync(file, `${JSON.stringify(report, null, 1)}\n`)
process.exit(summaries.every(({ leastCosine }) => leastCosine >= least) ? 0 : 1)
