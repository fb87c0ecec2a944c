// zig, whose compiler builds for every platform: found on this machine, or taken from PyPI's package `ziglang`.
'use strict'

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { run } = require('./run.cjs')

const version = '0.17.1'
const root = path.join(__dirname, '..')
const own = path.join(root, 'build', 'zig')
const program = path.join(own, 'ziglang', process.platform === 'win32' ? 'zig.exe' : 'zig')

/** The program: ZIG, `zig` on the PATH in the pinned version, or one that pip puts into build/zig. */
function findZig() {
  for (const candidate of [process.env.ZIG, 'zig', program]) {
    if (candidate && spawnSync(candidate, ['version'], { encoding: 'utf8' }).stdout?.trim() === version)
      return candidate
  }
  if (process.env.ZIG) throw new Error(`ZIG: expected zig ${version}, found none in ${process.env.ZIG}`)
  process.stderr.write(`prebuild: fetching zig ${version} from PyPI\n`)
  fetchZig()
  return program
}

function fetchZig() {
  const python = process.platform === 'win32' ? 'python' : 'python3'
  if (spawnSync(python, ['-m', 'pip', '--version']).status !== 0)
    throw new Error(`expected zig ${version} (ZIG, or on the PATH), or ${python} with pip to fetch it, found neither`)
  const env = { PIP_ROOT_USER_ACTION: 'ignore', PIP_DISABLE_PIP_VERSION_CHECK: '1' }
  run(python, ['-m', 'pip', 'install', '--quiet', '--upgrade', '--target', own, `ziglang==${version}`], { env })
}

/** CMake takes a program without arguments for its tools: each becomes a script. @returns {Record<string, string>} definitions */
function zigTools(zig, { zig: target, flags }, folder) {
  if (process.platform === 'win32') throw new Error('cross builds run on Linux or macOS; on Windows use --native')
  fs.mkdirSync(folder, { recursive: true })
  const tool = (name, words) => {
    const file = path.join(folder, name)
    const text = `#!/bin/sh\nexec ${[zig, ...words].map(word => `'${word}'`).join(' ')} "$@"\n`
    // an unchanged file keeps its time, so that nothing is compiled again
    if (!fs.existsSync(file) || fs.readFileSync(file, 'utf8') !== text) fs.writeFileSync(file, text, { mode: 0o755 })
    return file
  }
  // the same words from CMake's first question on: zig compiles its C++ runtime anew for each optimisation, code model and
  // kind of symbols
  const position = target.includes('windows') ? [] : ['-fPIC']
  const words = ['-target', target, '-O2', '-s', ...position, ...flags]
  return {
    CMAKE_C_COMPILER: tool('cc', ['cc', ...words]),
    CMAKE_CXX_COMPILER: tool('c++', ['c++', ...words]),
    CMAKE_ASM_COMPILER: tool('cc', ['cc', ...words]),
    // CMake's questions are answered by compiling alone
    CMAKE_TRY_COMPILE_TARGET_TYPE: 'STATIC_LIBRARY',
    CMAKE_AR: tool('ar', ['ar']),
    CMAKE_RANLIB: tool('ranlib', ['ranlib']),
    CMAKE_RC_COMPILER: tool('rc', ['rc']),
    CMAKE_C_COMPILER_LAUNCHER: '',
    CMAKE_CXX_COMPILER_LAUNCHER: '',
  }
}

module.exports = { findZig, version, zigTools }
