/** `ggclip index`, `search` and `dedupe`. */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import sharp from 'sharp'

const root = path.join(__dirname, '..', '..')
const main = path.join(root, 'dist', 'cli', 'main.js')
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-cli-search-'))
const folder = path.join(scratch, 'pictures')

beforeAll(async () => {
  mkdirSync(folder)
  for (const name of ['rocket.png', 'pizza.webp', 'guitar.jpg'])
    cpSync(path.join(root, 'models', 'samples', name), path.join(folder, name))
  await sharp(path.join(root, 'models', 'samples', 'rocket.png'))
    .withExif({ IFD2: { DateTimeOriginal: '2024:05:31 23:30:00' } })
    .toFile(path.join(folder, 'rocket.png'))
  cpSync(path.join(folder, 'guitar.jpg'), path.join(folder, 'guitar-again.jpg'))
  for (const name of ['guitar.jpg', 'guitar-again.jpg']) utimesSync(path.join(folder, name), 1e9, 1e9)
  writeFileSync(path.join(folder, 'bad.png'), 'no picture')
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

function ggclip(args: string[], cwd = scratch): Promise<{ status: unknown; stdout: string; stderr: string }> {
  return new Promise(resolve => {
    const env = { ...process.env, TZ: 'America/New_York' }
    execFile(process.execPath, [main, ...args, '--threads', '1'], { cwd, env }, (error, stdout, stderr) => {
      resolve({ status: error?.code ?? 0, stdout, stderr })
    })
  })
}

test('one command indexes a folder and searches it; the next ones find the index', async () => {
  const first = await ggclip(['search', 'a rocket', 'pictures', '-k', '2'])
  expect(first).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^pictures\/rocket\.png\t0\.\d{6}\n.*\n$|rocket\.png\t0\.\d{6}\n/),
  })
  expect(first.stderr).toContain(
    '3 embedded, 0 unchanged, 1 copies, renamed or moved, 1 cannot be read; the index has 3 pictures',
  )
  expect(first.stderr).toContain('bad.png: image cannot be decoded')

  const again = await ggclip(['search', 'a pizza - a rocket', '--top-k', '1', '--json'], folder)
  expect(JSON.parse(again.stdout)).toEqual([{
    path: path.join(folder, 'pizza.webp'),
    similarity: expect.any(Number),
    size: expect.any(Number),
    modified: expect.stringMatching(/Z$/),
    copies: [],
  }])
  const zero = await ggclip(['search', 'a guitar', '-0', '-k', '1', '--index', 'pictures/.ggclip'])
  expect(zero.stdout).toBe(`${path.join(folder, 'guitar-again.jpg')}\0`)
  const filtered = await ggclip(['search', 'a guitar', '--path', '**/*.webp'], folder)
  expect(filtered.stdout).toMatch(/^[^\n]*pizza\.webp\t[\d.-]+\n$/)
  const mistyped = await ggclip(['search', 'guitar.jgp - "rocket.png" + gone.JPG', '-k', '1'], folder)
  expect(mistyped).toMatchObject({ status: 0, stderr: 'there is no file gone.JPG: these are words of the query\n' })
  const bytes = String(statSync(path.join(folder, 'pizza.webp')).size)
  const sized = await ggclip(['search', 'a guitar', '--min-size', bytes, '--max-size', bytes], folder)
  expect(sized.stdout).toBe(filtered.stdout)
  const taken = ['--taken-after', '2024-05-31T23:30', '--taken-before', '2024-05-31 23:31'] // whatever the zone here
  const photos = await ggclip(['search', 'a guitar', ...taken], folder)
  expect(photos.stdout).toMatch(/^[^\n]*rocket\.png\t[\d.-]+\n$/)
  const later = await ggclip(['search', 'a guitar', '--after', '2999-01-01', '--json'], folder)
  expect(later.stdout).toBe('[]\n')

  const update = await ggclip(['index', '--json'], folder)
  expect(JSON.parse(update.stdout)).toEqual({
    unchanged: 4,
    known: 0,
    embedded: 0,
    removed: 0,
    failed: 1,
    unreadable: [],
  })
  expect(JSON.parse((await ggclip(['index', '--info', '--json'], folder)).stdout)).toMatchObject({
    files: 4,
    pictures: 3,
    failed: 1,
    dim: 256,
  })
  expect((await ggclip(['index', '--failures'], folder)).stdout).toMatch(/bad\.png\timage cannot be decoded/)
  expect((await ggclip(['index', '--check'], folder)).stderr).toBe('all vectors are as in the database\n')
})

