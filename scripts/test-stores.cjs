// Runs the tests of stores and of distributed work with the real engines (npm run test:stores): LanceDB (and LlamaIndexTS, for
// its adapter) from npm, and PostgreSQL with pgvector and an S3 server from the Python packages pgserver and moto, all into
// build/stores, once. Arguments go to Jest.
//
// Fails when a test does, or something goes wrong where python3 and the registries are; says NOT RUN elsewhere.
'use strict'

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { run } = require('./run.cjs')

const root = path.join(__dirname, '..')
const place = path.join(root, 'build', 'stores')
const pinned = path.join(root, 'test', 'stores', 'engines')
const servers = ['pgserver==0.1.4', 'moto[server]==5.2.5']

/** Why the engines cannot be had here, if so. */
function missing() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return `${process.platform}-${process.arch}, not linux-x64`
  if (spawnSync('python3', ['-c', 'import venv, ensurepip'], { stdio: 'ignore' }).status !== 0)
    return 'no python3 with venv'
  return spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status === 0 ? undefined : 'no redis-server'
}

function fetchAll() {
  const lock = fs.readFileSync(path.join(pinned, 'package-lock.json'), 'utf8')
  const done = path.join(place, 'done')
  const wanted = servers.join('\n') + lock
  if (fs.existsSync(done) && fs.readFileSync(done, 'utf8') === wanted) return
  fs.rmSync(place, { recursive: true, force: true })
  fs.cpSync(pinned, place, { recursive: true })
  // its optional packages are other vendors' models
  run('npm', ['ci', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: place })
  run('python3', ['-m', 'venv', path.join(place, 'venv')])
  run(path.join(place, 'venv', 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', ...servers])
  fs.writeFileSync(done, wanted)
}

function main() {
  const why = missing()
  if (why !== undefined) return process.stdout.write(`NOT RUN: stores: ${why}\n`)
  fetchAll()
  const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js')
  const tests = process.argv.length > 2 ? process.argv.slice(2) : ['test/stores', 'test/work']
  const { status } = spawnSync(process.execPath, [jest, ...tests], {
    cwd: root,
    env: { ...process.env, GGCLIP_TEST_ENGINES: place, NODE_PATH: path.join(place, 'node_modules') },
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
}

module.exports = { fetchAll, missing, place }
if (require.main === module) main()
