// Programs that are one file.
'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { ownPlatform } = require('../../scripts/platforms.cjs')
const { fetchPackage } = require('../managers/managers.cjs')
const { build, expected, install, program } = require('./answers.cjs')

/** How a program finds the packages in the folder where it lies. */
const beside = "import { createRequire } from 'node:module'\nconst { Clip } = createRequire(process.execPath)('ggclip')"

/** Copies what was made and some of node_modules to another place and hides the project: absolute paths must not be needed. */
async function runAlone(project, modules, wanted) {
  const elsewhere = path.join(project.scratch, 'deployed')
  fs.mkdirSync(elsewhere)
  for (const name of ['app', ...modules])
    fs.cpSync(path.join(project.folder, name), path.join(elsewhere, name), { recursive: true })
  fs.renameSync(project.folder, path.join(project.scratch, 'hidden'))
  fs.mkdirSync(project.folder)
  assert.deepEqual(JSON.parse(await project.shell(`cd / && '${elsewhere}/app'`)), wanted)
  fs.rmSync(project.folder, { recursive: true })
  fs.renameSync(path.join(project.scratch, 'hidden'), project.folder)
  fs.rmSync(elsewhere, { recursive: true })
}

/** Decoder processes cannot be started there: of the two pictures, the photo. */
async function node(project) {
  await install(project)
  const { photo } = await expected(project)
  project.write('main.mjs', program(beside, ['photo']))
  const config = { main: 'main.mjs', mainFormat: 'module', output: 'app', disableExperimentalSEAWarning: true }
  project.write('sea.json', JSON.stringify(config))
  await build(project, 'node --build-sea sea.json')
  await runAlone(project, ['node_modules'], { photo })
}

/** First with node_modules beside the program; then all of ggclip inside, without sharp: text and pixels, the model beside. */
async function bun(project) {
  await install(project)
  const compile = `'${fetchPackage('@oven/bun-linux-x64', '1.4.5', 'bin/bun')}' build --compile --outfile app`
  project.write('main.mjs', program(beside))
  await build(project, `${compile} --compile-autoload-package-json main.mjs`)
  await runAlone(project, ['node_modules'], await expected(project))

  const { peerDependencies, optionalDependencies } = JSON.parse(project.page('package.json'))
  const others = Object.keys({ ...peerDependencies, ...optionalDependencies })
  const externals = others.filter(name => name !== `@ggclip/${ownPlatform()}`).map(name => `--external=${name}`).join(
    ' ',
  )
  const code = model =>
    `import { Clip } from 'ggclip'
import path from 'node:path'
const clip = await Clip.load(${model}, { threads: 1 })
const pixels = { data: new Uint8Array(12), width: 2, height: 2, channels: 3 }
console.log(JSON.stringify([[...await clip.encodeText('a rocket')], [...await clip.encodeImage(pixels)]]))
await clip.dispose()
`
  project.write('whole.mjs', code('undefined'))
  const wanted = JSON.parse(await project.shell('node whole.mjs'))
  project.write('whole.mjs', code("path.join(path.dirname(process.execPath), 'model.gguf')"))
  fs.copyFileSync(
    path.join(project.folder, 'node_modules/ggclip/models/emoji-clip.gguf'),
    path.join(project.folder, 'model.gguf'),
  )
  await build(project, `${compile} ${externals} whole.mjs`)
  await runAlone(project, ['model.gguf'], wanted)
}

const executableSteps = [
  { name: 'a single executable of Node 26', step: node },
  { name: 'a single executable of Bun 1.4', step: bun },
]

module.exports = { executableSteps }
