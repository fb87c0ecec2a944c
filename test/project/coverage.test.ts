/** How scripts/coverage.cjs puts counts together. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

interface Counted {
  files: Map<string, Map<number, number>>
  add(file: string, line: number, count: number): void
  addIstanbul(file: string): boolean
}
const { Lines, uncovered } = require('../../scripts/coverage.cjs') as {
  Lines: new() => Counted
  uncovered(lines: Counted): string[]
}
const root = path.join(__dirname, '..', '..')

test('a line has run when any of the measurements saw it run', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ggclip-coverage-'))
  try {
    const lines = new Lines()
    const statement = (line: number): object => ({ start: { line, column: 0 }, end: { line, column: 9 } })
    for (const s of [{ 0: 1, 1: 0, 2: 0 }, { 0: 0, 1: 2, 2: 0 }]) {
      const report = path.join(folder, 'report.json')
      // the second has types alone: nothing of it can run
      const files = ['a.ts', 'work/types.ts'].map(name => path.join(root, 'lib', name))
      const statementMap = { 0: statement(1), 1: statement(2), 2: statement(3) }
      writeFileSync(report, JSON.stringify(files.map(file => ({ path: file, statementMap, s }))))
      expect(lines.addIstanbul(report)).toBe(true)
    }
    expect(lines.addIstanbul(path.join(folder, 'none.json'))).toBe(false)
    expect([...lines.files.keys()]).toEqual(['lib/a.ts'])
    expect([...lines.files.get('lib/a.ts')!]).toEqual([[1, 1], [2, 2], [3, 0]])
    expect(uncovered(lines)).toEqual(['lib/a.ts: 3'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('lines that nothing ran are told as ranges, by file', () => {
  const lines = new Lines()
  for (const [line, count] of [[9, 0], [3, 0], [4, 0], [6, 1], [8, 0]] as const) lines.add('lib/b.ts', line, count)
  lines.add('lib/a.ts', 1, 5)
  expect(uncovered(lines)).toEqual(['lib/b.ts: 3-4, 8-9'])
})
