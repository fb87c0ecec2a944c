// Runs test/vulkan/checks.cjs on a Vulkan device that computes on the CPU: Mesa's lavapipe, with the Vulkan backend of
// node-llama-cpp's npm package (npm run test:vulkan). Debian 12's lavapipe corrupts its own heap, so that Debian 13's is taken,
// with the C library it needs, by apt, into build/lavapipe; nothing is installed, nobody needs to be root. 55 MB and 30 MB are
// downloaded once. Shaders are compiled for two minutes, then kept there.
//
// Fails when a check does, or something goes wrong where apt-get and the registries are; says NOT RUN elsewhere.
'use strict'

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { npmArchive } = require('./npm-archive.cjs')
const { run } = require('./run.cjs')

const root = path.join(__dirname, '..')
const place = path.join(root, 'build', 'lavapipe')
const release = 'trixie'
const packages = ['mesa-vulkan-drivers', 'libvulkan1', 'libstdc++6']
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
const backend = {
  name: '@node-llama-cpp/linux-x64-vulkan',
  version: require('../vendor/ggml.json').version,
  sha512: 'bBxqU+JOcBu1nb5Qj2zcMci+JByT1E8EajHvYodyNfVIPkEhXh+/HMwR1/BT7xP08YK0hks+kM8fglER0P8JEg==',
}

/** Where this machine takes Debian's packages from. */
function mirror() {
  const folder = '/etc/apt/sources.list.d'
  const lists = ['/etc/apt/sources.list',
    ...(fs.existsSync(folder) ? fs.readdirSync(folder).map(name => path.join(folder, name)) : [])]
  const words = lists.filter(file => fs.existsSync(file)).flatMap(file => fs.readFileSync(file, 'utf8').split(/\s+/))
  return words.find(word => /^https?:.*\/debian\/?$/.test(word))
}

/** Why lavapipe cannot be had here, if so. */
function missing() {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return `${process.platform}-${process.arch}, not linux-x64`
  for (const [command, flag] of [['apt-get', '--version'], ['dpkg-deb', '--version']])
    if (spawnSync(command, [flag], { stdio: 'ignore' }).status !== 0) return `no ${command}`
  if (!fs.existsSync(keyring)) return `no ${keyring}`
  return mirror() === undefined ? 'no mirror of Debian in the sources of apt' : undefined
}

/** Debian's packages and all they need, unpacked into `files`, by an apt whose state is its own. */
function fetchDriver(files) {
  const apt = path.join(place, 'apt')
  for (const folder of ['state/lists/partial', 'cache/archives/partial'])
    fs.mkdirSync(path.join(apt, folder), { recursive: true })
  const sources = path.join(apt, 'sources.list')
  fs.writeFileSync(sources, `deb [signed-by=${keyring}] ${mirror()} ${release} main\n`)
  fs.writeFileSync(path.join(apt, 'status'), '')
  const settings = {
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State': path.join(apt, 'state'),
    'Dir::State::status': path.join(apt, 'status'),
    'Dir::Cache': path.join(apt, 'cache'),
    'APT::Sandbox::User': '',
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  run('apt-get', [...options, '-qq', 'update'])
  run('apt-get', [...options, '-qq', '--yes', '--no-install-recommends', '--download-only', 'install', ...packages])
  const archives = path.join(apt, 'cache', 'archives')
  for (const name of fs.readdirSync(archives).filter(entry => entry.endsWith('.deb')))
    run('dpkg-deb', ['--extract', path.join(archives, name), files])
  fs.rmSync(apt, { recursive: true, force: true })
}

function fetchAll() {
  const files = path.join(place, 'files')
  const module = path.join(place, 'package', 'bins', 'linux-x64-vulkan', 'libggml-vulkan.so')
  const done = path.join(place, backend.version)
  if (!fs.existsSync(done)) {
    fs.rmSync(place, { recursive: true, force: true })
    fs.mkdirSync(files, { recursive: true })
    fetchDriver(files)
    run('tar', ['xzf', npmArchive(backend, place), '-C', place])
    fs.writeFileSync(done, '')
  }
  return { files, module }
}

function main() {
  const why = missing()
  if (why !== undefined) return process.stdout.write(`NOT RUN: Vulkan on lavapipe: ${why}\n`)
  const { files, module } = fetchAll()
  const library = path.join(files, 'usr', 'lib', 'x86_64-linux-gnu')
  const env = {
    ...process.env,
    GGCLIP_BACKENDS: module,
    GGML_VK_VISIBLE_DEVICES: '0', // ggml passes over devices that are CPUs
    GALLIVM_PERF: 'nopt', // compiles in half the time
    VK_DRIVER_FILES: path.join(files, 'usr', 'share', 'vulkan', 'icd.d', 'lvp_icd.json'),
    XDG_CACHE_HOME: path.join(place, 'shaders'),
  }
  const node = [path.join(files, 'usr', 'lib64', 'ld-linux-x86-64.so.2'), '--library-path', library, process.execPath]
  const checks = path.join(root, 'test', 'vulkan', 'checks.cjs')
  const { status, signal } = spawnSync(node[0], [...node.slice(1), checks], {
    env,
    stdio: 'inherit',
    timeout: 1_200_000,
  })
  if (signal) process.stderr.write(`the checks were ended by ${signal}\n`)
  process.exitCode = status ?? 1
}

main()
