// Runs the kernel tests at the levels that this CPU lacks (npm run test:levels): NEON cross-compiled and run by qemu-user,
// AVX-VNNI through the AVX-512 forms of its two instructions, AMX with plain functions for its tile instructions. Says which levels it could not run, and why; fails only when
// a test does. Takes about a minute (3 minutes without ccache).
'use strict'

const { spawn, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const root = path.join(__dirname, '..')
const kernels = path.join(root, 'cpp', 'kernels')
const build = path.join(root, 'build', 'levels')
const sources = fs.readdirSync(kernels, { recursive: true }).filter(name => name.endsWith('.cpp')).map(name =>
  path.join(kernels, name)
)
const found = command => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
const firstFound = commands => commands.find(found)

/** The compiler flags of each level, as CMakeLists.txt gives them to compilers other than MSVC. */
function levelFlags() {
  const flags = {}
  for (
    const [, level, value] of fs.readFileSync(path.join(root, 'CMakeLists.txt'), 'utf8').matchAll(
      /set\(FLAGS_(\S+) ([^")]+)\)/g,
    )
  ) {
    flags[level] = value.replace(/\$\{FLAGS_(\S+?)\}/g, (_, other) => flags[other].join(' ')).trim().split(/\s+/)
  }
  return flags
}

function exec(command, args) {
  return new Promise(resolve => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk))
    child.on('error', error => resolve({ ok: false, output: String(error) }))
    child.on('close', status => resolve({ ok: status === 0, output }))
  })
}

/** Compiles some at a time; returns what the compiler said when one fails. */
async function compileAll(compiler, units) {
  const launcher = process.env.CMAKE_CXX_COMPILER_LAUNCHER
  const waiting = [...units]
  let problem
  const work = async () => {
    for (let unit = waiting.shift(); unit && problem === undefined; unit = waiting.shift()) {
      const args = ['-std=c++17', '-O2', '-Wall', '-Wextra', '-Werror', `-I${path.join(root, 'cpp')}`, ...unit.flags,
        '-c', unit.source, '-o', unit.object]
      const { ok, output } = await (launcher ? exec(launcher, [compiler, ...args]) : exec(compiler, args))
      if (!ok) problem ??= `${unit.source}:\n${output}`
    }
  }
  await Promise.all(Array.from({ length: os.availableParallelism() }, work))
  return problem
}

/** @returns undefined, or what went wrong */
async function testTarget(
  { name, family, compiler, emulator = [], levels, programs, replace = {}, flags = {}, levelsFlags = levelFlags() },
) {
  const folder = path.join(build, name)
  fs.mkdirSync(folder, { recursive: true })
  const unit = (source, own) => ({
    source,
    flags: [...own, ...(flags[path.basename(source)] ?? [])],
    object: path.join(folder, `${path.basename(source, '.cpp')}.o`),
  })
  const level = source => /^kernels-(?!scalar)(.*)\.cpp$/.exec(path.basename(source))?.[1]
  const library = sources.filter(source =>
    level(source) === undefined || (level(source) === 'amx' ?
      replace['kernels-amx.cpp'] !== undefined
      : level(source).startsWith('neon') === (family === 'neon'))
  )
    .map(source => unit(replace[path.basename(source)] ?? source, levelsFlags[level(source)] ?? []))
  // what pictures are resized with needs the engine's preprocessing, which is plain C++
  const preprocess = unit(path.join(root, 'cpp', 'engine', 'preprocess.cpp'), [])
  const tests = programs.map(program => unit(path.join(root, 'test', 'native', `${program}-test.cpp`), []))
  const problem = await compileAll(compiler, [...library, preprocess, ...tests])
  if (problem) return problem
  for (const [i, program] of programs.entries()) {
    const binary = path.join(folder, `${program}-test`)
    const link = await exec(compiler, ['-static', '-pthread', tests[i].object, preprocess.object,
      ...library.map(({ object }) => object), '-o', binary])
    if (!link.ok) return link.output
    const runs = program === 'kernels' ? levels : [undefined] // each level by its name: one that is not there would test nothing
    for (const only of runs) {
      const { ok, output } = await exec(...command([...emulator, binary, ...(only ? [only] : [])]))
      if (!ok || (only && !output.includes(`${only} `))) return `${program}-test ${only ?? ''}:\n${output}`
    }
  }
  return undefined
}
const command = ([first, ...rest]) => [first, rest]

/** AVX-VNNI's two instructions have twins in AVX-512 VL, which compute the same. */
const twinFlags = ['-mavx512vl', '-mavx512vnni']

function vnniTwin() {
  const file = path.join(build, 'kernels-avx-vnni.cpp')
  fs.mkdirSync(build, { recursive: true })
  const twins = ['dpbusd', 'dpwssd'].map(op => `#define _mm256_${op}_avx_epi32 _mm256_${op}_epi32`)
  fs.writeFileSync(
    file,
    `#include <immintrin.h>\n${twins.join('\n')}\n#include "kernels/levels/kernels-avx-vnni.cpp"\n`,
  )
  return file
}

/** AMX: its twin, over AVX-512 where this CPU has it. */
function amxTwin(compiler, flags) {
  const wide = ['avx512f', 'avx512bw', 'avx512vl', 'avx512dq', 'avx512_vnni'].every(flag => flags.includes(flag))
  return {
    name: 'amx',
    family: 'x86',
    compiler,
    levels: ['amx'],
    programs: ['kernels'],
    // cpu.cpp then takes a CPU with AVX2 for one that has AMX
    levelsFlags: { ...levelFlags(), amx: levelFlags()[wide ? 'avx512-vnni' : 'avx2'] },
    flags: {
      'cpu.cpp': ['-DGGCLIP_EMULATE', '-DGGCLIP_AMX'],
      'kernels-test.cpp': wide ? [] : ['-DGGCLIP_TWIN_OVER_AVX2'],
    },
    replace: { 'kernels-amx.cpp': path.join(root, 'test', 'native', 'kernels', 'amx-twin.cpp') },
  }
}

const cpuFlags = () =>
  (fs.existsSync('/proc/cpuinfo')
    ? /^flags\s*:(.*)$/m.exec(fs.readFileSync('/proc/cpuinfo', 'utf8'))?.[1].trim().split(' ')
    : undefined) ?? []

/** What can be run here, and what cannot. */
function plan() {
  const [targets, skipped] = [[], []]
  const cross = firstFound(['aarch64-linux-gnu-g++'])
  const qemu = firstFound(['qemu-aarch64', 'qemu-aarch64-static'])
  if (process.arch === 'arm64') skipped.push(['x86 levels', 'this machine is ARM'])
  else if (cross && qemu) {
    targets.push({
      name: 'neon',
      family: 'neon',
      compiler: cross,
      emulator: [qemu, '-cpu', 'max'],
      levels: ['neon', 'neon-dotprod', 'neon-i8mm'],
      programs: ['kernels', 'preprocess', 'search'],
    })
  } else skipped.push(['neon, neon-dotprod, neon-i8mm',
      `needs ${
        [!cross && 'aarch64-linux-gnu-g++ (g++-aarch64-linux-gnu)', !qemu && 'qemu-aarch64 (qemu-user)'].filter(Boolean)
          .join(' and ')
      }`])
  if (process.arch !== 'x64') return { targets, skipped }

  const flags = cpuFlags()
  const compiler = firstFound([process.env.CXX ?? 'c++', 'g++', 'clang++'])
  if (!flags.includes('avx512_vnni')) skipped.push(['avx512-vnni', 'this CPU lacks it, and no emulator here has it'])
  if (compiler && flags.includes('avx2')) targets.push(amxTwin(compiler, flags))
  else skipped.push(['amx', 'its twin needs AVX2 and a C++ compiler'])
  if (flags.includes('avx_vnni')) return { targets, skipped } // npm run test:native has run it
  if (compiler && flags.includes('avx512_vnni') && flags.includes('avx512vl')) {
    targets.push({
      name: 'avx-vnni',
      family: 'x86',
      compiler,
      levels: ['avx-vnni'],
      programs: ['kernels'],
      // cpu.cpp then takes a CPU with AVX2 for one that has the other levels
      levelsFlags: { ...levelFlags(), 'avx-vnni': [...levelFlags().avx2, ...twinFlags] },
      flags: { 'cpu.cpp': ['-DGGCLIP_EMULATE'] },
      replace: { 'kernels-avx-vnni.cpp': vnniTwin() },
    })
  } else skipped.push(['avx-vnni', 'needs this CPU to have it or AVX-512 VNNI, and a C++ compiler'])
  return { targets, skipped }
}

async function main() {
  const { targets, skipped } = plan()
  let failed = 0
  for (const target of targets) {
    const began = Date.now()
    const problem = await testTarget(target)
    if (problem) failed++
    process.stdout.write(
      `${problem ? `${problem}\nFAIL` : 'pass'}  ${target.levels.join(', ')} (${
        ((Date.now() - began) / 1000).toFixed(0)
      } s)\n`,
    )
  }
  for (const [levels, why] of skipped) process.stdout.write(`SKIPPED  ${levels}: ${why}\n`)
  process.stdout.write(`levels: ${targets.length - failed} passed, ${failed} failed, ${skipped.length} NOT RUN\n`)
  if (failed > 0) process.exitCode = 1
}
void main()
