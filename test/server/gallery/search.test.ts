/** The gallery over HTTP: what it finds is what the library finds in the same index. */
import { cpSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'

import { parseQuery, type SearchHit } from '../../../lib/index.js'
import type { Server } from '../../../lib/server/index.js'
import { dataUri, failure, form, get, post, sample, sampleFile } from '../support'
import { all, beside, folderOf, type Found, pictures, ready, samples, served } from './support'

const half = pictures.length / 2
const first = folderOf(pictures.slice(0, half), 'first')
const second = folderOf(pictures.slice(half), 'second')
let server: Server

beforeAll(async () => {
  mkdirSync(path.join(second, 'trips', '2024'), { recursive: true })
  await sharp(sampleFile('rocket.png')).flatten({ background: '#fff' }).jpeg().withExif({
    IFD0: { Make: 'NIKON', Model: 'D90' },
    IFD2: { DateTimeOriginal: '2024:05:31 23:30:00' },
    IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '48/1 51/1 30/1', GPSLongitudeRef: 'E', GPSLongitude: '2/1 21/1 0/1' },
  }).toFile(path.join(second, 'trips', '2024', 'paris.jpg'))
  cpSync(sampleFile('pizza.webp'), path.join(first, 'copy.webp'))
  utimesSync(path.join(first, 'copy.webp'), new Date('2020-01-01'), new Date('2020-01-01'))
  server = await served({ folder: [first, second] })
})

const shown = ({ path: file, similarity, hash }: SearchHit) => ({ name: name(file), similarity, id: hash })
const name = (file: string): string =>
  file.startsWith(first) ? `first/${path.relative(first, file)}` : `second/${path.relative(second, file)}`
const plain = ({ name: shownAs, similarity, id }: Found) => ({ name: shownAs, similarity, id })

test.each(['a rocket', 'a slice of pizza - a rocket', '0.5*red + "a hat - or a cap"', '- a dress'])(
  'query %s: as the library finds it, in pages of any size',
  async query => {
    const index = await beside(path.join(first, '.ggclip'))
    const expected = await index.search(parseQuery(query), { k: 100 })
    for (const limit of [1, 7, 60]) {
      const { results, total } = await all(server, { query, limit })
      expect(total).toBe(pictures.length + 1)
      expect(results.map(plain).map(({ name: shownAs, id }) => [shownAs, id])).toEqual(
        expected.map(shown).map(({ name: shownAs, id }) => [shownAs, id]),
      )
      results.forEach((result, i) => expect(Math.abs(result.similarity - expected[i]!.similarity)).toBeLessThan(1e-6))
    }
    await index.close()
  },
)

test('by a picture as a data URI, as a form, by one of the index, and by sums of them', async () => {
  const index = await beside(path.join(first, '.ggclip'))
  const [rocket] = await index.search([{ image: sampleFile('rocket.png') }], { k: 1 })
  const ask = async (body: object): Promise<Found[]> => (await all(server, { ...body, limit: 50 })).results
  const byImage = (await index.search([{ image: sampleFile('guitar.jpg') }], { k: 50 })).map(hit => hit.hash)
  expect((await ask({ image: dataUri('guitar.jpg') })).map(({ id }) => id)).toEqual(byImage)
  const uploaded = await form(server, '/gallery/search', [['file', new Blob([sample('guitar.jpg')])], ['limit', '50']])
  expect(uploaded.body.error).toBeUndefined()
  expect(uploaded.body.results.map(({ id }: Found) => id)).toEqual(byImage)
  const like = (await index.search({ vector: index.picture(rocket!.hash)!.vector }, { k: 50 })).map(hit => hit.hash)
  expect((await ask({ like: rocket!.hash })).map(({ id }) => id)).toEqual(like)
  expect(like[0]).toBe(rocket!.hash)
  const sum = [{ text: 'at night' }, { image: sampleFile('guitar.jpg') }, {
    vector: index.picture(rocket!.hash)!.vector,
  }]
  expect((await ask({ query: 'at night', image: dataUri('guitar.jpg'), like: rocket!.hash })).map(({ id }) => id))
    .toEqual((await index.search(sum, { k: 50 })).map(hit => hit.hash))
  await index.close()
})

