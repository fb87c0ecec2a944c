/**
 * The coverage table of docs/models.md: every configuration of open_clip, and every name in the lists of the applications.
 * Of each configuration `inspect` reads the real one with all its tensors at their true sizes, in a file that holds no data
 * (scripts/oracle/coverage.py). That such a model's numbers are right is the business of the other tests in this folder.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { brotliDecompressSync } from 'node:zlib'

import { inspect } from '../../lib/index.js'
import { cache } from '../helpers/oracle'

interface Configuration {
  config: object
  /** Where its published weights are, by open_clip's tag. */
  weights: Record<string, string>
  /** Shapes of its state dict. */
  tensors: Record<string, number[]>
}

interface Application {
  /** open_clip's names, `configuration__tag`. */
  open_clip: string[]
  /** Other names, with the test model of that class: a folder of build/cache/drawn or test/fixtures/reference/families. */
  classes: Record<string, string>
}

const root = path.join(__dirname, '..', '..')
const data = path.join(root, 'test', 'fixtures', 'model-lists')
const configurations = JSON.parse(
  brotliDecompressSync(readFileSync(path.join(data, 'open-clip.json.br'))).toString(),
) as Record<string, Configuration>
const applications = JSON.parse(readFileSync(path.join(data, 'applications.json'), 'utf8')) as Record<
  string,
  Application
>
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-coverage-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** Writes a checkpoint whose tensors are all zero: the file is one hole behind its header. */
function writeCheckpoint({ config, tensors }: Configuration): void {
  writeFileSync(
    path.join(scratch, 'open_clip_config.json'),
    JSON.stringify({ model_cfg: config, preprocess_cfg: {} }),
  )
  let offset = 0
  const header = Object.fromEntries(
    Object.entries(tensors).map(([name, shape]) => {
      const whole = /position_ids$|num_batches_tracked$/.test(name)
      const bytes = shape.reduce((product, n) => product * n, whole ? 8 : 4)
      return [name, { dtype: whole ? 'I64' : 'F32', shape, data_offsets: [offset, offset += bytes] }]
    }),
  )
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  const file = path.join(scratch, 'open_clip_model.safetensors')
  writeFileSync(file, Buffer.concat([length, text]))
  truncateSync(file, 8 + text.length + offset)
}

/** Tokenizers are files of their own, which are not there. */
async function problemsOf(configuration: Configuration): Promise<string[]> {
  writeCheckpoint(configuration)
  const { problems } = await inspect(scratch)
  return problems.filter(({ code }) => code !== 'ERR_CLIP_TOKENIZER_MISSING').map(({ message }) => message)
}

/** Rows of the table under a heading: the names in its first column, and what its second says. */
function tableUnder(heading: string): Map<string, string> {
  const text = readFileSync(path.join(root, 'docs', 'models.md'), 'utf8')
  const section = text.split(/^#+ /m).find(part => part.startsWith(`${heading}\n`))
  const rows = [...(section ?? '').matchAll(/^\| (`.*?) \| (yes|no) \|/gm)]
  const pairs = rows.flatMap(([, names, loads]) =>
    [...names!.matchAll(/`([^`]+)`/g)].map(([, name]) => [name!, loads!] as const)
  )
  expect(pairs.length).toBe(new Set(pairs.map(([name]) => name)).size)
  return new Map(pairs)
}

const loads = new Map<string, boolean>()
beforeAll(async () => {
  for (const [name, configuration] of Object.entries(configurations))
    loads.set(name, (await problemsOf(configuration)).length === 0)
}, 120_000)

it('says of every configuration of open_clip whether it loads', () => {
  expect(Object.fromEntries(tableUnder('open_clip'))).toEqual(
    Object.fromEntries([...loads].map(([name, is]) => [name, is ? 'yes' : 'no'])),
  )
})

it('counts configurations and published weights', () => {
  const all = new Set<string>()
  const loading = new Set<string>()
  for (const [name, { weights }] of Object.entries(configurations)) {
    for (const where of Object.values(weights)) {
      all.add(where)
      if (loads.get(name)) loading.add(where)
    }
  }
  const count = [...loads.values()].filter(Boolean).length
  const text = readFileSync(path.join(root, 'docs', 'models.md'), 'utf8')
  expect(text).toContain(
    `${count} of ${loads.size} configurations, ${loading.size} of ${all.size} published weights load`,
  )
})

it.each(Object.entries(applications))(
  'says of every name of %s whether it loads',
  (application, { open_clip: names, classes }) => {
    const known = new Map(Object.keys(configurations).map(name => [name.toLowerCase(), name]))
    const expected = [
      ...names.map(name => [name, loads.get(known.get(name.replace(/__.*/, '').toLowerCase())!)] as const),
      ...Object.entries(classes).map(([name, folder]) =>
        [name, [path.join(cache, 'drawn'), path.join(root, 'test', 'fixtures', 'reference', 'families')].some(place =>
          folder !== '' && existsSync(path.join(place, folder))
        )] as const
      ),
    ]
    expect(Object.fromEntries(tableUnder(application))).toEqual(
      Object.fromEntries(expected.map(([name, is]) => [name, is ? 'yes' : 'no'])),
    )
  },
)
