import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import sharp from 'sharp'

import { oracle } from '../helpers/oracle'

const root = path.join(__dirname, '..', '..')
const main = path.join(root, 'dist', 'cli', 'main.js')
const model = path.join(oracle, 'models', 'hf-clip-tiny')

const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-cli-'))
const red = path.join(scratch, 'red.png')
const blue = path.join(scratch, 'blue.jpg')
const bad = path.join(scratch, 'bad.png')
const inModel = ['--model', model]

beforeAll(async () => {
  const picture = (background: string) => sharp({ create: { width: 90, height: 70, channels: 3, background } })
  await picture('red').png().toFile(red)
  await picture('blue').jpeg().toFile(blue)
  writeFileSync(bad, 'no picture at all')
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

interface Result {
  status: number | null
  stdout: string
  stderr: string
}

interface RunOptions {
  input?: string | Buffer
  env?: Record<string, string>
  /** Called once the command is started, instead of giving it its input. */
  during?: (child: ReturnType<typeof spawn>) => void
}

function ggclip(args: string[], { input = '', env = {}, during }: RunOptions = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { cwd: scratch, env: { ...process.env, ...env } })
    const result = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk: Buffer) => (result.stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (result.stderr += chunk.toString()))
    child.stdin.on('error', () => undefined)
    child.on('error', reject)
    child.on('close', status => resolve({ status, ...result }))
    if (during) during(child)
    else child.stdin.end(input)
  })
}

async function json<T>(args: string[], options?: RunOptions): Promise<T> {
  const { status, stdout, stderr } = await ggclip([...args, '--json'], options)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return JSON.parse(stdout) as T
}

/** What an expression over `clip` gives through the API, in a process of its own. */
function api<T>(expression: string): T {
  const script = `const { Clip } = require(${JSON.stringify(path.join(root, 'dist', 'index.js'))})
    const list = vector => Array.from(vector)
    const [red, blue] = ${JSON.stringify([red, blue])}
    Clip.load(${JSON.stringify(model)}).then(async clip => console.log(JSON.stringify(await (${expression}))))`
  return JSON.parse(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })) as T
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length)
  actual.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5))
}

interface Classified {
  image: string
  results: { label: string; score: number; similarity: number }[]
}
interface Embedded {
  input: string
  embedding: number[]
}
interface Fit {
  text: string
  probability: number
  logit: number
  similarity: number
}
interface Compared {
  image: string
  results: Fit[]
}
interface Tokenized {
  text: string
  ids: number[]
  length: number
}

