/** scripts/release.cjs in a repository of the files that it changes. */
import { execFileSync, spawnSync } from 'node:child_process'
import { appendFileSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const root = path.join(__dirname, '..', '..')
const today = new Date().toISOString().slice(0, 10)
let checkout: string

const git = (...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], {
    cwd: checkout,
    encoding: 'utf8',
  }).trim()
const read = (file: string): string => readFileSync(path.join(checkout, file), 'utf8')
const version = (file: string): string => (JSON.parse(read(file)) as { version: string }).version

function release(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const who = {
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@example.org',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@example.org',
  }
  return spawnSync(process.execPath, ['scripts/release.cjs', ...args], {
    cwd: checkout,
    encoding: 'utf8',
    env: { ...process.env, ...who },
  })
}

beforeEach(() => {
  checkout = mkdtempSync(path.join(tmpdir(), 'ggclip-release-'))
  mkdirSync(path.join(checkout, 'scripts'))
  for (const file of ['scripts/release.cjs', 'package.json', 'package-lock.json'])
    copyFileSync(path.join(root, file), path.join(checkout, file))
  for (const file of ['package.json', 'package-lock.json'])
    writeFileSync(path.join(checkout, file), read(file).replace(/"version": "[^"]*"/, '"version": "1.2.3"'))
  writeFileSync(
    path.join(checkout, 'CHANGELOG.md'),
    '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [1.2.3] - 2020-01-01\n\n- Old.\n',
  )
  git('init', '--quiet')
  git('add', '.')
  git('commit', '--quiet', '-m', 'first')
})
afterEach(() => rmSync(checkout, { recursive: true }))

test.each([['patch', '1.2.4'], ['minor', '1.3.0'], ['major', '2.0.0'], ['1.2.10', '1.2.10'], ['1.2.3', '1.2.3']])(
  '%s makes %s',
  (asked, expected) => {
    const { status, stdout } = release(asked)
    expect(status).toBe(0)
    expect(stdout).toContain(`tagged v${expected}`)
    expect([version('package.json'), version('package-lock.json')]).toEqual([expected, expected])
    expect(
      (JSON.parse(read('package-lock.json')) as { packages: Record<string, { version: string }> }).packages['']!
        .version,
    ).toBe(expected)
    expect(read('CHANGELOG.md')).toBe(
      `# Changelog\n\n## [Unreleased]\n\n## [${expected}] - ${today}\n\n### Added\n\n- A thing.\n\n## [1.2.3] - 2020-01-01\n\n- Old.\n`,
    )
    expect(git('status', '--porcelain')).toBe('')
    expect(git('log', '-1', '--format=%s')).toBe(`Version ${expected}`)
    expect(git('tag', '--list', '--format=%(contents)', `v${expected}`)).toContain('### Added\n\n- A thing.')
  },
)

test('changes nothing but versions in package.json and package-lock.json', () => {
  release('patch')
  const changed = git('diff', '--unified=0', 'HEAD~1', '--', 'package.json', 'package-lock.json').split('\n').filter(
    line => /^[-+] /.test(line),
  )
  expect(changed.length).toBeGreaterThanOrEqual(6)
  for (const line of changed) expect(line).toMatch(/^[-+] +"version": "[\d.]+",$/)
})

test('--dry-run tells and changes nothing', () => {
  const { status, stdout } = release('minor', '--dry-run')
  expect(status).toBe(0)
  expect(stdout).toContain('would release 1.3.0')
  expect(stdout).toContain('- A thing.')
  expect(git('status', '--porcelain')).toBe('')
  expect(git('tag', '--list')).toBe('')
})

test.each<[string, string[], () => void, RegExp]>([
  ['no version', [], () => {}, /expected major, minor, patch or a version such as 1\.2\.3 but received nothing/],
  ['a word', ['next'], () => {}, /but received 'next'/],
  ['an older version', ['1.2.2'], () => {}, /at least 1\.2\.3 but received 1\.2\.2/],
  ['a tree with changes', ['patch'], () => appendFileSync(path.join(checkout, 'CHANGELOG.md'), 'x'),
    /expected a clean tree, but git says:\n.*CHANGELOG\.md/],
  ['a version that has its tag', ['patch'], () => git('tag', 'v1.2.4'), /the tag v1\.2\.4 exists/],
  ['nothing to release', ['patch'], () => {
    release('patch')
  }, /expected entries under \[Unreleased\], found none/],
])('%s is refused', (_, args, before, reason) => {
  before()
  const head = git('rev-parse', 'HEAD')
  expect(release(...args)).toMatchObject({ status: 1, stdout: '', stderr: expect.stringMatching(reason) })
  expect(git('rev-parse', 'HEAD')).toBe(head)
})
