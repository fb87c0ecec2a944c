#!/usr/bin/env node
/**
 * Compares ggclip's token ids with the real tokenizers': transformers, tokenizers, sentencepiece, open_clip, ftfy.
 *
 *   python3 -m venv venv && venv/bin/pip install -r scripts/tokenizers/requirements.txt && venv/bin/pip install --no-deps open_clip_torch==3.3.0
 *   node scripts/tokenizers/compare.cjs venv/bin/python [--size 3] [--seed 5] [--added 200] [--only NAME] [--keep]
 *
 * Prints what differs and fails when anything does that docs/tokenizer.md does not name; --keep writes the reference's
 * answers to test/fixtures/tokenizer/expected.json, which test/tokenizer/generated.test.ts holds.
 */
const { spawn } = require('node:child_process')
const { createHash } = require('node:crypto')
const { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { createInterface } = require('node:readline')
const { parseArgs } = require('node:util')

const { folders } = require('./folders.cjs')

const expected = join(__dirname, '..', '..', 'test', 'fixtures', 'tokenizer', 'expected.json')
const perGroup = 4 // texts to a digest

const { createTokenizer, readTokenizerSource } = require('../../dist/tokenizer/tokenizer.js')

/** Of the ids of a few texts: short, and long enough that a difference does not go unseen. */
const digest = rows => createHash('sha256').update(rows.map(ids => ids.join(' ')).join()).digest('base64').slice(0, 4)

async function own(folder, cleaning, texts) {
  try {
    const { source } = await readTokenizerSource(folder)
    const tokenizer = createTokenizer(source, { contextLength: 2 ** 20, ...(cleaning ? { cleaning } : {}) })
    return texts.map(text => tokenizer.encode(text))
  } catch (error) {
    return `${error.code}: ${error.message}`
  }
}

async function main() {
  const { values, positionals: [python] } = parseArgs({
    allowPositionals: true,
    options: {
      size: { type: 'string' },
      seed: { type: 'string' },
      added: { type: 'string' },
      only: { type: 'string' },
      keep: { type: 'boolean' },
      show: { type: 'string' },
    },
  })
  if (!python) throw new Error('expected the path of a Python with scripts/tokenizers/requirements.txt')
  const [size, seed, added, show] = [values.size ?? 1, values.seed ?? 1, values.added ?? 66, values.show ?? 4].map(
    Number,
  )
  const all = folders({ size, seed, added }).filter(({ name }) => !values.only || name.includes(values.only))
  const root = mkdtempSync(join(tmpdir(), 'ggclip-tokenizers-'))
  const child = spawn(python, [join(__dirname, 'reference.py')], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const kept = {}
  let [wrong, compared] = [0, 0]
  for (const { name, files, reference = 'auto', clean, cleaning, texts } of all) {
    const folder = join(root, name)
    mkdirSync(folder)
    for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content)
    child.stdin.write(`${JSON.stringify({ folder, reference, clean, texts })}\n`)
    const { value } = await lines.next()
    if (value === undefined) throw new Error('the reference has ended')
    const theirs = JSON.parse(value)
    const ours = await own(folder, cleaning, texts)
    if (!theirs.error) {
      const without = theirs.ids.flatMap((ids, index) => (ids === null ? [index] : []))
      const groups = Array.from(
        { length: Math.ceil(texts.length / perGroup) },
        (_, at) => theirs.ids.slice(at * perGroup, (at + 1) * perGroup),
      )
      kept[name] = { without, digests: groups.map(group => digest(group.filter(ids => ids !== null))).join('') }
    }
    if (theirs.error || typeof ours === 'string') {
      if (!theirs.error || typeof ours !== 'string') wrong++
      console.log(
        `${name}: reference ${theirs.error ?? 'reads it'}, ggclip ${typeof ours === 'string' ? ours : 'reads it'}`,
      )
      continue
    }
    const differing = texts.map((text, index) => index).filter(index =>
      theirs.ids[index] !== null && theirs.ids[index].join() !== ours[index].join()
    )
    compared += texts.length
    wrong += differing.length
    console.log(`${name}: ${differing.length} of ${texts.length} differ`)
    for (const index of differing.slice(0, show)) {
      const from = Math.max(0, theirs.ids[index].findIndex((id, at) => id !== ours[index][at]) - 3)
      console.log(
        `  ${JSON.stringify(texts[index].slice(0, 120))}\n    reference ${
          theirs.ids[index].slice(from, from + 16)
        }\n    ggclip    ${ours[index].slice(from, from + 16)}`,
      )
    }
  }
  child.stdin.end()
  rmSync(root, { recursive: true })
  if (values.keep)
    writeFileSync(
      expected,
      `${
        JSON.stringify({
          size,
          seed,
          added,
          perGroup,
          kept: { ...(values.only ? JSON.parse(readFileSync(expected, 'utf8')).kept : {}), ...kept },
        })
      }\n`,
    )
  console.log(`${wrong} of ${compared} differ`)
  process.exitCode = wrong === 0 ? 0 : 1
}

main()