test('filters, thresholds, and what is known of a photo', async () => {
  const index = await beside(path.join(first, '.ggclip'))
  const names = async (body: object): Promise<string[]> =>
    (await all(server, { limit: 4, ...body })).results.map(result => result.name).sort()
  for (const query of [undefined, 'a rocket']) {
    const photo = ['second/trips/2024/paris.jpg']
    const ask = (filter: object): Promise<string[]> => names({ query, filter })
    expect(await ask({ path: '2024/**' })).toEqual(photo)
    expect(await ask({ path: 'trips/*/*.jpg' })).toEqual(photo)
    expect(await ask({ camera: 'nikon' })).toEqual(photo)
    expect(await ask({ near: { latitude: 48.86, longitude: 2.35 } })).toEqual(photo)
    expect(await ask({ near: { latitude: 40, longitude: 2.35 } })).toEqual([])
    expect(await ask({ taken_after: '2024-05-31T23:30', taken_before: '2024-05-31T23:31' })).toEqual(photo)
    expect(await ask({ taken_after: '2024-06-01' })).toEqual([])
    expect(await ask({ before: '2021-01-01' })).toEqual(['first/copy.webp'])
    expect(await ask({ folder: 'first', path: '*.png' })).toEqual(
      pictures.slice(0, half).filter(file => file.endsWith('.png')).map(file => `first/${file}`),
    )
    expect(await ask({ folder: 'second' })).toHaveLength(half + 1)
    const sizes = (await index.page(undefined, { k: 100 })).files.map(({ size }) => size).sort((a, b) => a - b)
    // a copy is a file of its own, but the same picture
    const small = await index.page(query, { k: 100, filter: { maxBytes: sizes[5] } })
    expect(await ask({ max_bytes: sizes[5] })).toEqual(small.files.map(file => name(file.path)).sort())
    expect(small.total).toBeLessThan(7)
  }
  const expected = await index.search('a slice of pizza', { k: 100, minSimilarity: 'auto' })
  const fitting = await post(server, '/gallery/search', { query: 'a slice of pizza', min_similarity: 'auto', limit: 1 })
  expect(fitting.body.total).toBe(expected.length)
  expect(await names({ query: 'a slice of pizza', min_similarity: 'auto' })).toHaveLength(expected.length)
  const [photo] = (await post(server, '/gallery/search', { filter: { camera: 'D90' } })).body.results
  expect(photo).toMatchObject({
    camera: 'NIKON D90',
    taken: '2024-05-31T23:30:00.000Z',
    place: { latitude: expect.closeTo(48.8583, 3), longitude: 2.35 },
  })
  const [pizza] = (await post(server, '/gallery/search', { query: 'a slice of pizza' })).body.results
  expect(pizza).toMatchObject({
    name: 'first/copy.webp',
    copies: [pictures.indexOf('pizza.webp') < half ? 'first/pizza.webp' : 'second/pizza.webp'],
  })
  await index.close()
})

test('all files by name, by GET as well', async () => {
  const { results, total } = await all(server, { limit: 5 })
  expect(results.map(result => result.name)).toEqual([
    ...[...pictures.slice(0, half), 'copy.webp'].sort().map(file => `first/${file}`),
    ...[...pictures.slice(half), 'trips/2024/paris.jpg'].sort().map(file => `second/${file}`),
  ])
  expect(total).toBe(pictures.length + 2)
  const page = await get(server, '/gallery/pictures?limit=3')
  expect(page.body.results).toEqual(results.slice(0, 3))
  const next = await get(server, `/gallery/pictures?limit=600&cursor=${encodeURIComponent(page.body.next)}`)
  expect([next.body.results, next.body.next]).toEqual([results.slice(3), null])
  expect(page.body.next).not.toContain(Buffer.from(first).toString('base64url').slice(0, 8))
  expect(JSON.stringify(page.body)).not.toContain(path.dirname(first))
})

test('duplicates are groups, in parts', async () => {
  const index = await beside(path.join(first, '.ggclip'))
  const expected = await index.duplicates({ minSimilarity: 0.9 })
  expect(expected.length).toBeGreaterThan(1)
  const groups: { keep: Found; others: (Found & { identical: boolean })[] }[] = []
  for (let offset = 0; offset <= expected.length; offset++) {
    const { body } = await post(server, '/gallery/duplicates', { min_similarity: 0.9, limit: 1, offset })
    expect(body.total).toBe(expected.length)
    groups.push(...body.groups)
  }
  expect(groups.map(({ keep, others }) => [keep.name, ...others.map(other => other.name)])).toEqual(
    expected.map(({ keep, others }) => [name(keep.path), ...others.map(other => name(other.path))]),
  )
  const copies = groups.flatMap(({ others }) => others).filter(({ identical }) => identical)
  expect(copies).toHaveLength(1)
  await index.close()
})

test('nothing comes twice or is left out while the index grows; searches go on meanwhile', async () => {
  const folder = folderOf(pictures)
  const growing = await served({ folder })
  for (const query of [undefined, 'a rocket']) {
    const before = (await all(growing, { query, limit: 600 })).results.map(result => result.name)
    const { results } = await all(growing, { query, limit: 6 }, async page => {
      for (let i = 0; i < 3; i++) {
        const pixels = Buffer.from(
          Array.from({ length: 192 }, (_, at) => (at * (page + 2) * (i + 1) + (query?.length ?? 0)) % 256),
        )
        writeFileSync(
          path.join(folder, `${query === undefined ? 'b' : 'a'}-${page}-${i}.ppm`),
          Buffer.concat([Buffer.from('P6 8 8 255\n'), pixels]),
        )
      }
      await post(growing, '/gallery/refresh', {})
      const searches = Promise.all(Array.from({ length: 3 }, () => all(growing, { query: 'red', limit: 20 })))
      await ready(growing)
      await searches
    })
    const seen = results.map(result => result.name)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.filter(file => before.includes(file))).toEqual(before)
    expect((await all(growing, { query, limit: 600 })).results.length).toBeGreaterThan(before.length)
  }
})

