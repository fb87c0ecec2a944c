// Checks that no file of code is longer than 400 lines, comments included: one that is holds more than one subject. Looks at
// what git does not ignore, of every language. Prints each such file with its lines and fails.
'use strict'

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const root = path.join(__dirname, '..')
const mostLines = 400
const code = /(\.([cm]?[jt]s|cpp|h|c|py|sh|css|html)|\/CMakeLists\.txt|^CMakeLists\.txt|Dockerfile)$/
/** Data. */
const exempt = /^test\/fixtures\//

/** @returns {string | undefined} what is wrong with the size of a file, if anything */
function sizeFault(file, text) {
  if (!code.test(file) || exempt.test(file)) return undefined
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
  return lines > mostLines
    ? `${file} has ${lines} lines, more than ${mostLines}: cut it where its subjects part`
    : undefined
}

function main() {
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  const files = [...new Set(list.split('\0'))].filter(file => code.test(file) && fs.existsSync(path.join(root, file)))
  const faults = files.map(file => sizeFault(file, fs.readFileSync(path.join(root, file), 'utf8'))).filter(Boolean)
  for (const fault of faults) process.stderr.write(`${fault}\n`)
  if (faults.length > 0) process.exitCode = 1
}

module.exports = { sizeFault }
if (require.main === module) main()
