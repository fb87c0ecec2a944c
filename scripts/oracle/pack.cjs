// Keeps the files of a reference tree (reference/run_all.sh OUT) that cannot be generated, in test/fixtures/oracle, and
// the SHA-256 of all files that test/oracle generates.
//
//   node scripts/oracle/pack.cjs OUT
'use strict'

const { createHash } = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { parseSafetensors } = require('../../test/fixtures/bad-input/model-files.cjs')
const { models, safetensors } = require('../../test/oracle/build.cjs')
const { tensorsOf } = require('../../test/oracle/safetensors.cjs')
const { drawn } = require('../../test/oracle/pictures.cjs')

const tree = path.resolve(process.argv[2] ?? '')
const stored = path.join(__dirname, '..', '..', 'test', 'fixtures', 'oracle')
const sums = {}

const sha256 = bytes => createHash('sha256').update(bytes).digest('hex')
const read = name => fs.readFileSync(path.join(tree, name))
function keep(name, bytes = read(name)) {
  fs.mkdirSync(path.dirname(path.join(stored, name)), { recursive: true })
  fs.writeFileSync(path.join(stored, name), bytes)
}
const note = name => {
  sums[name] = sha256(read(name))
}
const lines = object =>
  `{\n${
    Object.entries(object).map(([key, value]) => ` ${JSON.stringify(key)}: ${JSON.stringify(value)}`).join(',\n')
  }\n}\n`
const without = (file, names) =>
  safetensors(Object.fromEntries(Object.entries(tensorsOf(file)).filter(([name]) => !names.includes(name))))

function packModel({ name, weights = 'model', merges, gguf = [] }) {
  const place = file => `models/${name}/${file}`
  for (const file of fs.readdirSync(path.join(tree, 'models', name))) {
    if (!/^(vocab\.json|merges\.txt|tokenizer\.json|.*\.safetensors)$/.test(file)) keep(place(file))
  }
  const { header } = parseSafetensors(read(place(`${weights}.safetensors`)))
  delete header.__metadata__
  const shapes = Object.entries(header).map((
    [key, { dtype, shape }],
  ) => [key, dtype === 'F32' ? shape : { dtype, shape }])
  keep(place(`${weights}.shapes.json`), lines(Object.fromEntries(shapes)))
  keep(place('expected.safetensors'), without(read(place('expected.safetensors')), ['pixel_values']))
  for (
    const file of [`${weights}.safetensors`, 'expected.safetensors', 'tokenizer.json',
      ...(merges ? ['vocab.json', 'merges.txt'] : [])]
  ) note(place(file))
  if (!merges)
    keep(
      place('tokenizer.json'),
      read(place('tokenizer.json')).toString().replace(/("precompiled_charsmap":")[^"]*/, '$1'),
    )
  if (gguf.length === 0) return
  const expected = `gguf/${name}-expected`
  keep(`${expected}.json`)
  keep(`${expected}.safetensors`, without(read(`${expected}.safetensors`), ['pixel_values', 'input_ids']))
  note(`${expected}.safetensors`)
  for (const kind of gguf) note(`gguf/${name}-${kind}.gguf`)
}

function packTokenizer() {
  for (const name of ['vectors.json', 'clean_variants.json']) keep(`tokenizer/${name}`)
  for (const name of ['merges.txt', 'special_tokens_map.json', 'tokenizer_config.json'])
    keep(`tokenizer/${name}`, read(`tokenizer/clip/${name}`))
  note('tokenizer/clip/vocab.json')
  const whole = JSON.parse(read('models/hf-clip-tiny/tokenizer.json').toString())
  whole.added_tokens = []
  for (const part of [whole.post_processor.sep, whole.post_processor.cls]) part[1] = 0
  Object.assign(whole.model, { vocab: {}, merges: [] })
  keep('tokenizer/tokenizer.json', `${JSON.stringify(whole, null, 1)}\n`)
}

function packPictures() {
  keep('preprocess/expected.json')
  const names = Object.keys(JSON.parse(read('preprocess/expected.json').toString()))
  for (const name of names) if (!drawn[name]) keep(`preprocess/images/${name}`)
  for (const [name, [, , , data]] of Object.entries(drawn)) sums[`preprocess/images/${name}`] = sha256(data())
  const alternatives = tensorsOf(read('preprocess/expected_alternatives.safetensors'))
  const resized = {}
  for (const file of fs.readdirSync(path.join(tree, 'preprocess'))) {
    const [, pipeline] = /^expected_((?:hf|openclip|siglip)_.*)\.safetensors$/.exec(file) ?? []
    if (pipeline === undefined) continue
    const tensors = tensorsOf(read(`preprocess/${file}`))
    const result = name => alternatives[`${pipeline}/${name}#rgb_first`] ?? tensors[name]
    resized[pipeline] = Object.fromEntries(names.map(name => [name, sha256(result(name).bytes)]))
  }
  keep('preprocess/resized.json', `${JSON.stringify(resized, null, 1)}\n`)
}

packTokenizer()
for (const model of models) packModel(model)
packPictures()
keep('sums.json', `${JSON.stringify(sums, null, 1)}\n`)
