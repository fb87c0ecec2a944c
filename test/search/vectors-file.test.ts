/** The file of vectors: mended when it is damaged, written anew when most of it is forgotten, rows of 16 and of 8 bits. */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync,
  writeFileSync } from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'

import { SearchIndex } from '../../lib/index.js'
import { Database } from '../../lib/search/storage/database.js'
import { failureOf } from '../lifecycle/support'
import { clip, made, names, pictures } from './support'

describe('the file of vectors', () => {
  const fileOf = (where: string): string =>
    path.join(where, readdirSync(where).find(name => name.startsWith('vectors'))!)
  const ask = async (where: string): Promise<string[]> => {
    const index = await SearchIndex.open(where, { clip })
    const hits = await index.search('a rocket', { k: 50 }).finally(() => index.close())
    return hits.map(hit => `${path.basename(hit.path)} ${hit.similarity}`)
  }

  it('is mended from SQLite when it was cut, lost or changed', async () => {
    const { folder, index, where } = await made()
    await index.update([folder])
    await index.close()
    const expected = await ask(where)
    const whole = readFileSync(fileOf(where))

    truncateSync(fileOf(where), whole.length - 700)
    expect(await failureOf(() => ask(where))).toMatchObject({ code: 'ERR_CLIP_FILE_TRUNCATED' })
    const mending = await SearchIndex.open(where, { clip })
    expect(await mending.update()).toMatchObject({ unchanged: pictures.length, embedded: 0 })
    expect(readFileSync(fileOf(where)).equals(whole)).toBe(true)

    const damaged = Buffer.from(whole)
    damaged.fill(7, 1030, 1100)
    writeFileSync(fileOf(where), damaged)
    expect(await mending.check()).toBe(1)
    expect(await mending.check()).toBe(0)
    expect(readFileSync(fileOf(where)).equals(whole)).toBe(true)
    await mending.close()

    rmSync(fileOf(where))
    const again = await SearchIndex.open(where, { clip })
    await again.update()
    await again.close()
    expect(await ask(where)).toEqual(expected)
    appendFileSync(fileOf(where), Buffer.alloc(10_000, 1)) // rows that SQLite does not know
    expect(await ask(where)).toEqual(expected)
  })

  it('is written anew when most of it is forgotten', async () => {
    const { folder, index, where } = await made()
    const many = path.join(folder, 'many')
    mkdirSync(many)
    const pixels = (i: number): Buffer =>
      Buffer.from(
        `P6 # ${i}\n8 8 255\n${
          String.fromCharCode(...Array.from({ length: 192 }, (_, at) => (i * 31 + at * (1 + i % 7)) % 128))
        }`,
        'latin1',
      )
    for (let i = 0; i < 300; i++) writeFileSync(path.join(many, `${i}.ppm`), pixels(i))
    await index.update([folder])
    const before = await index.search('a rocket', { k: 5, filter: { path: '**/*.{png,jpg,webp}' } })
    const other = await SearchIndex.open(where, { clip }) // another process, in effect
    await other.search('a rocket')
    rmSync(many, { recursive: true })
    expect((await index.update()).removed).toBe(300)
    expect(readdirSync(where).filter(name => name.startsWith('vectors'))).toEqual(['vectors-1.f16'])
    expect(await index.search('a rocket', { k: 5 })).toEqual(before)
    expect(await other.search('a rocket', { k: 5 })).toEqual(before)
    expect(await index.check()).toBe(0)
    await Promise.all([index.close(), other.close()])
  })
})

test('rows of 8 bits find the same, of a new index and of an old one', async () => {
  const { folder, index, where } = await made()
  await index.update([folder])
  const halves = await index.search('a rocket', { k: 30 })
  await index.close()
  const old = new Database(path.join(where, 'index.db')) // as the first version wrote it
  for (const column of ['facts', 'taken', 'camera', 'latitude', 'longitude'])
    old.exec(`ALTER TABLE pictures DROP COLUMN ${column}`)
  old.exec("DELETE FROM meta WHERE key = 'rowType'; PRAGMA user_version = 1")
  old.close()

  const eighths = await SearchIndex.open(where, { clip, rows: 'int8' })
  expect(eighths.info().rows).toBe('f16')
  const unflushed = path.join(folder, 'new.png')
  await sharp({ create: { width: 32, height: 32, channels: 3, background: 'red' } }).toFile(unflushed)
  expect(await eighths.update()).toMatchObject({ embedded: 1, unchanged: pictures.length })
  expect(eighths.info().rows).toBe('int8')
  expect(readdirSync(where).filter(name => name.startsWith('vectors'))).toEqual(['vectors-1.int8'])
  const bytes = clip.info.dim + 4
  expect(statSync(path.join(where, 'vectors-1.int8')).size).toBe((pictures.length + 1) * bytes)
  const found = await eighths.search('a rocket', { k: 30 })
  expect(names(found.slice(0, 1))).toEqual(names(halves.slice(0, 1)))
  for (const { path: name, similarity } of halves) {
    const same = found.find(hit => hit.path === name)!
    expect(Math.abs(same.similarity - similarity)).toBeLessThan(0.01)
  }
  expect(await eighths.duplicates({ minSimilarity: 0.99 })).toEqual([])
  expect(await eighths.check()).toBe(0)
  writeFileSync(path.join(where, 'vectors-1.int8'), Buffer.alloc((pictures.length + 1) * bytes))
  expect(await eighths.check()).toBe(pictures.length + 1)
  expect(await eighths.search('a rocket', { k: 30 })).toEqual(found)
  await eighths.close()
  const kept = await SearchIndex.open(where, { clip }) // without the option: as it is
  await kept.update()
  expect(kept.info().rows).toBe('int8')
  await kept.close()
})
