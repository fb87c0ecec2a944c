// The programs of docs/recipes.md, as files of the names that stand there, and the HTTP server under load.
'use strict'

const assert = require('node:assert/strict')
const { readFileSync } = require('node:fs')
const path = require('node:path')
const { freePort } = require('../helpers/engines.cjs')
const { blocks, promised } = require('./project.cjs')
const { startServer } = require('./servers.cjs')

/** Name of the file that the text before a block asks for. */
const fileOf = before => /`([\w-]+\.mjs)[^`]*`/.exec(before.split('\n## ').at(-1))?.[1]

const recipe = (project, name) => {
  const found = blocks(project.page('docs/recipes.md')).find(({ before }) => fileOf(before) === name)
  assert(found, `docs/recipes.md: expected a block for ${name}`)
  return found.code
}

async function copySamples(project) {
  const [first] = blocks(project.page('docs/recipes.md'))
  assert.equal(first.language, 'sh')
  await project.shell(first.code)
}

/** Prints what its comments say. */
async function program(project, name) {
  const code = recipe(project, name)
  project.write(name, code)
  const printed = (await project.shell(`node ${name}`)).trim()
  const expected = promised(code)
  assert(expected.length > 0)
  assert.equal(printed, expected.join('\n'))
}

async function folderSearch(project) {
  project.write('search.mjs', recipe(project, 'search.mjs'))
  const best = async words => (await project.shell(`node search.mjs models/samples '${words}'`)).split('\n')[0]
  assert.match(await best('a slice of pizza'), /^0\.\d\d models\/samples\/pizza\.webp$/)
  assert.match(await best('a rocket'), /rocket\.png$/)
}

/** What clients send, and the statuses that they may get. */
function requests(project) {
  const sample = name => readFileSync(path.join(project.folder, 'models', 'samples', name))
  const pictures = ['pizza.webp', 'rocket.png', 'sunflower.png'].map(sample)
  const good = Array.from({ length: 600 }, (_, i) => ({ body: pictures[i % 3], statuses: [200, 503] }))
  const bad = [
    { body: Buffer.alloc(0), statuses: [400] },
    { body: Buffer.from('<html>no picture</html>'), statuses: [415] },
    { body: pictures[1].subarray(0, 300), statuses: [415] },
    { body: Buffer.alloc(21e6), statuses: [413] },
  ]
  return [...good, ...bad]
}

async function send(url, { body, statuses }) {
  const answer = await fetch(url, { method: 'POST', body })
  const content = await answer.json()
  assert(statuses.includes(answer.status), `expected ${statuses}, got ${answer.status}: ${JSON.stringify(content)}`)
  if (answer.status === 200) assert.equal(content.embedding.length, 256)
  else assert.equal(typeof content.error, 'string')
  return answer.status
}

/** All at once, more than may wait; clients that leave; then the server is as good as new, and ends when it is told to. */
async function underLoad(project) {
  project.write('server.mjs', recipe(project, 'server.mjs'))
  const port = await freePort()
  const server = await startServer(project, ['node', 'server.mjs'], port, { PORT: port })
  const all = requests(project)
  const leave = async ({ body }) => {
    const gone = new AbortController()
    const sent = fetch(server.url, { method: 'POST', body, signal: gone.signal })
    gone.abort()
    await assert.rejects(sent, { name: 'AbortError' })
  }
  const [statuses] = await Promise.all([
    Promise.all(all.map(each => send(server.url, each))),
    ...all.slice(0, 50).map(leave),
  ])
  const count = status => statuses.filter(each => each === status).length
  assert(count(200) >= 256, `${count(200)} answers`)
  assert.equal(await send(server.url, { ...all[0], statuses: [200] }), 200)
  assert.equal(await server.stop(), 0)
  return `${count(200)} answered, ${count(503)} refused at the full queue`
}

const recipeSteps = [
  { name: 'recipes: the samples', step: copySamples },
  { name: 'recipes: an HTTP server under load', step: underLoad },
  { name: 'recipes: search of a folder', step: folderSearch },
  ...['classify.mjs', 'stream.mjs', 'condition.mjs'].map(name => ({
    name: `recipes: ${name}`,
    step: project => program(project, name),
  })),
]

module.exports = { recipeSteps }
