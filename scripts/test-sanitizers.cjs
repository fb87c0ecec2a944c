// Runs the native tests, and one session of the addon in Node (test/fixtures/sanitizers/session.cjs), under
// AddressSanitizer with UndefinedBehaviorSanitizer, and under ThreadSanitizer (npm run test:sanitizers). Fails on any
// report, and when a fault that is planted goes unreported. Says NOT RUN, and why, where the sanitizer cannot work.
//
//   npm run test:sanitizers -- [address] [thread]
'use strict'

const { spawn, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { buildNative } = require('./build-native.cjs')
const { buildTs } = require('./build-ts.cjs')
const { nativeTests } = require('./test-native.cjs')
const { run } = require('./run.cjs')
const { reportsOf } = require('./thread-reports.cjs')

const root = path.join(__dirname, '..')
const fixtures = path.join(root, 'test', 'fixtures', 'sanitizers')
const compiler = process.env.CXX ?? 'c++'

const kinds = {
  address: {
    flags: 'address,undefined',
    library: 'libasan.so',
    env: {
      ASAN_OPTIONS: 'allocator_may_return_null=1:detect_stack_use_after_return=1',
      UBSAN_OPTIONS: 'print_stacktrace=1',
    },
    // Node and V8 keep memory until the process ends
    nodeEnv: { ASAN_OPTIONS: 'allocator_may_return_null=1:detect_leaks=0' },
    planted: ['read past a block', 'overflow'],
  },
  thread: {
    flags: 'thread',
    library: 'libtsan.so',
    env: { TSAN_OPTIONS: 'exitcode=66' },
    nodeEnv: { TSAN_OPTIONS: 'exitcode=0' }, // its reports are looked at: Node's own are among them
    planted: ['race'],
  },
}

/** ThreadSanitizer needs addresses where it expects them; a kernel that spreads them wider ends it at once. */
const setarch = spawnSync('setarch', ['-R', 'true']).status === 0 ? ['setarch', '-R'] : []

/** Runs a command to its end or for ten minutes; `output`: all that it said. */
function exec(command, args, env) {
  return new Promise(resolve => {
    const [first, ...rest] = [...setarch, command, ...args]
    const child = spawn(first, rest, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 600_000,
      killSignal: 'SIGKILL',
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk))
    child.on('error', error => resolve({ end: String(error), output }))
    child.on('close', (status, signal) => resolve({ end: signal ?? `exit ${status}`, output }))
  })
}

/** Node with `library`, of which alone reports count. */
async function inNode(kind, library, args, env) {
  const { end, output } = await exec(process.execPath, args, {
    ...kinds[kind].nodeEnv,
    LD_PRELOAD: runtimeOf(kind),
    ...env,
  })
  const reports = reportsOf(output, [path.basename(library)])
  return reports.length === 0 ? { end, output } : { end: `${reports.length} reports`, output: reports.join('\n') }
}

/** The compiler's sanitizer library, or undefined: then it prints the bare name. */
function runtimeOf(kind) {
  const { stdout } = spawnSync(compiler, [`-print-file-name=${kinds[kind].library}`], { encoding: 'utf8' })
  const file = (stdout ?? '').trim()
  return path.isAbsolute(file) ? fs.realpathSync(file) : undefined
}

/** Why this kind cannot be run here, or undefined. */
async function missing(kind) {
  if (process.platform !== 'linux') return 'Node is started with the sanitizer through LD_PRELOAD, which needs Linux'
  if (!runtimeOf(kind)) return `${compiler} has no ${kinds[kind].library}: it takes GCC and its sanitizers' libraries`
  const { end, output } = await inNode(kind, '', ['-e', '0'])
  return end === 'exit 0'
    ? undefined
    : `Node does not start with ${kinds[kind].library} (${end}): ${output.trim().split('\n')[0]}`
}

/** The library of faults. */
function buildPlanted(kind, out) {
  const library = path.join(out, 'planted.so')
  run(compiler, ['-std=c++17', '-O1', '-g1', '-fPIC', '-shared', '-pthread', `-fsanitize=${kinds[kind].flags}`,
    '-fno-sanitize-recover=undefined', path.join(fixtures, 'planted.cpp'), '-o', library])
  return library
}

/** A planted fault must be reported in Node, too: a sanitizer that sees nothing would pass everything. */
async function seesPlanted(kind, fault, library) {
  const { end, output } = await inNode(kind, library, ['-e',
    `try { process.dlopen({ exports: {} }, ${JSON.stringify(library)}) } catch { /* no addon */ }`], { PLANTED: fault })
  return { ok: end !== 'exit 0' && /Sanitizer|runtime error/.test(output), end, output }
}

async function runOne(name, test) {
  const began = Date.now()
  const { ok, end, output } = await test()
  const seconds = ((Date.now() - began) / 1000).toFixed(0)
  if (!ok) process.stdout.write(`${output.slice(0, 20_000)}\n`)
  process.stdout.write(`${ok ? 'pass' : 'FAIL'}  ${name} (${ok ? '' : `${end}, `}${seconds} s)\n`)
  return ok
}

async function testWith(kind) {
  const reason = await missing(kind)
  if (reason !== undefined) {
    process.stdout.write(`NOT RUN  ${kind}: ${reason}\n`)
    return []
  }
  const out = path.join(root, 'build', `sanitize-${kind}`)
  process.env.GGCLIP_CMAKE_ARGS = `-DGGCLIP_SANITIZE=${kinds[kind].flags}`
  buildNative({ tests: true, out })
  const addon = path.join(out, 'ggclip.node'), library = buildPlanted(kind, out)
  const quiet = async running => running.then(({ end, output }) => ({ ok: end === 'exit 0', end, output }))
  const tests = [
    ...kinds[kind].planted.map(
      fault => [`a planted fault is reported in Node: ${fault}`, () => seesPlanted(kind, fault, library)],
    ),
    ['a session in Node',
      () => quiet(inNode(kind, addon, [path.join(fixtures, 'session.cjs')], { GGCLIP_ADDON: addon }))],
    ...nativeTests.filter(({ sanitizers = Object.keys(kinds) }) => sanitizers.includes(kind))
      .map((
        { name, args = () => [], sanitizedArgs = args },
      ) => [`native ${name}`, () => quiet(exec(path.join(out, `${name}-test`), sanitizedArgs(), kinds[kind].env))]),
  ]
  const results = []
  const work = async () => {
    for (let next = tests.shift(); next; next = tests.shift())
      results.push(await runOne(`${kind}: ${next[0]}`, next[1]))
  }
  await Promise.all(Array.from({ length: Math.min(2, os.availableParallelism()) }, work))
  return results
}

async function main() {
  const wanted = process.argv.slice(2)
  const unknown = wanted.find(name => !kinds[name])
  if (unknown !== undefined)
    throw new Error(`unknown sanitizer '${unknown}': expected ${Object.keys(kinds).join(' or ')}`)
  buildTs()
  const results = []
  for (const kind of Object.keys(kinds))
    if (wanted.length === 0 || wanted.includes(kind)) results.push(...(await testWith(kind)))
  const failed = results.filter(ok => !ok).length
  process.stdout.write(`sanitizers: ${results.length - failed} passed, ${failed} failed\n`)
  if (failed > 0) process.exitCode = 1
}

main().catch(error => {
  process.stderr.write(`sanitizers: ${error.message}\n`)
  process.exitCode = 1
})
