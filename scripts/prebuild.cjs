// Makes the published binaries in prebuilds/ with prebuildify and zig: its Clang, C libraries and C++ runtime are the
// same wherever it runs, so one machine builds for all. For macOS it has no Metal: the binary of that platform that is
// published is made on a Mac, by --native.
//
//   node scripts/prebuild.cjs PLATFORM...       those named, e.g. linux-arm64-musl
//   node scripts/prebuild.cjs --all             every platform of platforms.cjs, one after another
//   node scripts/prebuild.cjs --native          this machine's platform, by this machine's compiler
'use strict'

const { createHash } = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { promisify } = require('node:util')
const { ownPlatform, platforms, prebuiltFile } = require('./platforms.cjs')
const { findZig } = require('./zig.cjs')

const root = path.join(__dirname, '..')

/**
 * A folder in which node-gyp may work: it empties `build` where it stands, and would leave another platform's binary where
 * node-gyp-build looks for this machine's. Its binding.gyp calls this project's scripts.
 */
function gypFolder(name) {
  const folder = path.join(root, 'build', 'gyp', name)
  fs.rmSync(folder, { recursive: true, force: true })
  fs.mkdirSync(folder, { recursive: true })
  for (const name of ['binding.gyp', 'CMakeLists.txt']) fs.copyFileSync(path.join(root, name), path.join(folder, name))
  fs.symlinkSync(path.join(root, 'scripts'), path.join(folder, 'scripts'), 'junction')
  return folder
}

/** By prebuildify: it runs node-gyp, which runs CMake (binding.gyp, gyp-cmake.cjs). */
async function prebuild(platform, zig) {
  // an older one would pass for the result, if this fails
  fs.rmSync(path.join(root, prebuiltFile(platform)), { force: true })
  process.env.GGCLIP_PREBUILD = platform.name
  process.env.GGCLIP_ZIG = zig ?? ''
  // the headers beside this Node, where it has some: none are fetched, and CMake takes its own from npm
  const prefix = path.join(path.dirname(fs.realpathSync(process.execPath)), '..')
  if (fs.existsSync(path.join(prefix, 'include', 'node', 'common.gypi'))) process.env.npm_config_nodedir = prefix
  await promisify(require('prebuildify'))({
    cwd: gypFolder(platform.name),
    out: root,
    name: 'ggclip',
    napi: true,
    targets: [process.versions.node],
    platform: platform.os,
    arch: platform.cpu,
    armv: platform.cpu === 'arm' ? '7' : undefined,
    tagArmv: platform.cpu === 'arm',
    libc: platform.libc,
    tagLibc: platform.libc !== undefined,
  })
}

/** Lists what is there, with sizes; prebuilds/SHA256SUMS is for `sha256sum --check`. */
function listBinaries() {
  const folder = path.join(root, 'prebuilds')
  const files = platforms.map(prebuiltFile).filter(file => fs.existsSync(path.join(root, file)))
  const sums = files.map(file => {
    const content = fs.readFileSync(path.join(root, file))
    const line = `${createHash('sha256').update(content).digest('hex')}  ${path.posix.relative('prebuilds', file)}\n`
    process.stdout.write(`${String(content.length).padStart(9)}  ${line}`)
    return line
  })
  fs.writeFileSync(path.join(folder, 'SHA256SUMS'), sums.join(''))
}

function chosen(names) {
  if (names.includes('--all')) return platforms
  return names.map(name => {
    const platform = platforms.find(each => each.name === name)
    if (!platform)
      throw new Error(`expected ${platforms.map(each => each.name).join(', ')} or --all but received '${name}'`)
    return platform
  })
}

async function main(args) {
  try {
    const isNative = args.includes('--native')
    const names = args.filter(arg => arg !== '--native')
    if (isNative && names.length > 0) throw new Error(`--native: expected no platform, that is ${ownPlatform()}`)
    const list = chosen(isNative ? [ownPlatform()] : names)
    const zig = isNative ? undefined : findZig()
    const failed = []
    for (const platform of list) {
      process.stderr.write(`prebuild: ${platform.name}\n`)
      await prebuild(platform, zig).catch(error => {
        failed.push(platform.name)
        process.stderr.write(`prebuild: ${platform.name}: ${error.message}\n`)
      })
    }
    listBinaries()
    if (failed.length > 0) throw new Error(`no binary was made for ${failed.join(', ')}`)
  } catch (error) {
    process.stderr.write(`prebuild: ${error.message}\n`)
    process.exitCode = 1
  }
}

// npm runs the script `prebuild` before `build`, too, without arguments: then there is nothing to do, and perhaps nothing is
// installed yet
if (process.argv.length > 2) void main(process.argv.slice(2))
