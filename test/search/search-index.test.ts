/** The index: against brute force, over changes of the folders, with bad arguments. */
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'

import { type Clip, cosineSimilarity, SearchIndex } from '../../lib/index.js'
import { failureOf } from '../lifecycle/support'
import { clip, made, names, pictures, scratch } from './support'

test('search equals brute force', async () => {
  const { folder, index } = await made()
  expect(await index.search('a rocket', { minSimilarity: 'auto' })).toEqual([]) // nothing is there yet
  expect(await index.duplicates()).toEqual([])
  const result = await index.update([folder])
  expect(result).toEqual({ unchanged: 0, known: 0, embedded: pictures.length, removed: 0, failed: 0, unreadable: [] })
  const vectors = await clip.encodeImage(pictures.map(name => path.join(folder, name)))
  for (const text of ['a rocket', 'a photo of a dress', 'red']) {
    const query = await clip.encodeText(text)
    const expected = pictures.map((name, i) => ({ name, score: cosineSimilarity(query, vectors[i]!) })).sort((a, b) =>
      b.score - a.score
    )
    const hits = await index.search(text, { k: 7 })
    expect(names(hits)).toEqual(expected.slice(0, 7).map(({ name }) => name))
    hits.forEach((hit, i) => expect(Math.abs(hit.similarity - expected[i]!.score)).toBeLessThan(1e-3)) // halves
  }
  const parts = [{ image: path.join(folder, 'pizza.webp') }, { text: 'a rocket', weight: -0.5 }]
  const [pizza, rocket] = [await clip.encodeImage(path.join(folder, 'pizza.webp')), await clip.encodeText('a rocket')]
  const sum = pizza.map((value, i) => value - 0.5 * rocket[i]!)
  const best = (await index.search(parts, { k: pictures.length })).find(hit => hit.path.endsWith('guitar.jpg'))!
  expect(Math.abs(best.similarity - cosineSimilarity(sum, vectors[pictures.indexOf('guitar.jpg')]!))).toBeLessThan(1e-3)
  await index.close()
})

test('only what is new or changed is embedded', async () => {
  const { folder, index } = await made()
  await index.update([folder])
  expect(await index.update()).toMatchObject({ unchanged: pictures.length, embedded: 0, removed: 0 })

  mkdirSync(path.join(folder, 'moved'))
  renameSync(path.join(folder, 'rocket.png'), path.join(folder, 'moved', 'r.png'))
  cpSync(path.join(folder, 'pizza.webp'), path.join(folder, 'copy.webp'))
  expect(await index.update()).toMatchObject({ known: 2, embedded: 0, removed: 1, unchanged: pictures.length - 1 })
  const [rocket] = await index.search('a rocket', { k: 1 })
  expect(rocket!.path).toBe(path.join(folder, 'moved', 'r.png'))
  const [pizza] = await index.search([{ image: path.join(folder, 'pizza.webp') }], { k: 1 })
  expect([pizza!.path, pizza!.copies]).toEqual([path.join(folder, 'copy.webp'), [path.join(folder, 'pizza.webp')]])

  cpSync(path.join(folder, 'guitar.jpg'), path.join(folder, 'moved', 'r.png')) // another picture under a known name
  rmSync(path.join(folder, 'soccer-ball.png'))
  expect(await index.update()).toMatchObject({ known: 1, embedded: 0, removed: 1 })
  expect(names(await index.search('a rocket', { k: 30 }))).not.toContain('r.png') // it is a copy of guitar.jpg now
  expect(names(await index.search('a ball', { k: 30 }))).not.toContain('soccer-ball.png')
  expect(index.info()).toMatchObject({
    files: pictures.length,
    pictures: pictures.length - 2,
    failed: 0,
    roots: [folder],
  })
  await index.close()
})

test('bad files are counted, listed, and tried again when they change', async () => {
  const { folder, index } = await made()
  const bad = path.join(folder, 'bad.jpg')
  writeFileSync(bad, 'no picture')
  writeFileSync(path.join(folder, 'notes.txt'), 'not looked at')
  expect(await index.update([folder])).toMatchObject({ embedded: pictures.length, failed: 1 })
  expect(index.failures()).toEqual([{
    path: bad,
    code: 'ERR_CLIP_IMAGE_DECODE',
    message: expect.stringContaining('cannot be decoded'),
  }])
  expect(await index.update()).toMatchObject({ embedded: 0, failed: 1 })
  await sharp({ create: { width: 40, height: 40, channels: 3, background: 'red' } }).jpeg().toFile(bad)
  expect(await index.update()).toMatchObject({ embedded: 1, failed: 0 })
  expect(index.failures()).toEqual([])
  await index.close()
})

