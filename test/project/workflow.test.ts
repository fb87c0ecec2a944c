/** The workflows agree with the scripts: they cannot run here. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

import { root } from '../lifecycle/support'
import { platforms } from './packed'

interface Job {
  strategy?: { matrix: { include: { platform: string; runner: string; how: string }[] } }
  permissions?: Record<string, string>
  needs?: string
  steps: { run?: string; uses?: string }[]
}

const workflows = join(root, '.github', 'workflows')
const read = <T>(name: string): T => parse(readFileSync(join(workflows, name), 'utf8')) as T
const { jobs } = read<{ jobs: { binary: Job; publish: Job } }>('release.yml')
const ci = read<{ jobs: Record<'run' | 'compiler' | 'packages', Job> }>('ci.yml').jobs
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
const commandsOf = (all: Record<string, Job>): string[] =>
  Object.values(all).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []))
const commands = commandsOf(jobs)

describe.each(Object.entries({ 'release.yml': commands, 'ci.yml': commandsOf(ci) }))('%s', (_, all) => {
  it('calls scripts and tests that there are', () => {
    const called = all.flatMap(text => [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name!))
    expect(called).toContain('prebuild')
    expect(called.filter(name => !(name in scripts))).toEqual([])
    for (
      const [pattern, ending] of [[/npx jest (.+)/, '.test.ts'], [/npm run test:wide -- (.+)/,
        '.wide.test.ts']] as const
    ) {
      const files = all.flatMap(text => pattern.exec(text)?.[1]!.split(' ') ?? [])
      expect(files).not.toEqual([])
      for (const file of files) {
        const isThere = existsSync(join(root, file + ending)) || existsSync(join(root, file))
        expect([file, isThere]).toEqual([file, true])
      }
    }
  })
})

describe('the workflow of every change', () => {
  it('compiles by Clang and MSVC, too, and looks at what is packed', () => {
    const compilers = ci.compiler.strategy!.matrix.include as unknown as { runner: string; cxx: string }[]
    expect(compilers.map(({ runner, cxx }) => `${runner.split('-')[0]!} ${cxx}`)).toEqual(
      expect.arrayContaining(['ubuntu clang++', 'macos clang++', 'windows cl']),
    )
    expect(commandsOf(ci)).toEqual(expect.arrayContaining(['.ci/run', 'npm audit --omit=dev', 'npm run test:managers']))
  })
})

describe('the release workflow', () => {
  it('makes the binary of every platform once, by its name or on its own kind of machine', () => {
    const rows = jobs.binary.strategy!.matrix.include
    expect(rows.map(({ platform }) => platform).sort()).toEqual(platforms.map(({ name }) => name).sort())
    for (const { platform, how, runner } of rows) {
      expect([platform, how]).toEqual([platform, how === '--native' ? '--native' : platform])
      if (how === '--native') expect(runner).toMatch({ darwin: /^macos/, win32: /^windows/ }[platform.split('-')[0]!]!)
    }
  })

  it('publishes with provenance, by an identity instead of a token, the platforms before the package that names them', () => {
    expect(jobs.publish.permissions).toMatchObject({ 'id-token': 'write' })
    expect(jobs.publish.needs).toBe('binary')
    const publish = commands.find(text => text.includes('npm publish'))!
    expect(publish).toContain('--provenance')
    expect(publish.indexOf('ggclip-*-*-*.tgz')).toBeLessThan(publish.indexOf('GITHUB_REF_NAME'))
    expect(readFileSync(join(root, '.github', 'workflows', 'release.yml'), 'utf8')).not.toMatch(/secrets\.|_TOKEN/)
  })
})
