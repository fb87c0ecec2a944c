/** From an index to a folder of embeddings, and from such a folder to an index or a store: lib/embeddings. */
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, utimesSync,
  writeFileSync } from 'node:fs'
import path from 'node:path'

import { type EmbeddingRow, exportIndex, importToIndex, importToStore, openVectorStore, readEmbeddings, SearchIndex,
  writeEmbeddings } from '../../lib/index.js'
import { Database } from '../../lib/search/storage/database'
import { clip, made, newFolder, pictures } from '../search/support'

const none = { imported: 0, known: 0, missing: 0, outside: 0, changed: 0, unusable: 0 }

/** A folder of pictures, its index's embeddings, and where another index may be made. */
async function exported(): Promise<{ folder: string; where: string; embeddings: string; target: string }> {
  const { folder, index, where } = await made()
  await index.update([folder])
  await index.close()
  const embeddings = newFolder()
  expect(await exportIndex(where, embeddings, { rowsPerPart: 7 })).toEqual({ rows: pictures.length, parts: 3 })
  return { folder, where, embeddings, target: newFolder() }
}

/** As another program writes it: relative paths, no note of the model. */
async function foreign(folder: string, change = (vector: Float32Array): Float32Array => vector): Promise<string> {
  const rows: EmbeddingRow[] = []
  for (const name of pictures)
    rows.push({
      path: name,
      vector: change(await clip.encodeImage(path.join(folder, name))),
      fields: { sha256: 'of other bytes' },
    })
  const embeddings = newFolder()
  await writeEmbeddings(embeddings, rows, { dim: clip.info.dim, columns: { sha256: 'string' } })
  return embeddings
}

test('an index that was exported and imported is the same, and finds its files unchanged', async () => {
  const { folder, where, embeddings, target } = await exported()
  const options = { clip, roots: [folder] }
  const done: number[] = []
  expect(await importToIndex(embeddings, target, { ...options, onProgress: (rows, all) => done.push(rows, all) }))
    .toEqual({ ...none, rows: 18, imported: 18 })
  expect(done.slice(-2)).toEqual([18, 18])
  const [first, second] = [await SearchIndex.open(where, { clip }), await SearchIndex.open(target, { clip })]
  expect(await second.search('a rocket')).toEqual(await first.search('a rocket'))
  const { hash } = first.lookUp(path.join(folder, 'rocket.png'))!
  expect(second.picture(hash)).toEqual(first.picture(hash))
  expect(await second.check()).toBe(0)
  expect(await second.update()).toMatchObject({ unchanged: 18, embedded: 0, known: 0, removed: 0 })
  await Promise.all([first.close(), second.close()])
  expect(await importToIndex(embeddings, target, { clip })).toEqual({ ...none, rows: 18, known: 18 })
})

test('files that are gone, changed, elsewhere or copies', async () => {
  const { folder, embeddings, target } = await exported()
  renameSync(path.join(folder, 'rocket.png'), path.join(folder, 'moved.png'))
  appendFileSync(path.join(folder, 'pizza.webp'), 'x')
  utimesSync(path.join(folder, 'guitar.jpg'), 1e9, 1e9) // the bytes are the same
  const sub = path.join(folder, 'sub')
  mkdirSync(sub)
  expect(await importToIndex(embeddings, target, { clip, roots: [folder] })).toEqual({
    ...none,
    rows: 18,
    imported: 16,
    missing: 1,
    changed: 1,
  })
  expect(await importToIndex(embeddings, newFolder(), { clip, roots: [sub] })).toEqual({
    ...none,
    rows: 18,
    outside: 18,
  })
  // a root is no beginning of a name
  const beside = `${folder}-beside`
  mkdirSync(beside)
  copyFileSync(path.join(folder, 'guitar.jpg'), path.join(beside, 'guitar.jpg'))
  const vector = await clip.encodeImage(path.join(folder, 'guitar.jpg'))
  const paths = [path.join(beside, 'guitar.jpg'), path.join(folder, 'guitar.jpg'),
    path.join(folder, '..', path.basename(beside), 'guitar.jpg'), folder, 'https://example.com/a.jpg', 'a\0.jpg']
  const rows = newFolder()
  await writeEmbeddings(rows, paths.map(name => ({ path: name, vector })), { dim: clip.info.dim })
  expect(await importToIndex(rows, target, { clip })).toEqual({
    ...none,
    rows: 6,
    known: 1,
    missing: 1,
    outside: 2,
    unusable: 2,
  })
})

