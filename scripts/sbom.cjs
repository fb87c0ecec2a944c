// The software bill of materials of what is published, CycloneDX 1.5: npm's own list, cut down to what an installation of
// ggclip brings on any platform (`npm sbom --omit dev` forgets packages that a development dependency needs, too), and what
// is compiled into the binaries, which npm does not know.
//
//   node scripts/sbom.cjs [FILE]      into a file, or to stdout
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { run } = require('./run.cjs')
const { version: zigVersion } = require('./zig.cjs')

const root = path.join(__dirname, '..')
const readJson = file => JSON.parse(fs.readFileSync(path.join(root, file), 'utf8'))

/** What is compiled into each binary. */
function compiledIn({ packages }) {
  const { ggml, commit, release } = readJson('vendor/ggml.json')
  const header = name => {
    const { version, license } = packages[`node_modules/${name}`]
    return library(name, version, { license: { id: license } }, `pkg:npm/${name}@${version}`, 'headers')
  }
  return [
    library('ggml', ggml, { license: { id: 'MIT' } }, `pkg:github/ggml-org/llama.cpp@${commit}`, `from ${release}`),
    header('node-addon-api'),
    header('node-api-headers'),
    library(
      'libc++',
      zigVersion,
      { expression: 'Apache-2.0 WITH LLVM-exception' },
      `pkg:pypi/ziglang@${zigVersion}`,
      "LLVM's C++ runtime as zig has it; binaries made by GCC or Visual C++ have theirs",
    ),
  ]
}

function library(name, version, licence, purl, description) {
  const reference = `${name}@${version}`
  return {
    'bom-ref': reference,
    type: 'library',
    name,
    version,
    scope: 'required',
    description,
    purl,
    licenses: [licence],
  }
}

/** The references that an installation brings, from `first` on. */
function reachable(first, dependencies) {
  const needs = new Map(dependencies.map(({ ref, dependsOn = [] }) => [ref, dependsOn]))
  const found = new Set(first)
  for (const reference of found) for (const next of needs.get(reference) ?? []) found.add(next)
  return found
}

/** @param {string} text what `npm sbom --package-lock-only` printed */
function billOfMaterials(text) {
  const bill = JSON.parse(text)
  const manifest = readJson('package.json')
  const { component } = bill.metadata
  component.name = manifest.name // npm takes the folder's
  const own = new Set(Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }))
  const [direct] = bill.dependencies.filter(({ ref }) => ref === component['bom-ref'])
  const nameOf = reference => reference.slice(0, reference.lastIndexOf('@'))
  const first = direct.dependsOn.filter(reference => own.has(nameOf(reference)))
  const kept = reachable(first, bill.dependencies)
  const compiled = compiledIn(readJson('package-lock.json'))
  bill.components = [...bill.components.filter(each => kept.has(each['bom-ref'])), ...compiled]
  // npm's marks are those of the checkout, where a development dependency may need the same
  const needed = reachable(first.filter(reference => nameOf(reference) in manifest.dependencies), bill.dependencies)
  for (const each of bill.components) {
    if (kept.has(each['bom-ref'])) each.scope = needed.has(each['bom-ref']) ? 'required' : 'optional'
    each.properties = (each.properties ?? []).filter(({ name }) => name !== 'cdx:npm:package:development')
  }
  const names = new Set(compiled.map(each => each['bom-ref']))
  bill.dependencies = [
    { ref: component['bom-ref'], dependsOn: [...first, ...names] },
    ...bill.dependencies.filter(({ ref }) => kept.has(ref)),
    ...[...names].map(ref => ({ ref, dependsOn: [] })),
  ]
  return bill
}

function readBill() {
  const words = ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx']
  return billOfMaterials(run('npm', words, { cwd: root, capture: true }))
}

function main([file]) {
  const text = `${JSON.stringify(readBill(), null, 2)}\n`
  if (file === undefined) process.stdout.write(text)
  else fs.writeFileSync(file, text)
}

module.exports = { readBill }
if (require.main === module) main(process.argv.slice(2))
