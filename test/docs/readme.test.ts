/** The README's examples run as they stand, and print what their comments say. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const root = path.join(__dirname, '..', '..')
const readme = readFileSync(path.join(root, 'README.md'), 'utf8')
/** A folder in which ggclip is installed. */
let folder: string

/** The text of the first fenced block of `language` that contains `word`. */
function block(language: string, word: string): string {
  const blocks = [...readme.matchAll(/```(\w+)\n([\s\S]*?)```/g)].filter(match => match[1] === language)
  const found = blocks.find(match => match[2]!.includes(word))
  if (!found) throw new Error(`README.md: expected a ${language} block with '${word}'`)
  return found[2]!
}

describe('README.md', () => {
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'ggclip-readme-'))
    mkdirSync(path.join(folder, 'node_modules'))
    symlinkSync(root, path.join(folder, 'node_modules', 'ggclip'), 'junction')
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test('the code example prints what its comments say', () => {
    const code = block('js', "from 'ggclip'")
    const expected = [...code.matchAll(/console\.log\(.*?\) \/\/ (.*)/g)].map(match => match[1]!)
    expect(expected.length).toBeGreaterThan(0)
    writeFileSync(path.join(folder, 'first.mjs'), code)
    const printed = execFileSync(process.execPath, ['first.mjs'], { cwd: folder, encoding: 'utf8' }).trim().split('\n')
    // a probability may differ in its last digit between processors
    const rounded = (line: string): string => line.replace(/\d+\.\d+/g, number => Number(number).toFixed(1))
    expect(printed.map(rounded)).toEqual(expected.map(rounded))
  })

  test('the shell examples run', () => {
    const lines = block('sh', 'npx ggclip classify').trim().split('\n').filter(line => !line.includes('path/to/'))
    expect(lines.length).toBeGreaterThanOrEqual(2)
    for (const line of lines) {
      const command = line.replace(/^npx ggclip/, `"${process.execPath}" node_modules/ggclip/dist/cli/main.js`)
      expect(execFileSync(command, { cwd: folder, encoding: 'utf8', shell: true })).not.toBe('')
    }
  })

  test('the scripts that it names exist', () => {
    const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    for (const [, name] of readme.matchAll(/npm run ([\w:]+)/g)) expect(scripts).toHaveProperty([name!])
  })

  test('the pages that it links to exist', () => {
    for (const [, link] of readme.matchAll(/\]\((?!https?:)([^)#]+)/g))
      expect(existsSync(path.join(root, link!))).toBe(true)
  })
})
