// The sources of the addon in one compressed file, for an installed package: our C++, ggml for the CPU and Metal, and the
// headers of Node-API, 1 MB instead of a download of 36 MB. JSON of path and content, by Node's own Brotli, so that
// unpacking needs neither tar nor git. write-bundle.cjs makes it.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const zlib = require('node:zlib')

const bundleFile = path.join(__dirname, '..', 'vendor', 'source.json.br')

/** Unpacks the bundle of an installed package into `folder`. */
function readBundle(folder) {
  const bundle = JSON.parse(zlib.brotliDecompressSync(fs.readFileSync(bundleFile)).toString('utf8'))
  for (const [name, content] of Object.entries(bundle)) {
    const file = path.join(folder, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, content)
  }
}

module.exports = { bundleFile, readBundle }