describe('usage', () => {
  it('prints the version and the help', async () => {
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }
    expect(await ggclip(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' })
    const help = await ggclip(['--help'])
    expect(help.status).toBe(0)
    for (
      const verb of ['classify', 'embed', 'similarity', 'index', 'search', 'dedupe', 'cluster', 'watch', 'mcp',
        'enqueue', 'work', 'queue', 'tokenize', 'info', 'models', 'pull', 'inspect', 'convert', 'quantize', 'demo']
    ) {
      expect(help.stdout).toMatch(new RegExp(`^  ${verb} `, 'm'))
      const own = await ggclip([verb, '--help'])
      expect(own).toMatchObject({ status: 0, stderr: '' })
      expect(own.stdout).toContain('Examples:')
      expect(own.stdout).toContain('--json')
      if (!['convert', 'quantize', 'inspect', 'models', 'pull', 'enqueue', 'queue'].includes(verb))
        expect(own.stdout).toContain('--model')
    }
  })

  it.each([
    [['clasify'], "unknown command 'clasify' (Did you mean classify?) (ERR_CLIP_INVALID_ARGUMENT)"],
    [['classify', 'a.png', '--labls', 'a'], /'--labls' \(Did you mean --labels\?\) \(ERR_CLIP_UNKNOWN_OPTION\)$/],
    [['classify', 'a.png'], 'no labels: give some with --labels a,b,c or --labels-file (ERR_CLIP_INVALID_ARGUMENT)'],
    [['classify', 'a.png', '--labels', ' ,,'], /no labels: .*\(ERR_CLIP_INVALID_ARGUMENT\)$/],
    [['classify', '--labels', 'a'], "missing required argument 'image' (ERR_CLIP_INVALID_ARGUMENT)"],
    [['embed'], 'nothing to embed: give images, or texts with --text (ERR_CLIP_INVALID_ARGUMENT)'],
    [['embed', 'a.png', '--text', 'b'], 'give images or --text, not both (ERR_CLIP_INVALID_ARGUMENT)'],
    [['info', '--threads', 'two'], /'--threads <n>' argument 'two' is invalid\..*\(ERR_CLIP_INVALID_ARGUMENT\)/],
    [['info', '--threads', '0'], /threads but received 0 .*\(ERR_CLIP_OUT_OF_RANGE\)/],
    [['embed', 'a.png', '--background', '1,2'], /Expected r,g,b or #rrggbb\. \(ERR_CLIP_INVALID_ARGUMENT\)/],
    [['info', '--max-batch', '0'], /maxBatch but received 0 .*\(ERR_CLIP_OUT_OF_RANGE\)/],
    [['info', '--device', 'abacus'], /'auto', 'cpu'.* for device .*\(ERR_CLIP_OUT_OF_RANGE\)/],
    [['info', 'a', '--model', 'b'], /give the model only once: .*\(ERR_CLIP_INVALID_ARGUMENT\)$/],
    [['quantize', 'a', 'b', '--dtype', 'q8_0,q4_0'],
      "several types need {type} in the output's name (ERR_CLIP_INVALID_ARGUMENT)"],
    [['quantize', 'a', 'b', '--samples', 'c'], '--samples is for --report (ERR_CLIP_INVALID_ARGUMENT)'],
    [['quantize', '.', 'b', '--dtype', 'q3'], /for dtype but received 'q3' .*\(ERR_CLIP_OUT_OF_RANGE\)$/],
    [['embed', 'a.png', '--hidden-state', '-1'], '--hidden-state needs --out (ERR_CLIP_INVALID_ARGUMENT)'],
    [['embed', 'a.png', '--final-norm'], '--final-norm is for --hidden-state (ERR_CLIP_INVALID_ARGUMENT)'],
    [['embed', 'a.png', '--out', 'a.csv'], "'a.csv': --out writes .npy or .safetensors (ERR_CLIP_INVALID_ARGUMENT)"],
    [['embed', 'a.png', '--hidden-state', 'last', '--out', 'a.npy'],
      /Expected a whole number, or several with commas\. \(ERR_CLIP_INVALID_ARGUMENT\)/],
    [['convert', 'a', 'b', '--override', 'c'], /Expected pattern=type\. \(ERR_CLIP_INVALID_ARGUMENT\)/],
  ])('%j ends with status 2', async (args, message) => {
    const { status, stdout, stderr } = await ggclip(args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    const [first, hint] = stderr.split('\n')
    if (typeof message === 'string') expect(first).toBe(`ggclip: ${message}`)
    else expect(first).toMatch(message)
    expect(hint).toMatch(/^run "ggclip (?:\w+ )?--help" for help$/)
  })

  it('prints the help on stderr when there is no command', async () => {
    const { status, stdout, stderr } = await ggclip([])
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain('Usage: ggclip')
  })

  it('prints a stack only for GGCLIP_DEBUG', async () => {
    const plain = await ggclip(['info', 'nowhere'])
    expect(plain.status).toBe(1)
    expect(plain.stderr).toMatch(/^ggclip: no model at 'nowhere': .*\(ERR_CLIP_MODEL_UNKNOWN\)\n$/)
    const debug = await ggclip(['info', 'nowhere'], { env: { GGCLIP_DEBUG: '1' } })
    expect(debug.stderr).toMatch(/\n +at /)
  })
})

describe('classify', () => {
  const labels = ['--labels', 'cat, a red wall ,sky', ...inModel]

  it('prints JSON with the numbers of the API', async () => {
    const actual = await json<Classified[]>(['classify', red, blue, ...labels])
    const expected = api<Classified['results'][]>(
      "clip.classifier(['cat', 'a red wall', 'sky']).then(classifier => classifier.classify([red, blue]))",
    )
    expect(actual.map(entry => entry.image)).toEqual([red, blue])
    actual.forEach(({ results }, i) => {
      expect(results.map(result => result.label)).toEqual(expected[i]!.map(result => result.label))
      expectClose(results.map(result => result.score), expected[i]!.map(result => result.score))
      expectClose(results.map(result => result.similarity), expected[i]!.map(result => result.similarity))
    })
  })

  it('takes templates, --top-k and --multi-label', async () => {
    const args = ['--template', '{}', '--template', 'a {label}!', '--top-k', '2', '--multi-label']
    const [actual] = await json<Classified[]>(['classify', red, ...labels, ...args])
    const expected = api<Classified['results']>(
      "clip.classify(red, ['cat', 'a red wall', 'sky'], { templates: ['{}', 'a {}!'], topK: 2, multiLabel: true })",
    )
    expect(actual!.results.map(result => result.label)).toEqual(expected.map(result => result.label))
    expectClose(actual!.results.map(result => result.score), expected.map(result => result.score))
  })

  it('reads pictures as it is told', async () => {
    const png = path.join(scratch, 'glass.png')
    const jpeg = path.join(scratch, 'turned.jpg')
    await sharp({ create: { width: 80, height: 80, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0.3 } } })
      .png().toFile(png)
    const half = await sharp({ create: { width: 40, height: 60, channels: 3, background: 'blue' } }).png().toBuffer()
    await sharp({ create: { width: 90, height: 60, channels: 3, background: 'red' } })
      .composite([{ input: half, left: 0, top: 0 }]).withMetadata({ orientation: 6 }).jpeg().toFile(jpeg)
    const similarities = async (...args: string[]) =>
      (await json<Classified[]>(['classify', ...args, ...labels]))[0]!.results.map(result => result.similarity)
    const expected = (options: string) =>
      api<number[]>(`Promise.all([${JSON.stringify(png)}, ${JSON.stringify(jpeg)}].map(file =>
      clip.classify(file, ['cat', 'a red wall', 'sky'], ${options}))).then(all => all.flat().map(result => result.similarity))`)
    const black = expected('{ background: [0, 0, 0], orient: false }')
    for (const colour of ['0,0,0', '#000000']) {
      expectClose(
        [...await similarities(png, '--background', colour), ...await similarities(jpeg, '--no-orient')],
        black,
      )
    }
    const plain = expected('{}')
    expectClose([...await similarities(png), ...await similarities(jpeg)], plain)
    expect(Math.max(...plain.map((value, i) => Math.abs(value - black[i]!)))).toBeGreaterThan(1e-4)
    const large = await ggclip(['classify', png, ...labels, '--max-pixels', '6399'])
    expect(large).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining('(ERR_CLIP_IMAGE_TOO_LARGE)'),
    })
    expect(await similarities(png, '--max-pixels', '6400', '--sessions', '2', '--max-batch', '1')).toHaveLength(3)
  })

  it('prints tab-separated lines into a pipe, without colours', async () => {
    const { status, stdout } = await ggclip(['classify', red, ...labels, '--top-k', '1'])
    expect(status).toBe(0)
    const cells = stdout.trimEnd().split('\t')
    expect(cells).toHaveLength(4)
    expect(cells[0]).toBe(red)
    expect(cells[2]).toMatch(/^\d\.\d{6}$/)
    expect(stdout).not.toContain('\x1b')
  })

  it('reads an image from stdin, and labels from a file or stdin', async () => {
    const file = path.join(scratch, 'labels.txt')
    writeFileSync(file, '\ufeffcat\r\n\n a red wall \nsky')
    const expected = await json<Classified[]>(['classify', red, ...labels])
    const fromFile = ['classify', '-', '--labels-file', file, ...inModel]
    const piped = await json<Classified[]>(fromFile, { input: readFileSync(red) })
    expect(piped).toEqual([{ image: '-', results: expected[0]!.results }])
    const fromStdin = ['classify', red, '--labels-file', '-', ...inModel]
    const listed = await json<Classified[]>(fromStdin, { input: readFileSync(file) })
    expect(listed).toEqual(expected)
    const twice = await ggclip(['classify', '-', '--labels-file', '-', ...inModel], { input: 'a\nb' })
    expect(twice.status).toBe(2)
    expect(twice.stderr).toContain('only once')
  })

  it('prints the good pictures and reports the bad ones', async () => {
    const missing = path.join(scratch, 'missing.png')
    const { status, stdout, stderr } = await ggclip(['classify', red, bad, missing, blue, ...labels, '--json'])
    expect(status).toBe(1)
    expect((JSON.parse(stdout) as Classified[]).map(entry => entry.image)).toEqual([red, blue])
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(/^ggclip: .*bad\.png.* \(ERR_CLIP_IMAGE_DECODE\)$/),
      expect.stringMatching(/^ggclip: .*missing\.png.* \(ERR_CLIP_FILE_NOT_FOUND\)$/),
      '',
    ])
  })

  it('prints an empty list when every picture is bad', async () => {
    const { status, stdout, stderr } = await ggclip(['classify', '-', ...labels, '--json'])
    expect({ status, stdout }).toEqual({ status: 1, stdout: '[]\n' })
    expect(stderr).toMatch(/^ggclip: image on stdin .*\(ERR_CLIP_IMAGE_EMPTY\)\n$/)
  })
})

