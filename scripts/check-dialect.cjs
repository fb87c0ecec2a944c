// Holds the rules of CONTRIBUTING.md for C++ that clang-format does not know: how a value and a pointer are cast, how a
// constant is named, how an error is thrown. Prints every violation and fails.
'use strict'

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const root = path.join(__dirname, '..')
const numbers = 'int|u?int(?:8|16|32|64)_t|size_t|uintptr_t|float|double|char|unsigned|bool'
const rules = [
  [/\bstatic_cast<(?:[^<>*&]|<[^<>]*>)*>\(/g, 'a value is cast by (T) x'],
  [new RegExp(`(?<![\\w:.>]|\\b(?:operator|function<)\\s*)(?:${numbers})\\((?!\\))`, 'g'), 'a value is cast by (T) x'],
  [
    /(?<![\w)\]>])\((?:const )?[\w:]+(?:<\w+>)? \*+(?: ?const)?\) ?[\w(&*"]/g,
    'a pointer is cast by static_cast or reinterpret_cast',
  ],
  [/\bconst(?:expr)?\b[^=;(){}]*\b[A-Z][A-Z0-9_]+(?=\s*(?:=|\[\w*\] =))/g, 'a constant is named in lower case'],
  [/\bthrow (?:ggclip::)?error\((?:error_)?code\b/g, 'an error is thrown by throw_error'],
]

/** The same lines with comments, strings and characters blank. */
function codeOf(text) {
  const other = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|R"\([\s\S]*?\)"|"(?:\\.|[^"\\\n])*"|(?<!\w)'(?:\\.|[^'\\\n])+'/g
  return text.replace(other, found => found.replace(/[^\n]/g, ' '))
}

/** @param {string} text of a C++ file @returns {[line: number, rule: string][]} */
function violationsOf(text) {
  const code = codeOf(text)
  const lineOf = at => code.slice(0, at).split('\n').length
  return rules.flatMap(([pattern, rule]) => [...code.matchAll(pattern)].map(({ index }) => [lineOf(index), rule]))
}

function main() {
  const folders = ['cpp', 'test/native', 'test/fuzz']
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', ...folders], {
    cwd: root,
    encoding: 'utf8',
  })
  for (const file of listed.split('\n').filter(name => /\.(cpp|h)$/.test(name) && name !== 'cpp/engine/error.h')) {
    if (!fs.existsSync(path.join(root, file))) continue
    for (const [line, rule] of violationsOf(fs.readFileSync(path.join(root, file), 'utf8'))) {
      process.stderr.write(`${file}:${line}: ${rule}\n`)
      process.exitCode = 1
    }
  }
}

module.exports = { violationsOf }
if (require.main === module) main()
