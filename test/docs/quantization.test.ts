/** The examples of docs/quantization.md run, and its policy is the code's. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const root = path.join(__dirname, '..', '..')
const page = readFileSync(path.join(root, 'docs', 'quantization.md'), 'utf8')
const esModule = path.join(root, 'dist', 'index.mjs')

const block = (language: string): string => new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(page)![1]!

jest.setTimeout(60_000)

describe('docs/quantization.md', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ggclip-page-'))
  beforeAll(() => symlinkSync(path.join(root, 'models'), path.join(folder, 'models')))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('the code example prints what its comment says', () => {
    writeFileSync(
      path.join(folder, 'example.mjs'),
      block('js').replace("'ggclip'", `'${pathToFileURL(esModule).href}'`),
    )
    expect(execFileSync(process.execPath, ['example.mjs'], { cwd: folder, encoding: 'utf8' })).toBe('true\n')
  })

  it('the shell example runs', () => {
    const line = block('sh').trim().replace(
      /^ggclip/,
      `"${process.execPath}" "${path.join(root, 'dist', 'cli', 'main.js')}"`,
    )
    const out = execFileSync(line, { cwd: folder, encoding: 'utf8', shell: true, stdio: ['ignore', 'pipe', 'ignore'] })
    expect(out.trim().split('\n')).toHaveLength(8)
  })
})
