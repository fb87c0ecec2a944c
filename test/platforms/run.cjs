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
/**
 * Most distance between two unit vectors. In float32 what differs is the order of sums; with the quantised weights the
 * activations are rounded to 8 bits, and a sum that falls to the other side of a step moves the vector.
 */
const tolerances = { quantised: 0.02, f32: 1e-5 }
/** Digits after the point in expected.json. */
const digits = { quantised: 5, f32: 7 }

function encode([program, ...words], env) {
  const args = [...words, 'test/platforms/encode.cjs']
  const ended = spawnSync(program, args, { cwd: root, env: { ...process.env, ...env }, encoding: 'utf8', timeout: 9e5 })
  if (ended.error) throw ended.error
  if (ended.status !== 0)
    throw new Error(`ended with ${ended.signal ?? `exit code ${ended.status}`}: ${ended.stderr.trim().slice(-600)}`)
  return JSON.parse(ended.stdout.trim().split('\n').at(-1))
}

const distance = (a, b) => Math.hypot(...a.map((value, i) => value - b[i]))

/** The largest distance between vectors of the same input, by the weights' type. */
function compare(found, expected) {
  return Object.entries(tolerances).map(([type, tolerance]) => {
    const [ours, theirs] = [found[type], expected[type]]
    if (ours.length !== theirs.length) throw new Error(`${type}: expected ${theirs.length} vectors, got ${ours.length}`)
    const most = Math.max(...ours.map((vector, i) => distance(vector, theirs[i])))
    if (!(most <= tolerance))
      throw new Error(`${type}: a vector is ${most} from the expected one, at most ${tolerance} expected`)
    return `${type} ${most.toExponential(1)}`
  }).join(', ')
}

/** expected.json, a vector a line. */
function writeExpected(vectors) {
  const lists = Object.entries(digits).map(([type, count]) => {
    const lines = vectors[type].map(vector => `[${vector.map(value => value.toFixed(count)).join(',')}]`)
    return `"${type}":[\n${lines.join(',\n')}\n]`
  })
  fs.writeFileSync(expectedFile, `{${lists.join(',\n')}}\n`)
}

function main(names) {
  if (names.includes('--write')) {
    writeExpected(encode([process.execPath], { GGCLIP_ADDON: '' }).vectors)
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
        say('pass', `${by}, Node ${version} ${arch}, ${kernels} kernels, distances at most: ${most}`)
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
