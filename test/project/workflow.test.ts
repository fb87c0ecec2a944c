/** The release workflow agrees with the scripts: it cannot run here. */
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

const { jobs } = parse(readFileSync(join(root, '.github', 'workflows', 'release.yml'), 'utf8')) as {
  jobs: { binary: Job; publish: Job }
}
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
const commands = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []))

describe('the release workflow', () => {
  it('makes the binary of every platform once, by its name or on its own kind of machine', () => {
    const rows = jobs.binary.strategy!.matrix.include
    expect(rows.map(({ platform }) => platform).sort()).toEqual(platforms.map(({ name }) => name).sort())
    for (const { platform, how, runner } of rows) {
      expect([platform, how]).toEqual([platform, how === '--native' ? '--native' : platform])
      if (how === '--native') expect(runner).toMatch({ darwin: /^macos/, win32: /^windows/ }[platform.split('-')[0]!]!)
    }
  })

  it('calls scripts that there are', () => {
    const called = commands.flatMap(text => [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name!))
    expect(called).toContain('prebuild')
    expect(called.filter(name => !(name in scripts))).toEqual([])
    for (
      const [pattern, ending] of [[/npx jest (.+)/, '.test.ts'], [/npm run test:wide -- (.+)/,
        '.wide.test.ts']] as const
    ) {
      const files = commands.flatMap(text => pattern.exec(text)?.[1]!.split(' ') ?? [])
      expect(files).not.toEqual([])
      for (const file of files) expect([file, existsSync(join(root, file + ending))]).toEqual([file, true])
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
