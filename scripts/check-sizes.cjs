// Checks that no file of code is longer than 400 lines, comments included: one that is holds more than one subject; and that
// no folder of cpp/ or lib/ holds more than 20 files, those of its sub-folders not counted. Looks at what git does not ignore, of
// every language. Prints each such file with its lines, each such folder with its files, and fails.
'use strict'

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const root = path.join(__dirname, '..')
const mostLines = 400
const mostFiles = 20
const code = /(\.([cm]?[jt]s|cpp|h|c|py|sh|css|html)|\/CMakeLists\.txt|^CMakeLists\.txt|Dockerfile)$/
/** Data. */
const exempt = /^test\/fixtures\//
/** Below these, a folder is a room: what is in it is found at a glance. */
const rooms = /^(cpp|lib)\//

/** @returns {string | undefined} what is wrong with the size of a file, if anything */
function sizeFault(file, text) {
  if (!code.test(file) || exempt.test(file)) return undefined
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
  return lines > mostLines
    ? `${file} has ${lines} lines, more than ${mostLines}: cut it where its subjects part`
    : undefined
}

/** @param {string[]} files @returns {string[]} the folders with too many of them */
function crowded(files) {
  const counts = new Map()
  for (const file of files.filter(name => rooms.test(name))) {
    const folder = path.posix.dirname(file)
    counts.set(folder, (counts.get(folder) ?? 0) + 1)
  }
  return [...counts].filter(([, count]) => count > mostFiles).map(([folder, count]) =>
    `${folder} has ${count} files, more than ${mostFiles}: give those of one subject a folder of their own`
  )
}

function main() {
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  const files = [...new Set(list.split('\0'))].filter(file => file && fs.existsSync(path.join(root, file)))
  const long = files.filter(file => code.test(file)).map(file =>
    sizeFault(file, fs.readFileSync(path.join(root, file), 'utf8'))
  )
  const faults = [...long.filter(Boolean), ...crowded(files)]
  for (const fault of faults) process.stderr.write(`${fault}\n`)
  if (faults.length > 0) process.exitCode = 1
}

module.exports = { crowded, sizeFault }
if (require.main === module) main()
