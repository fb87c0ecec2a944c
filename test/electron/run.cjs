// Packs an application with ggclip by @electron/asar, as docs/electron.md says, and runs it in Electron 9.4.1 (electron.cjs says
// why in that one): npm run test:electron.
'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const asar = require('@electron/asar')
const { ownPlatform } = require('../../scripts/platforms.cjs')
const manifest = require('../../package.json')
const unpacked = require('../../examples/electron/unpacked.cjs')
const { checkResult, encodeHere, fetchElectron, runProgram, translate, writeProgram } = require('./electron.cjs')

const root = path.join(__dirname, '..', '..')

/** The application, with ggclip as npm installs it. */
async function makeApp(app) {
  const modules = path.join(app, 'node_modules')
  const own = path.join(modules, 'ggclip')
  await translate(path.join(root, 'dist'), path.join(own, 'dist'))
  fs.copyFileSync(path.join(root, 'package.json'), path.join(own, 'package.json'))
  for (const part of ['models/emoji-clip.gguf', 'models/samples'])
    fs.cpSync(path.join(root, part), path.join(own, part), { recursive: true })
  for (const name of Object.keys(manifest.dependencies))
    fs.cpSync(path.join(root, 'node_modules', name), path.join(modules, name), { recursive: true })
  const binary = path.join(modules, '@ggclip', ownPlatform())
  fs.mkdirSync(binary, { recursive: true })
  fs.copyFileSync(path.join(root, 'build', 'cmake', 'ggclip.node'), path.join(binary, 'ggclip.node'))
  fs.writeFileSync(path.join(binary, 'package.json'), JSON.stringify({ main: 'ggclip.node' }))
  writeProgram(app, 'main.js')
  fs.writeFileSync(
    path.join(app, 'package.json'),
    JSON.stringify({ name: 'packed', version: '1.0.0', main: 'main.js' }),
  )
}

/** Packs and runs it. @returns what main.js wrote */
async function runPacked(app, scratch, name, unpack) {
  const folder = path.join(scratch, name)
  fs.cpSync(fetchElectron(), folder, { recursive: true })
  const resources = path.join(folder, 'resources')
  fs.rmSync(path.join(resources, 'default_app.asar'))
  await asar.createPackageWithOptions(app, path.join(resources, 'app.asar'), { unpack: `{${unpack.join(',')}}` })
  return runProgram(path.join(folder, 'electron'), scratch)
}

async function main() {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'ggclip-electron-'))
  try {
    const app = path.join(scratch, 'app')
    await makeApp(app)
    const most = checkResult(await runPacked(app, scratch, 'as-documented', unpacked), await encodeHere(), 1e-6)
    process.stdout.write(
      `pass  Electron 9.4.1, packed as documented: pixels, a picture in the archive, a batch, texts: distances at most ${most}\n`,
    )
    const refused = await runPacked(app, scratch, 'without-the-model', unpacked.filter(name => !name.includes('gguf')))
    assert.equal(refused.code, 'ERR_CLIP_FILE_NOT_FOUND')
    assert.match(refused.message, /asarUnpack/)
    process.stdout.write(`pass  the model left in the archive is refused: ${refused.message}\n`)
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true })
  }
}

main().catch(error => {
  process.stderr.write(`electron: ${error.message}\n`)
  process.exitCode = 1
})
