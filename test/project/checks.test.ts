/**
 * The checks of the project itself: what may be skipped, that nothing outside the checkout is looked at, that documents point
 * at what is there, that the package is whole.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const root = path.join(__dirname, '..', '..')

const { sortOut } = require('../skip-reporter.cjs') as {
  sortOut(skipped: string[]): { named: Map<string, string[]>; unnamed: string[] }
}
const { needs } = require('../skips.cjs') as { needs: Record<string, { absent(): string | false; tests: RegExp }> }
const { circles } = require('../../scripts/check-layers.cjs') as { circles(imports: Map<string, string[]>): string[][] }
const { violationsOf } = require('../../scripts/check-dialect.cjs') as {
  violationsOf(text: string): [line: number, rule: string][]
}
const documents = require('../../scripts/check-documents.cjs') as {
  faultsOf(file: string, known: Set<string>, read: (file: string) => string): string[]
}
const { reportsOf } = require('../../scripts/thread-reports.cjs') as {
  reportsOf(output: string, libraries: string[]): string[]
}
const { faults } = require('../../scripts/check-paths.cjs') as { faults(file: string, text: string): string[] }
const { crowded, sizeFault } = require('../../scripts/check-sizes.cjs') as {
  crowded(files: string[]): string[]
  sizeFault(file: string, text: string): string | undefined
}

describe('skipped tests', () => {
  const systemd = 'test/server/deploy.test.ts: the unit systemd finds nothing wrong with it'
  const before = needs.systemd!.absent
  afterEach(() => {
    needs.systemd!.absent = before
  })

  it('are named with their reason where it holds', () => {
    needs.systemd!.absent = () => 'no systemd-analyze'
    const { named, unnamed } = sortOut([systemd, 'test/vectors/search.test.ts: finds the nearest'])
    expect([...named]).toEqual([['no systemd-analyze', [systemd]]])
    expect(unnamed).toEqual(['test/vectors/search.test.ts: finds the nearest'])
  })

  it('are not excused by a reason that does not hold', () => {
    needs.systemd!.absent = () => false
    expect(sortOut([systemd])).toEqual({ named: new Map(), unnamed: [systemd] })
  })

  it('each reason is for some tests and not for all', () => {
    for (const { tests } of Object.values(needs))
      expect(tests.test('test/vectors/search.test.ts: finds the nearest')).toBe(false)
  })
})

test('each test file is of npm test or of npm run test:wide, and of one of them', () => {
  const jest = path.join(path.dirname(require.resolve('jest/package.json')), 'bin', 'jest.js')
  const listed = (...args: string[]): string[] =>
    execFileSync(process.execPath, [jest, '--listTests', '--json', ...args], { cwd: root, encoding: 'utf8' })
      .split('\n').flatMap(line => (line.startsWith('[') ? JSON.parse(line) as string[] : []))
      .map(file => path.relative(root, file).split(path.sep).join('/')).sort()
  const files = readdirSync(path.join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .map(file => `test/${file.split(path.sep).join('/')}`).filter(file => file.endsWith('.test.ts')).sort()
  const isWide = (file: string): boolean => file.endsWith('.wide.test.ts')
  expect(listed()).toEqual(files.filter(file => !isWide(file)))
  expect(listed('--config', 'jest.wide.config.cjs')).toEqual(files.filter(isWide))
})

test('a file of code has at most 400 lines', () => {
  const lines = (count: number) => 'x\n'.repeat(count)
  for (const file of ['lib/a.ts', 'cpp/a.h', 'scripts/a.cjs', 'models/training/a.py', 'bench/a.sh', 'CMakeLists.txt']) {
    expect(sizeFault(file, lines(400))).toBeUndefined()
    expect(sizeFault(file, `${lines(400)}x`)).toMatch(`${file} has 401 lines`)
  }
  for (const file of ['docs/cli.md', 'package-lock.json', 'test/fixtures/torch/zip.cjs'])
    expect(sizeFault(file, lines(999))).toBeUndefined()
})

test('a folder of cpp/ or lib/ has at most 20 files, whatever is below it', () => {
  const room = (folder: string, count: number) => Array.from({ length: count }, (_, i) => `${folder}/${i}.h`)
  expect(crowded([...room('cpp/a', 20), ...room('cpp/a/b', 20), ...room('docs/pictures', 21)])).toEqual([])
  for (const folder of ['cpp/a', 'lib/a'])
    expect(crowded([...room(folder, 20), `${folder}/x.map`])).toEqual([expect.stringMatching(`${folder} has 21 files`)])
})

describe('the C++ dialect', () => {
  test.each([
    ['static_cast<size_t>(n)', 'const size_t m = (size_t) n + static_cast<const node *>(p)->size;'],
    ['x = float(n);', 'std::function<int(int)> f = float();'],
    ['y = (const float *) p;', 'void f(const float *) noexcept;'],
    ['constexpr int MAX_WIDTH = 1;', 'constexpr int max_width = 1;  // const MAX_WIDTH = 1'],
    ['throw error(error_code::INTERNAL, "x");', 'throw_error(error_code::INTERNAL, "throw error(code");'],
  ])('refuses %s', (wrong, right) => {
    expect(violationsOf(`\n${wrong}`)).toEqual([[2, expect.any(String)]])
    expect(violationsOf(right)).toEqual([])
  })
})

describe('circles of imports', () => {
  it('are found, each by its members, and nothing else', () => {
    const imports = { a: ['b', 'd'], b: ['c'], c: ['a'], d: ['e', 'fs'], e: [], f: ['a', 'g'], g: ['f'] }
    expect(circles(new Map(Object.entries(imports)))).toEqual([['a', 'b', 'c'], ['f', 'g']])
  })
})

describe('paths', () => {
  it.each([
    ['test/a.test.ts', "const oracle = path.join(root, '..', 'shared')"],
    ['test/a/b.test.ts', "join(__dirname, '..', '..', '..', 'beside')"],
    ['test/a/b.test.ts', "import x from '../../../beside/x'"],
    ['scripts/a.cjs', "require('../../beside/x.cjs')"],
    ['lib/a.ts', 'resolve(__dirname, `../../beside`)'],
    ['.ci/run', 'cd "../../beside"'],
    ['cpp/engine/a.cpp', `open("/${'work'}/models/x")`],
    ['bench/run.mjs', `const home = '/${'root'}/models'`],
  ])('%s may not say %s', (file, line) => {
    expect(faults(file, `first\n${line}\n`)).toEqual([expect.stringContaining(`${file}:2 `)])
  })

  it.each([
    ['test/a.test.ts', "const models = path.join(root, 'models')"],
    ['test/a/b.test.ts', "join(__dirname, '..', '..', 'lib')"],
    ['test/a/b.test.ts', "import x from '../../lib/x'"],
    ['test/a.test.ts', "{ weight_map: { a: '../model.safetensors' } }"],
    ['lib/server/work.ts', "import { x } from '../work.js'"],
    ['deploy/Dockerfile', 'WORKDIR /app/work/x'],
  ])('%s may say %s', (file, line) => {
    expect(faults(file, line)).toEqual([])
  })
})

describe('documents', () => {
  const known = new Set(['README.md', 'docs', 'docs/a.md', 'lib', 'lib/a.ts', 'lib/b.ts'])
  const faultsIn = (text: string): string[] =>
    documents.faultsOf('docs/a.md', known, file => (file === 'docs/a.md' ? text : '# One `two`, three\n'))

  it.each([
    '[a](../README.md)',
    '[a](../README.md#one-two-three)',
    '# Here\n[a](#here)',
    '`lib/a.ts`',
    '`lib/{a,b}.ts`',
    '`lib/*.ts`',
    '`lib/`',
    '[a](https://example.org/x)',
    '```\n[a](gone.md) `lib/gone.ts`\n```',
    '`npm run lib/x`',
  ])('%j may stand', text => {
    expect(faultsIn(text)).toEqual([])
  })

  it.each([
    ['[a](gone.md)', 'links to gone.md, which is not there'],
    ['[a](../README.md#four)', 'links to ../README.md#four, which has no such heading'],
    ['`lib/gone.ts`', 'names lib/gone.ts, which is not there'],
    ['`lib/{a,gone}.ts`', 'names lib/gone.ts, which is not there'],
    ['`lib/*.cjs`', 'names lib/*.cjs, which is not there'],
  ])('%j may not', (text, fault) => {
    expect(faultsIn(text)).toEqual([`docs/a.md: ${fault}`])
  })
})

describe('the package', () => {
  /** What scripts/check-package.cjs says of an archive of these files. */
  function check(files: Record<string, string>): { status: number | null; stderr: string } {
    const place = mkdtempSync(path.join(tmpdir(), 'ggclip-checks-'))
    try {
      mkdirSync(path.join(place, 'package'))
      for (const [name, text] of Object.entries(files)) writeFileSync(path.join(place, 'package', name), text)
      execFileSync('tar', ['-czf', 'package.tgz', 'package'], { cwd: place })
      return spawnSync(process.execPath, [path.join(root, 'scripts', 'check-package.cjs'),
        path.join(place, 'package.tgz')], { encoding: 'utf8' })
    } finally {
      rmSync(place, { recursive: true })
    }
  }
  const manifest = {
    name: 'broken',
    version: '1.0.0',
    type: 'commonjs',
    license: 'MIT',
    engines: { node: '>=20' },
    main: './a.js',
    types: './a.d.ts',
  }

  it('passes where every entry has its file and its types', () => {
    expect(
      check({
        'package.json': JSON.stringify(manifest),
        'a.js': 'exports.a = 1\n',
        'a.d.ts': 'export declare const a: number\n',
      }),
    )
      .toMatchObject({ status: 0, stderr: '' })
  })

  it('fails where a file is missing, and where types say another format than the code', () => {
    const exports = {
      '.': { import: { types: './a.d.ts', default: './a.mjs' }, require: { types: './a.d.ts', default: './b.js' } },
    }
    const { status, stderr } = check({
      'package.json': JSON.stringify({ ...manifest, exports }),
      'a.js': 'exports.a = 1\n',
      'a.mjs': 'export const a = 1\n',
      'a.d.ts': 'export declare const a: number\n',
    })
    expect(status).toBe(1)
    expect(stderr).toMatch(/^publint: .*b\.js.*does not exist/m)
    expect(stderr).toMatch(/^types: Types are CJS, but implementation is ESM$/m)
  })
})

