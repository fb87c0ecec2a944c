// Runs when a user installs the package: takes the prebuilt binary, else compiles from source. In a checkout of the
// repository it does nothing, since the npm scripts build what they need.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { run } = require('./run.cjs')

const root = path.join(__dirname, '..')

if (!fs.existsSync(path.join(root, 'tsconfig.json'))) {
  try {
    require('node-gyp-build/node-gyp-build.js').resolve(root)
  } catch {
    process.stderr.write(
      'ggclip: no prebuilt binary for this platform, compiling (needs CMake, a C++17 compiler, git and tar)\n',
    )
    try {
      run('node-gyp', ['rebuild'], { cwd: root })
    } catch (error) {
      process.stderr.write(`ggclip: compiling failed: ${error.message}\n`)
      process.exitCode = 1
    }
  }
}