describe('embed', () => {
  it('embeds pictures like the API', async () => {
    const actual = await json<Embedded[]>(['embed', red, blue, '--no-normalize', ...inModel])
    const expected = api<number[][]>(
      'clip.encodeImage([red, blue], { normalize: false }).then(vectors => vectors.map(list))',
    )
    expect(actual.map(entry => entry.input)).toEqual([red, blue])
    actual.forEach(({ embedding }, i) => expectClose(embedding, expected[i]!))
  })

  it('embeds texts of the arguments and of stdin, a line each', async () => {
    const texts = ['a cat', '', 'a dog']
    const actual = await json<Embedded[]>(['embed', '--text', ...texts, ...inModel])
    const expected = api<number[][]>(`clip.encodeText(${JSON.stringify(texts)}).then(vectors => vectors.map(list))`)
    expect(actual.map(entry => entry.input)).toEqual(texts)
    actual.forEach(({ embedding }, i) => {
      expectClose(embedding, expected[i]!)
      expect(Math.hypot(...embedding)).toBeCloseTo(1, 5)
    })
    const lines = await json<Embedded[]>(['embed', '--text', '-', ...inModel], { input: 'a cat\r\n\na dog\n' })
    expect(lines.map(entry => entry.input)).toEqual(texts)
    lines.forEach(({ embedding }, i) => expectClose(embedding, expected[i]!))
  })

  it('prints numbers that bring each float32 back', async () => {
    const { stdout } = await ggclip(['embed', '--text', 'tab\there', ...inModel])
    const [name, ...numbers] = stdout.trimEnd().split('\t')
    expect(name).toBe('tab\\there')
    const [expected] = await json<Embedded[]>(['embed', '--text', 'tab\there', ...inModel])
    expect(numbers.map(number => Math.fround(Number(number)))).toEqual(expected!.embedding)
  })
})

