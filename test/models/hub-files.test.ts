/**
 * Every model of the registry, and each of its copies, is pulled from a hub that lists its repository's files: only
 * what it needs comes.
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

import { models } from '../../lib/models/registry-data'
import { Bench, noise } from './support'

interface Lists {
  about: string
  /** `entry`: the file that is loaded, where it is not the folder; `texts`: contents that choose. */
  lists: Record<string, { files: string[]; chosen: string[]; entry?: string; texts?: Record<string, string> }>
  /** `weights`: what `<weights>` stands for in the list; `seen`: names that were found in public copies. */
  repositories: Record<string, { list: string; source: 'copy' | 'pattern'; weights?: string; seen?: string[] }>
}

const { about, lists, repositories } = JSON.parse(
  readFileSync(path.join(__dirname, '..', 'fixtures', 'model-lists', 'hub-files.json'), 'utf8'),
) as Lists
const bench = new Bench()
const ids = models.flatMap(({ id, copies = [] }) => [id, ...copies])

test('there is a list of files for each model', () => {
  expect(Object.keys(repositories).sort()).toEqual([...ids].sort())
  expect(Object.values(repositories).map(({ list }) => list).filter(list => !(list in lists))).toEqual([])
})

test('a list has every file that was seen', () => {
  const absent = Object.entries(repositories).flatMap(([id, { list, seen = [] }]) =>
    seen.filter(name => !lists[list]!.files.includes(name)).map(name => `${id}: ${name}`)
  )
  expect(absent).toEqual([])
})

test('what is said of the lists', () => {
  const all = Object.values(repositories)
  const whole = all.filter(({ source }) => source === 'copy').length
  const inPart = all.filter(({ source, seen }) => source === 'pattern' && seen !== undefined).length
  expect(about).toContain(`${whole + inPart} of ${all.length} repositories were seen, ${whole} of them whole`)
  expect(all.filter(({ source, seen }) => source === 'copy' && seen !== undefined)).toEqual([])
})

test.each(ids)('%s', async id => {
  const { list, weights = '' } = repositories[id]!
  const { texts = {}, ...names } = lists[list]!
  const [files, chosen, entries] = [names.files, names.chosen, [names.entry ?? '']].map(some =>
    some.map(name => name.replace('<weights>', weights))
  ) as [string[], string[], [string]]
  const content = (file: string): Buffer | string =>
    texts[file] ?? (file.endsWith('.json') ? '{}' : noise(200, `${id}/${file}`))
  bench.hub.add(id, Object.fromEntries(files.map(file => [file, content(file)])))
  const { path: entry } = await bench.fetch(id)
  const snapshot = entries[0] === '' ? entry : path.dirname(entry)
  const got = readdirSync(snapshot, { recursive: true, withFileTypes: true })
    .filter(file => !file.isDirectory())
    .map(file => path.relative(snapshot, path.join(file.parentPath, file.name)).replaceAll(path.sep, '/'))
  expect(got.sort()).toEqual([...chosen].sort())
  expect(path.relative(snapshot, entry)).toBe(entries[0])
})
