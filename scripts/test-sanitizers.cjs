// Runs the native tests, and one session of the addon in Node (test/fixtures/sanitizers/session.cjs), under
// AddressSanitizer with UndefinedBehaviorSanitizer, and under ThreadSanitizer (npm run test:sanitizers). Fails on any report.
//
//   npm run test:sanitizers -- [address] [thread]
'use strict'

const { execFileSync, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { buildNative } = require('./build-native.cjs')
const { nativeTests } = require('./test-native.cjs')

const root = path.join(__dirname, '..')
const fixtures = path.join(root, 'test', 'fixtures', 'sanitizers')

const kinds = {
  address: {
    flags: 'address,undefined',
    library: 'libasan.so',
    env: { ASAN_OPTIONS: 'allocator_may_return_null=1:detect_stack_use_after_return=1', UBSAN_OPTIONS: 'print_stacktrace=1' },
    // Node and V8 keep memory until the process ends
    nodeEnv: { ASAN_OPTIONS: 'allocator_may_return_null=1:detect_leaks=0' },
  },
  thread: {
    flags: 'thread',
    library: 'libtsan.so',
    env: { TSAN_OPTIONS: 'halt_on_error=0:exitcode=66' },
    // Node itself is not compiled with the sanitizer, which then knows nothing of its locks
    nodeEnv: { TSAN_OPTIONS: `exitcode=66:ignore_noninstrumented_modules=1:suppressions=${path.join(fixtures, 'node.supp')}` },
  },
}

/** ThreadSanitizer needs addresses where it expects them; a kernel that spreads them wider ends it at once. */
function withoutRandomAddresses(command, args) {
  const can = spawnSync('setarch', ['-R', 'true']).status === 0
  return can ? ['setarch', ['-R', command, ...args]] : [command, args]
}

function runOne(name, command, args, env) {
  const began = Date.now()
  const [first, rest] = withoutRandomAddresses(command, args)
  const { status, signal, stdout, stderr, error } = spawnSync(first, rest, { encoding: 'utf8', maxBuffer: 1 << 26, env: { ...process.env, ...env }, timeout: 900_000 })
  const ok = status === 0
  const seconds = ((Date.now() - began) / 1000).toFixed(0)
  if (!ok) process.stdout.write(`${stdout ?? ''}\n${(stderr ?? '').slice(0, 20_000)}\n${error ?? ''}`)
  process.stdout.write(`${ok ? 'pass' : 'FAIL'}  ${name} (${ok ? '' : `${signal ?? `exit ${status}`}, `}${seconds} s)\n`)
  return ok
}

function testWith(kind) {
  const { flags, library, env, nodeEnv } = kinds[kind]
  const out = path.join(root, 'build', `sanitize-${kind}`)
  process.env.GGCLIP_CMAKE_ARGS = `-DGGCLIP_SANITIZE=${flags}`
  buildNative({ tests: true, out })
  const compiler = process.env.CXX ?? 'c++'
  const runtime = execFileSync(compiler, [`-print-file-name=${library}`], { encoding: 'utf8' }).trim()
  const results = nativeTests.filter(({ sanitized = true }) => sanitized)
    .map(({ name, args = () => [] }) => runOne(`${kind}: native ${name}`, path.join(out, `${name}-test`), args(), env))
  const node = { ...nodeEnv, LD_PRELOAD: fs.realpathSync(runtime), GGCLIP_ADDON: path.join(out, 'ggclip.node') }
  results.push(runOne(`${kind}: a session in Node`, process.execPath, [path.join(fixtures, 'session.cjs')], node))
  return results
}

const wanted = process.argv.slice(2)
const results = Object.keys(kinds).filter(kind => wanted.length === 0 || wanted.includes(kind)).flatMap(testWith)
const failed = results.filter(ok => !ok).length
process.stdout.write(`sanitizers: ${results.length - failed} passed, ${failed} failed\n`)
if (failed > 0 || results.length === 0) process.exitCode = 1
