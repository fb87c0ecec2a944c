// Packs examples/electron as its README says, by electron-builder and by Electron Forge in their newest versions, from the packed
// archives in an empty folder (npm run test:electron-pack packs those first), and tries what they made. Each packager is given
// Electron 9.4.1 (electron.cjs) as if it were the version that the example names, for want of that in a registry.
//
//   the layout     what lies in the archive, what beside it
//   in Node        the example's own search runs from the archive, by Electron's rules simulated (archive-rules.cjs), sharp and libsql included
//   in Electron    an application with ggclip translated for its Node, packed by the same settings, gives this Node's vectors
'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const asar = require('@electron/asar')
const { ownPlatform, prebuiltFile, platforms } = require('../../scripts/platforms.cjs')
const { run } = require('../../scripts/run.cjs')
const { attempt, withProject } = require('../newcomer/project.cjs')
const { fetchNode } = require('../platforms/runtimes.cjs')
const { checkResult, encodeHere, fetchElectron, runProgram, translate, writeProgram } = require('./electron.cjs')

const root = path.join(__dirname, '..', '..')
const example = path.join(root, 'examples', 'electron')

/** Lies beside the archive: what native code opens, and the packages of sharp's libraries. */
const isBeside = file => /\.(node|gguf)$/.test(file) || /^node_modules\/@img\//.test(file)

/** Runs a command with the Node that the packagers need. */
const shell = (project, line) =>
  project.shell(line, { PATH: `${path.dirname(fetchNode('linux-x64'))}:${project.env.PATH}` }, 600_000)

/** The example as somebody copies it, its packages, and the Electron of this test in place of its own. */
async function install(project) {
  fs.cpSync(example, project.folder, { recursive: true })
  await shell(project, 'npm install --ignore-scripts --no-audit --no-fund')
  const { version } = JSON.parse(project.read('node_modules/electron/package.json'))
  const zips = path.join(project.scratch, 'zips')
  fs.mkdirSync(zips)
  run('zip', ['-qry1', path.join(zips, `electron-v${version}-linux-x64.zip`), '.'], { cwd: fetchElectron() })
  fs.renameSync(path.join(project.folder, 'forge.config.cjs'), path.join(project.folder, 'forge.example.cjs'))
  const given = JSON.stringify({ electronZipDir: zips })
  project.write(
    'forge.config.cjs',
    `const config = require('./forge.example.cjs')\n`
      + `module.exports = { ...config, packagerConfig: { ...config.packagerConfig, ...${given} } }\n`,
  )
  return version
}

/** By which command, and where the application's program is then. */
const packagers = [
  {
    name: 'electron-builder',
    command: () =>
      `npm run dist -- --linux dir --config.electronDist='${fetchElectron()}' --config.electronVersion=9.4.1`,
    program: 'dist/linux-unpacked/picture-search',
  },
  { name: 'Electron Forge', command: () => 'npm run make', program: 'out/Picture Search-linux-x64/Picture Search' },
]

/** The files of a packed application, relative to it. @returns {{ inside: string[], beside: string[] }} */
function listFiles(resources) {
  const archive = path.join(resources, 'app.asar')
  const names = asar.listPackage(archive).map(name => name.slice(1))
  const entries = names.map(name => ({ name, entry: asar.statFile(archive, name) })).filter(({ entry }) => !entry.files)
  const isUnpacked = ({ entry }) => entry.unpacked === true
  return {
    inside: entries.filter(each => !isUnpacked(each)).map(({ name }) => name),
    beside: entries.filter(isUnpacked).map(({ name }) => name),
  }
}

function checkLayout(resources) {
  const { inside, beside } = listFiles(resources)
  assert.deepEqual(beside.filter(file => !isBeside(file) && !isPackageOfAddon(file, beside)), [])
  assert.deepEqual(inside.filter(isBeside), [])
  for (const file of beside) assert(fs.existsSync(path.join(resources, 'app.asar.unpacked', file)), file)
  const binaries = beside.filter(file => file.startsWith('node_modules/@ggclip/') && file.endsWith('.node'))
  assert.deepEqual(binaries, [`node_modules/@ggclip/${ownPlatform()}/ggclip.node`])
  assert(beside.includes('node_modules/ggclip/models/emoji-clip.gguf'))
  for (const file of ['package.json', 'src/main.cjs', 'node_modules/ggclip/dist/index.js'])
    assert(inside.includes(file), file)
  // what packs is not packed, nor what another packager made
  const own = ['node_modules', 'package.json', 'src']
  assert.deepEqual([...new Set(inside.map(file => file.split('/')[0]))].sort(), own)
  assert.deepEqual(inside.filter(file => /^node_modules\/(electron|@electron-forge|app-builder)/.test(file)), [])
  return `${inside.length} files in the archive, ${beside.length} beside it`
}

