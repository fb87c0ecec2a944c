// Packs the project like `npm publish` and checks the archive with users' tools: publint (fields of package.json that
// name files) and are-the-types-wrong (types of every entry, under all module resolutions of TypeScript). Needs dist/,
// uses no network. Prints the problems and fails.
//
//   node scripts/check-package.cjs [ARCHIVE]      of this project, or of an archive that is there already
'use strict'

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { run } = require('./run.cjs')

const root = path.join(__dirname, '..')

/** @returns {Buffer} the archive */
function pack() {
  if (!fs.existsSync(path.join(root, 'dist', 'index.js'))) require('./build-ts.cjs').buildTs()
  const place = fs.mkdtempSync(path.join(os.tmpdir(), 'ggclip-pack-'))
  try {
    const printed = run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', place], {
      cwd: root,
      capture: true,
    })
    return fs.readFileSync(path.join(place, JSON.parse(printed)[0].filename))
  } finally {
    fs.rmSync(place, { recursive: true })
  }
}

/** @returns {Promise<string[]>} one line per problem */
async function faultsOf(archive) {
  const bytes = archive.buffer.slice(archive.byteOffset, archive.byteOffset + archive.length)
  return [...await askPublint(bytes), ...await askTypes(bytes)]
}

async function askPublint(tarball) {
  const { publint } = await import('publint')
  const { formatMessage } = await import('publint/utils')
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true })
  return messages.map(message => `publint: ${formatMessage(message, pkg, { color: false })}`)
}

async function askTypes(tarball) {
  const { checkPackage, createPackageFromTarballData } = await import('@arethetypeswrong/core')
  const { problemKindInfo } = await import('@arethetypeswrong/core/problems')
  const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)))
  if (!analysis.types) return ['types: the archive has none']
  return analysis.problems.map(({ kind, entrypoint, resolutionKind }) => {
    const where = entrypoint === undefined ? '' : `${entrypoint} (${resolutionKind}): `
    return `types: ${where}${problemKindInfo[kind].title}`
  })
}

async function main([given]) {
  const faults = await faultsOf(given === undefined ? pack() : fs.readFileSync(given))
  for (const fault of faults) process.stderr.write(`${fault}\n`)
  if (faults.length > 0) process.exitCode = 1
}

main(process.argv.slice(2))
