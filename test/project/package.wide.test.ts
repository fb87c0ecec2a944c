/** What users get: the packed archive, installed in an empty folder, loads without compiling. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync,
  symlinkSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

import { report, root, runCommand, sample, tinyModel } from '../lifecycle/support'
import { fileOf, npm, outOfReach, packAll, type Packages, platform, platforms, startRegistry } from './packed'

interface Manifest {
  name: string
  version: string
  files: string[]
  dependencies: Record<string, string>
  optionalDependencies: Record<string, string>
  peerDependencies: Record<string, string>
  devDependencies: Record<string, string>
}
interface Packed {
  filename: string
  size: number
  unpackedSize: number
  files: { path: string; size: number }[]
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'ggclip-package-')))
const consumer = join(scratch, 'consumer')
const compilers = join(scratch, 'compilers')
const peers = Object.keys(manifest.peerDependencies)
/** Of search indexes, stores and distributed work; the others are the server's. */
const otherPeers = ['@lancedb/lancedb', '@modelcontextprotocol/sdk', 'apache-arrow', 'aws4', 'bullmq', 'hyparquet',
  'hyparquet-compressors', 'hyparquet-writer', 'ioredis', 'libsql', 'pg', 'usearch']
const serverPeers = peers.filter(name => !otherPeers.includes(name))
/** LanceDB and usearch are installed by npm run test:stores only. */
const engines = JSON.parse(readFileSync(join(root, 'test', 'stores', 'engines', 'package.json'), 'utf8')) as Manifest
/** With the default model (6 MB), compressed. */
const maxArchiveBytes = 9e6
/** The same unpacked; with a binary (at most 5 MB) and four small packages an installation without sharp stays below 20 MB. */
const maxUnpackedBytes = 11e6

// the binary under test is the package's own, whatever this run of the tests uses
const env: NodeJS.ProcessEnv = {
  ...process.env,
  GGCLIP_ADDON: '',
  PATH: [compilers, process.env.PATH].join(delimiter),
  npm_config_update_notifier: 'false',
}

/** Programs that would compile: they leave a trace and fail. */
function forbidCompilers(): void {
  mkdirSync(compilers)
  for (const name of ['cmake', 'make', 'ninja', 'cc', 'c++', 'gcc', 'g++', 'clang', 'node-gyp']) {
    const file = join(compilers, name)
    writeFileSync(file, `#!/bin/sh\necho "$0 $*" >> '${join(scratch, 'compiled')}'\nexit 1\n`)
    chmodSync(file, 0o755)
  }
}

/** Where the registry cannot be reached: the same by hand, dependencies from the checkout. */
function installByHand({ main, binaries }: Packages): void {
  process.stderr.write(
    'NOTE: the registry is out of reach: the archives are unpacked by hand, with the dependencies of the checkout\n',
  )
  const modules = join(consumer, 'node_modules')
  rmSync(modules, { recursive: true, force: true })
  mkdirSync(join(modules, '.bin'), { recursive: true })
  const unpack = (archive: string, name: string): void => {
    mkdirSync(join(modules, name), { recursive: true })
    execFileSync('tar', ['-xzf', archive, '--strip-components=1', '-C', join(modules, name)])
  }
  unpack(main, 'ggclip')
  unpack(binaries.find(file => file.includes(`ggclip-${platform}-`))!, `@ggclip/${platform}`)
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.') && name !== 'ggclip' && name !== '@fastify' && !peers.includes(name))
      symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  symlinkSync(join('..', 'ggclip', 'dist', 'cli', 'main.js'), join(modules, '.bin', 'ggclip'))
}

/** What serving needs, installed afterwards. */
async function addServerParts(): Promise<void> {
  try {
    await npm(
      ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', ...serverPeers.map(name =>
        `${name}@${manifest.peerDependencies[name]}`
      )],
      consumer,
      env,
    )
  } catch (error) {
    if (!outOfReach.test((error as { stderr: string }).stderr)) throw error
    for (const name of new Set(serverPeers.map(peer => peer.split('/')[0]!)))
      symlinkSync(join(root, 'node_modules', name), join(consumer, 'node_modules', name))
  }
}

