// Executes the published binaries that are in prebuilds/, by emulators where this machine cannot: a picture, a text and
// batches, compared with the vectors of expected.json (npm run test:platforms). Says what could not be executed, and why;
// minutes for each platform.
//
//   node test/platforms/run.cjs [PLATFORM...]      all, or those named
//   node test/platforms/run.cjs --write            makes expected.json by the binary that `npm run build` made
'use strict'

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { platforms, prebuiltFile } = require('../../scripts/platforms.cjs')
const { runnersOf } = require('./runtimes.cjs')

const root = path.join(__dirname, '..', '..')
const expectedFile = path.join(__dirname, 'expected.json')
/** Most distance between two unit vectors: other kernels round the activations of the quantised model elsewhere. */
const tolerance = 0.02

function encode([program, ...words], env) {
  const args = [...words, 'test/platforms/encode.cjs']
  const ended = spawnSync(program, args, { cwd: root, env: { ...process.env, ...env }, encoding: 'utf8', timeout: 9e5 })
  if (ended.error) throw ended.error
  if (ended.status !== 0)
    throw new Error(`ended with ${ended.signal ?? `exit code ${ended.status}`}: ${ended.stderr.trim().slice(-600)}`)
  return JSON.parse(ended.stdout.trim().split('\n').at(-1))
}

const distance = (a, b) => Math.hypot(...a.map((value, i) => value - b[i]))

/** The largest distance between vectors of the same input. */
function compare(found, expected) {
  if (found.length !== expected.length) throw new Error(`expected ${expected.length} vectors, got ${found.length}`)
  const most = Math.max(...found.map((vector, i) => distance(vector, expected[i])))
  if (!(most <= tolerance))
    throw new Error(`a vector is ${most} from the expected one, at most ${tolerance} expected`)
  return most
}

function main(names) {
  if (names.includes('--write')) {
    const { vectors } = encode([process.execPath], { GGCLIP_ADDON: '' })
    const rounded = vectors.map(vector => `[${vector.map(value => value.toFixed(5)).join(',')}]`)
    fs.writeFileSync(expectedFile, `[\n${rounded.join(',\n')}\n]\n`)
    return
  }
  const expected = JSON.parse(fs.readFileSync(expectedFile, 'utf8'))
  let passed = 0, failed = 0
  for (const platform of platforms.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const say = (mark, text) => process.stdout.write(`${mark}  ${platform.name}: ${text}\n`)
    const file = prebuiltFile(platform)
    let runners
    try {
      if (!fs.existsSync(path.join(root, file))) throw new Error(`no ${file} (npm run prebuild -- ${platform.name})`)
      runners = runnersOf(platform)
    } catch (error) {
      say('NOT RUN', error.message)
      continue
    }
    for (const { by, command, env } of runners) {
      try {
        const { version, arch, kernels, vectors } = encode(command, { ...env, GGCLIP_ADDON: file })
        const most = compare(vectors, expected)
        say('pass', `${by}, Node ${version} ${arch}, ${kernels} kernels, distance at most ${most.toExponential(1)}`)
        passed++
      } catch (error) {
        say('FAIL', `${by}: ${error.message}`)
        failed++
      }
    }
  }
  process.stdout.write(`platforms: ${passed} passed, ${failed} failed\n`)
  if (failed > 0) process.exitCode = 1
}

main(process.argv.slice(2))
