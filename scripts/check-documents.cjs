// Checks that everything the documents refer to exists: every link to a file or heading, and every path of this project
// in backquotes (`lib/errors.ts`, `test/cli*.test.ts`). Prints each missing one, and fails.
'use strict'

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const root = path.join(__dirname, '..')
const folders = /^(lib|cpp|test|scripts|docs|deploy|bench|\.ci|\.github)\//
/** Made by a command, or names of other places. */
const exempt = /^(test\/fixtures|bench\/(results|peers))\//

/** Files that git tracks or would, and their folders. */
function knownPaths() {
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  }).split('\0').filter(Boolean)
  const there = files.filter(file => fs.existsSync(path.join(root, file)))
  return new Set(there.flatMap(file => file.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/'))))
}

const slug = heading => heading.toLowerCase().replace(/`/g, '').replace(/[^\p{L}\p{N}_\- ]/gu, '').replace(/ /g, '-')
const withoutCode = text => text.replace(/^```[\s\S]*?^```/gm, '')
const headings = text => [...withoutCode(text).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slug(heading))

/** @param {string} file relative to the root @param {Set<string>} known @param {(file: string) => string} read */
function faultsOf(file, known, read) {
  const text = read(file)
  const found = []
  for (const [, link] of withoutCode(text).matchAll(/\]\((?!\w+:)([^)\s]+)\)/g)) {
    const [to, anchor] = link.split('#')
    const target = to === '' ? file : path.posix.join(path.posix.dirname(file), to).replace(/\/$/, '')
    if (!known.has(target)) found.push(`links to ${link}, which is not there`)
    else if (anchor !== undefined && target.endsWith('.md') && !headings(read(target)).includes(anchor))
      found.push(`links to ${link}, which has no such heading`)
  }
  for (const [, span] of withoutCode(text).matchAll(/`([^`\n]+)`/g)) {
    if (!folders.test(span) || exempt.test(span) || /[\s()<]/.test(span)) continue
    for (const one of expand(span.replace(/\/$/, '')))
      if (!matches(one, known)) found.push(`names ${one}, which is not there`)
  }
  return found.map(fault => `${file}: ${fault}`)
}

/** `a/{b,c}` is a/b and a/c. */
function expand(span) {
  const braces = /^(.*?)\{([^}]*)\}(.*)$/.exec(span)
  return braces ? braces[2].split(',').flatMap(part => expand(braces[1] + part + braces[3])) : [span]
}

function matches(span, known) {
  if (!span.includes('*')) return known.has(span)
  const pattern = new RegExp(`^${span.replace(/[.+]/g, '\\$&').replace(/\*/g, '[^/]*')}$`)
  return [...known].some(one => pattern.test(one))
}

function main() {
  const known = knownPaths()
  const read = file => fs.readFileSync(path.join(root, file), 'utf8')
  const faults = [...known].filter(file => file.endsWith('.md') && !file.startsWith('test/fixtures/')).flatMap(file =>
    faultsOf(file, known, read)
  )
  for (const fault of faults) process.stderr.write(`${fault}\n`)
  if (faults.length > 0) process.exitCode = 1
}

module.exports = { faultsOf }

if (require.main === module) main()
