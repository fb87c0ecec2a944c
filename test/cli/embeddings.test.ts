/** `ggclip export` and `import`. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { ggclip, root } from './support'

const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-cli-embeddings-'))
const pictures = path.join(scratch, 'pictures')
const at = (name: string): string => path.join(scratch, name)

beforeAll(async () => {
  mkdirSync(pictures)
  for (const name of ['rocket.png', 'pizza.webp', 'guitar.jpg'])
    cpSync(path.join(root, 'models', 'samples', name), path.join(pictures, name))
  expect((await ggclip(['index', pictures])).status).toBe(0)
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

test('an index goes out, and into another one', async () => {
  const out = await ggclip(['export', at('out'), '--index', path.join(pictures, '.ggclip'), '--rows-per-part', '2'])
  expect(out).toEqual({ status: 0, stdout: '', stderr: `3 rows in 2 parts: ${at('out')}\n` })
  expect(readdirSync(at('out/metadata'))).toEqual(['metadata_0.parquet', 'metadata_1.parquet'])
  const json = await ggclip(['export', at('one'), '--index', path.join(pictures, '.ggclip'), '--json'])
  expect(JSON.parse(json.stdout)).toEqual({ rows: 3, parts: 1 })

  const made = await ggclip(['import', at('out'), pictures, '--index', at('index')])
  expect(made).toEqual({ status: 0, stdout: '', stderr: '3 of 3 rows imported; the index has 3 pictures\n' })
  const again = await ggclip(['import', at('one'), '--index', at('index'), '--json'])
  expect(JSON.parse(again.stdout)).toEqual({
    rows: 3,
    imported: 0,
    known: 3,
    missing: 0,
    outside: 0,
    changed: 0,
    unusable: 0,
  })
  const search = await ggclip(['search', 'a rocket', '--index', at('index'), '-k', '1'])
  expect(search.stdout).toMatch(/rocket\.png\t/)
  expect((await ggclip(['index', '--index', at('index')])).stderr).toContain('0 embedded, 3 unchanged')
})

test.each<[string[], number, RegExp]>([
  [['export', at('out2')], 2, /no search index here or above/],
  [['export', at('pictures'), '--index', path.join(pictures, '.ggclip')], 1,
    /not there yet, or is empty \(ERR_CLIP_FILE_WRITE\)/],
  [['export', at('out2'), '--table', 'other'], 2, /--table is for --store/],
  [['export', at('out2'), '--store', 'lance:x', '--index', path.join(pictures, '.ggclip')], 2, /not both/],
  [['export', at('out2'), '--store', 'mysql://x'], 2, /'lance:<folder>'/],
  [['import', at('nowhere'), pictures], 1, /as clip-retrieval writes it.*\(ERR_CLIP_FILE_NOT_FOUND\)/],
  [['import', path.join(root, 'test', 'fixtures', 'embeddings'), pictures], 1,
    /have 4 values.*\(ERR_CLIP_INDEX_MODEL\)/],
  [['import', at('out'), '--key', 'url'], 2, /--table, --key, --field and --tower are for --store/],
  [['import', at('out'), pictures, '--store', 'memory:'], 2, /not both/],
  [['import', at('out'), '--store', 'lance:no', '--field', 'caption'], 2, /expected name:kind for --field/],
  [['import', at('out'), '--store', 'lance:no', '--field', 'caption:text'], 2, /'string', 'number', 'boolean'/],
])('%j ends with %i', async (args, status, message) => {
  const result = await ggclip(args)
  expect([result.status, result.stderr]).toEqual([status, expect.stringMatching(message)])
  expect(existsSync(at('out2'))).toBe(false)
})
