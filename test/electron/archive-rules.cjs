// Electron's rules for archives in a Node without them (node --require): a folder `app.asar` stands for the archive, in which
// what lies in `app.asar.unpacked` has names only. Native code is loaded from beside it; JavaScript reads it through the names.
'use strict'

const fs = require('node:fs')

const outside = file =>
  typeof file === 'string' ? file.replace(/app\.asar(?=\/.*\.(node|gguf|so[.\d]*)$)/, 'app.asar.unpacked') : file

Object.defineProperty(process.versions, 'electron', { value: '45.5.0', configurable: true })
const { dlopen } = process
process.dlopen = (module, file, ...flags) => dlopen(module, outside(file), ...flags)
for (const api of [fs, fs.promises]) {
  for (const name of ['open', 'openSync', 'readFile', 'readFileSync', 'stat', 'statSync']) {
    const call = api[name]
    if (call) api[name] = (file, ...more) => call(outside(file), ...more)
  }
}
