// Builds the addon (and, with --tests, the native test programs) into build/cmake.
'use strict'

const path = require('node:path')
const { cmake } = require('./cmake.cjs')
const { nodeHeaders } = require('./node-headers.cjs')
const { vendorGgml } = require('./vendor-ggml.cjs')

const root = path.join(__dirname, '..')

function buildNative({ tests = false, debug = false, out = path.join(root, 'build', 'cmake') } = {}) {
  cmake({
    source: root,
    build: out,
    debug,
    defines: {
      GGCLIP_GGML_DIR: vendorGgml(),
      GGCLIP_TESTS: tests ? 'ON' : 'OFF',
      GGCLIP_NODE_HEADERS: nodeHeaders(),
    },
  })
}

module.exports = { buildNative }

if (require.main === module) {
  buildNative({ tests: process.argv.includes('--tests'), debug: process.argv.includes('--debug') })
}