test('cluster, and pages of pictures', async () => {
  const page = path.join(scratch, 'groups.html')
  const lines = await ggclip(['cluster', 'pictures', '--count', '3', '--html', page])
  expect(lines.stdout.split('\n').filter(line => /^[123]\t[^\t]*\t(?:0\.999|1\.000)\d{3}$/.test(line))).toHaveLength(3)
  const groups = JSON.parse((await ggclip(['cluster', '--count', '1', '-k', '2', '--json'], folder)).stdout) as unknown
  expect(groups).toEqual([{
    size: 3,
    pictures: [expect.objectContaining({ path: expect.any(String) }), expect.anything()],
  }])
  const html = readFileSync(page, 'utf8')
  expect(html.match(/src="data:image\/jpeg;base64,/g)).toHaveLength(3)
  expect(html).toContain('<h2>1: 1 picture</h2>')

  const odd = path.join(folder, `a&b'<i>".png`)
  cpSync(path.join(folder, 'rocket.png'), odd)
  await ggclip(['search', '<b>a rocket</b>', 'pictures', '--html', page])
  rmSync(odd)
  const found = readFileSync(page, 'utf8')
  expect(found).toContain('<h1>&#60;b&#62;a rocket&#60;/b&#62;</h1>')
  expect(found).toContain('a&#38;b&#39;&#60;i&#62;&#34;.png')
  expect(found).not.toMatch(/<b>|<i>/)
  const nowhere = await ggclip(['search', 'a rocket', '--html', path.join(scratch, 'none', 'x.html')], folder)
  expect(nowhere).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('ERR_CLIP_FILE_WRITE') })
  await ggclip(['index'], folder)
})

test('dedupe', async () => {
  const groups = await ggclip(['dedupe', 'pictures'])
  expect(groups.stdout).toMatch(
    /^1\tkeep\t[^\n]*guitar-again\.jpg\t1\.000000\n1\tother\t[^\n]*guitar\.jpg\t1\.000000\n$/,
  )
  expect((await ggclip(['dedupe', '-0'], folder)).stdout).toBe(`${path.join(folder, 'guitar.jpg')}\0`)
})

test('--remove says what is left', async () => {
  mkdirSync(path.join(scratch, 'more'))
  cpSync(path.join(folder, 'guitar.jpg'), path.join(scratch, 'more', 'guitar.jpg'))
  await ggclip(['index', 'more', path.join(folder, 'rocket.png'), '--index', 'both'])
  expect(await ggclip(['index', '--remove', 'more', '--index', 'both'])).toEqual({
    status: 0,
    stdout: '',
    stderr: 'more is forgotten; the index has 1 picture\n',
  })
})

test.each([
  [['search', 'x'], 2, 'no search index here or above'],
  [['search', 'a - ', 'pictures'], 2, 'words or a picture on both sides'],
  [['search', 'x', 'pictures', '--json', '-0'], 2, 'give --json or -0, not both'],
  [['search', 'x', 'pictures', '--after', 'yesterday'], 2, 'Expected a date'],
  [['search', 'x', 'pictures', '--max-size', 'large'], 2, 'Expected bytes, or a size'],
  [['search', 'x', 'pictures', '--min-similarity', '2'], 2, 'options.minSimilarity'],
  [['index', 'no-such-folder'], 1, "there is no 'no-such-folder' (ERR_CLIP_FILE_NOT_FOUND)"],
  [['index', 'no-such-folder', '--index', 'another'], 1, 'cannot be indexed: ENOENT'],
  [['index', '--remove', 'elsewhere', '--index', 'pictures/.ggclip'], 2, "one of the index's folders"],
  [['index', '--info', '--index', 'nowhere'], 1, 'there is no search index in'],
  [['dedupe', 'pictures', '--keep', 'best'], 2, 'largest, oldest, newest'],
])('%j', async (args, status, words) => {
  const result = await ggclip(args)
  expect([result.status, result.stdout]).toEqual([status, ''])
  expect(result.stderr).toContain(words)
})

// there Node's recursive mkdir does not end
test('an index in a place where the system makes no folders', async () => {
  if (process.platform !== 'linux') return
  const result = await ggclip(['index', 'pictures', '--index', '/proc/none/index'])
  expect([result.status, result.stderr]).toEqual([1, expect.stringContaining("'/proc/none/index' cannot be made")])
})
