/** File names are bytes on Linux: those that are no UTF-8 are read on the command line and in the gallery. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { bytesOf, nameOf } from '../../lib/server/page/gallery/byte-names'
import { Folder } from '../../lib/server/page/gallery/folder'

test('every name has one string, every string its bytes', () => {
  let state = 1
  for (let i = 0; i < 3000; i++) {
    const bytes = Buffer.from(Array.from({ length: i % 9 }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return [0x41, 0xc3, 0xa9, 0xe9, 0xff, 0xf0, 0x9f, 0x98, 0x80, 0xed, 0xb3, 0xa9,
        state >>> 24][(state >>> 16) % 13]!
    }))
    expect(Buffer.from(bytesOf(nameOf(bytes)) as string).equals(bytes)).toBe(true)
  }
})

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

  test('the gallery lists and reads them', async () => {
    const folder = await Folder.open(root)
    const found: string[] = []
    for await (const { path } of folder.files(new AbortController().signal)) found.push(path)
    expect(new Set(found).size).toBe(3)
    for (const path of found) expect((await folder.read(path, 1000)).length).toBe(15)
  })

  test('the command line reads them', () => {
    const main = join(__dirname, '..', '..', 'dist', 'cli', 'main.js')
    const { status, stderr, stdout } = spawnSync('sh', ['-c',
      `exec "${process.execPath}" "${main}" embed --json caf*.png f*/*`], { cwd: root, encoding: 'utf8' })
    expect([status, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toHaveLength(3)
  })
})
