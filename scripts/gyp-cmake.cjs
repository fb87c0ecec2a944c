// Called by binding.gyp: runs the one CMake build in a folder of its own and puts the addon where node-gyp and
// prebuildify look for it. Arguments: node's header folder, the output file.
'use strict'

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { run } = require('./run.cjs')
const { vendorGgml } = require('./vendor-ggml.cjs')

const root = path.join(__dirname, '..')
const [headers, output] = process.argv.slice(2)
const build = path.join(root, 'build', 'gyp-cmake')
const include = [path.join(headers, 'include', 'node'), path.join(headers, 'src')].find(dir =>
  fs.existsSync(path.join(dir, 'node_api.h'))
)
if (!include) throw new Error(`no node_api.h under ${headers}`)

run('cmake', [
  '-S',
  root,
  '-B',
  build,
  '-DCMAKE_BUILD_TYPE=Release',
  '-DGGCLIP_TESTS=OFF',
  `-DGGCLIP_GGML_DIR=${vendorGgml()}`,
  `-DCMAKE_JS_INC=${include}`,
  ...(process.env.GGCLIP_CMAKE_ARGS ?? '').split(/\s+/).filter(Boolean),
])
run('cmake', ['--build', build, '--config', 'Release', '--parallel', String(os.availableParallelism())])
const built = [path.join(build, 'ggclip.node'), path.join(build, 'Release', 'ggclip.node')].find(file =>
  fs.existsSync(file)
)
if (!built) throw new Error(`the CMake build left no ggclip.node in ${build}`)
fs.mkdirSync(path.dirname(output), { recursive: true })
fs.copyFileSync(built, output)
