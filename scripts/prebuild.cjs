// Makes the published binaries, prebuilds/<platform>/ggclip.node, with zig: its Clang, C libraries and C++ runtime are the
// same wherever it runs, so one machine builds for all. For macOS it has no Metal: the binary of that platform that is
// published is made by the workflow of .github/workflows/release.yml on a Mac, by --native.
//
//   node scripts/prebuild.cjs PLATFORM...       those named, e.g. linux-arm64-musl
//   node scripts/prebuild.cjs --all             every platform of platforms.cjs, one after another
//   node scripts/prebuild.cjs --native          this machine's platform, by this machine's compiler
'use strict'

const { createHash } = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { cmake } = require('./cmake.cjs')
const { nodeHeaders } = require('./node-headers.cjs')
const { ownPlatform, platforms } = require('./platforms.cjs')
const { vendorGgml } = require('./vendor-ggml.cjs')
const { findZig, zigTools } = require('./zig.cjs')

const root = path.join(__dirname, '..')

function prebuild(platform, zig) {
  const build = path.join(root, 'build', 'prebuild', zig ? platform.name : `${platform.name}-native`)
  cmake({
    source: root,
    build,
    defines: {
      GGCLIP_GGML_DIR: vendorGgml(),
      GGCLIP_NODE_HEADERS: nodeHeaders(),
      ...(zig ? crossDefines(platform, zigTools(zig, platform, path.join(build, 'zig'))) : {}),
      ...linkerFlags(platform, zig),
    },
    targets: ['ggclip'],
  })
  const folder = path.join(root, 'prebuilds', platform.name)
  fs.mkdirSync(folder, { recursive: true })
  fs.copyFileSync(path.join(build, 'ggclip.node'), path.join(folder, 'ggclip.node'))
}

function crossDefines({ system, processor }, tools) {
  return {
    ...tools,
    CMAKE_SYSTEM_NAME: system,
    CMAKE_SYSTEM_PROCESSOR: processor,
    // frameworks are no part of zig
    GGCLIP_METAL: 'OFF',
    GGML_ACCELERATE: 'OFF',
    ...(system === 'Darwin' ? { CMAKE_OSX_ARCHITECTURES: processor } : {}),
  }
}

/** Stripped. zig links its C++ runtime statically, GCC does it when it is told so; a Mac has one. */
function linkerFlags({ system }, zig) {
  if (system === 'Windows' && !zig) return {}
  const isStatic = system === 'Linux' && !zig
  return { CMAKE_MODULE_LINKER_FLAGS: isStatic ? '-s -static-libstdc++ -static-libgcc' : '-s' }
}

/** Lists what was made: size, SHA-256, file. */
function listBinaries() {
  const lines = platforms.map(({ name }) => path.join('prebuilds', name, 'ggclip.node')).filter(file =>
    fs.existsSync(path.join(root, file))
  ).map(file => {
    const content = fs.readFileSync(path.join(root, file))
    return `${String(content.length).padStart(9)}  ${createHash('sha256').update(content).digest('hex')}  ${file}\n`
  })
  fs.writeFileSync(path.join(root, 'prebuilds', 'sizes.txt'), lines.join(''))
  process.stdout.write(lines.join(''))
}

function chosen(names) {
  if (names.includes('--all')) return platforms
  const wanted = names.length > 0 ? names : [ownPlatform()]
  return wanted.map(name => {
    const platform = platforms.find(each => each.name === name)
    if (!platform)
      throw new Error(`expected ${platforms.map(each => each.name).join(', ')} or --all but received '${name}'`)
    return platform
  })
}

function main(args) {
  try {
    const isNative = args.includes('--native')
    const list = chosen(args.filter(arg => arg !== '--native'))
    if (isNative && (list.length !== 1 || list[0].name !== ownPlatform()))
      throw new Error(`--native: expected no platform but ${ownPlatform()}`)
    const zig = isNative ? undefined : findZig()
    for (const platform of list) {
      process.stderr.write(`prebuild: ${platform.name}\n`)
      prebuild(platform, zig)
    }
    listBinaries()
  } catch (error) {
    process.stderr.write(`prebuild: ${error.message}\n`)
    process.exitCode = 1
  }
}

// npm runs the script `prebuild` before `build`, too, without arguments: then there is nothing to do
if (process.argv.length > 2) main(process.argv.slice(2))
