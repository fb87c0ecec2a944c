// Executes the Dockerfiles where there is no Docker: each stage in a root of its own, by chroot, from bases that image-bases.cjs
// makes; steps with which several stages begin are executed once. Then image-trials.cjs tries each image. Needs root, debootstrap,
// Redis and a network; it is no test of the base images themselves, nor of a container's limits. Most of the time goes to the
// addon, which is compiled without a cache, once for each C library.
//
//   node scripts/test-image.cjs [FILE...]      of deploy/, all by default (npm run test:image)
'use strict'

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { makeAlpine, makeDebian } = require('./image-bases.cjs')
const { ended, tryServer, tryWorker } = require('./image-trials.cjs')
const { run } = require('./run.cjs')

const root = path.join(__dirname, '..')
const dockerfiles = ['Dockerfile', 'work.Dockerfile', 'alpine.Dockerfile']
/** Of this machine, without which nothing beyond it is reached. */
const certificates = process.env.NODE_EXTRA_CA_CERTS
/** Where an image has them: Debian's own are written anew by a step. */
const lent = '/lent-certificates.pem'

/** The instructions of a Dockerfile, by stage. @returns {{ from: string, name: string, steps: [string, string][] }[]} */
function parse(text) {
  const lines = text.replace(/^#.*\n/gm, '').replace(/\\\n/g, ' ').split('\n').map(line => line.trim()).filter(Boolean)
  const stages = []
  for (const line of lines) {
    const [, word, rest] = /^([A-Z]+)\s+(.*)$/.exec(line)
    if (word !== 'FROM') {
      stages.at(-1).steps.push([word, rest])
      continue
    }
    const [from, , name = 'the image'] = rest.split(/\s+/)
    stages.push({ from, name, steps: [] })
  }
  return stages
}

/** What a program may ask of the system it runs in: devices, names, certificates. */
function lend(folder) {
  for (const name of ['dev', 'proc', 'etc', 'tmp']) fs.mkdirSync(path.join(folder, name), { recursive: true })
  for (const file of ['/etc/resolv.conf', '/etc/hosts']) fs.copyFileSync(file, path.join(folder, file))
  if (certificates) fs.copyFileSync(certificates, path.join(folder, lent))
}

/** Starts a program of a root, in name spaces of its own for mounts and processes: nothing stays mounted, no process survives. */
function start(folder, command, { user, workdir = '/', env = {} }, stdio) {
  const quote = word => `'${word.replaceAll("'", "'\\''")}'`
  const id = user === 'node' ? '1000' : user?.split(':')[0]
  const words = ['--pid', '--fork', '--kill-child', '--mount-proc', `--root=${folder}`, `--wd=${workdir}`]
  if (id) words.push(`--setgid=${id}`, `--setuid=${id}`)
  const line = `/bin/mount --rbind /dev ${quote(`${folder}/dev`)} && exec /usr/bin/unshare ${
    [...words, ...command].map(quote).join(' ')
  }`
  const own = certificates ? { NODE_EXTRA_CA_CERTS: lent, npm_config_cafile: lent, PIP_CERT: lent } : {}
  return spawn('/usr/bin/unshare', ['--mount', '/bin/sh', '-c', line], {
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', ...own, ...env },
    stdio,
  })
}

async function execute(folder, command, settings) {
  const code = await ended(start(folder, command, settings, ['ignore', process.stderr, process.stderr]))
  if (code !== 0) throw new Error(`${command.join(' ')} ended with exit code ${code}`)
}

/** Files of the checkout that deploy/Dockerfile.dockerignore lets through: git's own, but for the folders named there. */
function contextFiles() {
  return run('git', ['ls-files', '-z'], { cwd: root, capture: true }).split('\0').filter(file =>
    file !== '' && !/^(deploy|bench\/results)\//.test(file)
  )
}

function copyContext(words, to) {
  const target = words.at(-1)
  const names = words.slice(0, -1)
  const files = names.includes('.') ? contextFiles() : names
  for (const file of files) {
    const copy = path.join(to, target, file)
    fs.mkdirSync(path.dirname(copy), { recursive: true })
    if (fs.existsSync(path.join(root, file))) fs.copyFileSync(path.join(root, file), copy)
  }
}

/** COPY --from: names may have a star, and a folder's content goes into the target. */
function copyStage(from, words, to) {
  const target = path.join(to, words.at(-1))
  fs.mkdirSync(target, { recursive: true })
  const sources = words.slice(0, -1).map(word =>
    `'${from}'${word}${fs.statSync(from + word, { throwIfNoEntry: false })?.isDirectory() ? '/.' : ''}`
  )
  run('sh', ['-c', `cp -a ${sources.join(' ')} '${target}'`])
}

/** How many steps two stages have in common that begin from the same base image; none unless a command is among them. */
function common(a, b) {
  if (a.from !== b.from || !a.from.includes(':')) return 0
  const isSame = (step, i) => step.join() === b.steps[i]?.join() && !step[1].startsWith('--from')
  const end = a.steps.findIndex((step, i) => !isSame(step, i))
  const steps = a.steps.slice(0, end < 0 ? a.steps.length : end)
  return steps.some(([word]) => word === 'RUN') ? steps.length : 0
}

/**
 * Makes the root of one stage. `layers`: roots after steps with which `all` stages begin that have them, by those steps.
 *
 * @returns {Promise<object>} how a program of it is started
 */
async function buildStage(stage, made, folder, { all, layers }) {
  const { from, name, steps } = stage
  const count = Math.max(0, ...all.filter(other => other !== stage).map(other => common(stage, other)))
  const layer = JSON.stringify([from, steps.slice(0, count)])
  const before = layers.get(layer) ?? made.get(from)
  fs.mkdirSync(folder)
  if (before !== undefined) run('cp', ['-a', `${before.folder}/.`, folder])
  lend(folder)
  const image = { folder, name, env: { ...before?.env }, workdir: before?.workdir ?? '/', commands: {} }
  for (const [i, [word, rest]] of steps.entries()) {
    if (i < count && layers.has(layer)) continue
    process.stderr.write(`image: ${name}: ${word} ${rest.slice(0, 100)}\n`)
    const words = rest.split(/\s+/)
    const source = /^--from=(\w+)$/.exec(words[0])?.[1]
    if (word === 'ENV') { for (const pair of words) image.env[pair.split('=')[0]] = pair.slice(pair.indexOf('=') + 1) }
    else if (word === 'WORKDIR') fs.mkdirSync(path.join(folder, image.workdir = rest), { recursive: true })
    else if (word === 'USER') image.user = rest
    else if (word === 'RUN') await execute(folder, ['sh', '-c', rest], image)
    else if (word === 'COPY' && source) copyStage(made.get(source).folder, words.slice(1), folder)
    else if (word === 'COPY') copyContext(words, path.join(folder, image.workdir))
    else if (word === 'ENTRYPOINT') image.commands.entry = JSON.parse(rest)
    else if (word === 'CMD') image.commands.cmd = JSON.parse(rest)
    else if (word === 'HEALTHCHECK') image.commands.health = JSON.parse(rest.slice(rest.indexOf('CMD') + 3))
    if (i === count - 1) {
      run('cp', ['-a', `${folder}/.`, `${folder}-layer`])
      layers.set(layer, { ...image, env: { ...image.env }, folder: `${folder}-layer` })
    }
  }
  return image
}

async function main(files) {
  if (process.getuid?.() !== 0) throw new Error('expected to be root, for chroot and debootstrap')
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'ggclip-image-'))
  try {
    const makers = { 'node:22-bookworm-slim': makeDebian, 'node:24-alpine': makeAlpine }
    const chosen = files.length > 0 ? files : dockerfiles
    const stagesOf = chosen.map(file => parse(fs.readFileSync(path.join(root, 'deploy', file), 'utf8')))
    const shared = { all: stagesOf.flat(), layers: new Map() }
    const bases = new Map() // each is made once, for all files
    for (const { from } of shared.all) {
      if (makers[from] === undefined || bases.has(from)) continue
      const folder = path.join(scratch, `base-${bases.size}`)
      makers[from](folder, fs.mkdtempSync(path.join(scratch, 'parts-')))
      bases.set(from, { folder })
    }
    for (const [f, stages] of stagesOf.entries()) {
      const made = new Map(bases)
      for (const [i, stage] of stages.entries())
        made.set(stage.name, await buildStage(stage, made, path.join(scratch, `${chosen[f]}-${i}`), shared))
      for (const image of made.values()) {
        if (image.commands?.entry) await tryServer(image, start)
        else if (image.commands?.cmd) await tryWorker(image, start)
      }
    }
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true })
  }
}

main(process.argv.slice(2)).catch(error => {
  process.stderr.write(`image: ${error.message}\n`)
  process.exitCode = 1
})
