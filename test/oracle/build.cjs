// Makes build/cache/oracle, the reference's models and pictures: what test/fixtures/oracle holds, and beside it what can be
// made again from a rule (weights, tokenizers, GGUF files, drawn pictures), each file checked by its SHA-256.
//
//   node test/oracle/build.cjs      prints the folder; seconds, once
'use strict'

const { createHash } = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { buildDrawn } = require('./drawn.cjs')
const { clipCppFile } = require('./gguf.cjs')
const { drawn, pixelValues, png } = require('./pictures.cjs')
const { fileOf, tensorsOf } = require('./safetensors.cjs')
const { mergesTxt, tokenizerJson, tokensOf, vocabJson } = require('./tokenizer.cjs')
const { weightsFile } = require('./weights.cjs')

const root = path.join(__dirname, '..', '..')
const stored = path.join(root, 'test', 'fixtures', 'oracle')
const oracle = path.join(root, 'build', 'cache', 'oracle')

/** `merges`: so many of CLIP's; `pad`: the padding token; `pictures`: inputs in expected.safetensors. */
const models = [
  {
    name: 'hf-clip-tiny',
    seed: 101,
    merges: 2000,
    pad: '<|endoftext|>',
    pictures: 4,
    size: 64,
    gguf: ['f16', 'q8_0', 'q4_0'],
  },
  { name: 'hf-clip-gelu-tiny', seed: 102, merges: 1200, pad: '!', pictures: 3, size: 48, gguf: ['f32'] },
  {
    name: 'openclip-tiny',
    seed: 103,
    merges: 2000,
    pad: '<|endoftext|>',
    pictures: 3,
    size: 64,
    weights: 'open_clip_model',
  },
  { name: 'siglip-tiny', seed: 104, logitScale: 4.7, logitBias: -12.9, pictures: 3, size: 64 },
]

const sha256 = bytes => createHash('sha256').update(bytes).digest('hex')
const read = (...parts) => fs.readFileSync(path.join(stored, ...parts))
const readJson = (...parts) => JSON.parse(read(...parts).toString())

/** @returns {string} the folder, made if it is not there or no longer that of its sources */
function buildOracle() {
  const stamp = sha256(sourceFiles().map(file => sha256(fs.readFileSync(file))).join())
  if (stampOf(oracle) === stamp) return oracle
  fs.mkdirSync(path.dirname(oracle), { recursive: true })
  const unfinished = fs.mkdtempSync(`${oracle}-`)
  try {
    fs.cpSync(stored, unfinished, { recursive: true, filter: file => !/(\.shapes\.json|ziggurat\.bin)$/.test(file) })
    const sums = readJson('sums.json')
    const write = (name, bytes, checked = bytes) => {
      if (sums[name] !== undefined && sha256(checked) !== sums[name]) {
        throw new Error(
          `${name}: expected SHA-256 ${sums[name]}, got ${
            sha256(checked)
          }: what makes it in test/oracle differs from the reference's generator`,
        )
      }
      fs.mkdirSync(path.dirname(path.join(unfinished, name)), { recursive: true })
      fs.writeFileSync(path.join(unfinished, name), bytes)
      delete sums[name]
    }
    makeTokenizer(write)
    for (const model of models) makeModel(model, write)
    for (const [name, [width, height, channels, data]] of Object.entries(drawn)) {
      const pixels = data()
      write(`preprocess/images/${name}`, png(width, height, channels, pixels), pixels)
    }
    if (Object.keys(sums).length > 0) throw new Error(`nothing makes ${Object.keys(sums).join(', ')} of sums.json`)
    fs.writeFileSync(path.join(unfinished, 'stamp'), stamp)
    fs.rmSync(oracle, { recursive: true, force: true })
    fs.renameSync(unfinished, oracle)
  } catch (error) {
    // another process may have been quicker
    if (stampOf(oracle) !== stamp) throw error
  } finally {
    fs.rmSync(unfinished, { recursive: true, force: true })
  }
  return oracle
}

function stampOf(folder) {
  const file = path.join(folder, 'stamp')
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : ''
}

