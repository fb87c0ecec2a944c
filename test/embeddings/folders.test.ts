/** Folders of embeddings, read and written: lib/embeddings. Those of the fixtures are numpy's and pyarrow's own. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync,
  writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { type EmbeddingBatch, type EmbeddingRow, readEmbeddings, writeEmbeddings } from '../../lib/index.js'

const fixture = path.join(__dirname, '..', 'fixtures', 'embeddings')
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-embeddings-'))
let count = 0
const newFolder = (): string => path.join(scratch, `${count++}`)
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

async function all(folder: string, columns?: string[]): Promise<EmbeddingBatch[]> {
  const batches: EmbeddingBatch[] = []
  for await (const batch of readEmbeddings(folder, { columns })) batches.push(batch)
  return batches
}

/** The fixture with one file changed. */
function damaged(name: string, change: (file: string) => void): string {
  const folder = newFolder()
  cpSync(fixture, folder, { recursive: true })
  change(path.join(folder, name))
  return folder
}

/** A header of version 1.0, as numpy writes it, and some values after it. */
function npy(header: string, values = 24): Buffer {
  const text = `${header.padEnd(117)}\n`
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), Buffer.of(text.length, 0), Buffer.from(text),
    Buffer.alloc(values)])
}

test("numpy's and pyarrow's files: halves and floats, Snappy and gzip, several groups, values that are not there", async () => {
  const [first, ...later] = await all(fixture)
  expect(first).toMatchObject({ rows: 3, dim: 4 })
  expect(Array.from(first!.vectors, value => Number(value.toFixed(3)))).toEqual([3, 4, 0, 0, 0, 0.6, 0, 0.8, 1, 0, 0,
    0])
  expect(first!.columns).toEqual({
    image_path: ['a.jpg', 'sub/ä.jpg', 'c.jpg'],
    caption: ['a dog', null, 'a "quoted" cat'],
    url: ['https://example.com/a.jpg', 'https://example.com/b.jpg', null],
    width: [640, 480, 320],
    similarity: [0.25, null, 0.5],
    original_date: [new Date('2024-05-31T23:30:00Z'), null, new Date('2020-01-01T00:00:00Z')],
  })
  expect(later.map(({ rows }) => rows)).toEqual([4, 4, 2])
  expect(later.flatMap(({ vectors }) => [...vectors])).toEqual(Array.from({ length: 40 }, (_, i) => i))
  expect(later.flatMap(({ columns }) => columns.image_path)).toEqual(Array.from({ length: 10 }, (_, i) => `${i}.jpg`))
  expect(later[0]!.columns.url).toEqual([null, null, null, null])
  expect((await all(fixture, ['width']))[0]!.columns).toEqual({ width: [640, 480, 320] })
})

test.each(['zstd', 'lz4'])('a table packed by %s, of several groups', async packing => {
  const folder = newFolder()
  const rows = Array.from({ length: 200 }, (_, i) => ({ path: `${i}`, vector: Float32Array.of(1, i) }))
  await writeEmbeddings(folder, rows, { dim: 2 })
  cpSync(path.join(fixture, `packed_${packing}.parquet`), path.join(folder, 'metadata', 'metadata_0.parquet'))
  const batches = await all(folder)
  expect(batches.map(batch => batch.rows)).toEqual([100, 100])
  const column = (name: string): unknown[] => batches.flatMap(({ columns }) => [...columns[name]!])
  expect(column('image_path')).toEqual(rows.map((_, i) => `${i}.jpg`))
  expect(column('caption')).toEqual(rows.map((_, i) => `a caption of picture ${i % 7}`))
  expect(column('width')).toEqual(rows.map((_, i) => i))
  // a damaged page is an error, not other values
  const table = path.join(folder, 'metadata', 'metadata_0.parquet')
  const bytes = readFileSync(table)
  bytes.fill(0xa5, 40, 200)
  writeFileSync(table, bytes)
  await expect(all(folder)).rejects.toMatchObject({ code: 'ERR_CLIP_FILE_FORMAT' })
})