function freePort(): Promise<number> {
  return new Promise(resolve => {
    const probe = createServer().listen(0, () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}

function script(
  name: string,
  text: string,
): Promise<{ code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string; ms: number }> {
  writeFileSync(join(consumer, name), text)
  return runCommand(process.execPath, [name], { cwd: consumer, env: env as Record<string, string> })
}

describe('the packed archive', () => {
  let packages: Packages
  let packed: Packed
  let embedded: boolean
  let server: Server | undefined
  let said = ''

  beforeAll(async () => {
    packages = await packAll(scratch)
    const list = JSON.parse((await npm(['pack', '--dry-run', '--json', packages.main], scratch, env)).stdout) as [
      Packed,
    ]
    packed = list[0]
    const registry = await startRegistry(packages)
    server = registry.server
    env['npm_config_@ggclip:registry'] = registry.url
    mkdirSync(consumer)
    writeFileSync(join(consumer, 'package.json'), '{ "name": "consumer", "private": true }\n')
    forbidCompilers()
    const words = ['--ignore-scripts=false', '--prefer-offline', '--no-audit', '--no-fund', packages.main]
    try {
      said = (await npm(['install', ...words], consumer, env)).stderr
    } catch (error) {
      const { stderr } = error as { stderr: string }
      if (!outOfReach.test(stderr)) throw new Error(`npm install failed:\n${stderr}`)
      installByHand(packages)
    }
    embedded = existsSync(join(consumer, 'node_modules', 'ggclip', 'models', 'emoji-clip.gguf'))
  }, 300_000)
  afterAll(() => {
    server?.close()
    rmSync(scratch, { recursive: true, force: true })
  })

  it('installs without a warning and without compiling', () => {
    expect(said).toBe('')
    const trace = join(scratch, 'compiled')
    expect(existsSync(trace) ? readFileSync(trace, 'utf8') : '').toBe('')
    expect(existsSync(join(consumer, 'node_modules', 'ggclip', 'build'))).toBe(false)
  })

  it('loads by require() and by import(), which share one set of classes', async () => {
    const model = embedded ? 'undefined' : JSON.stringify(tinyModel)
    const body = `
      const clip = await Clip.load(${model}, { threads: 1 })
      const [best] = await clip.classify(${JSON.stringify(sample('rocket.png'))}, ['rocket', 'cat'])
      await clip.dispose()
      const addon = Object.keys(require.cache).find(file => file.endsWith('ggclip.node'))
      console.log(JSON.stringify({ label: best.label, same: (await import('ggclip')).Clip === require('ggclip').Clip, addon }))`
    const prologues = {
      'load.cjs': "const { Clip } = require('ggclip')\n;(async () => {",
      'load.mjs': [
        "import { Clip } from 'ggclip'",
        "import { createRequire } from 'node:module'",
        'const require = createRequire(import.meta.url)',
        ';(async () => {',
      ].join('\n'),
    }
    for (const [name, prologue] of Object.entries(prologues)) {
      const result = report<{ label: string; same: boolean; addon: string }>(
        await script(name, `${prologue}${body}\n})()\n`),
      )
      expect(result.same).toBe(true)
      expect(result.addon).toContain(join('node_modules', '@ggclip', platform, 'ggclip.node'))
      expect(embedded ? ['rocket'] : ['rocket', 'cat']).toContain(result.label)
    }
  })

  it('exports all that the compiled module has to ES modules, too', async () => {
    const result = report<{ missing: string[]; count: number }>(
      await script(
        'names.mjs',
        `
      import * as module from 'ggclip'
      import { createRequire } from 'node:module'
      const names = Object.keys(createRequire(import.meta.url)('ggclip'))
      console.log(JSON.stringify({ missing: names.filter(name => !(name in module)), count: names.length }))\n`,
      ),
    )
    expect(result.missing).toEqual([])
    expect(result.count).toBeGreaterThan(10)
  })

  it('brings its command', async () => {
    const options = { cwd: consumer, env: env as Record<string, string> }
    const version = await runCommand('npx', ['--no-install', 'ggclip', '--version'], options)
    expect([version.code, version.stdout.trim()]).toEqual([0, manifest.version])
    const model = embedded ? [] : ['--model', tinyModel]
    const run = await runCommand('npx', ['--no-install', 'ggclip', 'classify', sample('rocket.png'), '--labels',
      'rocket,cat,pizza', '--json', ...model], options)
    const [{ results }] = report<[{ results: { label: string; score: number }[] }]>({
      ...run,
      stdout: JSON.stringify(JSON.parse(run.stdout || '[{}]')),
    })
    expect(results.map(result => result.label).sort()).toEqual(['cat', 'pizza', 'rocket'])
    if (embedded) expect(results[0]!.label).toBe('rocket')
  })

  it('brings nothing of the server; serving asks for it in one sentence', async () => {
    expect(peers.map(name => existsSync(join(consumer, 'node_modules', name)))).toEqual(peers.map(() => false))
    const sentence = `serving needs packages that ggclip does not bring: npm install ${
      serverPeers.map(name => `${name}@${manifest.peerDependencies[name]}`).join(' ')
    }`
    const run = await runCommand('npx', ['--no-install', 'ggclip', 'serve', '--port', '0'], {
      cwd: consumer,
      env: env as Record<string, string>,
    })
    expect([run.code, run.stdout, run.stderr.trim().split('\n')]).toEqual([1, '', [expect.stringContaining(sentence)]])
    expect(report(
      await script(
        'server.cjs',
        `
      require('ggclip/server').Server.start({ port: 0 }).catch(({ code, message }) => console.log(JSON.stringify({ code, message })))\n`,
      ),
    )).toEqual({ code: 'ERR_CLIP_SERVER_PARTS', message: sentence })
  })

  it('names the versions that are tested, and they are optional', () => {
    const { peerDependencies, devDependencies } = manifest
    const tested = { ...devDependencies, ...engines.dependencies }
    expect(peerDependencies).toEqual(Object.fromEntries(peers.map(name => [name, tested[name]])))
    expect(
      Object.values(
        (manifest as unknown as { peerDependenciesMeta: Record<string, { optional: boolean }> }).peerDependenciesMeta,
      ),
    ).toEqual(peers.map(() => ({ optional: true })))
  })

  it('serves as its container does, in good health, with the packages that serving needs', async () => {
    await addServerParts()
    const dockerfile = readFileSync(join(root, 'deploy', 'Dockerfile'), 'utf8')
    const [, entry] = /^ENTRYPOINT (.*)$/m.exec(dockerfile)!
    const [, check] = /^HEALTHCHECK [^\n]*\\\n\s+CMD (.*)$/m.exec(dockerfile)!
    const port = String(await freePort())
    const here = (list: string): string[] =>
      (JSON.parse(list) as string[]).map(word => word.replace('/app/', `${consumer}/`).replace('8080', port))
    const start = ([command, ...words]: string[], more: string[] = []) =>
      spawn(command === 'node' ? process.execPath : command!, [...words, ...more], {
        cwd: scratch,
        env,
        stdio: 'ignore',
      })
    const ended = (child: ChildProcess) => new Promise<number | null>(resolve => void child.on('close', resolve))
    const server = start(here(entry!), embedded ? ['--threads', '1'] : ['--threads', '1', '--model', tinyModel])
    const code = ended(server)
    try {
      let healthy = 1
      for (let i = 0; i < 50 && healthy !== 0; i++) healthy = (await ended(start(here(check!))))!
      expect(healthy).toBe(0)
      const answer = await fetch(`http://127.0.0.1:${port}/v1/models`)
      expect([answer.status, ((await answer.json()) as { data: unknown[] }).data.length]).toEqual([200, 1])
    } finally {
      server.kill('SIGTERM')
    }
    expect(await code).toBe(0)
    expect(await ended(start(here(check!)))).toBe(1)
  })

  it.each(['cts', 'mts'])('has types for a .%s consumer', async extension => {
    const file = `consumer.${extension}`
    writeFileSync(
      join(consumer, file),
      [
        "import { Clip, ClipError, topK, type Classification } from 'ggclip'",
        "import { Server, type ServerOptions } from 'ggclip/server'",
        'export const serve = (options: ServerOptions): Promise<Server> => Server.start(options)',
        'export async function best(image: Uint8Array): Promise<Classification> {',
        "  await using clip = await Clip.load(undefined, { threads: 1, dtype: 'q8_0' })",
        "  const [first] = await clip.classify(image, ['a', 'b'], { topK: 1 })",
        "  if (!first) throw new ClipError('ERR_CLIP_INTERNAL', String(topK))",
        '  return first',
        '}',
        '// @ts-expect-error: a number is no source',
        'void Clip.load(5)',
        '',
      ].join('\n'),
    )
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const types = ['--typeRoots', join(root, 'node_modules', '@types'), '--types', 'node']
    const result = await runCommand(process.execPath, [
      tsc,
      '--noEmit',
      '--strict',
      '--target',
      'es2022',
      '--lib',
      'es2023,esnext.disposable',
      '--module',
      'node16',
      '--moduleResolution',
      'node16',
      ...types,
      file,
    ], { cwd: consumer })
    expect([result.stdout, result.code]).toEqual(['', 0])
  })

  it('holds what it needs and nothing else', () => {
    const files = packed.files.map(file => file.path)
    const allowed =
      /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|THIRD_PARTY\.md|dist\/.+\.(m?js|d\.m?ts)|dist\/server\/page\/static\/[\w-]+\.(html|css|svg)|models\/(emoji-clip\.gguf|clip-merges\.txt\.br|samples\/.+|\w+\.md)|scripts\/[\w-]+\.cjs|vendor\/(source\.json\.br|ggml\.json)|docs\/.+)$/
    expect(files.filter(file => !allowed.test(file))).toEqual([])
    expect(
      files.filter(file =>
        /(^|\/)(test|node_modules|shared|\.ci|\.env|\.npmrc|\.git)|\.(pem|key|log|tgz|map)$/.test(file)
      ),
    ).toEqual([])
    for (
      const needed of ['dist/index.js', 'dist/index.mjs', 'dist/index.d.ts', 'dist/index.d.mts', 'dist/server/index.js',
        'dist/server/index.mjs', 'dist/server/index.d.mts', 'dist/cli/main.js', 'LICENSE', 'README.md']
    ) expect(files).toContain(needed)
  })

  it('holds every script that installing and compiling call', () => {
    const installed = join(consumer, 'node_modules', 'ggclip')
    for (const name of readdirSync(join(installed, 'scripts'))) {
      const text = readFileSync(join(installed, 'scripts', name), 'utf8')
      for (const [, target] of text.matchAll(/require\('(\.[^']+)'\)/g)) {
        expect([name, target, existsSync(join(installed, 'scripts', target!))]).toEqual([name, target, true])
      }
    }
  })

  it('has no install script, and a package for each platform', async () => {
    const installed = JSON.parse(readFileSync(join(consumer, 'node_modules', 'ggclip', 'package.json'), 'utf8')) as
      & Manifest
      & { scripts?: object; gypfile: boolean }
    expect([installed.scripts, installed.gypfile]).toEqual([undefined, false])
    const { sharp: _, ...binaries } = installed.optionalDependencies
    expect(binaries).toEqual(Object.fromEntries(platforms.map(({ name }) => [`@ggclip/${name}`, manifest.version])))
    const manifests = await Promise.all(
      packages.binaries.map(async archive => JSON.parse(await fileOf(archive, 'package.json')) as object),
    )
    for (const { name, os, cpu, libc } of platforms) {
      expect(manifests).toContainEqual(
        expect.objectContaining({
          name: `@ggclip/${name}`,
          version: manifest.version,
          main: 'ggclip.node',
          os: [os],
          cpu: [cpu],
          ...(libc ? { libc: [libc] } : {}),
        }),
      )
    }
    expect(readdirSync(join(consumer, 'node_modules', '@ggclip'))).toEqual([platform])
  })

  it('names the packages of all platforms where it loads them', () => {
    const text = readFileSync(join(root, 'lib', 'native', 'binaries.ts'), 'utf8')
    const names = [...text.matchAll(/'([\w-]+)': \(\) => require\('@ggclip\/([\w-]+)'\)/g)].map((
      [, key, name],
    ) => [key, name])
    expect(names).toEqual(platforms.map(({ name }) => [name, name]))
  })

  it('tells nothing of the machine that made it', () => {
    const installed = join(consumer, 'node_modules', 'ggclip')
    const telling = packed.files.map(file => file.path).filter(path =>
      readFileSync(join(installed, path)).includes(root)
    )
    expect(telling).toEqual([])
  })

  it('is small', () => {
    expect(packed.size).toBeLessThan(maxArchiveBytes)
    expect(packed.unpackedSize).toBeLessThan(maxUnpackedBytes)
    expect(statSync(packages.main).size).toBe(packed.size)
  })
})
