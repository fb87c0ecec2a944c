// Writes the API reference, docs/api/, from the doc comments of what the package exports.
//
//   node scripts/docs.cjs [--check]     --check writes nothing, names each page that is not as it would be written, and fails
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { splitDefault } = require('./api-docs/doc-comment.cjs')
const { Writer } = require('./api-docs/markdown.cjs')
const { entries, pages } = require('./api-docs/pages.cjs')
const { readApi } = require('./api-docs/read-api.cjs')

const root = path.join(__dirname, '..')
const folder = path.join(root, 'docs', 'api')

/** Exports, and those members of classes that pages name. */
function itemsOf(api) {
  const named = new Set(pages.flatMap(({ names }) => names))
  const members = [...api.values()].flatMap(item => (item.members ?? []).filter(({ name }) => named.has(name)))
  return new Map([...api, ...members.map(member => [member.name, member])])
}

/** @returns {string[]} problems of the sources or the list of pages */
function faultsOf(items) {
  const named = pages.flatMap(({ names }) => names)
  const twice = named.filter((name, i) => named.indexOf(name) !== i).map(name => `${name}: on two pages`)
  const gone = named.filter(name => !items.has(name)).map(name => `${name}: not exported (scripts/api-docs/pages.cjs)`)
  const missing = [...items.keys()].filter(name => !named.includes(name)).map(name =>
    `${name}: on no page (scripts/api-docs/pages.cjs)`
  )
  return [...twice, ...gone, ...missing, ...[...items.values()].flatMap(faultsOfItem)]
}

function faultsOfItem({ name, kind, doc, fields = [], members = [] }) {
  const found = []
  if (doc.text === '') found.push(`${name}: no doc comment`)
  if (['function', 'method'].includes(kind) && doc.examples.length === 0 && !name.includes('['))
    found.push(`${name}: no @example`)
  for (const field of fields) {
    if (field.doc.text === '') found.push(`${name}.${field.name}: no doc comment`)
    // signals and listeners need no words about their default
    const speaks = field.isFunction || field.type === 'AbortSignal' || field.type === 'URL'
    if (/Options$/.test(name) && field.isOptional && !speaks && splitDefault(field.doc.text).fallback === '')
      found.push(`${name}.${field.name}: no "Default ..." in its doc comment`)
  }
  for (const member of members) if (member.kind === 'method') found.push(...faultsOfItem(member))
  return found
}

/** The codes of docs/errors.md, in its order. */
function readErrors() {
  const sections = fs.readFileSync(path.join(root, 'docs', 'errors.md'), 'utf8').split(/^### /m).slice(1)
  return sections.map(section => {
    const [, code, type, when] = /^(\w+)\n`(\w+)`\. \*\*When:\*\* ([\s\S]*?)(?=\n\*\*|\n\n)/.exec(section)
    return { code, type, when: when.replace(/\n/g, ' ') }
  })
}

/** @returns {Map<string, string>} text by file name */
function makePages() {
  const items = itemsOf(readApi(entries))
  const faults = faultsOf(items)
  if (faults.length > 0) throw new Error(`the API reference cannot be made:\n${faults.join('\n')}`)
  const pageOf = new Map(pages.flatMap(({ file, names }) => names.map(name => [name, file])))
  const writer = new Writer(pageOf, items, readErrors())
  return new Map([['README.md', writer.index(pages)], ...pages.map(page => [page.file, writer.pageText(page)])])
}

function main(check) {
  const made = makePages()
  const there = fs.existsSync(folder) ? fs.readdirSync(folder) : []
  const read = file => (there.includes(file) ? fs.readFileSync(path.join(folder, file), 'utf8') : undefined)
  const stale = [...made].filter(([file, text]) => read(file) !== text).map(([file]) => file)
  const left = there.filter(file => !made.has(file))
  if (check) {
    for (const file of [...stale, ...left])
      process.stderr.write(`docs/api/${file}: not what the sources say: npm run docs\n`)
    if (stale.length + left.length > 0) process.exitCode = 1
    return
  }
  fs.mkdirSync(folder, { recursive: true })
  for (const file of stale) fs.writeFileSync(path.join(folder, file), made.get(file))
  for (const file of left) fs.rmSync(path.join(folder, file))
  process.stdout.write(`docs/api: ${stale.length} of ${made.size} pages written\n`)
}

if (require.main === module) {
  try {
    main(process.argv.includes('--check'))
  } catch (error) {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}

module.exports = { makePages }
