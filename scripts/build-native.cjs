// Builds the addon (and, with --tests, the native test programs) into build/cmake through cmake-js.
// GGCLIP_CMAKE_ARGS adds CMake definitions, e.g. "-DGGCLIP_CUDA=ON -DGGCLIP_SANITIZE=address".
'use strict'

const os = require('node:os')
const path = require('node:path')
const { nodeHeaders } = require('./node-headers.cjs')
const { run } = require('./run.cjs')
const { vendorGgml } = require('./vendor-ggml.cjs')

const root = path.join(__dirname, '..')

function buildNative({ tests = false, debug = false, out = path.join(root, 'build', 'cmake') } = {}) {
  const extra = (process.env.GGCLIP_CMAKE_ARGS ?? '').split(/\s+/).filter(Boolean)
  const defines = [
    `-DGGCLIP_GGML_DIR=${vendorGgml()}`,
    `-DGGCLIP_TESTS=${tests ? 'ON' : 'OFF'}`,
    `-DGGCLIP_NODE_HEADERS=${nodeHeaders()}`,
    ...extra,
  ]
  const cmakeJs = require.resolve('cmake-js/bin/cmake-js')
  const parallel = String(os.availableParallelism())
  const args = ['-O', out, '-B', debug ? 'Debug' : 'Release', '-p', parallel, '-l', 'warn']
  for (const define of defines) args.push(`--CD${define.slice(2)}`)
  // 'build' alone configures an empty folder only, and would go on with yesterday's definitions
  for (const step of ['configure', 'build']) run(process.execPath, [cmakeJs, step, ...args], { cwd: root })
}

module.exports = { buildNative }

if (require.main === module) {
  buildNative({ tests: process.argv.includes('--tests'), debug: process.argv.includes('--debug') })
}
