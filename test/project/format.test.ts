/** scripts/format.cjs in a checkout of two files. */
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const root = path.join(__dirname, '..', '..')
let checkout: string

beforeEach(() => {
  checkout = mkdtempSync(path.join(tmpdir(), 'ggclip-format-'))
  for (const folder of ['scripts', 'lib', 'cpp']) mkdirSync(path.join(checkout, folder))
  for (const file of ['scripts/format.cjs', 'dprint.json', '.clang-format'])
    copyFileSync(path.join(root, file), path.join(checkout, file))
  symlinkSync(path.join(root, 'node_modules'), path.join(checkout, 'node_modules'))
  writeFileSync(path.join(checkout, '.gitignore'), 'node_modules\nscripts\n')
  execFileSync('git', ['init', '--quiet'], { cwd: checkout })
  writeFileSync(path.join(checkout, 'lib', 'a.ts'), 'export const a = (b) => { return "b" };\n')
  writeFileSync(path.join(checkout, 'cpp', 'a.cpp'), 'int a( ) { return 1 ; }\n')
})
afterEach(() => rmSync(checkout, { recursive: true }))

/** `version`: what the C++ formatter answers to --version; it removes spaces before parentheses and semicolons. */
function format(args: string[], version: string): { status: number | null; stdout: string } {
  const program = path.join(checkout, 'formatter')
  writeFileSync(
    program,
    `#!/bin/sh\n[ "$1" = --version ] && echo '${version}' && exit\nexec sed 's/ \\([);]\\)/\\1/g'\n`,
    { mode: 0o755 },
  )
  const env = { ...process.env, CLANG_FORMAT: program }
  return spawnSync(process.execPath, ['scripts/format.cjs', ...args, 'lib', 'cpp'], {
    cwd: checkout,
    env,
    encoding: 'utf8',
  })
}
const read = (file: string): string => readFileSync(path.join(checkout, file), 'utf8')
const ours = 'Debian clang-format version 14.0.6'

test('--check names the files that would change, writes nothing and fails', () => {
  expect(format(['--check'], ours)).toMatchObject({
    status: 1,
    stdout: 'not formatted: lib/a.ts\nnot formatted: cpp/a.cpp\n',
  })
  expect(read('lib/a.ts')).toContain('"b" };')
})

test('writes both languages, and is then content with them', () => {
  expect(format([], ours)).toMatchObject({ status: 0, stdout: 'formatted: lib/a.ts\nformatted: cpp/a.cpp\n' })
  expect(read('lib/a.ts')).toBe("export const a = b => {\n  return 'b'\n}\n")
  expect(read('cpp/a.cpp')).toBe('int a() { return 1; }\n')
  expect(format(['--check'], ours)).toMatchObject({ status: 0, stdout: '' })
})

test.each(['', 'clang-format version 18.1.8'])(
  'without clang-format 14 (%j) it leaves C++ alone and says so',
  version => {
    expect(format([], version)).toMatchObject({
      status: 0,
      stdout: 'C++: not run: no clang-format 14\nformatted: lib/a.ts\n',
    })
    expect(read('cpp/a.cpp')).toBe('int a( ) { return 1 ; }\n')
  },
)
