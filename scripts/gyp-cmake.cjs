// Called by binding.gyp, that is by node-gyp and prebuildify: runs the one CMake build in a folder of its own and puts the
// addon where they look for it. GGCLIP_PREBUILD names another platform than this machine's, GGCLIP_ZIG the compiler for it.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { cmake } = require('./cmake.cjs')
const { nodeHeaders } = require('./node-headers.cjs')
const { ownPlatform, platforms } = require('./platforms.cjs')
const { vendorGgml } = require('./vendor-ggml.cjs')
const { zigTools } = require('./zig.cjs')

const root = path.join(__dirname, '..')

/** @returns {string} the addon */
function buildFor(platform, zig) {
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
  return path.join(build, 'ggclip.node')
}

function crossDefines({ system, processor }, tools) {
  return {
    ...tools,
    GGCLIP_ZIG: 'ON',
    CMAKE_SYSTEM_NAME: system,
    CMAKE_SYSTEM_PROCESSOR: processor,
    // frameworks are no part of zig
    GGCLIP_METAL: 'OFF',
    GGML_ACCELERATE: 'OFF',
    // CMake wants an install_name_tool to be there, and calls it in installations only
    ...(system === 'Darwin'
      ? { CMAKE_OSX_ARCHITECTURES: processor, CMAKE_INSTALL_NAME_TOOL: tools.CMAKE_RANLIB }
      : {}),
  }
}

/** Stripped. zig links its C++ runtime statically, GCC does it when it is told so; a Mac has one. */
function linkerFlags({ system }, zig) {
  if (system === 'Windows' && !zig) return {}
  const isStatic = system === 'Linux' && !zig
  return { CMAKE_MODULE_LINKER_FLAGS: isStatic ? '-s -static-libstdc++ -static-libgcc' : '-s' }
}

const [output] = process.argv.slice(2)
const name = process.env.GGCLIP_PREBUILD || ownPlatform()
const platform = platforms.find(each => each.name === name)
if (!platform) throw new Error(`expected a platform of scripts/platforms.cjs but received '${name}'`)
fs.mkdirSync(path.dirname(output), { recursive: true })
fs.copyFileSync(buildFor(platform, process.env.GGCLIP_ZIG), output)
