// Changes the tokenizer files of the reference models at random and encodes texts with them. A coded error or ids that the
// vocabulary has are right answers; anything else, or a text that takes seconds, is a finding.
// Usage: node tokenizer-fuzz.cjs SECONDS FINDINGS_FOLDER [SEED]     (needs a build; Node has no coverage-guided fuzzer that
// installs from the registry alone)
'use strict'

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { createTokenizer, readTokenizerSource } = require('../../dist/tokenizer/tokenizer.js')
const { randomFrom } = require('../helpers/random.cjs')

const [, , seconds = '10', findings = '.', seed = String(Date.now() % 1e9)] = process.argv
const families = path.join(__dirname, '..', 'fixtures', 'reference', 'families')
const own = path.join(__dirname, '..', 'fixtures', 'tokenizer')
const isTokenizerFile = name =>
  /^(tokenizer(_config)?\.json|vocab\.(json|txt)|merges\.txt|special_tokens_map\.json|added_tokens\.json|.*\.model)$/
    .test(name)

const random = randomFrom(Number(seed))
const pick = list => list[random(list.length)]

// ---- changes -------------------------------------------------------------------------------------------------------

const oddities = [
  null,
  true,
  -1,
  0,
  1,
  2 ** 31,
  2 ** 53,
  1e308,
  0.5,
  '',
  ' ',
  '\u0000',
  '</w>',
  '<|endoftext|>',
  '<unk>',
  '\ud800',
  '((((a+)+)+)+)$',
  '[',
  '\\p{L}+',
  'a'.repeat(70000),
  [],
  {},
  [[]],
  [['a', 1]],
  { content: 'x' },
  { type: 'Sequence', normalizers: [] },
  { type: 'Replace', pattern: { Regex: '(a|a)*b' }, content: 'x' },
  { type: 'Lowercase' },
  { type: 'Split', pattern: { String: '' }, behavior: 'Isolated', invert: false },
  { type: 'Nonsense' },
  { id: -1, content: '' },
]

/** Every object and array inside a value. */
function containers(value, found = []) {
  if (typeof value !== 'object' || value === null || found.length > 3000) return found
  found.push(value)
  for (const item of Object.values(value)) containers(item, found)
  return found
}

function changeJson(text) {
  const root = JSON.parse(text)
  for (let n = 1 + random(3); n > 0; n--) {
    const all = containers(root)
    // the outer ones hold the rules, the inner ones thousands of tokens
    const target = random(2) ? pick(all) : all[random(Math.min(all.length, 40))]
    const keys = Object.keys(target)
    const key = keys.length > 0 ? pick(keys) : 'x'
    const kind = random(4)
    if (kind === 0) Array.isArray(target) ? target.splice(Number(key) || 0, 1) : delete target[key]
    else if (kind === 1) target[key] = structuredClone(pick(oddities))
    else if (kind === 2 && keys.length > 1) target[key] = structuredClone(target[pick(keys)])
    else if (kind === 3)
      Array.isArray(target)
        ? target.push(structuredClone(pick(oddities)))
        : (target[String(pick(oddities))] = structuredClone(pick(oddities)))
  }
  return JSON.stringify(root)
}

function changeBytes(bytes) {
  const out = Buffer.from(bytes)
  for (let n = 1 + random(4); n > 0 && out.length > 0; n--) out[random(out.length)] = random(256)
  return random(8) ? out : out.subarray(0, random(out.length))
}

function change(name, bytes) {
  if (name.endsWith('.json') && random(5)) return Buffer.from(changeJson(bytes.toString('utf8')))
  return changeBytes(bytes)
}

// ---- what is tried -------------------------------------------------------------------------------------------------

const texts = ['', 'a photo of a cat', "  Ünïcode \u00a0 ﬁne 猫 👩‍🚀 \ud83d  </s><|endoftext|>[SEP] don't 1234",
  'a'.repeat(5000), ' '.repeat(3000), '猫'.repeat(2000), 'aab'.repeat(1500)]

/** Undefined, or what is wrong. */
async function tryFolder(folder) {
  const began = Date.now()
  try {
    const { source, contextLength } = await readTokenizerSource(folder)
    for (const cleaning of ['whitespace_lower', 'none']) {
      const tokenizer = createTokenizer(source, { contextLength: Math.min(contextLength ?? 77, 77), cleaning })
      for (const text of texts) {
        const ids = tokenizer.encode(text)
        if (ids.length > tokenizer.contextLength) return `${ids.length} ids where ${tokenizer.contextLength} fit`
        const wrong = ids.find(id => !Number.isInteger(id) || id < 0 || id >= tokenizer.tokenCount)
        if (wrong !== undefined) return `id ${wrong} of a vocabulary of ${tokenizer.tokenCount}`
        tokenizer.decode(ids)
      }
    }
  } catch (error) {
    const { code } = error
    if (typeof code !== 'string' || !code.startsWith('ERR_CLIP_') || code === 'ERR_CLIP_INTERNAL')
      return `not one of our errors: ${error.stack}`
  }
  const took = Date.now() - began
  return took > 20_000 ? `${took} ms for a few short texts` : undefined
}

function seedFolders() {
  const folders = [own, path.join(own, 'xlm-roberta'),
    ...fs.readdirSync(families).map(name => path.join(families, name)).filter(folder =>
      fs.statSync(folder).isDirectory()
    )]
  return folders.map(folder =>
    Object.fromEntries(
      fs.readdirSync(folder).filter(isTokenizerFile).map(name => [name, fs.readFileSync(path.join(folder, name))]),
    )
  )
    .filter(files => Object.keys(files).length > 0)
}

async function main() {
  const seeds = seedFolders()
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ggclip-tokenizer-fuzz-'))
  const end = Date.now() + Number(seconds) * 1000
  let runs = 0, found = 0
  try {
    for (; Date.now() < end; runs++) {
      const files = { ...pick(seeds) }
      // the first rounds are the seeds themselves
      if (runs < seeds.length) Object.assign(files, seeds[runs])
      else for (const name of new Set([pick(Object.keys(files)), pick(Object.keys(files))]))
          files[name] = change(name, files[name])
      for (const name of fs.readdirSync(folder)) fs.rmSync(path.join(folder, name))
      for (const [name, bytes] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), bytes)
      const problem = await tryFolder(folder)
      if (problem === undefined) continue
      const kept = path.join(findings, `tokenizer-${seed}-${runs}`)
      fs.cpSync(folder, kept, { recursive: true })
      console.log(`finding: ${problem}\n  files in ${kept}`)
      process.exitCode = 1
      if (++found === 5) break
    }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
  console.log(`Done ${runs} runs`)
}
main()