/** electron-builder unpacks the whole package of a native addon. */
const isPackageOfAddon = (file, beside) => {
  const [owner] = /^node_modules\/@[^/]+\/[^/]+\//.exec(file) ?? []
  return owner !== undefined && beside.some(other => other.startsWith(owner) && other.endsWith('.node'))
}

/** The archive as a folder, in which what lies beside it has a name only. */
function unfold(resources, to) {
  const folder = path.join(to, 'app.asar')
  asar.extractAll(path.join(resources, 'app.asar'), folder)
  fs.cpSync(path.join(resources, 'app.asar.unpacked'), `${folder}.unpacked`, { recursive: true })
  for (const file of listFiles(resources).beside.filter(name => /\.(node|gguf|so[.\d]*)$/.test(name)))
    fs.writeFileSync(path.join(folder, file), '')
  return folder
}

const search = `
const { PictureSearch } = require(process.argv[2] + '/src/picture-search.cjs')
void (async () => {
  const search = await PictureSearch.open({ folder: process.argv[3] })
  const state = await search.add([process.argv[4]])
  const [best] = await search.byWords('a slice of pizza')
  await search.close()
  console.log(JSON.stringify({ ...state, best: best.path }))
})()
`

async function runInNode(project, resources, name) {
  const folder = path.join(project.scratch, name)
  const app = unfold(resources, folder)
  const pictures = path.join(root, 'models', 'samples')
  const file = path.join(folder, 'search.cjs')
  fs.writeFileSync(file, search)
  const ended = await project.run(process.execPath, [file, app, path.join(folder, 'index'), pictures], {
    NODE_OPTIONS: `--require=${path.join(__dirname, 'archive-rules.cjs')}`,
  })
  assert.equal(ended.code, 0, ended.stderr)
  const { pictures: count, failed, best } = JSON.parse(ended.stdout)
  assert.deepEqual([count > 10, failed, path.basename(best)], [true, 0, 'pizza.webp'])
  return `finds one of ${count} pictures by words`
}

async function main() {
  const own = platforms.find(({ name }) => name === ownPlatform())
  if (!fs.existsSync(path.join(root, prebuiltFile(own))))
    throw new Error(`no ${prebuiltFile(own)} (npm run prebuild -- ${own.name})`)
  let failed = 0
  const step = async (project, name, body) => {
    if (!await attempt(project, name, body)) failed++
  }
  await withProject(async project => {
    const version = await install(project)
    process.stdout.write(`for Electron ${version}; the one that is packed: 9.4.1\n`)
    const resourcesOf = ({ program }) => path.join(project.folder, path.dirname(program), 'resources')
    for (const each of packagers) {
      await step(project, `${each.name}: the layout`, async () => {
        await shell(project, each.command())
        return checkLayout(resourcesOf(each))
      })
      await step(project, `${each.name}: in Node`, () => runInNode(project, resourcesOf(each), each.name))
    }
    const expected = await encodeHere()
    const dist = path.join(project.folder, 'node_modules', 'ggclip', 'dist')
    await translate(dist, dist)
    writeProgram(path.join(project.folder, 'src'), 'main.cjs')
    for (const each of packagers) {
      await step(project, `${each.name}: in Electron`, async () => {
        await shell(project, each.command())
        const result = runProgram(path.join(project.folder, each.program), project.scratch)
        // another compiler's binary adds in another order (test/platforms/run.cjs)
        return `distances at most ${checkResult(result, expected, 0.02)}`
      })
    }
  })
  process.stdout.write(`electron-pack: ${packagers.length * 3 - failed} passed, ${failed} failed\n`)
  if (failed > 0) process.exitCode = 1
}

main().catch(error => {
  process.stderr.write(`electron-pack: ${error.message}\n`)
  process.exitCode = 1
})
