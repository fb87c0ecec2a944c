// Runs the one CMake build: in a checkout (build-native.cjs), for other platforms (prebuild.cjs) and in an installed package
// (build-from-source.cjs).
'use strict'

const { spawnSync } = require('node:child_process')
const os = require('node:os')
const { run } = require('./run.cjs')

/**
 * @param {{ source: string, build: string, debug?: boolean, defines: Record<string, string>, targets?: string[], env?: NodeJS.ProcessEnv }} options
 *   `targets`: all, if there are none
 */
function cmake({ source, build, debug = false, defines, targets = [], env }) {
  const type = debug ? 'Debug' : 'Release'
  // on Windows CMake's own choice, Visual Studio: with ninja it would take whatever compiler is on the PATH
  const hasNinja = process.platform !== 'win32' && spawnSync('ninja', ['--version']).status === 0
  const generator = hasNinja ? ['-G', 'Ninja'] : []
  const list = Object.entries({ CMAKE_BUILD_TYPE: type, ...defines }).map(([name, value]) => `-D${name}=${value}`)
  run('cmake', ['-S', source, '-B', build, ...generator, ...list, ...own()], { cwd: source, env })
  const parallel = ['--config', type, '--parallel', String(os.availableParallelism())]
  run('cmake', ['--build', build, ...parallel, ...targets.flatMap(name => ['--target', name])], { cwd: source, env })
}

/** GGCLIP_CMAKE_ARGS adds CMake definitions, e.g. "-DGGCLIP_CUDA=ON -DGGCLIP_SANITIZE=address". */
const own = () => (process.env.GGCLIP_CMAKE_ARGS ?? '').split(/\s+/).filter(Boolean)

module.exports = { cmake }
