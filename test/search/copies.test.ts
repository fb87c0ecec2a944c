/** Copies of a picture that are new in one run, the first of which, by path, is read last. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { Clip, SearchIndex } from '../../lib/index.js'

jest.mock('../../lib/image/read-bytes', () => {
  const actual = jest.requireActual<typeof import('../../lib/image/read-bytes')>('../../lib/image/read-bytes')
  const readImageFile: typeof actual.readImageFile = async (file, name) => {
    if (/first\.jpg$/.test(String(file))) await sleep(200)
    return actual.readImageFile(file, name)
  }
  return { ...actual, readImageFile }
})

const sample = path.join(__dirname, '..', '..', 'models', 'samples', 'guitar.jpg')
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-copies-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

test('each file is remembered, and the picture is embedded once', async () => {
  const folder = path.join(scratch, 'pictures')
  const names = ['a-first.jpg', 'b.jpg', 'c.jpg']
  mkdirSync(folder)
  for (const name of names) cpSync(sample, path.join(folder, name))
  const clip = await Clip.load(undefined, { threads: 1 })
  const index = await SearchIndex.open(path.join(scratch, 'index'), { clip })
  expect(await index.update([folder])).toMatchObject({ embedded: 1, known: 2, unchanged: 0, failed: 0 })
  expect(index.info()).toMatchObject({ files: 3, pictures: 1 })
  const [hit] = await index.search('a guitar')
  expect([hit!.path, ...hit!.copies]).toEqual(names.map(name => path.join(folder, name)))
  expect(await index.update()).toMatchObject({ embedded: 0, known: 0, unchanged: 3 })
  utimesSync(path.join(folder, 'b.jpg'), 1e9, 1e9)
  expect(await index.update()).toMatchObject({ embedded: 0, known: 1, unchanged: 2 })
  await index.close()
  await clip.dispose()
})
