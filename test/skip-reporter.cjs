// Counts what was skipped, says why, and fails the run when anything else was than test/skips.cjs allows on this machine.
'use strict'

const path = require('node:path')
const { needs } = require('./skips.cjs')

const root = path.join(__dirname, '..')

module.exports = class SkipReporter {
  #selected
  #unnamed = []

  constructor({ testNamePattern }) {
    // what -t leaves out counts as skipped, too
    this.#selected = testNamePattern !== undefined && testNamePattern !== ''
  }

  onRunComplete(_, { testResults }) {
    if (this.#selected) return
    const skipped = testResults.flatMap(({ testFilePath, testResults: tests }) =>
      tests
        .filter(({ status }) => status === 'pending' || status === 'todo' || status === 'disabled')
        .map(({ fullName }) => `${path.relative(root, testFilePath).replaceAll(path.sep, '/')}: ${fullName}`)
    )
    const { named, unnamed } = sortOut(skipped)
    for (const [why, names] of named)
      process.stderr.write(`SKIPPED ${names.length}: ${why}\n${names.map(name => `  ${name}\n`).join('')}`)
    for (const name of unnamed)
      process.stderr.write(`SKIPPED without a reason that test/skips.cjs names and that holds here:\n  ${name}\n`)
    process.stderr.write(`Skipped: ${skipped.length - unnamed.length} with a reason, ${unnamed.length} without\n`)
    this.#unnamed = unnamed
  }

  getLastError() {
    return this.#unnamed.length > 0
      ? new Error(`${this.#unnamed.length} tests were skipped without a reason that holds`)
      : undefined
  }
}

/** @param {string[]} skipped @returns {{ named: Map<string, string[]>, unnamed: string[] }} names by reason, and those that have none */
function sortOut(skipped) {
  const absent = Object.values(needs).map(({ absent, tests }) => ({ why: absent(), tests })).filter(({ why }) =>
    why !== false
  )
  const named = new Map()
  const unnamed = []
  for (const name of skipped) {
    const reason = absent.find(({ tests }) => tests.test(name))
    if (reason) named.set(reason.why, [...(named.get(reason.why) ?? []), name])
    else unnamed.push(name)
  }
  return { named, unnamed }
}

module.exports.sortOut = sortOut
