// Writes into THIRD_PARTY.md, from the bill of materials (sbom.cjs), what is compiled into the binaries and which packages npm
// installs with ggclip, with their licences. The linter refuses an outdated list.
//
//   node scripts/third-party.cjs             writes it (npm run third-party)
//   node scripts/third-party.cjs --check     fails if it is outdated
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { readBill } = require('./sbom.cjs')

const page = path.join(__dirname, '..', 'THIRD_PARTY.md')
const begin = '<!-- written by scripts/third-party.cjs -->\n'

const licenceOf = ({ licenses: [first] }) => first.expression ?? first.license.id ?? first.license.name

const versionOf = ({ purl, version }) => purl.startsWith('pkg:pypi/ziglang') ? `of zig ${version}` : version

/** One line for sharp's packages of all platforms that have one licence. */
const nameOf = ({ name }) => name.replace(/^(@img\/sharp(-libvips|-wasm32|-win32|-webcontainers)?)-?.*$/, '$1-*')

function list() {
  const { components } = readBill()
  const packages = components.filter(({ purl }) => purl.startsWith('pkg:npm/'))
  const rows = new Map()
  for (const each of packages) {
    const needed = each.description === 'headers' ? 'compiled in' : each.scope
    const row = [nameOf(each), each.version, licenceOf(each), needed].join(' | ')
    rows.set(row, `| ${row} |`)
  }
  const others = components.filter(each => !packages.includes(each)).map(each =>
    `| ${[each.name, versionOf(each), licenceOf(each), 'compiled in'].join(' | ')} |`
  )
  return ['| package | version | licence | |', '|---|---|---|---|', ...others, ...[...rows.values()].sort(), ''].join(
    '\n',
  )
}

function main([word]) {
  const text = fs.readFileSync(page, 'utf8')
  const wanted = text.slice(0, text.indexOf(begin) + begin.length) + list()
  if (word !== '--check') return fs.writeFileSync(page, wanted)
  if (text === wanted) return
  process.stderr.write('THIRD_PARTY.md is outdated: run "npm run third-party"\n')
  process.exitCode = 1
}

main(process.argv.slice(2))
