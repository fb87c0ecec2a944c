/** Pages of an index: what search finds, in parts, while the index changes; pictures by their hash. */
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync,
  writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, type IndexPageOptions, type PagedFile, parseQuery, SearchIndex,
  type SearchQuery } from '../../lib/index.js'
import { failureOf } from '../lifecycle/support'

const samples = path.join(__dirname, '..', '..', 'models', 'samples')
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-page-'))
let clip: Clip
let count = 0

beforeAll(async () => void (clip = await Clip.load(undefined, { threads: 2 })))
afterAll(async () => {
  await clip.dispose()
  rmSync(scratch, { recursive: true, force: true })
})

/** The samples, and of some a second file with other bytes and the same pixels: equal similarities. */
async function made(): Promise<{ folder: string; index: SearchIndex }> {
  const folder = path.join(scratch, `pictures-${count++}`)
  cpSync(samples, folder, { recursive: true })
  for (const name of ['rocket.png', 'sunflower.png', 'cat-face.png']) {
    for (const more of ['1', '22']) {
      cpSync(path.join(folder, name), path.join(folder, `more-${more}-${name}`))
      appendFileSync(path.join(folder, `more-${more}-${name}`), more)
    }
  }
  const index = await SearchIndex.open(path.join(folder, '.ggclip'), { clip })
  await index.update([folder])
  return { folder, index }
}

/** All pages; `between` is called after each. */
async function pagesOf(
  index: SearchIndex,
  query: SearchQuery | undefined,
  options: IndexPageOptions,
  between: (page: number) => Promise<unknown> = async () => undefined,
): Promise<PagedFile[]> {
  const all: PagedFile[] = []
  for (let number = 0;; number++) {
    const { files, more } = await index.page(query, { ...options, after: all.at(-1) })
    all.push(...files)
    if (!more) return all
    expect(files).toHaveLength(options.k!)
    await between(number)
  }
}

test.each([1, 2, 5, 23, 24, 25])('pages of %i are what search finds, and all files by path', async k => {
  const { index } = await made()
  const { pictures } = index.info()
  expect(pictures).toBe(24)
  const filter = { path: ['**/*.png', '**/p*.webp'] }
  for (const query of ['a rocket', [{ text: 'red' }, { text: 'a cat', weight: -0.5 }]]) {
    for (const options of [{}, { filter }, { minSimilarity: 0.05 }, { filter, minSimilarity: 'auto' as const }]) {
      const expected = await index.search(query, { ...options, k: 100 })
      expect(await pagesOf(index, query, { ...options, k })).toEqual(expected)
      expect((await index.page(query, { ...options, k })).total).toBe(expected.length)
    }
  }
  const listed = await pagesOf(index, undefined, { k })
  expect(listed.map(file => file.path)).toEqual(listed.map(file => file.path).sort())
  expect(listed).toHaveLength(24)
  expect(listed[0]).not.toHaveProperty('similarity')
  const some = listed.filter(file => /\.png$|\/p[^/]*\.webp$/.test(file.path))
  expect(await pagesOf(index, undefined, { k, filter })).toEqual(some)
  expect((await index.page(undefined, { k, filter })).total).toBe(some.length)
  await index.close()
})

test.each([undefined, 'a rocket'])(
  'nothing comes twice or is left out while the index grows and shrinks (%s)',
  async query => {
    const { folder, index } = await made()
    const before = (await pagesOf(index, query, { k: 100 })).map(file => file.path)
    const more = path.join(folder, 'a')
    mkdirSync(more)
    const gone = before.at(-1)!
    const seen = (await pagesOf(index, query, { k: 4 }, async page => {
      for (let i = 0; i < 3; i++) {
        const pixels = Buffer.from(Array.from({ length: 192 }, (_, at) => (at * (page + 2) * (i + 1)) % 256))
        writeFileSync(path.join(more, `${page}-${i}.ppm`), Buffer.concat([Buffer.from('P6 8 8 255\n'), pixels]))
      }
      if (page === 1) rmSync(gone)
      await index.update()
    })).map(file => file.path)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.filter(name => before.includes(name))).toEqual(before.filter(name => name !== gone))
    await index.close()
  },
)

test('the rows are numbered anew while a search runs: its answer is of one numbering', async () => {
  const { folder, index } = await made()
  const many = path.join(folder, 'a')
  mkdirSync(many)
  for (let i = 0; i < 400; i++) {
    const pixels = Array.from({ length: 192 }, (_, at) => (i * 31 + at * (1 + i % 7)) % 256)
    writeFileSync(
      path.join(many, `${i}.ppm`),
      Buffer.concat([Buffer.from(`P6 # ${i}\n8 8 255\n`), Buffer.from(pixels)]),
    )
  }
  await index.update()
  appendFileSync(path.join(folder, 'pizza.webp'), 'later') // its row comes after the many
  await index.update()
  const options = { k: 10, filter: { path: '**/*.{png,jpg,webp}' } }
  const expected = await index.search('a slice of pizza', options)
  rmSync(many, { recursive: true })
  let running = true
  const update = index.update().finally(() => (running = false))
  let searches = 0
  for (; running; searches++) expect(await index.search('a slice of pizza', options)).toEqual(expected)
  expect((await update).removed).toBe(400)
  expect(readdirSync(path.join(folder, '.ggclip'))).toContain('vectors-1.f16')
  expect(searches).toBeGreaterThan(0)
  await index.close()
})

