// The other pages of docs/, as they lie in the installed package: their programs print what their comments say, their commands
// succeed. What needs the hub, a port of its own or a folder of somebody's is named here.
'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { devDependencies } = require('../../package.json')
const { freePort } = require('../helpers/engines.cjs')
const { blocks, promised } = require('./project.cjs')
const { startServer } = require('./servers.cjs')

/** Pages whose programs stand alone. */
const programs = ['search.md', 'scale-out.md', 'quantization.md', 'edge.md']
const commands = ['cli.md', 'search.md', 'quantization.md']
/** Not run: a server that stays, a model of the hub, measurements of minutes, somebody's database. */
const elsewhere = /^ggclip (serve|pull|bench|watch)| --model clip-vit-| postgres:\/\//

/** With what the page says they need. */
async function runPrograms(project, page) {
  const [, install] = /^In a program, after `(npm install [^`]+)`/m.exec(project.page(`docs/${page}`)) ?? []
  if (install !== undefined) await project.shell(install)
  for (const { code } of blocks(project.page(`docs/${page}`)).filter(({ language }) => language === 'js')) {
    project.write('page.mjs', code)
    assert.equal((await project.shell('node page.mjs')).trim(), promised(code).join('\n'))
  }
}

/** The programs of an API page, with what the page says they begin with. */
async function runExamples(project, page) {
  const [prelude, ...examples] = blocks(project.page(`docs/api/${page}`)).filter(({ language }) => language === 'js')
  const imports = examples.flatMap(({ code }) => code.match(/^import .*$/gm) ?? [])
  const bodies = examples.map(({ code }) => `{\n${code.replace(/^import .*\n/gm, '')}}\n`)
  project.write('page.mjs', [...imports, prelude.code, ...bodies].join('\n'))
  const expected = examples.flatMap(({ code }) => promised(code))
  assert.equal((await project.shell('node page.mjs')).trim(), expected.join('\n'))
  return `${examples.length} examples`
}

/** With a folder of pictures at home, as the pages have it. */
async function runCommands(project, page) {
  const pictures = path.join(project.env.HOME, 'Pictures')
  if (!fs.existsSync(pictures)) fs.cpSync(path.join(project.folder, 'models', 'samples'), pictures, { recursive: true })
  let count = 0
  for (const { language, code } of blocks(project.page(`docs/${page}`))) {
    if (language !== 'sh') continue
    const lines = code.trim().split('\n').filter(line => !elsewhere.test(line))
    await project.shell(lines.join('\n'))
    count += lines.length
  }
  assert(count > 0)
  return `${count} lines`
}

/** docs/server.md: its calls, OpenAI's client and the library, with a server on another port than the page's. */
async function runServer(project) {
  const port = await freePort()
  const server = await startServer(project, ['npx', 'ggclip', 'serve', '--port', String(port)], port)
  const here = code => code.replaceAll('8080', port)
  const all = blocks(project.page('docs/server.md'))
  try {
    const calls = all.find(({ code }) => code.startsWith('curl ')).code.trim().split('\n')
    for (const call of calls) await project.shell(here(call).replace('curl ', 'curl -sS --fail-with-body '))
    await project.shell(`npm install openai@'${devDependencies.openai}'`)
    for (const { code } of all.filter(({ language }) => language === 'js')) {
      project.write('page.mjs', here(code))
      const printed = await project.shell('node page.mjs 2>/dev/null')
      assert.equal(
        printed.trim().split('\n').filter(line => !line.startsWith('{')).join('\n'),
        promised(code).join('\n'),
      )
    }
    return `${calls.length} calls`
  } finally {
    await server.stop()
  }
}

/** Those of the hub are run against a hub of the tests (test/project/api-docs.test.ts). */
const apiPages = ['classifying.md', 'converting.md', 'encoding.md', 'errors.md', 'pictures.md', 'search-index.md',
  'searching.md', 'server.md']

const pageSteps = [
  ...programs.map(page => ({ name: `docs/${page}: programs`, step: project => runPrograms(project, page) })),
  ...commands.map(page => ({ name: `docs/${page}: commands`, step: project => runCommands(project, page) })),
  { name: 'docs/server.md: calls and programs', step: runServer },
  ...apiPages.map(page => ({ name: `docs/api/${page}`, step: project => runExamples(project, page) })),
]

module.exports = { pageSteps }
