// Makes a version from CHANGELOG.md: what stands under [Unreleased] gets the version and today's date, package.json and
// package-lock.json the version, git a commit and a tag. Pushes and publishes nothing: it prints what comes next.
//
//   node scripts/release.cjs major|minor|patch|VERSION [--dry-run]     a first release may name the version that package.json has
'use strict'

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const root = path.join(__dirname, '..')
const read = file => fs.readFileSync(path.join(root, file), 'utf8')
const git = (...args) =>
  execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
const parse = version => /^(\d+)\.(\d+)\.(\d+)$/.exec(version)?.slice(1).map(Number)

/** @param {string} asked 'minor', or '1.2.3' @param {string} current */
function nextVersion(asked, current) {
  const [major, minor, patch] = parse(current)
  if (asked === 'major') return `${major + 1}.0.0`
  if (asked === 'minor') return `${major}.${minor + 1}.0`
  if (asked === 'patch') return `${major}.${minor}.${patch + 1}`
  const parts = parse(asked ?? '')
  if (!parts)
    throw new Error(
      `expected major, minor, patch or a version such as 1.2.3 but received ${
        asked === undefined ? 'nothing' : `'${asked}'`
      }`,
    )
  const [a, b, c] = parts
  if ((a - major || b - minor || c - patch) < 0)
    throw new Error(`expected a version of at least ${current} but received ${asked}`)
  return asked
}

/** @returns {{ text: string, notes: string }} the file as it will be, and the part that is released */
function releaseNotes(changelog, version, date) {
  const heading = '## [Unreleased]\n'
  const start = changelog.indexOf(heading)
  if (start < 0) throw new Error('CHANGELOG.md: expected a heading "## [Unreleased]", found none')
  const begin = start + heading.length
  const next = changelog.indexOf('\n## ', begin)
  const notes = changelog.slice(begin, next < 0 ? undefined : next).trim()
  if (!/^- /m.test(notes)) throw new Error('CHANGELOG.md: expected entries under [Unreleased], found none')
  const rest = next < 0 ? '' : changelog.slice(next)
  return { text: `${changelog.slice(0, begin)}\n## [${version}] - ${date}\n\n${notes}\n${rest}`, notes }
}

function withVersion(file, version) {
  const json = JSON.parse(read(file))
  json.version = version
  if (json.packages) json.packages[''].version = version
  return `${JSON.stringify(json, null, 2)}\n`
}

function release(asked, isDry) {
  const version = nextVersion(asked, JSON.parse(read('package.json')).version)
  const tag = `v${version}`
  const changes = git('status', '--porcelain')
  if (changes !== '') throw new Error(`expected a clean tree, but git says:\n${changes}`)
  if (git('tag', '--list', tag) !== '') throw new Error(`the tag ${tag} exists: ${version} has been released`)
  const { text, notes } = releaseNotes(read('CHANGELOG.md'), version, new Date().toISOString().slice(0, 10))
  const files = {
    'CHANGELOG.md': text,
    'package.json': withVersion('package.json', version),
    'package-lock.json': withVersion('package-lock.json', version),
  }
  if (isDry) {
    process.stdout.write(`would release ${version}, tag ${tag}, with:\n\n${notes}\n\nnothing was changed\n`)
    return
  }
  for (const [file, content] of Object.entries(files)) fs.writeFileSync(path.join(root, file), content)
  git('add', '--', ...Object.keys(files))
  git('commit', '--quiet', '--message', `Version ${version}`)
  git('tag', '--annotate', tag, '--message', `ggclip ${version}\n\n${notes}`, '--cleanup=verbatim')
  process.stdout.write(`${version} is committed and tagged ${tag}. What comes next:\n${
    [
      '.ci/run                          all tests, in a clone of the tag',
      'git push --follow-tags           .github/workflows/release.yml then makes the binaries and publishes',
    ].map(line => `  ${line}\n`).join('')
  }To take it back before the push: git tag -d ${tag} && git reset --keep HEAD~1\n`)
}

function main(args) {
  const isDry = args.includes('--dry-run')
  const [asked, ...others] = args.filter(arg => arg !== '--dry-run')
  try {
    if (others.length > 0)
      throw new Error(`expected one version and --dry-run but received '${others.join(' ')}' as well`)
    release(asked, isDry)
  } catch (error) {
    process.stderr.write(`release: ${error.message}\n`)
    process.exitCode = 1
  }
}

main(process.argv.slice(2))
