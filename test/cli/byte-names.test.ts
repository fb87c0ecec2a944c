/** File names are bytes on Linux: those that are no UTF-8 are read on the command line. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const onLinux = process.platform === 'linux' ? describe : describe.skip
onLinux('names that are no UTF-8', () => {
  const root = mkdtempSync(join(tmpdir(), 'ggclip-names-'))
  const at = (...parts: (string | number)[]): Buffer =>
    Buffer.concat([Buffer.from(`${root}/`),
      ...parts.map(part => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part)))])
  beforeAll(() => {
    const pgm = Buffer.from('P5 2 2 255\n0000')
    writeFileSync(at('caf', 0xe9, '.png'), pgm)
    writeFileSync(at('caf', 0xe8, '.png'), pgm)
    mkdirSync(at('f', 0xff))
    writeFileSync(at('f', 0xff, '/in.png'), pgm)
  })

  test('the command line reads them', () => {
    const main = join(__dirname, '..', '..', 'dist', 'cli', 'main.js')
    const { status, stderr, stdout } = spawnSync('sh', ['-c',
      `exec "${process.execPath}" "${main}" embed --json caf*.png f*/*`], { cwd: root, encoding: 'utf8' })
    expect([status, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toHaveLength(3)
  })

  test('a page of what was found links to them', () => {
    const main = join(__dirname, '..', '..', 'dist', 'cli', 'main.js')
    const { status, stderr } = spawnSync(process.execPath, [main, 'search', 'a dog', '.', '--html', 'page.html'], {
      cwd: root,
      encoding: 'utf8',
    })
    expect([status, stderr]).toEqual([0, expect.stringContaining('1 embedded')])
    expect(readFileSync(join(root, 'page.html'), 'utf8')).toContain(`<a href="file://${root}/caf%E8.png">`)
  })
})
