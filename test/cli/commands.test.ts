/** The commands give what the API gives, in each of their forms. */
import { execFileSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'

import sharp from 'sharp'

import { ggclip, inModel, json, model, root, scratch } from './support'

const red = path.join(scratch, 'red.png')
const blue = path.join(scratch, 'blue.jpg')
const bad = path.join(scratch, 'bad.png')

beforeAll(async () => {
  const picture = (background: string) => sharp({ create: { width: 90, height: 70, channels: 3, background } })
  await picture('red').png().toFile(red)
  await picture('blue').jpeg().toFile(blue)
  writeFileSync(bad, 'no picture at all')
})

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
