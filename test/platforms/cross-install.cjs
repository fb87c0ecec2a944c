// Installs ggclip in an empty folder as for another machine (`npm install --os --cpu --libc`), from the packed archives, and
// encodes pictures from their files and texts with what npm chose, sharp included, by emulators: compared with this checkout's
// vectors. Says what could not be executed, and why (npm run test:cross-install packs first).
//
//   node test/platforms/cross-install.cjs [PLATFORM...]      all, or those named
'use strict'

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { platforms, prebuiltFile } = require('../../scripts/platforms.cjs')
const { attempt, withProject } = require('../newcomer/project.cjs')
const { runnersOf } = require('./runtimes.cjs')

const root = path.join(__dirname, '..', '..')
const script = path.join(__dirname, 'encode-file.cjs')
/** Most distance between two unit vectors with the embedded, quantised model (run.cjs says why). */
const tolerance = 0.02
/** For one of them, under an emulator. */
const longestMs = 600_000

const distance = (a, b) => Math.hypot(...a.map((value, i) => value - b[i]))
const answerOf = stdout => JSON.parse(stdout.trim().split('\n').at(-1))

/** The folders of a scope, as npm left them. */
function installed(project, scope) {
  return fs.readdirSync(path.join(project.folder, 'node_modules', scope)).sort()
}

async function tryPlatform(project, platform, { command, env, by }, expected) {
  const { name, os, cpu, libc } = platform
  fs.rmSync(path.join(project.folder, 'node_modules'), { recursive: true, force: true })
  fs.rmSync(path.join(project.folder, 'package-lock.json'), { force: true })
  const chosen = [`--os=${os}`, `--cpu=${cpu}`, ...(libc ? [`--libc=${libc}`] : [])]
  const { code, stderr } = await project.run('npm', ['install', '--no-audit', ...chosen, 'ggclip'])
  assert.deepEqual([code, stderr], [0, ''])
  assert.deepEqual(installed(project, '@ggclip'), [name])
  project.write('encode-file.cjs', fs.readFileSync(script, 'utf8'))
  const { code: end, signal, stdout, stderr: said } = await project.run(
    command[0],
    [...command.slice(1), 'encode-file.cjs'],
    env,
    longestMs,
  )
  if (end !== 0) throw new Error(`ended with ${signal ?? `exit code ${end}`}: ${said.trim().slice(-600)}`)
  const { arch, platform: system, version, vectors } = answerOf(stdout)
  assert.deepEqual([system, arch, vectors.length], [os, cpu, expected.length])
  const most = Math.max(...vectors.map((vector, i) => distance(vector, expected[i])))
  assert(most <= tolerance, `a vector is ${most} from the expected one, at most ${tolerance} expected`)
  return `${by}, Node ${version}, with ${installed(project, '@img').join(', ')}: distances at most ${
    most.toExponential(1)
  }`
}

/** How one is run, or why it is not. */
function runnerOf(platform) {
  if (!fs.existsSync(path.join(root, prebuiltFile(platform))))
    throw new Error(`no ${prebuiltFile(platform)} (npm run prebuild -- ${platform.name})`)
  const [runner] = runnersOf(platform)
  const { WINEPREFIX } = runner.env ?? {}
  if (WINEPREFIX && !fs.existsSync(path.join(WINEPREFIX, 'drive_c', 'windows', 'system32', 'bcryptprimitives.dll')))
    throw new Error('needs x86_64-w64-mingw32-gcc, for a function that sharp asks for and this Wine lacks')
  return runner
}

async function main(names) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(`this checkout (npm run build): ${stderr}`)
  const expected = answerOf(stdout).vectors
  let passed = 0, failed = 0
  for (const platform of platforms.filter(({ name }) => names.length === 0 || names.includes(name))) {
    let runner
    try {
      runner = runnerOf(platform)
    } catch (error) {
      process.stdout.write(`NOT RUN  ${platform.name}: ${error.message}\n`)
      continue
    }
    await withProject(async project => {
      const step = () => tryPlatform(project, platform, runner, expected)
      if (await attempt(project, platform.name, step)) passed++
      else failed++
    })
  }
  process.stdout.write(`cross-install: ${passed} passed, ${failed} failed\n`)
  if (failed > 0) process.exitCode = 1
}

main(process.argv.slice(2)).catch(error => {
  process.stderr.write(`cross-install: ${error.message}\n`)
  process.exitCode = 1
})