test("another program's folder: relative paths, vectors of any length, and the model is seen from pictures", async () => {
  const { folder } = await made()
  const longer = await foreign(folder, vector => vector.map(value => 3 * value))
  const target = newFolder()
  const options = { clip, base: folder, roots: [folder] }
  expect(await importToIndex(longer, target, options)).toEqual({ ...none, rows: 18, imported: 18 })
  const index = await SearchIndex.open(target, { clip })
  const [best] = await index.search([{ image: path.join(folder, 'rocket.png') }], { k: 1 })
  expect([path.basename(best!.path), best!.similarity]).toEqual(['rocket.png', expect.closeTo(1, 3)])
  await index.close()

  const turned = await foreign(folder, vector => vector.slice().reverse())
  const untouched = newFolder()
  const refused = {
    code: 'ERR_CLIP_INDEX_MODEL',
    message: expect.stringContaining('pictures that it embeds again have a similarity of'),
  }
  await expect(importToIndex(turned, untouched, { ...options, clip })).rejects.toMatchObject(refused)
  expect(existsSync(untouched)).toBe(false)
  const store = await openVectorStore('memory:', { dim: clip.info.dim })
  await expect(importToStore(turned, store, { clip, base: folder })).rejects.toMatchObject(refused)
  expect(await store.count()).toBe(0)
  await store.close()
})

test('vectors of another model are refused: by their length, and by what the export noted', async () => {
  const { folder, embeddings } = await exported()
  const fixture = path.join(__dirname, '..', 'fixtures', 'embeddings')
  await expect(importToIndex(fixture, newFolder(), { clip, roots: [folder] })).rejects.toMatchObject({
    code: 'ERR_CLIP_INDEX_MODEL',
    message: expect.stringMatching(/have 4 values: expected those of .* with 256$/),
  })
  const other = {
    info: { ...clip.info, name: 'other' },
    encodeImage: async () => (await clip.encodeImage(path.join(folder, 'rocket.png'))),
    encodeText: clip.encodeText.bind(clip),
  } as unknown as typeof clip
  await expect(importToIndex(embeddings, newFolder(), { clip: other, roots: [folder] })).rejects.toMatchObject({
    code: 'ERR_CLIP_INDEX_MODEL',
    message: expect.stringMatching(/are of another model \(.+\) than other with 256 values$/),
  })
})

test('a new index needs the folders of its pictures; a wrong one is an error before anything is made', async () => {
  const { embeddings, target } = await exported()
  await expect(importToIndex(embeddings, target, { clip })).rejects.toMatchObject({ code: 'ERR_CLIP_FILE_NOT_FOUND' })
  expect(existsSync(target)).toBe(false)
  await expect(importToIndex(embeddings, target, { clip, roots: [newFolder()] })).rejects.toMatchObject({
    code: 'ERR_CLIP_FILE_NOT_FOUND',
    message: expect.stringContaining('cannot be indexed'),
  })
  await expect(importToIndex(newFolder(), target, { clip, roots: ['.'] })).rejects.toMatchObject({
    code: 'ERR_CLIP_FILE_NOT_FOUND',
    message: expect.stringContaining('as clip-retrieval writes it'),
  })
  await expect(exportIndex(newFolder(), newFolder())).rejects.toMatchObject({ code: 'ERR_CLIP_FILE_NOT_FOUND' })
})

test('an import that is ended keeps what it did, and goes on there', async () => {
  const { folder, embeddings, target } = await exported()
  const options = { clip, roots: [folder] }
  await expect(importToIndex(embeddings, target, { ...options, signal: AbortSignal.abort(new Error('before')) }))
    .rejects
    .toThrow('before')
  expect(existsSync(target)).toBe(false)
  const vector = await clip.encodeImage(path.join(folder, 'rocket.png'))
  const rows = Array.from({ length: 2000 }, (_, i) => {
    copyFileSync(path.join(folder, 'rocket.png'), path.join(folder, `${i}.png`))
    appendFileSync(path.join(folder, `${i}.png`), String(i)) // each has its own bytes
    return { path: `${i}.png`, vector }
  })
  const many = newFolder()
  await writeEmbeddings(many, rows, { dim: clip.info.dim })
  const stop = new AbortController()
  const onProgress = (): void => stop.abort(new Error('enough'))
  const ended = importToIndex(many, target, { ...options, base: folder, signal: stop.signal, onProgress })
  await expect(ended).rejects.toThrow('enough')
  const { pictures: saved } = await SearchIndex.inspect(target)
  expect(saved).toBeGreaterThanOrEqual(512)
  expect(saved).toBeLessThan(2000)
  expect(await importToIndex(many, target, { ...options, base: folder })).toEqual({
    ...none,
    rows: 2000,
    known: saved,
    imported: 2000 - saved,
  })
})