/** Everything that the folder follows from. */
function sourceFiles() {
  return [__dirname, stored].flatMap(folder => fs.readdirSync(folder, { recursive: true, withFileTypes: true }))
    .filter(entry => entry.isFile()).map(entry => path.join(entry.parentPath ?? entry.path, entry.name)).sort()
}

function allMerges() {
  return read('tokenizer', 'merges.txt').toString().trimEnd().split('\n').slice(1)
}

/** The whole of CLIP's vocabulary, in a folder of its own. */
function makeTokenizer(write) {
  for (const name of ['merges.txt', 'special_tokens_map.json', 'tokenizer_config.json'])
    write(`tokenizer/clip/${name}`, read('tokenizer', name))
  write('tokenizer/clip/vocab.json', Buffer.from(vocabJson(tokensOf(allMerges()))))
}

function makeModel(model, write) {
  const { name, pad, weights = 'model' } = model
  const place = file => `models/${name}/${file}`
  const merges = model.merges && allMerges().slice(0, model.merges)
  if (merges) {
    write(place('vocab.json'), Buffer.from(vocabJson(tokensOf(merges))))
    write(place('merges.txt'), Buffer.from(mergesTxt(merges)))
    write(
      place('tokenizer.json'),
      Buffer.from(tokenizerJson(read('tokenizer', 'tokenizer.json').toString(), merges, pad)),
    )
  } else {
    // the table of the normaliser is the end of the SentencePiece model
    const table = read('models', name, 'spiece.model').subarray(-240_007).toString('base64')
    const text = read('models', name, 'tokenizer.json').toString()
    write(
      place('tokenizer.json'),
      Buffer.from(text.replace('"precompiled_charsmap":""', () => `"precompiled_charsmap":"${table}"`)),
    )
  }
  const bytes = weightsFile(readJson('models', name, `${weights}.shapes.json`), model)
  write(place(`${weights}.safetensors`), bytes)

  const [mean, deviation] = statistics(name)
  const inputs = pixelValues(model.seed, model.pictures, model.size, mean, deviation)
  const pixels = { dtype: 'F32', shape: [model.pictures, 3, model.size, model.size], bytes: Buffer.from(inputs.buffer) }
  const expected = tensorsOf(read('models', name, 'expected.safetensors'))
  write(place('expected.safetensors'), safetensors({ ...expected, pixel_values: pixels }))

  if (!model.gguf) return
  const dequantised = tensorsOf(read('gguf', `${name}-expected.safetensors`))
  write(
    `gguf/${name}-expected.safetensors`,
    safetensors({ ...dequantised, pixel_values: pixels, input_ids: expected.input_ids }),
  )
  for (const kind of model.gguf) {
    const config = readJson('models', name, 'config.json')
    const preprocessor = readJson('models', name, 'preprocessor_config.json')
    write(
      `gguf/${name}-${kind}.gguf`,
      clipCppFile(bytes, { config, preprocessor, tokens: tokensOf(merges), name, kind }),
    )
  }
}

/** Mean and standard deviation of a model's channels. */
function statistics(name) {
  const folder = path.join(stored, 'models', name)
  if (!fs.existsSync(path.join(folder, 'preprocessor_config.json'))) {
    const { preprocess_cfg: config } = readJson('models', name, 'open_clip_config.json')
    return [config.mean, config.std]
  }
  const config = readJson('models', name, 'preprocessor_config.json')
  return [config.image_mean, config.image_std]
}

/** Sorted as the reference's library writes them: by type, then by name. */
function safetensors(tensors) {
  const names = Object.keys(tensors).sort((a, b) => (tensors[a].dtype + a < tensors[b].dtype + b ? -1 : 1))
  return fileOf(Object.fromEntries(names.map(name => [name, tensors[name]])))
}

/** Before all tests (jest.config.cjs). */
function buildAll() {
  buildDrawn()
  return buildOracle()
}

module.exports = buildAll
Object.assign(module.exports, { models, safetensors })

if (require.main === module) process.stdout.write(`${buildAll()}\n`)
