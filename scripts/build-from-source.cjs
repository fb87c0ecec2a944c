// Compiles the addon of an installed package (`npx ggclip build`), for a platform without a published binary or with other
// settings (GGCLIP_CMAKE_ARGS). Says what is missing before it starts. Needs CMake and a C++17 compiler; no network.
'use strict'

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { cmake } = require('./cmake.cjs')
const { bundleFile, readBundle } = require('./source-bundle.cjs')

const root = path.join(__dirname, '..')
const target = path.join(root, 'build', 'cmake', 'ggclip.node')
const say = text => process.stderr.write(`ggclip build: ${text}\n`)

function output(command, ...args) {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' })
  return status === 0 ? stdout : undefined
}

/** @returns {string[]} one line for each tool that is needed and not there */
function missingTools() {
  const missing = []
  const version = /cmake version (\d+)\.(\d+)/.exec(output('cmake', '--version') ?? '')
  if (!version) missing.push('CMake 3.18 or newer: no "cmake" on the PATH')
  else if (version[1] * 1000 + Number(version[2]) < 3018)
    missing.push(`CMake 3.18 or newer: found ${version[1]}.${version[2]}`)
  // on Windows CMake finds Visual Studio itself, which is on no PATH
  if (process.platform === 'win32') return missing
  const compilers = process.env.CXX ? [process.env.CXX.split(' ')[0]] : ['c++', 'g++', 'clang++']
  if (!compilers.some(name => output(name, '--version') !== undefined))
    missing.push(`a C++17 compiler: no ${compilers.join(', ')} on the PATH`)
  if (output('ninja', '--version') === undefined && output('make', '--version') === undefined)
    missing.push('make or ninja: neither is on the PATH')
  return missing
}

function advice() {
  if (process.platform === 'darwin') return 'xcode-select --install && brew install cmake'
  if (process.platform === 'win32')
    return 'winget install Kitware.CMake Microsoft.VisualStudio.2022.BuildTools (with the C++ workload)'
  const managers = {
    'apt-get': 'apt-get install cmake g++ make',
    apk: 'apk add cmake g++ make',
    dnf: 'dnf install cmake gcc-c++ make',
  }
  const found = Object.keys(managers).find(name => output(name, '--version') !== undefined)
  return managers[found ?? 'apt-get']
}

function build(work) {
  readBundle(work)
  cmake({
    source: work,
    build: path.join(work, 'build'),
    defines: { GGCLIP_NODE_HEADERS: path.join(work, 'headers', 'include').split(path.sep).join('/') },
    targets: ['ggclip'],
  })
  fs.mkdirSync(path.dirname(target), { recursive: true })
  // beside and renamed: a process that has the old one loaded keeps it
  fs.copyFileSync(path.join(work, 'build', 'ggclip.node'), `${target}.new`)
  fs.renameSync(`${target}.new`, target)
}

function main() {
  if (!fs.existsSync(bundleFile)) {
    say('this is no installed package; "npm run build" compiles a checkout')
    process.exitCode = 1
    return
  }
  const missing = missingTools()
  if (missing.length > 0) {
    for (const line of missing) say(`missing: ${line}`)
    say(`for example: ${advice()}`)
    process.exitCode = 1
    return
  }
  // Ctrl-C ends CMake, whose failure then comes back here: what was unpacked is removed
  process.on('SIGINT', () => undefined)
  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'ggclip-build-'))
  try {
    say('compiling; this takes a few minutes')
    build(work)
    say(`done: ${target}`)
  } catch (error) {
    say(`failed: ${error.message}`)
    process.exitCode = 1
  } finally {
    fs.rmSync(work, { recursive: true, force: true })
  }
}

main()
