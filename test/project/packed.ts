/** What is published, made from this checkout: the packages, a registry of the scope @ggclip, and npm as a user runs it. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync,
  writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

import { addonFile, root } from '../lifecycle/support'

const exec = promisify(execFile)
export const outOfReach = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ENOTCACHED/

export interface Platform {
  name: string
  os: string
  cpu: string
  libc?: string
}

export const { platforms, ownPlatform, prebuiltFile } = require('../../scripts/platforms.cjs') as {
  platforms: Platform[]
  ownPlatform(): string
  prebuiltFile(platform: Platform): string
}
export const platform = ownPlatform()

export interface Packages {
  /** The archive of ggclip itself. */
  main: string
  /** Those of the platforms. */
  binaries: string[]
}

/**
 * Packs a copy of this checkout with this platform's binary: the published one, if it was made here, else that of the
 * checkout. A binary of another platform that was not made here is a line of text.
 */
export async function packAll(scratch: string): Promise<Packages> {
  const copy = join(scratch, 'project')
  mkdirSync(copy)
  const names = ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'THIRD_PARTY.md', 'CMakeLists.txt', 'dist',
    'models', 'docs', 'cpp', 'scripts', 'vendor/ggml.json', 'prebuilds']
  for (const name of names)
    if (existsSync(join(root, name))) cpSync(join(root, name), join(copy, name), { recursive: true })
  symlinkSync(join(root, 'vendor', 'ggml'), join(copy, 'vendor', 'ggml'))
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  for (const each of platforms) {
    const { name } = each
    const file = join(copy, prebuiltFile(each))
    if (existsSync(file)) continue
    mkdirSync(dirname(file), { recursive: true })
    if (name !== platform) writeFileSync(file, `a binary for ${name}\n`)
    else copyFileSync(process.env.GGCLIP_ADDON ?? addonFile, file)
    if (name === platform && process.platform === 'linux') await exec('strip', ['--strip-all', file])
  }
  const env = { ...process.env, GGCLIP_GGML_DIR: join(root, 'vendor', 'ggml') }
  await exec(process.execPath, ['scripts/packages.cjs'], { cwd: copy, env })
  const folder = join(copy, 'build', 'packages')
  const archives = readdirSync(folder).map(name => join(folder, name))
  const isMain = (file: string): boolean => /[/\\]ggclip-\d/.test(file)
  return { main: archives.find(isMain)!, binaries: archives.filter(file => !isMain(file)) }
}

/** Unpacks one file of an archive. */
export async function fileOf(archive: string, name: string): Promise<string> {
  return (await exec('tar', ['-xzOf', archive, `package/${name}`], { maxBuffer: 1 << 26 })).stdout
}

/** Serves the packages of the scope @ggclip; `npm_config_@ggclip:registry` names it. */
export async function startRegistry({ binaries }: Packages): Promise<{ url: string; server: Server }> {
  const files = new Map<string, Buffer>(), documents = new Map<string, object>()
  const server = createServer(({ url = '' }, response) => {
    const answer = files.get(url) ?? documents.get(decodeURIComponent(url.slice(1)))
    response.statusCode = answer === undefined ? 404 : 200
    response.end(Buffer.isBuffer(answer) ? answer : JSON.stringify(answer ?? {}))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  for (const archive of binaries) {
    const manifest = JSON.parse(await fileOf(archive, 'package.json')) as { name: string; version: string }
    const content = readFileSync(archive)
    const path = `/files/${manifest.name.replace('@ggclip/', '')}.tgz`
    files.set(path, content)
    const dist = {
      tarball: url + path.slice(1),
      integrity: `sha512-${createHash('sha512').update(content).digest('base64')}`,
    }
    documents.set(manifest.name, {
      name: manifest.name,
      'dist-tags': { latest: manifest.version },
      versions: { [manifest.version]: { ...manifest, dist } },
    })
  }
  return { url, server }
}

export async function npm(
  args: string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<{ stdout: string; stderr: string }> {
  return exec('npm', args, { cwd, env, maxBuffer: 1 << 26, shell: process.platform === 'win32' })
}
