// README.md, from its first command to its last.
'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { ownPlatform } = require('../../scripts/platforms.cjs')
const { freePort } = require('../helpers/engines.cjs')
const { blocks, promised } = require('./project.cjs')
const { loadPage, startServer } = require('./servers.cjs')

const block = (project, language, word) => {
  const found = blocks(project.page('README.md')).find(each => each.language === language && each.code.includes(word))
  assert(found, `README.md: expected a ${language} block with '${word}'`)
  return found.code
}

/** "## Install". Says nothing on stderr. The README is not there before: this one line is the test's own. */
async function install(project) {
  const { code, stderr } = await project.run('npm', ['install', 'ggclip'])
  assert.deepEqual([code, stderr], [0, ''])
  const commands = block(project, 'sh', 'npm install ggclip')
  assert.match(commands, /^npm install ggclip\nnpx ggclip demo +#/)
  return (await project.shell(commands)).trim().split('\n').at(-1)
}

/** A probability may differ in its last digit between processors. */
const rounded = text => text.replace(/\d+\.\d+/g, number => Number(number).toFixed(1))

async function firstProgram(project) {
  const code = block(project, 'js', "from 'ggclip'")
  project.write('first.mjs', code)
  assert.equal(rounded((await project.shell('node first.mjs')).trim()), rounded(promised(code).join('\n')))
}

async function firstCommands(project) {
  // the model of `convert` is one that the reader has
  const lines = block(project, 'sh', 'npx ggclip classify').trim().split('\n').filter(line =>
    !line.includes('path/to/')
  )
  assert.equal(lines.length, 2)
  for (const line of lines) assert.notEqual(await project.shell(line), '')
}

/** docs/platforms.md, "Without sharp": the size of an installation that takes pixels. */
async function withoutSharp(project) {
  const [, command] = /`(npm install --omit=optional ggclip @ggclip\/)[\w-]+`/.exec(project.page('docs/platforms.md'))
  const folder = path.join(project.env.HOME, 'lean')
  fs.mkdirSync(folder)
  await project.shell(`cd '${folder}' && npm init --yes > ${os.devNull} && ${command}${ownPlatform()}`)
  const modules = path.join(folder, 'node_modules')
  assert(!fs.existsSync(path.join(modules, 'sharp')))
  const entries = fs.readdirSync(modules, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  const bytes = entries.reduce((sum, entry) => sum + fs.statSync(path.join(entry.parentPath, entry.name)).size, 0)
  assert(bytes < 20e6, `${bytes} bytes`)
  const pixels = '{ data: new Uint8Array(12), width: 2, height: 2, channels: 3 }'
  const code =
    `require('ggclip').Clip.load().then(clip => clip.encodeImage(${pixels})).then(vector => console.log(vector.length))`
  assert.equal((await project.shell(`cd '${folder}' && node -e "${code}"`)).trim(), '256')
  return `${(bytes / 1e6).toFixed(1)} MB`
}

/** The first start names the packages to add; then the server answers README's calls, and its page has all of its files. */
async function firstServer(project) {
  const port = await freePort()
  const [serve, ...calls] = block(project, 'sh', 'ggclip serve').trim().replaceAll('8080', port).split('\n')
  const { code, stderr } = await project.run('bash', ['-c', serve])
  assert.equal(code, 1)
  const [, command] = /(npm install .*?)(?: \(ERR_CLIP_\w+\))?$/m.exec(stderr) ?? []
  assert(command, `expected the packages to install, got: ${stderr}`)
  await project.shell(command)
  const server = await startServer(project, serve.split(' '), port)
  try {
    for (const call of calls) {
      const answer = JSON.parse(await project.shell(call.replace('curl ', 'curl -sS --fail-with-body ')))
      assert(answer.data ?? answer.results, JSON.stringify(answer).slice(0, 200))
    }
    const files = await loadPage(server.url)
    const there = fs.readdirSync(path.join(project.folder, 'node_modules/ggclip/dist/server/page/static'), {
      recursive: true,
      withFileTypes: true,
    }).filter(entry => entry.isFile())
    assert(files > there.length, `${files} files loaded, ${there.length} in the package`)
    return `${files} files of the page`
  } finally {
    await server.stop()
  }
}

const readmeSteps = [
  { name: 'platforms: without sharp', step: withoutSharp },
  { name: 'README: the first program', step: firstProgram },
  { name: 'README: the shell', step: firstCommands },
  { name: 'README: the server', step: firstServer },
]

module.exports = { install, readmeSteps }