test('links, loops, exclusions, single files, and a folder that is away', async () => {
  const { folder, index } = await made()
  mkdirSync(path.join(folder, 'thumbnails'))
  cpSync(path.join(folder, 'rocket.png'), path.join(folder, 'thumbnails', 'small.png'))
  symlinkSync(folder, path.join(folder, 'loop'))
  symlinkSync('nowhere', path.join(folder, 'dangling.png'))
  const outside = path.join(scratch, 'outside')
  mkdirSync(outside)
  await sharp({ create: { width: 64, height: 48, channels: 3, background: 'blue' } }).png().toFile(
    path.join(outside, 'one.png'),
  )
  await sharp({ create: { width: 64, height: 48, channels: 3, background: 'green' } }).png().toFile(
    path.join(outside, 'two.png'),
  )
  const first = await index.update([folder, path.join(outside, 'one.png')], { exclude: ['thumbnails/**'] })
  expect(first).toMatchObject({ embedded: pictures.length + 1, known: 0, failed: 0 })
  expect(first.unreadable.map(({ path: name }) => path.basename(name))).toEqual(['dangling.png'])

  await index.update([outside])
  renameSync(outside, `${outside}-away`) // a disk that is not there: nothing of it is forgotten
  const second = await index.update([outside])
  expect([second.removed, second.unreadable.length]).toEqual([0, 1])
  expect(names(await index.search('blue', { k: 30, filter: { path: '**/outside*/**' } })).sort()).toEqual(['one.png',
    'two.png'])
  await index.remove(outside)
  expect(await index.search('blue', { filter: { path: '**/outside*/**' } })).toEqual([])
  await index.close()
})

test('thousands of files that cannot be looked at', async () => {
  const { folder, index } = await made()
  for (let i = 0; i < 1500; i++) symlinkSync('nowhere', path.join(folder, `${i}.png`))
  const result = await index.update([folder])
  expect([result.embedded, result.unreadable.length]).toEqual([pictures.length, 1500])
  rmSync(path.join(folder, 'rocket.png'))
  expect((await index.update()).removed).toBe(1)
  await index.close()
})

const itOnBytes = process.platform === 'linux' ? test : test.skip
itOnBytes('names that are no UTF-8', async () => {
  const { folder, index } = await made()
  const name = Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.of(0xe9), Buffer.from('.png')])
  renameSync(path.join(folder, 'rocket.png'), name)
  expect(await index.update([folder])).toMatchObject({ embedded: pictures.length, failed: 0 })
  const [hit] = await index.search('a rocket', { k: 1 })
  expect(Buffer.from(hit!.pathBytes!).equals(name)).toBe(true)
  await index.close()
})

test('filters by path, time and size', async () => {
  const { folder, index } = await made()
  utimesSync(path.join(folder, 'rocket.png'), new Date('2020-01-01'), new Date('2020-01-01'))
  await index.update([folder])
  const found = async (filter: object): Promise<string[]> =>
    names(await index.search('a rocket', { k: 50, filter })).sort()
  expect(await found({ path: '**/*.webp' })).toEqual(['pizza.webp', 'umbrella-with-rain-drops.webp'])
  expect(await found({ before: new Date('2021-01-01') })).toEqual(['rocket.png'])
  expect(await found({ after: new Date('2021-01-01') })).toEqual(pictures.filter(name => name !== 'rocket.png'))
  const sizes = (await index.search('x', { k: 50 })).map(({ size }) => size).sort((a, b) => a - b)
  expect(await found({ maxBytes: sizes[3] })).toHaveLength(4)
  expect(await found({ minBytes: sizes[4] })).toHaveLength(sizes.length - 4)
  await index.close()
})

test('auto leaves out what has little to do with the query', async () => {
  const { folder, index } = await made()
  await index.update([folder])
  const hits = await index.search('a photo of a pizza', { minSimilarity: 'auto', k: 50 })
  expect(names(hits)).toContain('pizza.webp')
  expect(hits.length).toBeLessThan(4)
  const alike = await index.search([{ image: path.join(folder, 'pizza.webp') }], { minSimilarity: 'auto', k: 50 })
  expect(names(alike)[0]).toBe('pizza.webp')
  expect(alike.length).toBeLessThan(6)
  await index.close()
})

test('one process updates at a time; others search meanwhile', async () => {
  const { folder, index, where } = await made()
  const other = await SearchIndex.open(where, { clip })
  const running = index.update([folder])
  expect(await failureOf(() => other.update([folder]))).toMatchObject({ code: 'ERR_CLIP_INDEX_BUSY' })
  expect(Array.isArray(await other.search('a rocket'))).toBe(true)
  await running
  expect(await other.update()).toMatchObject({ unchanged: pictures.length })
  await Promise.all([index.close(), other.close()])
})

