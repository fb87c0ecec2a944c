// Real servers for the tests, each with a folder and a port of its own: PostgreSQL with pgvector (from build/stores, where
// npm run test:stores puts it), Redis and Prometheus (of the system) and S3 (moto, likewise). They end with `stop`, which also
// removes the folder.
'use strict'

const { execFileSync, spawn } = require('node:child_process')
const { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } = require('node:fs')
const net = require('node:net')
const { tmpdir } = require('node:os')
const path = require('node:path')
const readline = require('node:readline')

/** A port that was free a moment ago. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

async function until(what, ready) {
  for (const end = Date.now() + 60_000; Date.now() < end;) {
    if (await ready()) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw new Error(`${what} did not happen within a minute`)
}

const accepts = port => () =>
  new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(true) || socket.destroy())
    socket.on('error', () => resolve(false))
  })

function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise(resolve => child.once('exit', resolve))
}

/** How a server ends. `running`: its process now. */
function endings(running, signal, folder) {
  /** Ends it at once, as a crash does. */
  const kill = async () => {
    const child = running()
    child.kill(signal)
    await ended(child)
  }
  const stop = async () => {
    await kill()
    rmSync(folder, { recursive: true, force: true })
  }
  return { kill, stop }
}

/** Redis that writes every change down, so that a restart or a kill loses nothing. */
async function startRedis() {
  const folder = mkdtempSync(path.join(tmpdir(), 'ggclip-redis-'))
  const port = await freePort()
  let child
  const start = async () => {
    child = spawn(
      'redis-server',
      ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes', '--appendfsync',
        'always'].map(String),
      { stdio: 'ignore' },
    )
    await until('Redis', accepts(port))
  }
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    start,
    ...endings(() => child, 'SIGKILL', folder),
  }
}

function postgresPackages(place) {
  const lib = path.join(place, 'venv', 'lib')
  const [python] = readdirSync(lib).filter(name => name.startsWith('python'))
  return path.join(lib, python, 'site-packages')
}

/**
 * PostgreSQL refuses to be run by root, so that it is run by nobody then: from a copy in its own folder, under a place that
 * everybody may enter, for this checkout may lie in a folder that only root may.
 */
async function startPostgres(place = process.env.GGCLIP_TEST_ENGINES) {
  const root = process.getuid() === 0
  const user = root ? { uid: 65534, gid: 65534 } : {}
  const folder = mkdtempSync(path.join(root ? '/var/tmp' : tmpdir(), 'ggclip-postgres-'))
  chmodSync(folder, 0o755)
  let packages = postgresPackages(place)
  if (root) {
    // the second holds the libraries that the first is linked with
    for (const name of ['pgserver', 'pgserver.libs'])
      cpSync(path.join(packages, name), path.join(folder, name), { recursive: true })
    packages = folder
  }
  const programs = path.join(packages, 'pgserver', 'pginstall', 'bin')
  const data = path.join(folder, 'data')
  mkdirSync(data, { mode: 0o700 })
  if (root) { for (const name of [folder, data]) chownSync(name, user.uid, user.gid) }
  const options = { ...user, cwd: folder, stdio: 'ignore' }
  execFileSync(path.join(programs, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '-N',
    '--locale=C'], options)
  const port = await freePort()
  let child
  const start = async () => {
    child = spawn(
      path.join(programs, 'postgres'),
      ['-D', data, '-h', '127.0.0.1', '-p', String(port), '-k', folder],
      options,
    )
    // it accepts connections before it answers
    const ready = () => {
      try {
        execFileSync(
          path.join(programs, 'psql'),
          ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-c', 'SELECT 1'],
          { stdio: 'ignore' },
        )
        return true
      } catch {
        return false
      }
    }
    await until('PostgreSQL', ready)
  }
  await start()
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    start,
    ...endings(() => child, 'SIGQUIT', folder),
  }
}

/**
 * S3 by moto, which checks signatures with AWS's own code; with `open` it takes requests without one, too. The files below
 * `folder` become objects of the bucket `pics`; the bucket `vectors` is empty.
 */
async function startS3(folder, { open = false, place = process.env.GGCLIP_TEST_ENGINES } = {}) {
  const child = spawn(
    path.join(place, 'venv', 'bin', 'python'),
    [path.join(__dirname, 'moto-server.py'), folder, ...(open ? ['open'] : [])],
    { stdio: ['pipe', 'pipe', 'ignore'] },
  )
  const settings = await new Promise((resolve, reject) => {
    child.once('exit', code => reject(new Error(`moto ended with ${code}`)))
    readline.createInterface({ input: child.stdout }).once('line', line => resolve(JSON.parse(line)))
  })
  const stop = async () => {
    child.stdin.end()
    await ended(child)
  }
  const { endpoint, accessKeyId, secretAccessKey } = settings
  return {
    s3: { endpoint, accessKeyId, secretAccessKey },
    environment: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    },
    stop,
  }
}

/** Prometheus with this configuration. `query`: what an expression is just now. */
async function startPrometheus(configuration) {
  const folder = mkdtempSync(path.join(tmpdir(), 'ggclip-prometheus-'))
  const port = await freePort()
  const file = path.join(folder, 'prometheus.yml')
  writeFileSync(file, configuration)
  const child = spawn(
    'prometheus',
    [`--config.file=${file}`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`],
    { stdio: 'ignore' },
  )
  await until('Prometheus', accepts(port))
  return {
    async query(expression) {
      const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`)
      const { status, error, data } = await response.json()
      if (status !== 'success') throw new Error(`Prometheus refuses ${expression}: ${error}`)
      return data.result
    },
    ...endings(() => child, 'SIGKILL', folder),
  }
}

module.exports = { freePort, startPostgres, startPrometheus, startRedis, startS3 }
