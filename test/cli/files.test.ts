/** The commands that write or look into files: embed --out, quantize, inspect. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, type Inspection, type QuantizationReport } from '../../lib/index.js'
import { TensorFile } from '../helpers/safetensors'

const root = path.join(__dirname, '..', '..')
const main = path.join(root, 'dist', 'cli', 'main.js')
const embedded = path.join(root, 'models', 'emoji-clip.gguf')
const samples = path.join(root, 'models', 'samples')
const pictures = ['pizza.webp', 'rocket.png'].map(name => path.join(samples, name))
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-cli-files-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

function ggclip(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { cwd: scratch, encoding: 'utf8' })
  return { status, stdout, stderr }
}

/** Header and numbers of a .npy file. */
function readNpy(file: string): { header: string; shape: number[]; data: Float32Array } {
  const bytes = readFileSync(file)
  expect(bytes.toString('latin1', 0, 8)).toBe('\x93NUMPY\x01\x00')
  const end = 10 + bytes.readUInt16LE(8)
  expect(end % 64).toBe(0)
  const header = bytes.toString('latin1', 10, end)
  expect(header.endsWith('\n')).toBe(true)
  const shape = /'shape': \(([^)]*)\)/.exec(header)![1]!.split(',').filter(part => part.trim() !== '').map(Number)
  const data = new Float32Array(Uint8Array.prototype.slice.call(bytes, end).buffer)
  return { header, shape, data }
}

describe('embed --out', () => {
  let clip: Clip
  beforeAll(async () => {
    clip = await Clip.load(embedded)
  })
  afterAll(() => clip.dispose())

  it('writes embeddings as NumPy, a row each in the order printed', async () => {
    const { status, stdout, stderr } = ggclip('embed', ...pictures, '--out', 'vectors.npy')
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: `${pictures.join('\n')}\n`,
      stderr: 'wrote vectors.npy: [2, 256]\n',
    })
    const { header, shape, data } = readNpy(path.join(scratch, 'vectors.npy'))
    expect(header).toContain("'descr': '<f4', 'fortran_order': False")
    expect(shape).toEqual([2, 256])
    const expected = await clip.encodeImage(pictures)
    expect(data).toEqual(Float32Array.from(expected.flatMap(vector => [...vector])))
  })

  it('writes the states of several layers as safetensors', async () => {
    const { status, stdout } = ggclip(
      'embed',
      '--text',
      'a cat',
      'a dog',
      '--hidden-state',
      '-2,-1',
      '--final-norm',
      '--out',
      'states.safetensors',
      '--json',
    )
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      out: 'states.safetensors',
      shape: [2, 2, 32, 256],
      inputs: ['a cat', 'a dog'],
    })
    const tensor = new TensorFile(path.join(scratch, 'states.safetensors')).tensor('hidden_states')
    expect(tensor.shape).toEqual([2, 2, 32, 256])
    const expected = await Promise.all(
      ['a cat', 'a dog'].map(text => clip.hiddenStates(text, { tower: 'text', layer: [-2, -1] as const, norm: true })),
    )
    const flat = expected.flat().map(({ data }) => data)
    flat.forEach((data, i) => expect(tensor.data.slice(i * data.length, (i + 1) * data.length)).toEqual(data))
    expect(tensor.data.length).toBe(4 * 32 * 256)
  })

  it('one layer of pictures has no dimension for layers', () => {
    expect(ggclip('embed', pictures[0]!, '--hidden-state', '0', '--out', 'one.npy').status).toBe(0)
    expect(readNpy(path.join(scratch, 'one.npy')).shape).toEqual([1, 65, 256])
  })

  it('leaves out what cannot be read, and nothing behind when it fails', () => {
    writeFileSync(path.join(scratch, 'bad.png'), 'no picture')
    const { status, stdout } = ggclip('embed', pictures[0]!, 'bad.png', pictures[1]!, '--out', 'some.npy')
    expect({ status, stdout }).toEqual({ status: 1, stdout: `${pictures.join('\n')}\n` })
    expect(readNpy(path.join(scratch, 'some.npy')).shape).toEqual([2, 256])
    const before = readdirSync(scratch)
    expect(ggclip('embed', pictures[0]!, '--hidden-state', '99', '--out', 'none.npy')).toMatchObject({ status: 2 })
    expect(ggclip('embed', pictures[0]!, '--out', 'nowhere/none.npy')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('ERR_CLIP_FILE_WRITE') as string,
    })
    expect(readdirSync(scratch)).toEqual(before)
  })
})

