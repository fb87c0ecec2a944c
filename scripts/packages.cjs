// Makes what is published, from dist/ and prebuilds/: build/packages/ggclip-<version>.tgz, which has no binary and names
// the packages of the platforms as optional dependencies, and one archive @ggclip/<platform> for each binary. (`npm pack`
// alone makes one archive with all binaries that are in prebuilds/, for machines without a registry.) Prints the list.
//
//   node scripts/packages.cjs [--partial]      --partial: of the binaries that are there, instead of failing for those that are not
'use strict'

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { platforms, prebuiltFile } = require('./platforms.cjs')
const { run } = require('./run.cjs')
const { writeBundle } = require('./write-bundle.cjs')

const root = path.join(__dirname, '..')
const out = path.join(root, 'build', 'packages')
const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'))
const binaryOf = platform => path.join(root, prebuiltFile(platform))

/** The archive of one folder, by npm. @returns {{ name: string, filename: string, size: number, unpackedSize: number }} */
function pack(folder) {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', out]
  return JSON.parse(run('npm', args, { cwd: folder, capture: true }))[0]
}

function writeManifest(folder, content) {
  fs.writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(content, null, 2)}\n`)
}

function platformManifest({ name, os: system, cpu, libc }) {
  const { version, homepage, repository, license, author, engines } = manifest
  return {
    name: `@ggclip/${name}`,
    version,
    description: `ggclip's native addon for ${name}`,
    homepage,
    repository: { ...repository, directory: `prebuilds/${name}` },
    license,
    author,
    engines,
    os: [system],
    cpu: [cpu],
    ...(libc ? { libc: [libc] } : {}),
    main: 'ggclip.node',
    files: ['ggclip.node', 'THIRD_PARTY.md'],
    preferUnplugged: true,
  }
}

function packPlatform(platform, work) {
  const folder = path.join(work, platform.name)
  fs.mkdirSync(folder)
  fs.copyFileSync(binaryOf(platform), path.join(folder, 'ggclip.node'))
  for (const name of ['LICENSE', 'THIRD_PARTY.md']) fs.copyFileSync(path.join(root, name), path.join(folder, name))
  writeManifest(folder, platformManifest(platform))
  fs.writeFileSync(
    path.join(folder, 'README.md'),
    `# @ggclip/${platform.name}\n\nThe native addon of [ggclip](${manifest.homepage}) for ${platform.name}. npm installs it with ggclip.\n`,
  )
  return pack(folder)
}

function packMain(work) {
  writeBundle()
  const folder = path.join(work, 'ggclip')
  fs.mkdirSync(folder)
  const names = manifest.files.filter(name => !name.startsWith('!') && name !== 'prebuilds')
  for (const name of [...names, 'README.md', 'LICENSE'])
    fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true })
  const { files, optionalDependencies } = manifest
  const binaries = Object.fromEntries(platforms.map(({ name }) => [`@ggclip/${name}`, manifest.version]))
  writeManifest(folder, {
    ...manifest,
    files: files.filter(name => name !== 'prebuilds'),
    optionalDependencies: { ...optionalDependencies, ...binaries },
    // what only a checkout needs
    scripts: undefined,
    devDependencies: undefined,
    binary: undefined, // tells cmake-js that it needs no headers of Node's
  })
  return pack(folder)
}

function main(args) {
  const absent = platforms.filter(platform => !fs.existsSync(binaryOf(platform)))
  if (absent.length > 0 && !args.includes('--partial')) {
    throw new Error(
      `expected a binary in prebuilds/ for every platform, found none of ${
        absent.map(({ name }) => name).join(', ')
      } ("npm run prebuild -- --all" makes them; --partial leaves them out)`,
    )
  }
  if (!fs.existsSync(path.join(root, 'dist', 'index.mjs'))) throw new Error('expected dist/: run "npm run build:ts"')
  fs.rmSync(out, { recursive: true, force: true })
  fs.mkdirSync(out, { recursive: true })
  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'ggclip-packages-'))
  try {
    const present = platforms.filter(platform => !absent.includes(platform))
    const packed = [packMain(work), ...present.map(platform => packPlatform(platform, work))]
    for (const { filename, size, unpackedSize } of packed)
      process.stdout.write(
        `${String(size).padStart(9)} packed  ${String(unpackedSize).padStart(9)} unpacked  ${filename}\n`,
      )
  } finally {
    fs.rmSync(work, { recursive: true, force: true })
  }
}

try {
  main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`packages: ${error.message}\n`)
  process.exitCode = 1
}
