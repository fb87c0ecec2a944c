/** docs/api/: made from the sources as they are, complete, linked, and its examples run as they stand. */
import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import * as library from '../../lib/index'
import { checkLoadOptions } from '../../lib/clip/load-options'
import { checkServerOptions } from '../../lib/server/options'
import { FakeHub } from '../helpers/fake-hub'
import { checkpoint } from '../models/support'

const root = path.join(__dirname, '..', '..')
const docs = path.join(root, 'docs')
const pages = new Map(
  readdirSync(path.join(docs, 'api')).map(file => [file, readFileSync(path.join(docs, 'api', file), 'utf8')]),
)
const headings = (text: string): string[] => [...text.matchAll(/^#+ (.*)$/gm)].map(match => match[1]!)
const slug = (heading: string): string => heading.toLowerCase().replace(/[^\w\- ]/g, '').replace(/ /g, '-')

test('the pages are what the sources say', () => {
  expect(spawnSync(process.execPath, ['scripts/docs.cjs', '--check'], { cwd: root, encoding: 'utf8' })).toMatchObject({
    status: 0,
    stderr: '',
  })
})

test('every export has a heading', () => {
  const listed = [
    ...['library.ts', 'server/index.ts'].map(file => readFileSync(path.join(root, 'lib', file), 'utf8')).join('')
      .replace(
        /\/\*\* @internal \*\/\n.*\n/g,
        '',
      ).matchAll(/\{ ([\w, ]+) \}/g),
  ]
    .flatMap(match => match[1]!.split(', '))
  const named = [...Object.keys(library), 'Server', ...listed, 'LoadOptions', 'CallOptions', 'ServerOptions',
    'ClipInfo']
  expect(named.length).toBeGreaterThan(60)
  expect([...pages.values()].flatMap(headings)).toEqual(expect.arrayContaining(named))
})

test('every link leads to a heading', () => {
  const broken: string[] = []
  for (const [page, text] of pages) {
    for (const [, link] of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [file, anchor] = link!.split('#') as [string, string | undefined]
      const target = file === '' ? text : readFileSync(path.join(docs, 'api', file), 'utf8')
      if (anchor !== undefined && !headings(target).map(slug).includes(anchor)) broken.push(`${page}: ${link}`)
    }
  }
  expect(broken).toEqual([])
})

/** Options whose default the page writes as a literal, with its value. */
function literalDefaults(page: string, name: string): [string, unknown][] {
  const [, section] = pages.get(page)!.split(`\n## ${name}\n`, 2)
  const rows = [...section!.split('\n## ')[0]!.matchAll(/^\| `(\w+)` \| .+? \| ((?:[^|\\]|\\\|)*) \| [^|]* \|$/gm)]
  return rows.flatMap(([, option, text]): [string, unknown][] => {
    const value = literal(text!)
    return value === undefined ? [] : [[option!, value]]
  })
}

function literal(text: string): unknown {
  const word = /^'([^']*)'(?::.*)?$/.exec(text) // "0: never" and the like begin with the value
  if (word) return word[1]
  if (/^(true|false)$/.test(text)) return text === 'true'
  const power = /^2\^(\d+)$/.exec(text)
  if (power) return 2 ** Number(power[1])
  const size = /^(\d+)( MiB)?(?::.*)?$/.exec(text)
  return size ? Number(size[1]) * (size[2] ? 2 ** 20 : 1) : undefined
}

test.each([
  ['loading.md', 'LoadOptions', checkLoadOptions(undefined), 9],
  ['server.md', 'ServerOptions', checkServerOptions(undefined), 20],
])('%s: the defaults of %s are those in use', (page, name, settings, least) => {
  const told = literalDefaults(page, name)
  expect(told.length).toBeGreaterThanOrEqual(least)
  // remoteImages and trustProxy are kept in another form
  expect(settings).toMatchObject(
    Object.fromEntries(told.filter(([option]) => !['remoteImages', 'trustProxy'].includes(option))),
  )
})

describe('the examples', () => {
  let place: string
  let hub: FakeHub

  beforeAll(async () => {
    // below the checkout, where 'ggclip' is this package
    mkdirSync(path.join(root, 'build'), { recursive: true })
    place = mkdtempSync(path.join(root, 'build', 'api-docs-'))
    symlinkSync(path.join(root, 'models'), path.join(place, 'models'))
    hub = await FakeHub.start()
    hub.add('openai/clip-vit-base-patch32', checkpoint)
  })
  afterAll(async () => {
    await hub.stop()
    rmSync(place, { recursive: true })
  })

  const parts = [...pages].flatMap(([page, text]): [string, string, string[]][] => {
    const [prelude, ...examples] = [...text.matchAll(/```js\n([\s\S]*?)```/g)].map(match => match[1]!)
    return prelude === undefined ? [] : [[page, prelude, examples]]
  })

  test.each(parts)('%s', async (page, prelude, examples) => {
    expect(examples.length).toBeGreaterThan(0)
    const imports = examples.flatMap(example => example.match(/^import .*$/gm) ?? [])
    const bodies = examples.map(example => `{\n${example.replace(/^import .*\n/gm, '')}}\n`)
    const end = prelude.includes('const clip') ? 'await clip.dispose()\n' : ''
    writeFileSync(path.join(place, `${page}.mjs`), `${imports.join('\n')}\n${prelude}${bodies.join('')}${end}`)
    const env = { ...process.env, HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: path.join(place, 'hub') }
    const printed = await run(`${page}.mjs`, env)
    expect(printed.trim().split('\n')).toEqual(examples.flatMap(expected))
  })

  /** What its comments say that it prints: at the end of a line that prints, or right below the code. */
  function expected(example: string): string[] {
    const lines = example.split('\n')
    return lines.flatMap((line, i) => {
      const beside = /console\.log\(.*\) \/\/ (.*)$/.exec(line)
      const below = lines[i - 1] ? /^\/\/ (.*)$/.exec(line) : null
      return beside ? [beside[1]!] : below ? [below[1]!] : []
    })
  }

  function run(file: string, env: NodeJS.ProcessEnv): Promise<string> {
    return new Promise((resolve, reject) => {
      execFile(
        process.execPath,
        [file],
        { cwd: place, env, encoding: 'utf8' },
        (error, stdout) => (error ? reject(error) : resolve(stdout)),
      )
    })
  }
})
