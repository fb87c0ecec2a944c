// Formats what git does not ignore: TypeScript and JavaScript with dprint (dprint.json; from npm, WebAssembly, the version that
// package-lock.json pins), C++ with clang-format 14 (.clang-format), which the system or `pip install clang-format==14.0.6`
// brings, or the program that CLANG_FORMAT names; where it is missing or of another version, C++ is left alone and the
// script says so.
//
//   node scripts/format.cjs [--check] [FILE...]   --check writes nothing, names each file that would change, and fails
'use strict'

const { execFileSync, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const root = path.join(__dirname, '..')
const clangVersion = 14
const script = /\.[cm]?[jt]s$/
const native = /^(cpp|test\/native|test\/fuzz)\/.*\.(cpp|h)$/
const exempt = /^test\/fixtures\//

/** @returns {(file: string, text: string) => string} */
function scriptFormatter() {
  const { createFromBuffer } = require('@dprint/formatter')
  const { getPath } = require('@dprint/typescript')
  const { typescript, lineWidth, indentWidth, useTabs, newLineKind } = JSON.parse(
    fs.readFileSync(path.join(root, 'dprint.json'), 'utf8'),
  )
  const formatter = createFromBuffer(fs.readFileSync(getPath()))
  formatter.setConfig({ lineWidth, indentWidth, useTabs, newLineKind }, typescript)
  const [wrong] = formatter.getConfigDiagnostics()
  if (wrong) throw new Error(`dprint.json: ${wrong.propertyName}: ${wrong.message}`)
  const once = (filePath, fileText) => formatter.formatText({ filePath, fileText })
  // some lines take a second round until they stay; it also notices if the first one broke the file
  const settled = (file, text) => {
    const next = once(file, text)
    return next === text ? text : settled(file, next)
  }
  return settled
}

/** @returns {((file: string, text: string) => string) | undefined} */
function nativeFormatter() {
  const names = process.env.CLANG_FORMAT ? [process.env.CLANG_FORMAT] : [`clang-format-${clangVersion}`, 'clang-format']
  const program = names.find(name => {
    const { stdout } = spawnSync(name, ['--version'], { encoding: 'utf8' })
    return new RegExp(`version ${clangVersion}\\.`).test(stdout ?? '')
  })
  return program &&
    ((file, input) =>
      execFileSync(program, [`--assume-filename=${file}`, '--style=file'], {
        cwd: root,
        input,
        encoding: 'utf8',
        maxBuffer: 1 << 26,
      }))
}

/** @returns {string[]} the files that were not as the formatter writes them */
function formatAll(files, format, { write }) {
  return files.filter(file => {
    const full = path.join(root, file)
    const text = fs.readFileSync(full, 'utf8')
    const formatted = format(file, text)
    if (formatted === text) return false
    if (write) fs.writeFileSync(full, formatted)
    return true
  })
}

function main(args) {
  const check = args.includes('--check')
  const named = args.filter(arg => arg !== '--check').map(file => path.relative(root, path.resolve(file)))
  const sources = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...named],
    { cwd: root, encoding: 'utf8' },
  ).split('\0')
    .filter(file => file !== '' && !exempt.test(file) && fs.existsSync(path.join(root, file)))
  const changed = formatAll(sources.filter(file => script.test(file)), scriptFormatter(), { write: !check })
  const nativeSources = sources.filter(file => native.test(file))
  const formatNative = nativeSources.length === 0 ? undefined : nativeFormatter()
  if (formatNative) changed.push(...formatAll(nativeSources, formatNative, { write: !check }))
  else if (nativeSources.length > 0) process.stdout.write(`C++: not run: no clang-format ${clangVersion}\n`)
  for (const file of changed) process.stdout.write(`${check ? 'not formatted' : 'formatted'}: ${file}\n`)
  if (check && changed.length > 0) process.exitCode = 1
}

main(process.argv.slice(2))
