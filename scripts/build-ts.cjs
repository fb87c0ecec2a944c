// Compiles lib/ to dist/ (CommonJS) and writes the ES module face: dist/index.mjs (and dist/server/index.mjs) re-exports the CommonJS module by
// name, so both kinds of import share one set of classes and one loaded addon.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { run } = require('./run.cjs')

const root = path.join(__dirname, '..')
const dist = path.join(root, 'dist')

function buildTs() {
  run(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', path.join(root, 'tsconfig.build.json')], {
    cwd: root,
  })
  for (const folder of ['', 'server']) writeEsmFace(folder)
  removeStale()
  // the web page is plain files: nothing compiles them
  const page = path.join('server', 'page', 'static')
  fs.rmSync(path.join(dist, page), { recursive: true, force: true })
  fs.cpSync(path.join(root, 'lib', page), path.join(dist, page), { recursive: true })
  fs.chmodSync(path.join(dist, 'cli', 'main.js'), 0o755)
}

function writeEsmFace(folder) {
  const names = Object.keys(require(path.join(dist, folder, 'index.js'))).filter(name => /^[A-Za-z]\w*$/.test(name))
  const lines = names.map(name => `export const ${name} = module.${name}`)
  write(path.join(folder, 'index.mjs'), `import module from './index.js'\n${lines.join('\n')}\n`)
  write(path.join(folder, 'index.d.mts'), "export * from './index.js'\n")
}

/** Removes files of earlier builds whose source no longer exists: dist/ is published as it is. */
function removeStale() {
  for (const name of fs.readdirSync(dist, { recursive: true })) {
    const source = /^(.*?)(?:\.d\.ts|\.js)$/.exec(name)?.[1]
    if (source === undefined || name.includes(`${path.sep}static${path.sep}`)) continue
    if (!fs.existsSync(path.join(root, 'lib', `${source}.ts`))) fs.rmSync(path.join(dist, name))
  }
}

function write(file, text) {
  fs.writeFileSync(path.join(dist, `${file}.new`), text)
  fs.renameSync(path.join(dist, `${file}.new`), path.join(dist, file))
}

module.exports = { buildTs }

if (require.main === module) buildTs()
