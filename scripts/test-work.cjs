// Two workers on one queue, killed at random for a minute, and every fifth time Redis with them (npm run test:work): with the
// store in PostgreSQL, then in LanceDB. All pictures must be stored, each once and with its vector, and the two bad ones be
// dead letters. The engines are those of npm run test:stores.
//
//   node scripts/test-work.cjs [--seconds 60] [--pictures 6000] [--seed 1]
'use strict'

const { mkdtempSync, readdirSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { fetchAll, missing, place } = require('./test-stores.cjs')

const root = path.join(__dirname, '..')
const checked = 500

async function run(kind, location, { seconds, pictures, seed }) {
  const library = require(path.join(root, 'dist'))
  const { chaos } = require(path.join(root, 'test', 'helpers', 'chaos.cjs'))
  const clip = await library.Clip.load(undefined, { threads: 1 })
  const end = Date.now() + 1000 * seconds
  const done = await chaos({
    ...library,
    location,
    dim: clip.info.dim,
    count: pictures,
    batch: 16,
    seed,
    until: () => Date.now() < end,
  })
  const { kills, restarts, started, rows, dead, state, failures } = done
  const keys = readdirSync(done.folder).filter(name => /^\d/.test(name)).map(name => path.join(done.folder, name))
  const stored = await done.stored(keys.filter((_, i) => i % Math.ceil(pictures / checked) === 0))
  let different = 0
  for (const { key, vector } of stored) {
    const expected = await clip.encodeImage(key)
    if (!expected.every((value, i) => value === vector[i])) different++
  }
  await done.clean()
  await clip.dispose()
  const wanted = [['broken.png', 'ERR_CLIP_IMAGE_DECODE'], ['poison.ppm', 'ERR_CLIP_WORK_CRASHED']]
  const fine = rows === pictures && different === 0 && failures.length === 0 &&
    JSON.stringify(dead) === JSON.stringify(wanted) && state.embedded + state.known === pictures
  process.stdout.write(
    `${kind}: ${kills} kills, ${restarts} of Redis, ${started} workers; ${rows} of ${pictures} rows, ${different} of ${stored.length} vectors differ, ${
      state.embedded + state.known
    } counted, dead: ${dead.map(([name]) => name).join(', ')}: ${fine ? 'ok' : 'FAILED'}\n`,
  )
  if (!fine) process.stdout.write(`${failures.join('\n')}\n${JSON.stringify({ state, dead })}\n`)
  return fine
}

async function main() {
  const why = missing()
  if (why !== undefined) return process.stdout.write(`NOT RUN: work: ${why}\n`)
  const { values } = parseArgs({
    options: { seconds: { type: 'string' }, pictures: { type: 'string' }, seed: { type: 'string' } },
  })
  const { seconds = 60, pictures = 6000, seed = 1 } = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Number(value)]),
  )
  fetchAll()
  // also for the workers
  process.env.NODE_PATH = path.join(place, 'node_modules')
  require('node:module').Module._initPaths()
  const { startPostgres } = require(path.join(root, 'test', 'helpers', 'engines.cjs'))
  const server = await startPostgres(place)
  const folder = mkdtempSync(path.join(tmpdir(), 'ggclip-work-'))
  try {
    const inPostgres = await run('PostgreSQL', server.url, { seconds, pictures, seed })
    const inLance = await run('LanceDB', `lance:${folder}`, { seconds, pictures, seed })
    if (!inPostgres || !inLance) process.exitCode = 1
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

main()