describe('similarity, tokenize, info, convert', () => {
  it('compares a picture with texts', async () => {
    const actual = await json<Compared[]>(['similarity', '-', 'a cat', 'red', ...inModel], { input: readFileSync(red) })
    const expected = api<{ logits: number[]; probabilities: number[] }>(`clip.similarity(red, ['a cat', 'red'])
      .then(({ logits: [row], probabilities: [shares] }) => ({ logits: list(row), probabilities: list(shares) }))`)
    expect(actual).toHaveLength(1)
    expect(actual[0]!.image).toBe('-')
    expect(actual[0]!.results.map(result => result.text)).toEqual(['a cat', 'red'])
    actual[0]!.results.forEach(({ logit, probability, similarity }, i) => {
      expect(logit).toBeCloseTo(expected.logits[i]!, 3)
      expect(probability).toBeCloseTo(expected.probabilities[i]!, 4)
      expect(Math.abs(similarity)).toBeLessThanOrEqual(1)
    })
  })

  it('tokenizes', async () => {
    const [one] = await json<Tokenized[]>(['tokenize', 'a photo of a cat', ...inModel])
    expect(one!.ids).toEqual(api("list(clip.tokenize('a photo of a cat'))"))
    const { stdout } = await ggclip(['tokenize', '-', ...inModel], { input: 'a photo of a cat\n\n' })
    const lines = stdout.split('\n')
    expect(lines[0]).toBe(one!.ids.slice(0, one!.length).join(' '))
    expect(lines[1]!.split(' ')).toHaveLength(2)
    const padded = await ggclip(['tokenize', '--pad', 'a photo of a cat', ...inModel])
    expect(padded.stdout.trimEnd()).toBe(one!.ids.join(' '))
    const [long] = await json<Tokenized[]>(['tokenize', 'cat '.repeat(200), ...inModel])
    expect(long!.length).toBe(long!.ids.length)
  })

  it('tells what a model is', async () => {
    const info = await json<{ dim: number; path: string; threads: number }>(['info', model, '--threads', '1'])
    expect(info).toEqual({ ...api<object>('clip.info'), threads: 1 })
    const { stdout } = await ggclip(['info', ...inModel])
    expect(stdout).toContain(`embedding\t${info.dim} numbers\n`)
  })

  it('converts, and works with the result', async () => {
    const file = path.join(scratch, 'tiny.gguf')
    const metadata = ['--name', 'tiny', '--license', 'none', '--source', 'test']
    const types = ['--dtype', 'q8_0', '--override', '*token_embd*=f16']
    const { status, stdout, stderr } = await ggclip(['convert', model, file, ...types, ...metadata, '--json'])
    expect(status).toBe(0)
    expect(stderr).toMatch(/^wrote .*tiny\.gguf: /)
    const result = JSON.parse(stdout) as { output: string; bytes: number; tensors: Record<string, number> }
    expect(result).toMatchObject({ output: file, bytes: statSync(file).size })
    expect(result.tensors.q8_0).toBeGreaterThan(0)
    const info = await json<object>(['info', file])
    expect(info).toMatchObject({ name: 'tiny', license: 'none', source: 'test', format: 'gguf' })
    const [before] = await json<Tokenized[]>(['tokenize', 'a cat', ...inModel])
    expect(await json<Tokenized[]>(['tokenize', 'a cat', '--model', file])).toEqual([before])
  })

  it('fails with a coded line for a file that is no model', async () => {
    const { status, stdout, stderr } = await ggclip(['embed', red, '--model', bad])
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(/^ggclip: .*bad\.png.* \(ERR_CLIP_\w+\)\n$/)
  })
})