test.each(['memory:'])(
  'a store (%s) gets every row: URLs as they are, paths whole, columns that it has as fields',
  async () => {
    const { folder, embeddings } = await exported()
    const store = await openVectorStore('memory:', {
      dim: clip.info.dim,
      fields: { camera: 'string', latitude: 'number' },
    })
    expect(await importToStore(embeddings, store, { clip })).toEqual({ rows: 18, imported: 18, unusable: 0 })
    expect(await importToStore(embeddings, store, { clip })).toEqual({ rows: 18, imported: 18, unusable: 0 })
    expect(await store.count()).toBe(18)
    const rocket = path.join(folder, 'rocket.png')
    const [best] = await store.search(await clip.encodeImage(rocket), { k: 1 })
    const index = await SearchIndex.open(path.join(folder, '.ggclip'), { clip })
    const { hash, size, modified } = index.lookUp(rocket)!
    await index.close()
    expect(best).toEqual({
      key: rocket,
      content: hash,
      size,
      modified: new Date(Math.floor(modified.getTime())),
      similarity: expect.closeTo(1, 3),
    })
    await store.close()

    const vector = await clip.encodeImage(rocket)
    const rows = ['https://example.com/a.jpg', `https://example.com/${'a'.repeat(2048)}`, 'b.jpg'].map((url, i) => ({
      path: `${i}.jpg`,
      vector,
      fields: { url, caption: i === 2 ? 'a\0b' : `text ${i}`, width: i },
    }))
    const other = newFolder()
    const columns = { url: 'string', caption: 'string', width: 'integer' } as const
    await writeEmbeddings(other, rows, { dim: clip.info.dim, columns, clip })
    const byUrl = await openVectorStore('memory:', {
      dim: clip.info.dim,
      fields: { caption: 'string', width: 'number' },
    })
    expect(await importToStore(other, byUrl, { clip, key: 'url' })).toEqual({ rows: 3, imported: 2, unusable: 1 })
    expect(await byUrl.get(['https://example.com/a.jpg', 'b.jpg'])).toEqual([
      { key: 'https://example.com/a.jpg', fields: { caption: 'text 0', width: 0 } },
      { key: 'b.jpg', fields: { width: 2 } },
    ])
    await expect(importToStore(other, byUrl, { clip, key: 'link' })).rejects.toMatchObject({
      code: 'ERR_CLIP_FILE_NOT_FOUND',
      message: expect.stringContaining('a column link'),
    })
    await byUrl.close()
  },
)

test('names that are no UTF-8, and what cameras wrote, go there and back', async () => {
  const { folder, index, where } = await made()
  const name = Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.of(0xe9), Buffer.from('.png')])
  copyFileSync(path.join(folder, 'rocket.png'), name)
  await index.update([folder])
  await index.close()
  const embeddings = newFolder()
  await exportIndex(where, embeddings)
  for await (const { columns } of readEmbeddings(embeddings, { columns: ['image_path'] }))
    expect(columns.image_path).toContain(`file://${folder}/caf%E9.png`)
  expect(await importToIndex(embeddings, newFolder(), { clip, roots: [folder] })).toMatchObject({
    missing: 0,
    unusable: 0,
    rows: 19,
  })
})

test('an index that is being updated is not touched', async () => {
  const { folder, embeddings, target } = await exported()
  await (await SearchIndex.open(target, { clip })).close()
  const other = new Database(path.join(target, 'writer.db'))
  other.exec('BEGIN EXCLUSIVE')
  const refused = { code: 'ERR_CLIP_INDEX_BUSY' }
  await expect(importToIndex(embeddings, target, { clip, roots: [folder] })).rejects.toMatchObject(refused)
  other.close()
  expect(await importToIndex(embeddings, target, { clip, roots: [folder] })).toMatchObject({ imported: 18 })
})

test('vectors without a direction are counted, not taken', async () => {
  const { folder } = await made()
  const embeddings = await foreign(folder)
  const file = path.join(embeddings, 'img_emb', 'img_emb_0.npy')
  const bytes = readFileSync(file)
  bytes.fill(0, 128, 128 + 2 * clip.info.dim)
  bytes.writeUInt16LE(0x7e00, 128 + 2 * clip.info.dim) // NaN
  writeFileSync(file, bytes)
  expect(await importToIndex(embeddings, newFolder(), { clip, base: folder, roots: [folder] })).toEqual({
    ...none,
    rows: 18,
    imported: 16,
    unusable: 2,
  })
})
