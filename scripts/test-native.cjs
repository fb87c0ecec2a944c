// Builds and runs the native test programs; prints one line each and fails when one of them does.
'use strict'

const { spawnSync } = require('node:child_process')
const path = require('node:path')
const buildOracle = require('../test/oracle/build.cjs')
const { buildNative } = require('./build-native.cjs')

const root = path.join(__dirname, '..')
const build = path.join(root, 'build', 'cmake')

/**
 * `sanitizers`: those that it runs under (npm run test:sanitizers), if not all: ThreadSanitizer tells nothing of a program
 * of one thread, and a program that replaces malloc cannot be one whose malloc a sanitizer replaces. `sanitizedArgs`: its
 * arguments then, since a program under a sanitizer is many times slower.
 */
const nativeTests = [
  { name: 'kernels', sanitizers: ['address'] },
  { name: 'preprocess', sanitizers: ['address'] },
  { name: 'search', sanitizers: ['address'] },
  { name: 'formats', args: () => [buildOracle()] },
  { name: 'hparams' },
  { name: 'thread-team' },
  { name: 'towers', sanitizedArgs: () => ['1', '8'] },
  { name: 'pictures' },
  { name: 'device', sanitizers: ['address'] },
  ...(process.platform === 'win32' ? [] : [{ name: 'modules', sanitizers: [] }]),
  ...(process.platform === 'linux' ? [{ name: 'allocations', sanitizers: [] }] : []),
]

/** @param {string} folder of the programs @returns {boolean} whether all passed */
function runNativeTests(folder) {
  let failed = 0
  for (const { name, args = () => [] } of nativeTests) {
    const result = spawnSync(path.join(folder, `${name}-test`), args(), { encoding: 'utf8', maxBuffer: 1 << 26 })
    const ok = result.status === 0
    if (!ok) {
      failed++
      process.stdout.write(`${result.stdout ?? ''}${result.stderr ?? ''}${result.error ?? ''}`)
    }
    process.stdout.write(
      `${ok ? 'pass' : 'FAIL'}  native ${name}${ok ? '' : ` (${result.signal ?? `exit ${result.status}`})`}\n`,
    )
  }
  process.stdout.write(`native: ${nativeTests.length - failed} passed, ${failed} failed\n`)
  return failed === 0
}

module.exports = { nativeTests, runNativeTests }

if (require.main === module) {
  buildNative({ tests: true })
  if (!runNativeTests(build)) process.exitCode = 1
}
