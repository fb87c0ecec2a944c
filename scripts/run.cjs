// Runs a program for the build scripts and turns every kind of failure into one readable error.
'use strict'

const { spawnSync } = require('node:child_process')

/** @returns {string} what it printed, when `capture` is set; otherwise its output goes to the terminal. */
function run(command, args, { cwd, env, capture = false } = {}) {
  const result = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', capture ? 'pipe' : process.stderr, 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    shell: process.platform === 'win32' && command === 'npm',
  })
  if (result.error && result.error.code === 'ENOENT')
    throw new Error(`'${command}' was not found: install it and put it on the PATH`)
  if (result.error) throw result.error
  if (result.status !== 0)
    throw new Error(`${command} ${args.join(' ')} failed with ${result.signal ?? `exit code ${result.status}`}`)
  return capture ? result.stdout : ''
}

module.exports = { run }