test('a picture by its hash: its files under their names of now, and its vector as a part of a query', async () => {
  const { folder, index } = await made()
  const file = path.join(folder, 'guitar.jpg')
  const hash = createHash('sha256').update(readFileSync(file)).digest('hex')
  expect(index.lookUp(file)!.hash).toBe(hash)
  cpSync(file, path.join(folder, 'z.png'))
  await index.update()
  const { files, vector } = index.picture(hash)!
  expect(files.map(({ path: name }) => path.basename(name))).toEqual(['guitar.jpg', 'z.png'])
  const byVector = await index.search([{ vector }, { text: 'at night' }], { k: 9 })
  const byFile = await index.search([{ image: file }, { text: 'at night' }], { k: 9 })
  expect(byVector.map(hit => hit.hash)).toEqual(byFile.map(hit => hit.hash))
  byVector.forEach((hit, i) => expect(Math.abs(hit.similarity - byFile[i]!.similarity)).toBeLessThan(1e-3)) // halves
  const [best] = await index.search({ vector })
  expect([best!.hash, best!.similarity > 0.999]).toEqual([hash, true])
  for (const unknown of ['0'.repeat(64), hash.slice(2), 'no hash']) expect(index.picture(unknown)).toBeUndefined()
  await index.close()
})

test('a model that has too much to do is asked again, with the priority of the update', async () => {
  const folder = path.join(scratch, `pictures-${count++}`)
  cpSync(samples, folder, { recursive: true })
  const asked: (number | undefined)[] = []
  const encodeImage = (async (image: Buffer, options?: { priority?: number }) => {
    if (!Buffer.isBuffer(image)) return clip.encodeImage(image)
    asked.push(options?.priority)
    if (asked.length % 3 === 1) throw Object.assign(new Error('full'), { code: 'ERR_CLIP_QUEUE_FULL' })
    return clip.encodeImage(image, options)
  }) as Clip['encodeImage']
  const model = { info: clip.info, encodeText: clip.encodeText.bind(clip), encodeImage }
  const index = await SearchIndex.open(path.join(folder, '.ggclip'), { clip: model })
  expect(await index.update([folder], { priority: -50 })).toMatchObject({ embedded: 18, failed: 0 })
  expect(asked.length).toBeGreaterThan(18)
  expect(new Set(asked)).toEqual(new Set([-50]))
  await index.close()
})

test('bad arguments', async () => {
  const { index } = await made()
  const codeOf = async (work: () => Promise<unknown>): Promise<string> =>
    (await failureOf(work) as { code: string }).code
  const [file] = (await index.page('red', { k: 1 })).files
  const refused = [
    ['ERR_CLIP_OUT_OF_RANGE', () => index.page('')],
    ['ERR_CLIP_UNKNOWN_OPTION', () => index.page('red', { offset: 3 } as never)],
    ['ERR_CLIP_UNKNOWN_OPTION', () => index.page('red', { after: { ...file!, offset: 3 } } as never)],
    ['ERR_CLIP_OUT_OF_RANGE', () => index.page('red', { after: { ...file!, hash: 'f' } })],
    ['ERR_CLIP_INVALID_ARGUMENT', () => index.page('red', { after: { ...file!, similarity: undefined } })],
    ['ERR_CLIP_INVALID_ARGUMENT', () => index.page(undefined, { after: 'x' } as never)],
    ['ERR_CLIP_INVALID_ARGUMENT', () => index.search({ vector: [1, 2] } as never)],
    ['ERR_CLIP_OUT_OF_RANGE', () => index.search({ vector: new Float32Array(3) })],
    ['ERR_CLIP_INVALID_ARGUMENT', () => index.search({ vector: new Float32Array(256), text: 'red' } as never)],
    ['ERR_CLIP_OUT_OF_RANGE', () => index.search({ vector: new Float32Array(256) })],
    ['ERR_CLIP_OUT_OF_RANGE', () => index.update(undefined, { priority: 101 })],
    ['ERR_CLIP_INVALID_ARGUMENT', () => index.search('red', { filter: { path: [3] } } as never)],
  ] as const
  for (const [code, work] of refused) expect(await codeOf(work)).toBe(code)
  const [name] = readdirSync(samples)
  expect(parseQuery(path.join(samples, 'rocket.png'))[0]).toHaveProperty('image')
  for (const words of [path.join(samples, name!), 'package.json + rocket.png', '/etc/passwd.png'])
    for (const part of parseQuery(words, { pictures: false })) expect(part).not.toHaveProperty('image')
  await index.close()
})
