// The platforms for which binaries are published: the one list, read by prebuild.cjs, packages.cjs and the tests.
// lib/native/binaries.ts names them once more, in calls of require() that bundlers can follow.
'use strict'

/**
 * `name`: of the package, after '@ggclip/'. `zig`: the target for zig; `flags`: more for its compiler.
 * `system`, `processor`: CMake's names.
 */
const platforms = [
  linux('x64', 'glibc', 'x86_64', 'gnu.2.28'),
  linux('x64', 'musl', 'x86_64', 'musl'),
  linux('arm64', 'glibc', 'aarch64', 'gnu.2.28'),
  linux('arm64', 'musl', 'aarch64', 'musl'),
  // the CPUs of Node's own armv7 builds: hardware floating point, with or without NEON
  { ...linux('arm', 'glibc', 'arm', 'gnueabihf.2.28'), flags: ['-mcpu=generic+v7a+vfp3d16'] },
  other('darwin', 'x64', 'x86_64-macos.11.0', 'Darwin', 'x86_64'),
  other('darwin', 'arm64', 'aarch64-macos.11.0', 'Darwin', 'arm64'),
  other('win32', 'x64', 'x86_64-windows-gnu', 'Windows', 'AMD64'),
  other('win32', 'arm64', 'aarch64-windows-gnu', 'Windows', 'ARM64'),
]

function linux(cpu, libc, architecture, abi) {
  const processor = cpu === 'arm' ? 'armv7l' : architecture
  return {
    name: `linux-${cpu}-${libc}`,
    os: 'linux',
    cpu,
    libc,
    zig: `${architecture}-linux-${abi}`,
    // else zig compiles all of musl, for the static programs that answer CMake's questions
    flags: libc === 'musl' ? ['-dynamic'] : [],
    system: 'Linux',
    processor,
  }
}

function other(os, cpu, zig, system, processor) {
  return { name: `${os}-${cpu}`, os, cpu, zig, flags: [], system, processor }
}

/** The file of its binary, relative to the project, as prebuildify names it and node-gyp-build finds it. */
function prebuiltFile({ os, cpu, libc }) {
  const tags = [cpu === 'arm' ? 'armv7' : '', libc ?? ''].filter(tag => tag !== '').map(tag => `.${tag}`)
  return `prebuilds/${os}-${cpu}/ggclip${tags.join('')}.node`
}

/** The platform on which this program runs. */
function ownPlatform() {
  const { glibcVersionRuntime } = process.report.getReport().header
  const libc = process.platform !== 'linux' ? '' : glibcVersionRuntime ? '-glibc' : '-musl'
  return `${process.platform}-${process.arch}${libc}`
}

module.exports = { platforms, ownPlatform, prebuiltFile }