test.each<[string, string, (file: string) => void, string, RegExp]>([
  ['no folder', '.', file => rmSync(file, { recursive: true }), 'ERR_CLIP_FILE_NOT_FOUND',
    /as clip-retrieval writes it/],
  ['no parts', 'img_emb', file => {
    rmSync(file, { recursive: true })
    mkdirSync(file)
  }, 'ERR_CLIP_FILE_NOT_FOUND', /img_emb_0\.npy and so on/],
  ['no table', 'metadata/metadata_00.parquet', rmSync, 'ERR_CLIP_FILE_NOT_FOUND',
    /metadata_00\.parquet' cannot be read/],
  ['a short file', 'img_emb/img_emb_00.npy', file => truncateSync(file, 150), 'ERR_CLIP_FILE_TRUNCATED',
    /expected 152 bytes, found 150/],
  ['a cut header', 'img_emb/img_emb_00.npy', file => truncateSync(file, 20), 'ERR_CLIP_FILE_TRUNCATED', /found 20/],
  ['an empty file', 'img_emb/img_emb_00.npy', file => truncateSync(file, 0), 'ERR_CLIP_FILE_TRUNCATED', /found 0/],
  ['more than it says', 'img_emb/img_emb_00.npy', file => writeFileSync(file, '....', { flag: 'a' }),
    'ERR_CLIP_FILE_FORMAT', /expected 152 bytes for its shape, found 156/],
  ['no .npy', 'img_emb/img_emb_00.npy', file => writeFileSync(file, 'a picture, or so'), 'ERR_CLIP_FILE_FORMAT',
    /expected a \.npy file/],
  ['doubles', 'img_emb/img_emb_00.npy', file =>
    writeFileSync(file, npy("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }", 96)), 'ERR_CLIP_FILE_FORMAT',
    /expected values of type '<f2' or '<f4', found <f8/],
  ['big-endian values', 'img_emb/img_emb_00.npy', file =>
    writeFileSync(file, npy("{'descr': '>f2', 'fortran_order': False, 'shape': (3, 4), }")), 'ERR_CLIP_FILE_FORMAT',
    /found >f2/],
  ['columns', 'img_emb/img_emb_00.npy', file =>
    writeFileSync(file, npy("{'descr': '<f2', 'fortran_order': True, 'shape': (3, 4), }")), 'ERR_CLIP_FILE_FORMAT',
    /expected rows in C order/],
  ['one dimension', 'img_emb/img_emb_00.npy', file =>
    writeFileSync(file, npy("{'descr': '<f2', 'fortran_order': False, 'shape': (12,), }")), 'ERR_CLIP_FILE_FORMAT',
    /expected a shape \(rows, values\), found \(12,\)/],
  ['other numbers of rows', 'img_emb/img_emb_00.npy', file =>
    writeFileSync(file, npy("{'descr': '<f2', 'fortran_order': False, 'shape': (2, 4), }", 16)), 'ERR_CLIP_FILE_FORMAT',
    /metadata_00\.parquet': expected 2 rows, as 'img_emb_00\.npy' has, found 3/],
  ['a folder of this name', 'img_emb/img_emb_00.npy', file => {
    rmSync(file)
    mkdirSync(file)
  }, 'ERR_CLIP_FILE_NOT_FOUND', /img_emb_00\.npy' cannot be read: EISDIR/],
  ['a folder instead of a table', 'metadata/metadata_00.parquet', file => {
    rmSync(file)
    mkdirSync(file)
  }, 'ERR_CLIP_FILE_NOT_FOUND', /metadata_00\.parquet' cannot be read: EISDIR/],
  ['no parquet', 'metadata/metadata_00.parquet', file => writeFileSync(file, 'a table, or so'), 'ERR_CLIP_FILE_FORMAT',
    /expected a parquet table that can be read/],
  ['an empty table', 'metadata/metadata_00.parquet', file => truncateSync(file, 0), 'ERR_CLIP_FILE_FORMAT',
    /expected a parquet table that can be read/],
  ['a cut table', 'metadata/metadata_00.parquet', file => truncateSync(file, 3000), 'ERR_CLIP_FILE_FORMAT',
    /expected a parquet table that can be read/],
  ['damaged pages', 'metadata/metadata_00.parquet', file => {
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.fill(0xff, 4, 400))
  }, 'ERR_CLIP_FILE_FORMAT', /expected a parquet table that can be read/],
])('%s is an error with a code', async (_, name, change, code, message) => {
  await expect(all(damaged(name, change))).rejects.toMatchObject({
    name: 'ClipError',
    code,
    message: expect.stringMatching(message),
  })
})

test('a column that is not there is named with those that are', async () => {
  await expect(all(fixture, ['colour'])).rejects.toMatchObject({
    code: 'ERR_CLIP_FILE_NOT_FOUND',
    message: expect.stringMatching(
      /a column colour, found image_path, caption, url, width, similarity, original_date$/,
    ),
  })
})

const rowsOf = (count: number): EmbeddingRow[] =>
  Array.from(
    { length: count },
    (_, i) => ({ path: `${i}.jpg`, vector: Float32Array.of(i, 1, -2), fields: { width: i } }),
  )

test('what is written in parts is read again: numbers with as many digits as the last, unit vectors, all kinds', async () => {
  const folder = newFolder()
  const done: number[] = []
  const options = {
    dim: 3,
    columns: { width: 'integer' },
    rowsPerPart: 2,
    onProgress: (rows: number) => done.push(rows),
  } as const
  expect(await writeEmbeddings(folder, rowsOf(21), options)).toEqual({ rows: 21, parts: 11 })
  const names = Array.from({ length: 11 }, (_, i) => String(i).padStart(2, '0'))
  expect(readdirSync(path.join(folder, 'img_emb')).sort()).toEqual(names.map(name => `img_emb_${name}.npy`))
  expect(readdirSync(path.join(folder, 'metadata')).sort()).toEqual(names.map(name => `metadata_${name}.parquet`))
  expect([done[0], done.at(-1)]).toEqual([2, 21])
  const batches = await all(folder)
  expect(batches.flatMap(({ columns }) => columns.width)).toEqual(Array.from({ length: 21 }, (_, i) => i))
  const last = batches.at(-1)!.vectors
  expect(Math.hypot(...last)).toBeCloseTo(1, 3)
  expect(last[0]! / last[1]!).toBeCloseTo(20, 1)
  const header = readFileSync(path.join(folder, 'img_emb', 'img_emb_00.npy')).toString('latin1', 0, 128)
  expect(header).toMatch(/^\x93NUMPY\x01\x00v\x00\{'descr': '<f2', 'fortran_order': False, 'shape': \(2, 3\), \} +\n$/)

  const kinds = newFolder()
  const taken = new Date('2024-05-31T23:30:00.250Z')
  const fields = { caption: 'ä \u{1f600}\n"', sold: true, price: 1.5, width: 2 ** 40, taken }
  const columns = { caption: 'string', sold: 'boolean', price: 'number', width: 'integer', taken: 'date' } as const
  const vector = Float32Array.of(1)
  await writeEmbeddings(kinds, [{ path: 'a', vector, fields }, { path: 'b', vector }], { dim: 1, columns })
  const [both] = await all(kinds)
  for (const [name, value] of Object.entries({ image_path: 'a', ...fields }))
    expect(both!.columns[name]).toEqual([value, name === 'image_path' ? 'b' : null])
})

test('more rows than are held in memory, from a source that is slow, and none at all', async () => {
  const folder = newFolder()
  const many = async function*(): AsyncGenerator<EmbeddingRow> {
    for (const row of rowsOf(20_000)) yield row
  }
  expect(await writeEmbeddings(folder, many(), { dim: 3, columns: { width: 'number' } })).toEqual({
    rows: 20_000,
    parts: 1,
  })
  const batches = await all(folder, ['width'])
  expect(Math.max(...batches.map(({ rows }) => rows))).toBeLessThanOrEqual(4096)
  const widths = batches.flatMap(({ columns }) => columns.width as number[])
  expect(widths.length === 20_000 && widths.every((width, i) => width === i)).toBe(true)

  const empty = newFolder()
  mkdirSync(empty) // an empty folder may be there
  expect(await writeEmbeddings(empty, [], { dim: 3 })).toEqual({ rows: 0, parts: 1 })
  expect(await all(empty)).toEqual([])
})

test('whatever ends it, nothing is left: a bad row, a failing source, a signal, a folder with something in it', async () => {
  const parent = newFolder()
  mkdirSync(parent)
  const folder = path.join(parent, 'out')
  const write = (rows: Iterable<EmbeddingRow>, options = {}): Promise<unknown> =>
    writeEmbeddings(folder, rows, { dim: 3, columns: { width: 'integer' }, rowsPerPart: 2, ...options })
  const after = function*(bad: unknown): Generator<EmbeddingRow> {
    yield* rowsOf(5)
    if (bad instanceof Error) throw bad
    yield bad as EmbeddingRow
  }
  const vector = Float32Array.of(1, 2, 3)
  await expect(write(after(new Error('no more')))).rejects.toThrow('no more')
  for (
    const [bad, argument] of [
      [{ path: 'a', vector: Float32Array.of(0, 0, 0) }, 'rows[5].vector'],
      [{ path: 'a', vector: Float32Array.of(NaN, 0, 1) }, 'rows[5].vector'],
      [{ path: 'a', vector: Float32Array.of(1) }, 'rows[5].vector'],
      [{ path: '', vector }, 'rows[5].path'],
      [{ path: 'a', vector, fields: { width: 1.5 } }, 'rows[5].fields.width'],
      [{ path: 'a', vector, fields: { height: 1 } }, 'height'],
    ] as const
  ) await expect(write(after(bad))).rejects.toMatchObject({ argument })
  const stop = new AbortController()
  await expect(write(rowsOf(9), { signal: stop.signal, onProgress: () => stop.abort(new Error('enough')) })).rejects
    .toThrow('enough')
  expect(readdirSync(parent)).toEqual([])

  await write(rowsOf(1))
  await expect(write(rowsOf(1))).rejects.toMatchObject({
    code: 'ERR_CLIP_FILE_WRITE',
    message: expect.stringContaining('expected a folder that is not there yet, or is empty'),
  })
  await expect(writeEmbeddings(path.join(folder, 'img_emb', 'img_emb_0.npy'), rowsOf(1), { dim: 3 })).rejects
    .toMatchObject({ code: 'ERR_CLIP_FILE_WRITE' })
  expect(readdirSync(parent)).toEqual(['out'])
})

test('an empty folder that is there stays the same one: it may be a disk, or a link to a folder elsewhere', async () => {
  const [parent, elsewhere] = [newFolder(), newFolder()]
  for (const folder of [parent, elsewhere]) mkdirSync(folder)
  symlinkSync(elsewhere, path.join(parent, 'link'))
  symlinkSync(path.join(parent, 'nothing'), path.join(parent, 'dangling'))
  mkdirSync(path.join(parent, 'mine'), { mode: 0o700 })
  const { ino } = statSync(path.join(parent, 'mine'))
  for (const name of ['link', 'mine']) {
    const folder = path.join(parent, name)
    const failing = function*(): Generator<EmbeddingRow> {
      yield* rowsOf(2)
      throw new Error('no more')
    }
    const options = { dim: 3, columns: { width: 'integer' }, rowsPerPart: 2 } as const
    await expect(writeEmbeddings(folder, failing(), options)).rejects.toThrow('no more')
    expect(readdirSync(folder)).toEqual([])
    expect(await writeEmbeddings(folder, rowsOf(3), options)).toEqual({ rows: 3, parts: 2 })
    expect(readdirSync(folder).sort()).toEqual(['img_emb', 'metadata'])
    expect((await all(folder)).flatMap(({ columns }) => columns.width)).toEqual([0, 1, 2])
  }
  expect(statSync(path.join(parent, 'mine')).ino).toBe(ino)
  expect(readdirSync(elsewhere).sort()).toEqual(['img_emb', 'metadata'])
  // before a row is asked for
  let asked = false
  const rows = function*(): Generator<EmbeddingRow> {
    asked = true
    yield* rowsOf(1)
  }
  await expect(writeEmbeddings(path.join(parent, 'dangling'), rows(), { dim: 3 })).rejects.toMatchObject({
    code: 'ERR_CLIP_FILE_WRITE',
  })
  expect([asked, readdirSync(parent).sort()]).toEqual([false, ['dangling', 'link', 'mine']])
})

test('a column of the name of what every object has is empty where a row has no value', async () => {
  const folder = newFolder()
  const rows = [{ path: 'a', vector: Float32Array.of(1) }, {
    path: 'b',
    vector: Float32Array.of(1),
    fields: { constructor: 'Lotus' },
  }] as unknown as EmbeddingRow[]
  await writeEmbeddings(folder, rows, { dim: 1, columns: { constructor: 'string' } as never })
  expect(Object.entries((await all(folder))[0]!.columns)).toContainEqual(['constructor', [null, 'Lotus']])
})

test.each<[Record<string, unknown>, string]>([
  [{ dim: 0 }, 'options.dim'],
  [{ dim: 3, rowsPerPart: 0 }, 'options.rowsPerPart'],
  [{ dim: 3, columns: { image_path: 'string' } }, 'options.columns'],
  [{ dim: 3, columns: { a: 'text' } }, 'options.columns.a'],
  [{ dim: 3, rows: 1 }, 'rows'],
])('options %j are refused', async (options, argument) => {
  await expect(writeEmbeddings(newFolder(), [], options as never)).rejects.toMatchObject({ argument })
})