describe('the process', () => {
  it('ends with 130 on SIGINT', async () => {
    const { status, stdout, stderr } = await ggclip(['embed', '--text', '-', ...inModel], {
      // stdin stays open: the command has answered and waits for more
      during: child => {
        child.stdin!.write('a cat\n')
        child.stdout!.once('data', () => child.kill('SIGINT'))
      },
    })
    expect({ status, stderr }).toEqual({ status: 130, stderr: 'ggclip: interrupted\n' })
    expect(stdout).toMatch(/^a cat\t.*\n$/)
  })

  it('ends quietly when the reader leaves', async () => {
    const texts = Array.from({ length: 3000 }, (_, i) => `text ${i}`).join('\n')
    const { status, stderr } = await ggclip(['embed', '--text', '-', ...inModel], {
      during: child => {
        child.stdin!.end(texts)
        child.stdout!.once('data', () => child.stdout!.destroy())
      },
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })
})

describe('the embedded model', () => {
  interface Demo {
    pictures: { image: string; kind: string; expected: string; correct: boolean; results: Classified['results'] }[]
    correct: Record<'emoji' | 'photo', { right: number; of: number }>
  }

  it('classifies its samples', async () => {
    const demo = await json<Demo>(['demo'])
    expect(demo.correct.emoji).toEqual({ right: 12, of: 12 })
    expect(demo.pictures).toHaveLength(18)
    for (const name of ['dress', 'pants', 'shoes']) {
      const photo = demo.pictures.find(picture => picture.image.endsWith(`photo-${name}.jpg`))
      expect(photo).toMatchObject({ expected: name, correct: true })
    }
    const { status, stdout } = await ggclip(['demo'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^Right: 12 of 12 emoji, \d of 6 photographs$/m)
  })

  const manual = readFileSync(path.join(root, 'docs', 'cli.md'), 'utf8')
  const examples = [...manual.matchAll(/```sh\n([^]*?)```/g)]
    .flatMap(match => match[1]!.trim().split('\n'))
    .filter(line => !/^(npm|cp) /.test(line)) // the two lines that install: npm run test:newcomer

  it.each(examples)('runs the example of docs/cli.md: %s', async line => {
    if (!existsSync(path.join(scratch, 'models'))) symlinkSync(path.join(root, 'models'), path.join(scratch, 'models'))
    const script = `set -e -o pipefail; ggclip() { "${process.execPath}" "${main}" "$@"; }; ${line}`
    const child = spawn('bash', ['-c', script], { cwd: scratch, stdio: ['ignore', 'ignore', 'pipe'] })
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    const status = await new Promise(resolve => child.on('close', resolve))
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
  })
})
