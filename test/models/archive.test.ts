/** Models in Electron's archives, by the rules of its paths: JavaScript sees into app.asar, native code does not. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { outsideArchive } from '../../lib/models/archive'

let folder: string
const versions = process.versions as { electron?: string }

beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'ggclip-asar-'))))
afterEach(() => {
  rmSync(folder, { recursive: true })
  delete versions.electron
})

/** A model below `archive`, and its path in the archive. */
function place(archive: string): string {
  const inside = path.join('node_modules', 'ggclip', 'models', 'a.gguf')
  mkdirSync(path.dirname(path.join(folder, archive, inside)), { recursive: true })
  writeFileSync(path.join(folder, archive, inside), 'GGUF')
  return path.join(folder, 'app.asar', inside)
}

test('an unpacked model is read beside the archive', () => {
  const file = place('app.asar.unpacked')
  expect(outsideArchive(file)).toBe(file.replace('app.asar', 'app.asar.unpacked'))
})

test('a folder of that name is a folder, without Electron', () => {
  const file = place('app.asar')
  expect(outsideArchive(file)).toBe(file)
})

test('in Electron a model that is packed only is refused with the setting that unpacks it', () => {
  const file = place('app.asar')
  Object.defineProperty(process.versions, 'electron', { value: '30.0.0', configurable: true })
  expect(() => outsideArchive(file)).toThrow(expect.objectContaining({ code: 'ERR_CLIP_FILE_NOT_FOUND' }) as Error)
  expect(() => outsideArchive(file)).toThrow('asarUnpack')
})

test('other paths stay as they are', () => {
  for (const file of ['a.gguf', '/models/b.asar.gguf', path.join('c.asarx', 'd.gguf')])
    expect(outsideArchive(file)).toBe(file)
})
