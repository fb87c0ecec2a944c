/** Vectors of captions beside those of pictures: text_emb of clip-retrieval's layout. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, cosineSimilarity, type EmbeddingBatch, exportIndex, exportStore, importToStore, openVectorStore,
  pictureSources, readEmbeddings, SearchIndex, writeEmbeddings } from '../../lib/index.js'
import { keyOf } from '../../lib/work/address'
import { ggclip, root } from '../cli/support'
import { where } from '../helpers/skips'
import { tinyModel } from '../lifecycle/support'
import { sendBytes, serve } from '../work/support'

const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-captions-'))
const at = (name: string): string => path.join(scratch, name)
let clip: Clip
beforeAll(async () => {
  clip = await Clip.load(undefined, { threads: 1 })
})
afterAll(async () => {
  await clip.dispose()
  rmSync(scratch, { recursive: true, force: true })
})

async function read(folder: string, tower: 'image' | 'text'): Promise<EmbeddingBatch> {
  const batches: EmbeddingBatch[] = []
  for await (const batch of readEmbeddings(folder, { tower })) batches.push(batch)
  expect(batches).toHaveLength(1)
  return batches[0]!
}

const rowOf = ({ vectors, dim }: EmbeddingBatch, row: number): Float32Array =>
  vectors.subarray(row * dim, (row + 1) * dim)

test('writeEmbeddings: a row of text_emb for each of the pictures, zeros without a caption, in parts', async () => {
  const rows = Array.from({ length: 11 }, (_, i) => ({
    path: `${i}.jpg`,
    vector: Float32Array.of(1, i),
    ...(i % 2 === 0 ? { text: Float32Array.of(i, 2), fields: { caption: `c${i}` } } : {}),
  }))
  const options = { dim: 2, columns: { caption: 'string' as const }, texts: true }
  mkdirSync(at('parts')) // somebody's empty folder
  for (const folder of [at('parts'), at('new')]) {
    expect(await writeEmbeddings(folder, rows, { ...options, rowsPerPart: 1 })).toEqual({ rows: 11, parts: 11 })
    expect(readdirSync(folder).sort()).toEqual(['img_emb', 'metadata', 'text_emb'])
  }
  expect(readdirSync(at('parts/text_emb')).sort()).toEqual(
    rows.map((_, i) => `text_emb_${String(i).padStart(2, '0')}.npy`),
  )
  await writeEmbeddings(at('one'), rows, options)
  const text = await read(at('one'), 'text')
  expect(text).toMatchObject({ rows: 11, dim: 2, columns: { image_path: rows.map(({ path }) => path) } })
  rows.forEach((row, i) => {
    if (row.text) expect(cosineSimilarity(rowOf(text, i), row.text)).toBeCloseTo(1, 5)
    else expect([...rowOf(text, i)]).toEqual([0, 0])
  })
  // as numpy reads it
  expect(readFileSync(at('one/text_emb/text_emb_0.npy')).toString('latin1', 0, 128)).toContain("'shape': (11, 2)")
  await expect(writeEmbeddings(at('no'), rows, { ...options, texts: false })).rejects.toMatchObject({
    code: 'ERR_CLIP_UNKNOWN_OPTION',
  })
  await writeEmbeddings(at('pictures-only'), [{ path: 'a', vector: Float32Array.of(1, 0) }], { dim: 2 })
  await expect(read(at('pictures-only'), 'text')).rejects.toMatchObject({
    code: 'ERR_CLIP_FILE_NOT_FOUND',
    message: expect.stringContaining('text_emb/text_emb_0.npy'),
  })
})

describe('of an index: texts in files beside the pictures', () => {
  const pictures = at('photos')
  const index = path.join(pictures, '.ggclip')
  beforeAll(async () => {
    mkdirSync(pictures)
    const json = {
      'guitar.json': '{"caption":" a guitar "}',
      'rocket.json': '{"caption":"not this"}',
      'pizza.json': '[]',
    }
    for (const [name, text] of Object.entries(json)) writeFileSync(path.join(pictures, name), text)
    for (const name of ['rocket.png', 'pizza.webp', 'guitar.jpg', 'umbrella-with-rain-drops.webp'])
      copyFileSync(path.join(root, 'models', 'samples', name), path.join(pictures, name))
    writeFileSync(path.join(pictures, 'rocket.txt'), ' a rocket ünd so on\n')
    writeFileSync(path.join(pictures, 'pizza.txt'), Buffer.of(0xff, 0xfe, 0xfd)) // no text
    writeFileSync(path.join(pictures, 'guitar.txt'), ' \n')
    const made = await SearchIndex.open(index, { clip })
    await made.update([pictures])
    await made.close()
  })

  test('are embedded, and a column', async () => {
    expect(await exportIndex(index, at('captioned'), { captions: { clip } })).toEqual({ rows: 4, parts: 1 })
    const text = await read(at('captioned'), 'text')
    expect(text.columns.caption).toEqual(['a guitar', null, 'a rocket ünd so on', null])
    expect(cosineSimilarity(rowOf(text, 2), await clip.encodeText('a rocket ünd so on'))).toBeCloseTo(1, 5)
    expect(rowOf(text, 1).every(value => value === 0)).toBe(true)
    const image = await read(at('captioned'), 'image')
    expect(cosineSimilarity(rowOf(image, 2), await clip.encodeImage(path.join(pictures, 'rocket.png')))).toBeCloseTo(
      1,
      4,
    )
  })

  where('posix', test)('a pipe, a folder and a file that is too long are no captions', async () => {
    const odd = at('odd')
    mkdirSync(odd)
    for (const name of ['pipe', 'folder', 'long'])
      copyFileSync(path.join(root, 'models', 'samples', 'rocket.png'), path.join(odd, `${name}.png`))
    execFileSync('mkfifo', [path.join(odd, 'pipe.txt')])
    mkdirSync(path.join(odd, 'folder.txt'))
    writeFileSync(path.join(odd, 'long.txt'), 'x'.repeat(2 ** 16 + 1))
    const made = await SearchIndex.open(path.join(odd, '.ggclip'), { clip })
    await made.update([odd])
    await made.close()
    await exportIndex(path.join(odd, '.ggclip'), at('odd-captions'), { captions: { clip } })
    expect((await read(at('odd-captions'), 'text')).columns.caption).toEqual([null, null, null])
  })

  test('by the command', async () => {
    const made = await ggclip(['export', at('by-command'), '--index', index, '--captions'])
    expect(made).toEqual({ status: 0, stdout: '', stderr: `4 rows in 1 part: ${at('by-command')}\n` })
    expect((await read(at('by-command'), 'text')).vectors).toEqual((await read(at('captioned'), 'text')).vectors)
    for (
      const [args, words] of [[['--captions', 'caption'], 'with --store only'], [['-m', 'x'], 'for --captions'], [[
        '--captions',
        '--s3-anonymous',
      ], 'with --store, for tar files']] as const
    ) {
      const refused = await ggclip(['export', at('no'), '--index', index, ...args])
      expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining(words) })
    }
  })

  test('another model is refused', async () => {
    const other = await Clip.load(tinyModel)
    await expect(exportIndex(index, at('no'), { captions: { clip: other } })).rejects.toMatchObject({
      code: 'ERR_CLIP_INDEX_MODEL',
    })
    await other.dispose()
  })
})

test('of a store: a field; back into a store, the vectors of captions under the keys of the pictures', async () => {
  const store = await openVectorStore('memory:', { dim: clip.info.dim, fields: { caption: 'string', year: 'number' } })
  const captions = ['a pizza', undefined, 'a rocket']
  const vector = await clip.encodeText('something')
  await store.upsert(
    captions.map((caption, i) => ({ key: `${i}.jpg`, vector, fields: { year: i, ...(caption && { caption }) } })),
  )
  for (const field of ['year', 'absent', 'toString'])
    await expect(exportStore(store, at('no'), { captions: { clip, field } })).rejects.toMatchObject({
      code: 'ERR_CLIP_OUT_OF_RANGE',
    })
  expect(await exportStore(store, at('store'), { captions: { clip } })).toEqual({ rows: 3, parts: 1 })
  // clip-retrieval without its pictures has this
  rmSync(at('store/img_emb'), { recursive: true })
  const texts = await openVectorStore('memory:', { dim: clip.info.dim, fields: { caption: 'string' } })
  expect(await importToStore(at('store'), texts, { clip, tower: 'text' })).toEqual({
    rows: 3,
    imported: 2,
    unusable: 1,
  })
  const [best] = await texts.search(await clip.encodeText('a rocket'))
  expect(best).toMatchObject({ key: '2.jpg', fields: { caption: 'a rocket' }, similarity: expect.closeTo(1, 4) })
  // its own pictures' vectors are no captions' vectors: seen from the captions, for there is no note
  const rows = captions.map((caption, i) => ({
    path: `${i}.jpg`,
    vector,
    text: Float32Array.from({ length: vector.length }, (_, at) => Math.sin(at * (i + 2))),
    fields: { caption: caption ?? '' },
  }))
  await writeEmbeddings(at('strange'), rows, { dim: vector.length, texts: true, columns: { caption: 'string' } })
  await expect(importToStore(at('strange'), texts, { clip, tower: 'text' })).rejects.toMatchObject({
    code: 'ERR_CLIP_INDEX_MODEL',
    message: expect.stringContaining('captions that it embeds again'),
  })
  await store.close()
  await texts.close()
})

describe('of a store without such a field: texts beside the pictures', () => {
  const files: Record<string, string | undefined> = {
    '000.png': undefined,
    '000.json': '{"caption":"of the JSON file"}',
    '000.txt': 'of the text file\n',
    '001.json': '{"caption":"only in JSON","width":3}',
    '001.png': undefined,
    '002.json': 'no JSON',
    '002.png': undefined,
    '003.seg.png': undefined,
    '003.txt': 'of the sample, as webdataset has it',
    'v1.2.png': undefined,
    'v1.2.txt': 'with a dot',
    'other/000.png': undefined,
  }
  const expected = ['of the text file', 'only in JSON', null, 'of the sample, as webdataset has it', null, 'with a dot']
  const tar = at('shard.tar')
  beforeAll(() => {
    mkdirSync(at('sample/other'), { recursive: true })
    for (const [name, text] of Object.entries(files)) {
      if (text === undefined) copyFileSync(path.join(root, 'models/samples/rocket.png'), at(`sample/${name}`))
      else writeFileSync(at(`sample/${name}`), text)
    }
    execFileSync('tar', ['-cf', tar, '-C', at('sample'), ...Object.keys(files)])
  })

  /** Rows of all pictures at a source, as workers make them. */
  async function storeOf(source: string, privateAddresses = false) {
    const store = await openVectorStore('memory:', { dim: clip.info.dim })
    const vector = await clip.encodeText('something')
    for await (const found of pictureSources([source], { remoteImages: { privateAddresses } }))
      await store.upsert([{ key: keyOf(found), vector }])
    return store
  }

  async function captionsOf(batch: EmbeddingBatch): Promise<unknown[]> {
    for (const [i, caption] of (batch.columns.caption as (string | null)[]).entries()) {
      if (caption === null) expect(rowOf(batch, i).every(value => value === 0)).toBe(true)
      else expect(cosineSimilarity(rowOf(batch, i), await clip.encodeText(caption))).toBeCloseTo(1, 4)
    }
    return [...batch.columns.caption!]
  }

  test('in a tar file, and in a folder', async () => {
    const inTar = await storeOf(tar)
    expect(await exportStore(inTar, at('of-tar'), { captions: { clip } })).toEqual({ rows: 6, parts: 1 })
    const rows = await read(at('of-tar'), 'text')
    expect(rows.columns.image_path).toEqual(
      ['000.png', '001.png', '002.png', '003.seg.png', 'other/000.png', 'v1.2.png'].map(name => `${tar}#${name}`),
    )
    expect(await captionsOf(rows)).toEqual(expected)
    const inFolder = await storeOf(at('sample'))
    await exportStore(inFolder, at('of-folder'), { captions: { clip } })
    // the dot of webdataset's names has no meaning in a folder
    expect(await captionsOf(await read(at('of-folder'), 'text'))).toEqual(expected.with(3, null))
    await inTar.close()
    await inFolder.close()
  })

  test('in a tar file on a server, once through, whose address has a query; one that is gone is an error', async () => {
    const requests: string[] = []
    const host = await serve((request, response) => {
      requests.push(request.url!)
      sendBytes(request, response, readFileSync(tar))
    })
    const store = await storeOf(`${host}/a.tar?key=1`, true)
    requests.length = 0
    await exportStore(store, at('of-server'), { captions: { clip, remoteImages: { privateAddresses: true } } })
    expect(requests).toEqual(['/a.tar?key=1'])
    expect(await captionsOf(await read(at('of-server'), 'text'))).toEqual(expected)
    await expect(exportStore(store, at('no'), { captions: { clip } })).rejects.toMatchObject({
      code: 'ERR_CLIP_URL_REFUSED',
    })
    await store.upsert([{ key: `${at('gone.tar')}#a.jpg`, vector: await clip.encodeText('x') }])
    await expect(exportStore(store, at('no'), { captions: { clip, remoteImages: { privateAddresses: true } } })).rejects
      .toMatchObject({ code: 'ERR_CLIP_FILE_NOT_FOUND', message: expect.stringContaining('gone.tar') })
    await store.close()
  })
})
