// A platform without a published binary, in an empty folder with the packed archive: `npx ggclip build` says what is missing,
// cleans up when it is interrupted, compiles without a network, and what it made encodes. Then an archive with this machine's
// own binary (`npm run prebuild -- --native`, `npm pack`), as deploy/Dockerfile makes it. Minutes: it compiles twice.
//
//   node test/newcomer/from-source.cjs      (npm run test:from-source packs first)
'use strict'

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { ownPlatform } = require('../../scripts/platforms.cjs')
const { attempt, withProject } = require('./project.cjs')

const root = path.join(__dirname, '..', '..')
const encode = fs.readFileSync(path.join(root, 'test', 'managers', 'encode.cjs'), 'utf8')
const leftovers = folder => fs.readdirSync(folder).filter(name => name.startsWith('ggclip-build-'))

/** Without optional packages: neither a binary nor a decoder. */
async function refusal(project) {
  const { code, stderr } = await project.run('npm', ['install', '--omit=optional', 'ggclip'])
  assert.deepEqual([code, stderr], [0, ''])
  const load =
    "require('ggclip').Clip.load().catch(({ code, message }) => console.log(JSON.stringify({ code, message })))"
  const error = JSON.parse(await project.shell(`node -e "${load}"`))
  assert.equal(error.code, 'ERR_CLIP_ADDON_MISSING')
  assert.match(error.message, /npx ggclip build/)
  assert(error.message.includes(`@ggclip/${ownPlatform()}`), error.message)
}

/** A PATH with Node, and with what is left of a system that has no compiler. */
async function missingTools(project) {
  const bin = path.join(project.scratch, 'no-compilers')
  fs.mkdirSync(bin)
  for (const name of ['sh', 'env', 'ls']) fs.symlinkSync(`/bin/${name}`, path.join(bin, name))
  fs.symlinkSync(process.execPath, path.join(bin, 'node'))
  const command = path.join(project.folder, 'node_modules', '.bin', 'ggclip')
  const { code, stdout, stderr } = await project.run(command, ['build'], { PATH: bin, CXX: '' })
  assert.deepEqual([code, stdout], [1, ''])
  for (
    const missing of [/missing: CMake 3\.18/, /missing: a C\+\+17 compiler/, /missing: make or ninja/,
      /for example: \w+/]
  )
    assert.match(stderr, missing)
  return stderr.trim().split('\n').length + ' lines'
}

/** Ctrl-C while it compiles: the compilers end, and nothing stays. */
async function interruption(project) {
  const temporary = path.join(project.scratch, 'interrupted')
  fs.mkdirSync(temporary)
  const child = project.start('npx', ['ggclip', 'build'], { TMPDIR: temporary })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (said += text))
  const ended = new Promise(resolve => child.on('close', resolve))
  while (!/Building C/.test(said)) {
    if (child.exitCode !== null) throw new Error(said)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  process.kill(-child.pid, 'SIGINT')
  await ended
  assert.deepEqual(leftovers(temporary), [])
  assert(!fs.existsSync(path.join(project.folder, 'node_modules', 'ggclip', 'build')))
}

/** In a network of its own, where the system lets one have that: there is nothing but itself in it. */
async function compile(project) {
  const alone = ['--map-root-user', '--net']
  const isAlone = spawnSync('unshare', [...alone, 'true']).status === 0
  const words = ['node_modules/.bin/ggclip', 'build']
  const temporary = path.join(project.scratch, 'compiled')
  fs.mkdirSync(temporary)
  const [command, args] = isAlone ? ['unshare', [...alone, ...words]] : [words[0], words.slice(1)]
  const { code, stderr } = await project.run(command, args, { TMPDIR: temporary }, 1_500_000)
  assert.equal(code, 0, stderr)
  assert.deepEqual(leftovers(temporary), [])
  const info = JSON.parse(await project.shell('npx ggclip info --json'))
  assert.match(info.kernels, /\w/)
  return `${isAlone ? 'without a network, ' : ''}${info.kernels}`
}

async function encodeHere(project) {
  await project.shell('npm install sharp') // the decoder alone
  project.write('encode.cjs', encode)
  const { label, length } = JSON.parse(await project.shell('node encode.cjs'))
  assert.deepEqual([label, Math.round(length * 1e4)], ['rocket', 1e4])
}

/** From a clone of what is committed, with the dependencies and ggml of this checkout. */
async function nativeArchive(project) {
  const clone = path.join(project.scratch, 'clone')
  await project.shell(`git clone --quiet '${root}' '${clone}'`)
  for (const [from, to] of [['node_modules', 'node_modules'], ['vendor/ggml', 'vendor/ggml']])
    fs.symlinkSync(path.join(root, from), path.join(clone, to))
  const env = { GGCLIP_GGML_DIR: path.join(root, 'vendor', 'ggml') }
  const lines =
    `cd '${clone}' && npm run build:ts && npm run prebuild -- --native && npm pack --pack-destination '${project.scratch}'`
  await project.shell(lines, env, 1_500_000)
  const archive = fs.readdirSync(project.scratch).find(name => /^ggclip-[\d.]+\.tgz$/.test(name))
  fs.rmSync(path.join(project.folder, 'node_modules'), { recursive: true })
  fs.rmSync(path.join(project.folder, 'package-lock.json'))
  project.write('package.json', '{}')
  await project.shell(`npm install '${path.join(project.scratch, archive)}'`)
  assert(!fs.existsSync(path.join(project.folder, 'node_modules', '@ggclip')))
  await encodeHere(project)
  return archive
}

async function main() {
  let failed = 0
  await withProject(async project => {
    for (
      const [name, step] of Object.entries({
        'no binary: one sentence': refusal,
        'what is missing is said before it starts': missingTools,
        'an interrupted build leaves nothing': interruption,
        'npx ggclip build': compile,
        'what it made encodes': encodeHere,
        'prebuild --native, npm pack, npm install': nativeArchive,
      })
    )
      if (!await attempt(project, name, step)) failed++
  })
  if (failed > 0) process.exitCode = 1
}

main().catch(error => {
  process.stderr.write(`from-source: ${error.message}\n`)
  process.exitCode = 1
})