describe('quantize', () => {
  it('several types with a report, as JSON and for a pipe', () => {
    const { status, stdout, stderr } = ggclip(
      'quantize',
      embedded,
      'small-{type}.gguf',
      '--dtype',
      'q8_0,q4_0',
      '--report',
      '--samples',
      samples,
      '--json',
    )
    expect(status).toBe(0)
    expect(stderr).toMatch(/^wrote small-q8_0\.gguf: .*\nwrote small-q4_0\.gguf: .*\n$/)
    const { files, report } = JSON.parse(stdout) as {
      files: { output: string; type: string; bytes: number }[]
      report: QuantizationReport
    }
    expect(files.map(({ output, type, bytes }) => [output, type, bytes])).toEqual(['q8_0', 'q4_0'].map(type => [
      `small-${type}.gguf`,
      type,
      statSync(path.join(scratch, `small-${type}.gguf`)).size,
    ]))
    expect(report.models.map(({ model, text }) => [model, text])).toEqual([[embedded, null], ['small-q8_0.gguf', null],
      ['small-q4_0.gguf', null]])
    const pipe = ggclip('quantize', embedded, 'small.gguf', '--dtype', 'q5_0', '--report')
    const rows = pipe.stdout.trimEnd().split('\n').map(line => line.split('\t'))
    expect(rows.map(row => [row[0], row[3]])).toEqual([[embedded, 'image'], [embedded, 'text'], ['small.gguf', 'image'],
      ['small.gguf', 'text']])
    for (const row of rows) expect(Number(row[5])).toBeGreaterThan(0.99)
  })

  it('takes importance and overrides', () => {
    expect(
      ggclip(
        'quantize',
        embedded,
        'own.gguf',
        '--dtype',
        'q4_k',
        '--importance',
        samples,
        '--override',
        '*projection*=f16',
        '--policy',
        'uniform',
      ),
    ).toMatchObject({
      status: 0,
      stdout: '',
      stderr: expect.stringMatching(/^wrote own\.gguf: .*3 f16/) as string,
    })
  })
})

describe('inspect', () => {
  it('a model that loads: status 0', () => {
    const { status, stdout, stderr } = ggclip('inspect', embedded, '--keys', '--tensors')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toContain("family\tclip in ggclip's GGUF layout\n")
    expect(stdout).toContain('loads\tyes\n')
    expect(stdout).toContain('clip.vision.image_size\tu32\t64\n')
    expect(stdout).toMatch(/^v\.patch_embd\.weight\tf16\t\[256, 3, 8, 8\]\t98304$/m)
  })

  it('one that does not: status 1, and why', () => {
    const file = path.join(scratch, 'half.gguf')
    writeFileSync(file, readFileSync(embedded).subarray(0, 3_000_000))
    const { status, stdout } = ggclip('inspect', file)
    expect(status).toBe(1)
    expect(stdout).toMatch(/^loads\tno$/m)
    expect(stdout).toMatch(/^problem\t.*half\.gguf.* \(ERR_CLIP_FILE_TRUNCATED\)$/m)
    const found = JSON.parse(ggclip('inspect', file, '--json').stdout) as Inspection
    expect(found).toMatchObject({ loadable: false, format: 'gguf' })
    expect(found.tensors).toHaveLength(173)
    expect(ggclip('inspect', path.join(scratch, 'nothing'))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('ERR_CLIP_FILE_NOT_FOUND') as string,
    })
  })
})