test('an aborted run keeps what it did', async () => {
  const { folder, index } = await made()
  const stop = new AbortController()
  const reason = new Error('enough')
  const running = index.update([folder], { signal: stop.signal, onProgress: () => stop.abort(reason) })
  setTimeout(() => stop.abort(reason), 20)
  await expect(running).rejects.toBe(reason)
  expect((await index.update([folder])).removed).toBe(0)
  expect(index.info().pictures).toBe(pictures.length)
  await index.close()
})

test('a file of the index that cannot be used is named, with what is wrong with it', async () => {
  const { folder, index, where } = await made()
  await index.update([folder])
  writeFileSync(path.join(where, 'writer.db'), 'x'.repeat(4096))
  // it is nobody's lock
  await expect(index.update()).rejects.toMatchObject({ code: 'ERR_CLIP_INDEX_FORMAT' })
  rmSync(path.join(where, 'writer.db'))
  expect(await index.update()).toMatchObject({ unchanged: pictures.length })
  await index.close()

  const file = path.join(where, 'index.db')
  rmSync(file)
  symlinkSync('index.db', file) // there, and cannot be looked at, like one in a folder of somebody else
  await expect(SearchIndex.inspect(where)).rejects.toMatchObject({
    code: 'ERR_CLIP_FILE_NOT_FOUND',
    message: expect.stringMatching(/index\.db' cannot be read: ELOOP/),
  })
  rmSync(file)
  mkdirSync(file)
  await expect(SearchIndex.inspect(where)).rejects.toMatchObject({
    code: 'ERR_CLIP_FILE_WRITE',
    // the drivers' words differ
    message: expect.stringMatching(/index\.db': .*unable to open.*: expected a file that can be written/i),
  })
})

test('refuses another model, a newer index, a file that is none, and bad arguments', async () => {
  const { folder, index, where } = await made()
  await index.update([folder])
  await index.close()
  await index.close()
  expect(await failureOf(() => index.search('x'))).toMatchObject({ code: 'ERR_CLIP_DISPOSED' })
  const other = {
    ...Object.fromEntries(Object.entries(clip)),
    info: clip.info,
    encodeImage: () => Promise.resolve(new Float32Array(7)),
  }
  expect(await failureOf(() => SearchIndex.open(where, { clip: other as unknown as Clip }))).toMatchObject({
    code: 'ERR_CLIP_INDEX_MODEL',
  })
  const none = path.join(scratch, 'none')
  expect(await failureOf(() => SearchIndex.open(none, { clip, create: false }))).toMatchObject({
    code: 'ERR_CLIP_FILE_NOT_FOUND',
  })
  expect(existsSync(none)).toBe(false)
  mkdirSync(none)
  writeFileSync(path.join(none, 'index.db'), 'not a database, but long enough to look at, as SQLite does'.repeat(40))
  expect(await failureOf(() => SearchIndex.open(none, { clip }))).toMatchObject({ code: 'ERR_CLIP_INDEX_FORMAT' })

  const again = await SearchIndex.open(where, { clip })
  const refused = async (work: () => Promise<unknown>): Promise<string> =>
    (await failureOf(work) as { code: string }).code
  expect(await refused(() => again.search(''))).toBe('ERR_CLIP_OUT_OF_RANGE')
  expect(await refused(() => again.search([]))).toBe('ERR_CLIP_OUT_OF_RANGE')
  expect(await refused(() => again.search({ text: 'a', image: 'b' } as never))).toBe('ERR_CLIP_INVALID_ARGUMENT')
  expect(await refused(() => again.search([{ text: 'a' }, { text: 'a', weight: -1 }]))).toBe('ERR_CLIP_OUT_OF_RANGE')
  expect(await refused(() => again.search('a', { k: 0 }))).toBe('ERR_CLIP_OUT_OF_RANGE')
  expect(await refused(() => again.search('a', { limit: 3 } as never))).toBe('ERR_CLIP_UNKNOWN_OPTION')
  expect(await refused(() => again.search('a', { filter: { after: 'yesterday' } } as never))).toBe(
    'ERR_CLIP_INVALID_ARGUMENT',
  )
  expect(await refused(() => again.duplicates({ keep: 'best' } as never))).toBe('ERR_CLIP_OUT_OF_RANGE')
  expect(await refused(() => again.update(['']))).toBe('ERR_CLIP_OUT_OF_RANGE')
  expect(await refused(() => SearchIndex.open(where, {} as never))).toBe('ERR_CLIP_INVALID_ARGUMENT')
  await again.close()
})
