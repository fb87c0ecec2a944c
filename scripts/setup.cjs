// Makes a fresh clone usable: installs node_modules when they are missing or older than the lockfile, and with
// --build compiles what is missing or stale. Uses Node's own modules only, since nothing else exists yet.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { run } = require('./run.cjs')

const root = path.join(__dirname, '..')

function modified(file) {
  try {
    return fs.statSync(path.join(root, file)).mtimeMs
  } catch {
    return 0
  }
}

function setup({ build }) {
  // npm writes node_modules/.package-lock.json at the end of every successful install
  if (modified('node_modules/.package-lock.json') < modified('package-lock.json')) {
    process.stderr.write('setup: installing dependencies (npm ci)\n')
    run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: root })
  }
  if (!build) return
  process.stderr.write('setup: building the addon and the library\n')
  require('./build-native.cjs').buildNative({ tests: build === 'tests' })
  require('./build-ts.cjs').buildTs()
}

try {
  setup({ build: process.argv.includes('--build') })
} catch (error) {
  process.stderr.write(`setup failed: ${error.message}\n`)
  process.exitCode = 1
}