test('files that move keep their id and their picture; changed and deleted ones are found no more', async () => {
  const folder = folderOf(['rocket.png', 'pizza.webp', 'guitar.jpg'])
  const changing = await served({ folder })
  const { results } = await all(changing, {})
  const idOf = (file: string): string => results.find(result => result.name === file)!.id
  const status = async (id: string): Promise<number> => (await get(changing, `/gallery/pictures/${id}/preview`)).status
  expect(await Promise.all(results.map(({ id }) => status(id)))).toEqual([200, 200, 200])
  renameSync(path.join(folder, 'rocket.png'), path.join(folder, 'moved.png'))
  rmSync(path.join(folder, 'pizza.webp'))
  cpSync(path.join(samples, 'red-apple.jpg'), path.join(folder, 'guitar.jpg'))
  // not looked at yet: nothing else is shown in their place
  for (const file of ['rocket.png', 'pizza.webp'])
    expect(await get(changing, `/gallery/pictures/${idOf(file)}/preview`)).toMatchObject(
      failure(404, 'ERR_CLIP_FILE_NOT_FOUND'),
    )
  expect(await get(changing, `/gallery/pictures/${idOf('guitar.jpg')}/preview`)).toMatchObject(
    failure(404, 'ERR_CLIP_FILE_CHANGED'),
  )
  expect((await all(changing, {})).results.map(result => result.name)).toEqual(['guitar.jpg'])
  await post(changing, '/gallery/refresh', {})
  await ready(changing)
  expect((await all(changing, {})).results.map(result => result.name)).toEqual(['guitar.jpg', 'moved.png'])
  expect([await status(idOf('rocket.png')), await status(idOf('guitar.jpg'))]).toEqual([200, 404])
  expect(await post(changing, '/gallery/search', { like: idOf('pizza.webp') })).toMatchObject(
    failure(404, 'ERR_CLIP_FILE_NOT_FOUND'),
  )
})

test('what cannot be is refused, with its field', async () => {
  const page = (await post(server, '/gallery/search', { query: 'a', limit: 1 })).body.next as string
  const refused: [object, string, string][] = [
    [{ query: 'a +' }, 'ERR_CLIP_OUT_OF_RANGE', 'query'],
    [{ query: '"a' }, 'ERR_CLIP_OUT_OF_RANGE', 'query'],
    [{ query: 'a - a' }, 'ERR_CLIP_OUT_OF_RANGE', 'query'],
    [{ query: dataUri('pizza.webp') }, 'ERR_CLIP_INVALID_ARGUMENT', 'query'],
    [{ image: 'file:///etc/passwd' }, 'ERR_CLIP_INVALID_ARGUMENT', 'image'],
    [{ image: 'http://127.0.0.1/a.png' }, 'ERR_CLIP_URL_REFUSED', 'image'],
    [{ like: '../../etc/passwd' }, 'ERR_CLIP_OUT_OF_RANGE', 'like'],
    [{ filter: { folder: 'third' } }, 'ERR_CLIP_OUT_OF_RANGE', 'filter.folder'],
    [{ filter: { taken_after: 'yesterday' } }, 'ERR_CLIP_OUT_OF_RANGE', 'filter.taken_after'],
    [{ filter: { colour: 'red' } }, 'ERR_CLIP_UNKNOWN_OPTION', 'filter.colour'],
    [{ cursor: page }, 'ERR_CLIP_OUT_OF_RANGE', 'cursor'],
    [{ query: 'a', cursor: `${page}0` }, 'ERR_CLIP_OUT_OF_RANGE', 'cursor'],
    [{ query: 'a', cursor: 'f0_cm9ja2V0' }, 'ERR_CLIP_OUT_OF_RANGE', 'cursor'],
    [{ cursor: 'f7_cm9ja2V0' }, 'ERR_CLIP_OUT_OF_RANGE', 'cursor'],
    [{ limit: 601 }, 'ERR_CLIP_OUT_OF_RANGE', 'limit'],
    [{ text: 'a' }, 'ERR_CLIP_UNKNOWN_OPTION', 'text'],
    [{ min_similarity: 'most' }, 'ERR_CLIP_OUT_OF_RANGE', 'min_similarity'],
  ]
  for (const [body, code, param] of refused) {
    const { status, body: { error } } = await post(server, '/gallery/search', body)
    expect([body, status, error.code, error.param]).toEqual([body, 422, code, param])
  }
  // words that are the name of a file of the server are words
  const name = await post(server, '/gallery/search', { query: `${sampleFile('rocket.png')} + a`, limit: 1 })
  expect(name.status).toBe(200)
})
