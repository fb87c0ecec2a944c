// Fuzzes the readers of model files, the tokenizer files and picture geometry (npm run fuzz). Each target starts from
// test/fuzz/seeds and runs for a time; what it finds is left in build/fuzz/findings and fails the run. With Clang the
// targets are libFuzzer's, guided by coverage; with another compiler test/fuzz/driver.cpp changes the seeds blindly.
//
//   npm run fuzz -- [--seconds 60] [TARGET...]      seconds of each target
'use strict'

const { spawn, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { buildTs } = require('./build-ts.cjs')
const { run } = require('./run.cjs')
const { vendorGgml } = require('./vendor-ggml.cjs')

const root = path.join(__dirname, '..')
const build = path.join(root, 'build', 'fuzz')
const sources = path.join(root, 'test', 'fuzz')
const native = ['gguf', 'safetensors', 'torch', 'folder', 'resize']
const all = [...native, 'tokenizer']

function parse(args) {
  const targets = []
  let seconds = 60
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--seconds') seconds = Number(args[++i])
    else if (all.includes(args[i])) targets.push(args[i])
    else throw new Error(`unknown argument '${args[i]}': expected --seconds N or targets among ${all.join(', ')}`)
  }
  if (!(seconds > 0)) throw new Error('--seconds: expected a number above 0')
  return { seconds, targets: targets.length > 0 ? targets : all }
}

/** Clang with libFuzzer, or undefined. Debian has the runtime in a separate package, so a small program is tried. */
function findClang() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ggclip-fuzz-'))
  try {
    const source = path.join(folder, 'try.cpp')
    fs.writeFileSync(
      source,
      '#include <cstddef>\n#include <cstdint>\nextern "C" int LLVMFuzzerTestOneInput(const uint8_t *, size_t) { return 0; }\n',
    )
    const works = name =>
      spawnSync(name, ['-fsanitize=fuzzer,address,undefined', source, '-o', path.join(folder, 'try')]).status === 0
    return ['clang++', ...Array.from({ length: 12 }, (_, i) => `clang++-${25 - i}`)].find(works)
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}

function buildTargets(clang, targets) {
  const compilers = clang ? [`-DCMAKE_CXX_COMPILER=${clang}`, `-DCMAKE_C_COMPILER=${clang.replace('++', '')}`] : []
  const generator = spawnSync('ninja', ['--version']).status === 0 ? ['-G', 'Ninja'] : []
  run('cmake', [
    '-S',
    root,
    '-B',
    build,
    ...generator,
    ...compilers,
    '-DCMAKE_BUILD_TYPE=RelWithDebInfo',
    '-DGGCLIP_FUZZ=ON',
    '-DGGCLIP_SANITIZE=address,undefined',
    `-DGGCLIP_GGML_DIR=${vendorGgml()}`,
  ], { cwd: root })
  run('cmake', ['--build', build, '--parallel', String(os.availableParallelism()), '--target', ...targets.map(name =>
    `${name}-fuzz`
  )], { cwd: root })
}

/** Runs a command to its end; its output, with the last lines of a failure. */
function exec(command, args, options) {
  return new Promise(resolve => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk))
    child.on('error', error => resolve({ ok: false, output: String(error) }))
    child.on('close', status => resolve({ ok: status === 0, output }))
  })
}

async function fuzz(name, seconds) {
  const findings = path.join(build, 'findings'), corpus = path.join(build, 'corpus', name)
  for (const folder of [findings, corpus]) fs.mkdirSync(folder, { recursive: true })
  if (name === 'tokenizer')
    return exec(process.execPath, [path.join(sources, 'tokenizer-fuzz.cjs'), String(seconds), findings], { cwd: root })
  // a file of kilobytes must not take a gigabyte or half a minute, not even under the sanitizers
  const limits = ['-timeout=30', '-rss_limit_mb=1500', '-malloc_limit_mb=512', '-max_len=262144',
    '-print_final_stats=1']
  const dictionary = path.join(sources, 'words.dict')
  const args = [`-max_total_time=${seconds}`, ...limits, `-dict=${dictionary}`,
    `-artifact_prefix=${path.join(findings, name)}-`, corpus, path.join(sources, 'seeds', name)]
  return exec(path.join(build, `${name}-fuzz`), args, {
    cwd: findings,
    env: { ...process.env, ASAN_OPTIONS: 'allocator_may_return_null=1', UBSAN_OPTIONS: 'print_stacktrace=1' },
  })
}

/** "12345 runs, coverage 2210 edges, corpus 310", as far as the output tells. */
function figures(output) {
  const last = pattern => [...output.matchAll(pattern)].at(-1)?.[1]
  const runs = last(/Done (\d+) runs/g) ?? last(/number_of_executed_units: (\d+)/g)
  const coverage = last(/ cov: (\d+)/g), corpus = last(/ corp: (\d+)/g)
  return [runs && `${runs} runs`, coverage && `coverage ${coverage} edges`, corpus && `corpus ${corpus}`].filter(
    Boolean,
  ).join(', ')
}

async function main() {
  const { seconds, targets } = parse(process.argv.slice(2))
  const clang = findClang()
  if (!clang)
    process.stdout.write(
      'NOT RUN  fuzzing guided by coverage: no Clang with libFuzzer (clang and libclang-rt-dev); the seeds are changed blindly instead\n',
    )
  process.stdout.write(`fuzz: ${clang ? `${clang} with libFuzzer` : 'without coverage'}, ${seconds} s a target\n`)
  const compiled = targets.filter(name => native.includes(name))
  if (compiled.length > 0) buildTargets(clang, compiled)
  if (targets.includes('tokenizer')) buildTs()
  let failed = 0
  const waiting = [...targets]
  const work = async () => {
    for (let name = waiting.shift(); name; name = waiting.shift()) {
      const { ok, output } = await fuzz(name, seconds)
      if (!ok) failed++
      process.stdout.write(
        `${ok ? '' : `${output.slice(-8000)}\n`}${ok ? 'pass' : 'FAIL'}  ${name}: ${figures(output)}\n`,
      )
    }
  }
  await Promise.all(Array.from({ length: os.availableParallelism() }, work))
  process.stdout.write(`fuzz: ${targets.length - failed} passed, ${failed} failed\n`)
  if (failed > 0) process.exitCode = 1
}

main().catch(error => {
  process.stderr.write(`fuzz: ${error.message}\n`)
  process.exitCode = 1
})
