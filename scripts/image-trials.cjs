// What the images of deploy/ do once they are made (test-image.cjs). `start` starts a program of an image.
'use strict'

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const pg = require('pg')
const { freePort, startPostgres, startRedis } = require('../test/helpers/engines.cjs')
const { fetchAll, place } = require('./test-stores.cjs')

const samples = path.join(__dirname, '..', 'models', 'samples')
const ended = child => new Promise(resolve => child.on('close', code => resolve(code)))
const output = ['ignore', process.stderr, process.stderr]

/** Waits for something while a program runs. */
async function until(what, child, ready) {
  for (let i = 0; !await ready(); i++) {
    if (i > 100 || child.exitCode !== null) throw new Error(what)
    await new Promise(resolve => setTimeout(resolve, 500))
  }
}

/** Stops a program as Docker does: it is the first process of its name space, as in a container. It is not root's. */
async function stop(child, end, status) {
  const [first] = fs.readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')
  assert.match(fs.readFileSync(`/proc/${first}/status`, 'utf8'), /^Uid:\s+1000\s/m)
  process.kill(Number(first), 'SIGTERM')
  assert.equal(await end, status)
}

function passed({ folder, name }, what) {
  const { stdout } = spawnSync('du', ['-sm', '--exclude=proc', '--exclude=dev', folder], { encoding: 'utf8' })
  process.stdout.write(`pass  ${name}: ${what} at SIGTERM, not root; ${stdout.split('\t')[0]} MB\n`)
}

/** An image of `ggclip serve`: its ENTRYPOINT, its HEALTHCHECK, and what a client asks. */
async function tryServer(image, start) {
  const port = await freePort()
  const here = command => command.map(word => word.replace('8080', port))
  const server = start(image.folder, here(image.commands.entry), image, output)
  const end = ended(server)
  const check = () => ended(start(image.folder, here(image.commands.health), image, 'ignore'))
  await until('it is not healthy', server, async () => await check() === 0)
  const form = new FormData()
  form.set('file', new Blob([fs.readFileSync(path.join(samples, 'pizza.webp'))]), 'pizza.webp')
  for (const label of ['pizza', 'rocket']) form.append('labels', label)
  const answer = await fetch(`http://127.0.0.1:${port}/v1/classify`, { method: 'POST', body: form })
  assert.match(JSON.stringify(await answer.json()), /"label":"pizza"/)
  await stop(server, end, 0)
  passed(image, 'healthy, classifies, ends with 0')
}

/** An image of `ggclip work`: pictures go through a queue into a table, by its CMD, with the variables of scale-out.yml. */
async function tryWorker(image, start) {
  fetchAll()
  const port = await freePort()
  const redis = await startRedis(), postgres = await startPostgres(place)
  const database = new pg.Client(postgres.url)
  await database.connect()
  const settings = { ...image, env: { ...image.env, GGCLIP_REDIS: redis.url, GGCLIP_STORE: postgres.url } }
  const folder = path.join(image.folder, 'pictures') // in Docker a volume
  fs.cpSync(samples, folder, { recursive: true, filter: file => !file.endsWith('.json') })
  try {
    const worker = start(image.folder, image.commands.cmd.map(word => word.replace('9464', port)), settings, output)
    const end = ended(worker)
    const metrics = () => fetch(`http://127.0.0.1:${port}/metrics`).then(answer => answer.text(), () => '')
    await until('it tells no metrics', worker, async () => (await metrics()).includes('ggclip_work'))
    assert.equal(await ended(start(image.folder, ['ggclip', 'enqueue', '/pictures'], settings, output)), 0)
    const count = async () => (await database.query('SELECT count(*) FROM ggclip_pictures')).rows[0].count
    const wanted = String(fs.readdirSync(folder).length)
    await until('it embeds no pictures', worker, async () => await count() === wanted)
    await stop(worker, end, 143) // as docs/scale-out.md says
    passed(image, `embeds ${wanted} pictures of a queue, tells metrics, ends with 143`)
  } finally {
    await database.end()
    await postgres.stop()
    await redis.stop()
  }
}

module.exports = { ended, tryServer, tryWorker }
