// Checks that the project needs nothing outside itself: no tracked file of its code, tests and scripts names a folder
// beside the checkout, or a path of one machine. Prints every such line and fails.
'use strict'

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const root = path.join(__dirname, '..')
const tracked = ['test', 'lib', 'cpp', 'scripts', 'bench', 'deploy', '.ci', 'CMakeLists.txt', 'binding.gyp', '*.json',
  '*.cjs', '*.mjs']
const readable = /(\.(ts|[cm]?js|json|py|sh|cpp|h|yml|yaml|gyp|txt)|\/run|Dockerfile)$/
/** Paths in there are relative to other places, or are data. */
const exempt =
  /^(package-lock\.json|test\/fixtures\/(oracle|reference|tokenizer)\/|bench\/(results|peers\/package-lock)|scripts\/check-paths\.cjs|test\/project\/checks\.test\.ts)/

/** What is wrong with a line of a file so many folders deep, if anything. */
function faultOf(line, depth) {
  if (/(?<![\w.~*/\\-])\/(?:work|root|workspace|Users)\//.test(line)) return 'names a place of one machine'
  // path.join(root, '..'), and more '..' after __dirname than there are folders
  const fromRoot = /\b(?:root|packageRoot|repository)\b,\s*['"]\.\./.test(line)
  const joined = [...line.matchAll(/(?:__dirname|import\.meta\.dirname)((?:,\s*['"]\.\.['"])+)/g)].map(([, ups]) =>
    ups.split('..').length - 1
  )
  // a path in quotes: '../../lib', `${here}/../..`
  const quoted = [...line.matchAll(/(?<=['"`(])(?:\.\.\/)+/g)].map(([ups]) => ups.length / 3)
  const names = /\b(?:import|from|require|join|resolve|__dirname|URL|cd)\b/.test(line)
  if (fromRoot || joined.some(ups => ups > depth) || (names && quoted.some(ups => ups > depth)))
    return 'looks beside the checkout'
  return undefined
}

/** @param {string} file relative to the checkout @returns {string[]} its lines that may not stand */
function faults(file, text) {
  const depth = file.split('/').length - 1
  return text.split('\n').flatMap((line, i) => {
    const fault = faultOf(line, depth)
    return fault === undefined ? [] : [`${file}:${i + 1} ${fault}: ${line.trim().slice(0, 140)}`]
  })
}

function check() {
  const files = execFileSync('git', ['ls-files', '-z', '--', ...tracked], { cwd: root, encoding: 'utf8' }).split('\0')
    .filter(file => readable.test(file) && !exempt.test(file) && fs.existsSync(path.join(root, file)))
  const found = files.flatMap(file => faults(file, fs.readFileSync(path.join(root, file), 'utf8')))
  for (const fault of found) process.stderr.write(`${fault}\n`)
  if (found.length > 0) process.exitCode = 1
}

module.exports = { faults }

if (require.main === module) check()
