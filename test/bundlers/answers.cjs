// What each of the programs is asked, and what it must answer.
'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { freePort } = require('../helpers/engines.cjs')
const { startServer } = require('../newcomer/servers.cjs')

const text = 'a rocket'
/** `drawing` is decoded in a process of its own. */
const pictures = {
  photo: fs.readFileSync(path.join(__dirname, '..', '..', 'models', 'samples', 'rocket.png')),
  drawing: Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="90"><circle cx="40" cy="40" r="30" fill="red"/></svg>',
  ),
}

/** The vectors of a text and of a picture, in whatever the function `load` brings. */
const embed = `
const clip = Clip.load(undefined, { threads: 1 })
const embed = async (text, picture) => {
  const model = await clip
  return { text: [...await model.encodeText(text)], image: [...await model.encodeImage(picture)] }
}
`

/** A program that prints what it would answer for both pictures; `load`: the line that brings `Clip`. */
function program(load, names = Object.keys(pictures)) {
  const bytes = names.map(name => `${name}: Buffer.from('${pictures[name].toString('base64')}', 'base64')`)
  return `${load}
${embed}
const main = async () => {
  const answers = {}
  for (const [name, picture] of Object.entries({ ${bytes.join(', ')} }))
    answers[name] = await embed('${text}', picture)
  console.log(JSON.stringify(answers))
  await (await clip).dispose()
}
void main()
`
}

const quiet = { NEXT_TELEMETRY_DISABLED: '1', NUXT_TELEMETRY_DISABLED: '1' }

/** Makes the project and installs ggclip and other packages in it: 'name@version'. */
async function install(project, ...packages) {
  project.write('package.json', '{ "name": "app", "private": true, "type": "module" }\n')
  const words = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--silent', 'ggclip', ...packages]
  const { code, stdout, stderr } = await project.run('npm', words)
  assert.equal(code, 0, `npm ${words.join(' ')}:\n${stdout}${stderr}`)
}

/** What the library itself answers in the project. */
async function expected(project) {
  project.write('expected.mjs', program("import { Clip } from 'ggclip'"))
  const answers = JSON.parse(await project.shell('node expected.mjs'))
  const { photo, drawing } = answers
  assert.equal(photo.image.length, 256)
  assert.notDeepEqual(photo.image, drawing.image)
  return answers
}

/** Builds by a command that warns of nothing but what its tool says of itself (`known`). */
async function build(project, command, known = /^$/) {
  const { code, stdout, stderr } = await project.run('bash', ['-c', command], quiet)
  assert.equal(code, 0, `${command}:\n${stdout}${stderr}`)
  const warnings = `${stdout}${stderr}`.split('\n').filter(line => /warn|⚠/i.test(line) && !known.test(line))
  assert.deepEqual(warnings, [], `${command} warns`)
}

/** Starts a server in a folder and compares its answers at a path; PORT and HOST name the address to listen at. */
async function serves(project, folder, command, route) {
  const port = await freePort()
  const env = { PORT: String(port), HOST: '127.0.0.1', HOSTNAME: '127.0.0.1', NODE_ENV: 'production' }
  const wanted = await expected(project)
  const server = await startServer(project, ['sh', '-c', `cd '${folder}' && exec ${command}`], port, env)
  try {
    for (const [name, picture] of Object.entries(pictures)) {
      const form = new FormData()
      form.set('text', text)
      form.set('picture', new Blob([picture]), name)
      const answer = await fetch(server.url + route, { method: 'POST', body: form })
      assert.equal(answer.status, 200, `${name}: ${await answer.clone().text()}\n${server.said()}`)
      assert.deepEqual(await answer.json(), wanted[name])
    }
  } finally {
    await server.stop()
  }
}

/** The same of what was built, copied to another place: it must not need the project's folder. Its files. */
async function servesAlone(project, output, command, route) {
  const elsewhere = path.join(project.scratch, 'deployed')
  fs.cpSync(path.join(project.folder, output), elsewhere, { recursive: true, verbatimSymlinks: true })
  await serves(project, elsewhere, command, route)
  const files = fs.readdirSync(elsewhere, { recursive: true })
  fs.rmSync(elsewhere, { recursive: true })
  assert.deepEqual(files.filter(file => /ggclip\/(docs|scripts|models\/samples)\//.test(file)), [])
}

module.exports = { build, embed, expected, install, pictures, program, serves, servesAlone }
