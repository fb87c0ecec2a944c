// Before `npm pack`: refuses a checkout that is not built, and writes what only the archive has, the bundle of sources.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { platforms, prebuiltFile } = require('./platforms.cjs')
const { writeBundle } = require('./write-bundle.cjs')

const root = path.join(__dirname, '..')
const isThere = file => fs.existsSync(path.join(root, file))

const missing = []
if (!isThere('dist/index.mjs')) missing.push('dist/ ("npm run build:ts" makes it)')
if (!platforms.some(platform => isThere(prebuiltFile(platform))))
  missing.push('a binary in prebuilds/ ("npm run prebuild -- --native" makes this platform\'s)')
if (missing.length > 0) {
  process.stderr.write(missing.map(line => `pack: expected ${line}, found none\n`).join(''))
  process.exitCode = 1
} else {
  writeBundle()
}
