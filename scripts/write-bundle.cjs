// Writes the bundle of sources (source-bundle.cjs) of a checkout.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const zlib = require('node:zlib')
const { headerFolders } = require('./node-headers.cjs')
const { bundleFile } = require('./source-bundle.cjs')
const { vendorGgml } = require('./vendor-ggml.cjs')

const root = path.join(__dirname, '..')

/** Of ggml: the build files, the core, and the two backends that are ever compiled in here. */
const ofGgml = /^(CMakeLists\.txt|LICENSE|cmake\/.*|include\/.*|src\/[^/]+|src\/ggml-(cpu|metal)\/.*)$/

function filesBelow(folder) {
  return fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(entry =>
    path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/')
  ).sort()
}

/** Writes vendor/source.json.br. */
function writeBundle() {
  const [api, addonApi] = headerFolders()
  const bundle = {}
  const add = (folder, names, prefix) => {
    for (const name of names) bundle[`${prefix}${name}`] = fs.readFileSync(path.join(folder, name), 'utf8')
  }
  add(root, ['CMakeLists.txt'], '')
  add(path.join(root, 'cpp'), filesBelow(path.join(root, 'cpp')), 'cpp/')
  const ggml = vendorGgml()
  add(ggml, filesBelow(ggml).filter(name => ofGgml.test(name)), 'vendor/ggml/')
  add(api, filesBelow(api), 'headers/include/')
  add(path.join(api, '..', 'def'), ['js_native_api.def', 'node_api.def'], 'headers/def/')
  add(addonApi, ['napi.h', 'napi-inl.h', 'napi-inl.deprecated.h'], 'headers/include/')
  const text = Buffer.from(JSON.stringify(bundle))
  const params = { [zlib.constants.BROTLI_PARAM_QUALITY]: 9, [zlib.constants.BROTLI_PARAM_LGWIN]: 24 }
  fs.writeFileSync(bundleFile, zlib.brotliCompressSync(text, { params }))
}

module.exports = { writeBundle }