describe('the build of a checkout', () => {
  it("fetches no headers of Node's, which only npm's setting nodedir would avoid", () => {
    const home = mkdtempSync(path.join(tmpdir(), 'ggclip-checks-'))
    try {
      const args = [require.resolve('cmake-js/bin/cmake-js'), 'print-configure', '-O', path.join(home, 'build')]
      const env = { ...process.env, HOME: home, USERPROFILE: home, npm_config_nodedir: '' }
      const { status } = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8' })
      expect([status, existsSync(path.join(home, '.cmake-js'))]).toEqual([0, false])
    } finally {
      rmSync(home, { recursive: true })
    }
  })
})

describe('reports of ThreadSanitizer in Node', () => {
  const report = (access: string, before: string): string =>
    `${'='.repeat(18)}
WARNING: ThreadSanitizer: data race (pid=1)
  Write of size 8 at 0x7b3800008ea8 by main thread (mutexes: write M30075):
    #0 operator delete(void*, unsigned long) <null> (libtsan.so.2.0.0+0x86c3d)
    #1 <null> <null> (${access}+0x1fe1d)
    #2 Invoke(v8::FunctionCallbackInfo<v8::Value> const&) <null> (node+0xc45d94)

  Previous atomic write of size 4 at 0x7b3800008ea8 by thread T15:
    #0 <null> <null> (${before}+0x1cb43)
    #1 <null> <null> (libstdc++.so.6+0xd44ab)

  Location is heap block of size 168 at 0x7b2c00001c30 allocated by main thread:
    #0 <null> <null> (ggclip.node+0x512a2)

  Thread T15 (tid=7506, finished) created by main thread at:
    #0 pthread_create <null> (libtsan.so.2.0.0+0x5e686)
    #1 <null> <null> (ggclip.node+0x512a2)

SUMMARY: ThreadSanitizer: data race in operator delete(void*, unsigned long)
${'='.repeat(18)}
`
  const cases: [string, string, number][] = [['node', 'node', 0], ['ggclip.node', 'node', 1], ['node', 'ggclip.node',
    1], ['libuv.so.1', 'node', 0]]
  it.each(cases)('of an access by %s after one by %s: %i concern the addon', (access, before, count) => {
    expect(reportsOf(report('node', 'node') + report(access, before), ['ggclip.node'])).toHaveLength(count)
  })
})
