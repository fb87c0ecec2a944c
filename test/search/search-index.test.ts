/** The index: against brute force, over changes of the folders, with damage and bad arguments. */
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync,
  statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import sharp from 'sharp'

import { Clip, cosineSimilarity, SearchIndex } from '../../lib/index.js'
import { Database } from '../../lib/search/database.js'
import { failureOf } from '../lifecycle/support'

const samples = path.join(__dirname, '..', '..', 'models', 'samples')
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-search-'))
let clip: Clip
let count = 0

beforeAll(async () => void (clip = await Clip.load(undefined, { threads: 2 })))
afterAll(async () => {
  await clip.dispose()
  rmSync(scratch, { recursive: true, force: true })
})

/** A folder of its own, with the samples in it, and an index beside them. */
async function made(): Promise<{ folder: string; index: SearchIndex; where: string }> {
  const folder = path.join(scratch, `pictures-${count++}`)
  cpSync(samples, folder, { recursive: true })
  const where = path.join(folder, '.ggclip')
  return { folder, index: await SearchIndex.open(where, { clip }), where }
}

const pictures = readdirSync(samples).filter(name => !name.endsWith('.json')).sort()
const names = (hits: readonly { path: string }[]): string[] => hits.map(hit => path.basename(hit.path))

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
  const outside = path.join(scratch, `outside-${count++}`)
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

test('duplicates: copies, re-encoded, smaller and cropped pictures, and no others', async () => {
  const { folder, index } = await made()
  const changed = path.join(folder, 'changed')
  mkdirSync(changed)
  cpSync(path.join(folder, 'rocket.png'), path.join(changed, 'rocket-copy.png'))
  for (const name of pictures) {
    const [file, stem] = [path.join(folder, name), path.join(changed, path.parse(name).name)]
    const { width, height } = await sharp(file).metadata()
    const edge = {
      left: Math.round(width * 0.03),
      top: Math.round(height * 0.03),
      width: Math.round(width * 0.94),
      height: Math.round(height * 0.94),
    }
    await sharp(file).flatten({ background: '#fff' }).jpeg({ quality: 70 }).toFile(`${stem}-encoded.jpg`)
    await sharp(file).resize(Math.round(width * 0.6)).png().toFile(`${stem}-small.png`)
    await sharp(file).extract(edge).png().toFile(`${stem}-crop.png`)
  }
  await index.update([folder])
  const groups = await index.duplicates()
  const stems = groups.map(({ keep, others }) => {
    return new Set(
      [keep, ...others].map(file => path.parse(file.path).name.replace(/-(?:encoded|small|crop|copy)$/, '')),
    )
  })
  expect(groups).toHaveLength(pictures.length)
  expect(stems.every(group => group.size === 1)).toBe(true)
  expect(groups.reduce((sum, { others }) => sum + others.length, 0)).toBe(3 * pictures.length + 1)
  expect(groups.flatMap(({ others }) => others).filter(({ identical }) => identical)).toHaveLength(1)
  for (const { keep, others } of groups) expect(keep.size).toBe(Math.max(keep.size, ...others.map(({ size }) => size)))
  await index.close()
})

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

test('clusters hold every picture once, in groups that are alike, and are the same each time', async () => {
  const { index } = await made()
  expect(await index.clusters()).toEqual([])
  const folder = path.join(scratch, `colours-${count++}`)
  mkdirSync(folder)
  for (let i = 0; i < 12; i++) {
    const background = { r: i % 3 === 0 ? 250 - i : 5, g: i % 3 === 1 ? 250 - i : 5, b: i % 3 === 2 ? 250 - i : 5 }
    await sharp({ create: { width: 40, height: 40, channels: 3, background } }).png().toFile(
      path.join(folder, `${i}.png`),
    )
  }
  await index.update([folder])
  const groups = await index.clusters({ count: 3 })
  const numbers = groups.map(({ pictures: files }) => names(files).map(name => parseInt(name) % 3))
  expect(numbers.map(group => group.length)).toEqual([4, 4, 4])
  expect(numbers.map(group => new Set(group).size)).toEqual([1, 1, 1])
  for (const { pictures: files } of groups)
    expect(files.map(({ similarity }) => similarity)).toEqual(
      files.map(({ similarity }) => similarity).sort((a, b) => b - a),
    )
  expect(await index.clusters({ count: 3 })).toEqual(groups)
  const [one] = await index.clusters({ count: 1, k: 2 })
  expect([one!.size, one!.pictures.length]).toEqual([12, 2])
  const many = await index.clusters({ count: 1000 })
  expect(many.reduce((sum, { size }) => sum + size, 0)).toBe(12)
  const bad = await failureOf(() => index.clusters({ count: 0 }))
  expect(bad).toMatchObject({ code: 'ERR_CLIP_OUT_OF_RANGE' })
  expect(index.lookUp(path.join(folder, '0.png'))).toMatchObject({ size: expect.any(Number) })
  expect(index.lookUp(path.join(folder, 'none.png'))).toBeUndefined()
  await index.close()
})
