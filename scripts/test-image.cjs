// Executes the Dockerfiles of `ggclip serve` where there is no Docker: each stage in a root of its own, by chroot, from bases
// that image-bases.cjs makes. Then starts each image as its ENTRYPOINT says, asks its HEALTHCHECK, classifies a picture and
// stops it. Needs root, debootstrap and a network; it is no test of the base images themselves, nor of a container's limits.
// Most of the time goes to the addon, which each of them compiles without a cache; nothing is compiled twice.
//
//   node scripts/test-image.cjs [FILE...]      of deploy/, all by default (npm run test:image)
'use strict'

const assert = require('node:assert/strict')
const { spawn, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { freePort } = require('../test/helpers/engines.cjs')
const { makeAlpine, makeDebian } = require('./image-bases.cjs')
const { run } = require('./run.cjs')

const root = path.join(__dirname, '..')
const dockerfiles = ['Dockerfile', 'alpine.Dockerfile']
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

const ended = child => new Promise(resolve => child.on('close', code => resolve(code)))

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

/** Makes the root of one stage. @returns {Promise<object>} how a program of it is started */
async function buildStage({ from, name, steps }, made, folder) {
  const before = made.get(from)
  fs.mkdirSync(folder)
  if (from !== 'scratch') run('cp', ['-a', `${before.folder}/.`, folder])
  lend(folder)
  const image = { folder, name, env: { ...before?.env }, workdir: before?.workdir ?? '/', commands: {} }
  for (const [word, rest] of steps) {
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
    else if (word === 'HEALTHCHECK') image.commands.health = JSON.parse(rest.slice(rest.indexOf('CMD') + 3))
  }
  return image
}

/** Starts an image, asks what its health check and a client ask, and stops it as Docker does. */
async function tryImage(image) {
  const port = await freePort()
  const here = command => command.map(word => word.replace('8080', port))
  const server = start(image.folder, here(image.commands.entry), image, ['ignore', process.stderr, process.stderr])
  const end = ended(server)
  const healthy = async () => await ended(start(image.folder, here(image.commands.health), image, 'ignore')) === 0
  for (let i = 0; !await healthy(); i++) if (i > 100 || server.exitCode !== null) throw new Error('it is not healthy')
  const form = new FormData()
  form.set('file', new Blob([fs.readFileSync(path.join(root, 'models', 'samples', 'pizza.webp'))]), 'pizza.webp')
  for (const label of ['pizza', 'rocket']) form.append('labels', label)
  const answer = await fetch(`http://127.0.0.1:${port}/v1/classify`, { method: 'POST', body: form })
  assert.match(JSON.stringify(await answer.json()), /"label":"pizza"/)
  // the program itself is the first process of the name space, as in a container
  const [first] = fs.readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8').trim().split(' ')
  assert.match(fs.readFileSync(`/proc/${first}/status`, 'utf8'), /^Uid:\s+1000\s/m)
  process.kill(Number(first), 'SIGTERM')
  assert.equal(await end, 0)
  const { stdout } = spawnSync('du', ['-sm', '--exclude=proc', '--exclude=dev', image.folder], { encoding: 'utf8' })
  process.stdout.write(
    `pass  ${image.name}: healthy, classifies, not root, ends with 0 at SIGTERM; ${stdout.split('\t')[0]} MB\n`,
  )
}

async function main(files) {
  if (process.getuid?.() !== 0) throw new Error('expected to be root, for chroot and debootstrap')
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'ggclip-image-'))
  try {
    const makers = { 'node:22-bookworm-slim': makeDebian, 'node:24-alpine': makeAlpine }
    const bases = new Map() // each is made once, for all files
    for (const file of files.length > 0 ? files : dockerfiles) {
      const stages = parse(fs.readFileSync(path.join(root, 'deploy', file), 'utf8'))
      for (const { from } of stages) {
        if (makers[from] === undefined || bases.has(from)) continue
        const folder = path.join(scratch, `base-${bases.size}`)
        makers[from](folder, fs.mkdtempSync(path.join(scratch, 'parts-')))
        bases.set(from, { folder })
      }
      const made = new Map(bases)
      for (const [i, stage] of stages.entries())
        made.set(stage.name, await buildStage(stage, made, path.join(scratch, `${file}-${i}`)))
      for (const image of made.values()) if (image.commands?.entry) await tryImage(image)
    }
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true })
  }
}

main(process.argv.slice(2)).catch(error => {
  process.stderr.write(`image: ${error.message}\n`)
  process.exitCode = 1
})
