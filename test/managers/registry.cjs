// A registry on this machine: ggclip and its platforms' packages from build/packages, everything else by redirection to the
// registry that npm is set to.
'use strict'

const { spawnSync } = require('node:child_process')
const { createHash } = require('node:crypto')
const fs = require('node:fs')
const { createServer } = require('node:http')
const os = require('node:os')
const path = require('node:path')
const { platforms } = require('../../scripts/platforms.cjs')

const root = path.join(__dirname, '..', '..')
const folder = path.join(root, 'build', 'packages')
/** Before any limit on the age of a version that a manager may set. */
const published = '2024-01-01T00:00:00.000Z'

function output(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
  return stdout
}

/** What the registry says of a package. */
function documentOf(archive, url) {
  const manifest = JSON.parse(output('tar', ['-xzOf', archive, 'package/package.json']))
  const { name, version } = manifest
  const content = fs.readFileSync(archive)
  const dist = {
    tarball: `${url}files/${path.basename(archive)}`,
    integrity: `sha512-${createHash('sha512').update(content).digest('base64')}`,
    shasum: createHash('sha1').update(content).digest('hex'),
  }
  return {
    name,
    'dist-tags': { latest: version },
    time: { created: published, modified: published, [version]: published },
    versions: { [version]: { ...manifest, _id: `${name}@${version}`, dist } },
  }
}

/** An archive without a binary, for a platform that was not made here: Yarn 1 downloads those of all platforms. */
function placeholder({ name, os: system, cpu, libc }, scratch) {
  const { version } = require('../../package.json')
  const content = { name: `@ggclip/${name}`, version, os: [system], cpu: [cpu], ...(libc ? { libc: [libc] } : {}) }
  fs.mkdirSync(path.join(scratch, 'package'), { recursive: true })
  fs.writeFileSync(path.join(scratch, 'package', 'package.json'), JSON.stringify(content))
  const archive = path.join(scratch, `ggclip-${name}-${version}.tgz`)
  output('tar', ['-czf', archive, '-C', scratch, 'package'])
  return archive
}

/** The archives by their names. */
function archivesOf(scratch) {
  const made = fs.readdirSync(folder).filter(name => name.endsWith('.tgz')).map(name => path.join(folder, name))
  const absent = platforms.filter(({ name }) => !made.some(file => path.basename(file).startsWith(`ggclip-${name}-`)))
  return [...made, ...absent.map(platform => placeholder(platform, scratch))]
}

/** @returns {Promise<{ url: string, main: string, close(): void }>} `main`: the archive of ggclip */
async function startRegistry() {
  const elsewhere = output('npm', ['config', 'get', 'registry']).trim().replace(/\/?$/, '/')
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'ggclip-registry-'))
  const files = new Map(archivesOf(scratch).map(archive => [`files/${path.basename(archive)}`, archive]))
  const known = new Map()
  const server = createServer(({ url = '/' }, response) => {
    const name = decodeURIComponent(url.slice(1))
    if (known.has(name)) {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(known.get(name)))
    } else if (files.has(name)) {
      response.end(fs.readFileSync(files.get(name)))
    } else {
      response.writeHead(307, { location: elsewhere + url.slice(1) }).end()
    }
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${server.address().port}/`
  for (const archive of files.values()) {
    const document = documentOf(archive, url)
    known.set(document.name, document)
  }
  const close = () => {
    server.close()
    fs.rmSync(scratch, { recursive: true, force: true })
  }
  return { url, main: files.get(`files/ggclip-${require('../../package.json').version}.tgz`), close }
}

module.exports = { startRegistry }
