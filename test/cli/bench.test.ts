import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import type { BenchReport } from '../../lib/cli/bench/report.js'
import type { ClipInfo } from '../../lib/index.js'

const root = path.join(__dirname, '..', '..')
const main = path.join(root, 'dist', 'cli', 'main.js')
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-bench-test-'))
const short = ['--rounds', '2', '--batches', '1,3', '--sizes', '64x48', '--calls', '5']

afterAll(() => rmSync(scratch, { recursive: true, force: true }))

interface Result {
  status: number | null
  stdout: string
  stderr: string
}

function ggclip(args: string[], env: Record<string, string> = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: scratch,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const result = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk: Buffer) => (result.stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (result.stderr += chunk.toString()))
    child.on('error', reject)
    child.on('close', status => resolve({ status, ...result }))
  })
}

async function bench(args: string[], env?: Record<string, string>): Promise<BenchReport> {
  const { status, stdout, stderr } = await ggclip(['bench', ...args, '--json'], env)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return JSON.parse(stdout) as BenchReport
}

async function modelInfo(): Promise<ClipInfo> {
  return JSON.parse((await ggclip(['info', '--json'])).stdout) as ClipInfo
}

describe('ggclip bench', () => {
  it('measures every part, types in turn, and says what each costs in accuracy', async () => {
    const { cases, model, rounds } = await bench([...short, '--types', 'f32,q4_0', '--threads', '1'])
    expect(rounds).toBe(2)
    expect(model).toMatchObject({ dim: 256, device: 'CPU' })
    expect(cases.map(({ name }) => name.replace(/\d\.\d\d MB/, 'MB'))).toEqual([
      'image, batch 1',
      'text, batch 1',
      'image, batch 3',
      'text, batch 3',
      'JPEG of 64 x 48 (MB) to embedding',
      'start: library and model loaded, file cache warm',
      'start to the first embedding of a picture',
      'memory of that process, Node included',
      '5 images, each, f32, 1 thread',
      '5 images, each, q4_0, 1 thread',
    ])
    for (const { rows } of cases) {
      for (const { value, min = value, max = value } of rows) {
        expect(value).toBeGreaterThan(0)
        expect(min).toBeLessThanOrEqual(value)
        expect(max).toBeGreaterThanOrEqual(value)
      }
    }
    const [f32, q4] = cases[0]!.rows
    expect([f32!.name, q4!.name]).toEqual(['f32, 1 thread', 'q4_0, 1 thread'])
    expect(f32!.cosine).toBeGreaterThan(0.99999)
    expect(q4!.cosine).toBeGreaterThan(0.95)
    expect(q4!.cosine).toBeLessThan(f32!.cosine!)
  })

  it('takes the parts, towers and precisions that were asked for', async () => {
    const { cases } = await bench([...short, '--only', 'towers,start', '--towers', 'text', '--precisions',
      'default,fast', '--batches', '2'])
    expect(cases.map(({ name }) => name)).toEqual([
      'text, batch 2',
      'start: library and model loaded, file cache warm',
      'start to the first embedding of a text',
      'memory of that process, Node included',
    ])
    expect(cases[0]!.rows.map(({ name }) => name.split(',')[0])).toEqual(['q5_1', 'q8_0 fast']) // 'fast' holds bytes, whatever the file's type
  })

  it('gives a pipe one line for each side, and a file all of it', async () => {
    const { status, stdout, stderr } = await ggclip(['bench', ...short, '--only', 'pictures', '--json', 'kept.json'])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const lines = stdout.trimEnd().split('\n').map(line => line.split('\t'))
    expect(lines).toHaveLength(2)
    for (const [name, side, unit, ...numbers] of lines) {
      expect(name).toMatch(/^JPEG of 64 x 48/)
      expect(side).toMatch(/^q5_1, \d+ threads?(, decode exact)?$/)
      expect(unit).toBe('ms')
      expect(numbers.slice(0, 3).every(number => Number(number) > 0)).toBe(true)
    }
    const report = JSON.parse(readFileSync(path.join(scratch, 'kept.json'), 'utf8')) as BenchReport
    expect(report.cases).toHaveLength(1)
    expect(readdirSync(scratch).filter(file => file.includes('.tmp'))).toEqual([])
  })

  it('profiles the operations, and counts them as the network has them', async () => {
    const { profiles } = await bench(['--profile', '--rounds', '2', '--batches', '3', '--threads', '2'])
    const { vision } = await modelInfo()
    const [image, text] = profiles
    expect(profiles).toHaveLength(2)
    expect(image).toMatchObject({ tower: 'image', batch: 3, threads: 2, runs: 2 })
    expect(text).toMatchObject({ tower: 'text', batch: 3 })

    const { width, mlpWidth, layers, tokens, patchSize } = vision!
    const all = 3 * tokens
    const attention = 2 * width * width // of one token: q, k, v or output, a multiply-add as two
    const mlp = 4 * width * mlpWidth
    const expected = (layers - 1) * all * (4 * attention + mlp) // blocks before the last
      + 2 * all * attention + 3 * (2 * attention + mlp) // the last one: keys and values of all, the rest of the class token
      + 2 * 3 * (tokens - 1) * width * 3 * patchSize ** 2 + 2 * 3 * width * 256 // patches and projection
    const linear = image!.operations.filter(({ kind }) => kind.startsWith('linear'))
    expect(linear.reduce((sum, { operations }) => sum + operations, 0)).toBe(expected)
    for (const { shape: [nOut, nIn, rows], count, operations } of linear)
      expect(operations).toBe(2 * nOut * nIn * rows * count)
    const pairs = (layers - 1) * 3 * tokens ** 2 + 3 * tokens
    const softmax = image!.operations.filter(({ kind }) => kind === 'attention')
    expect(softmax.reduce((sum, { operations }) => sum + operations, 0)).toBe(4 * width * pairs)

    for (const { operations, peaks, totalMs, otherMs } of profiles) {
      expect(totalMs).toBeGreaterThan(0)
      expect(otherMs).toBeGreaterThanOrEqual(0)
      for (const { type, ms, waiting, gops, ofPeak, operations: count } of operations) {
        expect(ms).toBeGreaterThanOrEqual(0)
        expect(waiting).toBeGreaterThanOrEqual(0)
        expect(waiting).toBeLessThanOrEqual(1)
        if (count > 0) expect(ofPeak).toBeCloseTo(gops! / peaks[type]!, 6)
      }
    }
  })

  it('prints a profile', async () => {
    const { status, stdout } = await ggclip(['bench', '--profile', '--rounds', '1', '--batches', '1', '--towers',
      'image'])
    expect(status).toBe(0)
    expect(stdout).toMatch(
      /^image, batch 1, \d+ threads?\tlinear\+pack\tv\.blk\.\*\.ffn_up\tq5_1\t768 x 256 x 65\t5\t/m,
    )
    expect(stdout).toMatch(/\tpeak\t\tq5_1\t/)
  })

  it('has no times of operations that plain ggml computes', async () => {
    const { profiles } = await bench(['--profile', '--rounds', '1', '--batches', '1', '--towers', 'image'], {
      GGCLIP_CPU: 'portable',
    })
    expect(profiles[0]).toMatchObject({ operations: [], peaks: {}, kernels: 'portable' })
    expect(profiles[0]!.totalMs).toBeGreaterThan(0)
  })

  it.each([
    [['--only', 'towers,pictures,hope'],
      /--only: expected some of towers, pictures, start, concurrency, received 'hope'/],
    [['--batches', '0'], /--batches: expected 1 to 1024, received 0/],
    [['--batches', '1,x'], /whole number/],
    [['--rounds', '0'], /--rounds: expected 1 to 1000, received 0/],
    [['--calls', '1'], /--calls: expected 2 to 1024/],
    [['--sizes', '500'], /sizes such as 500x375/],
    [['--types', 'q9'], /q9/],
    [['--precisions', 'best'], /best/],
    [['--towers', 'leaning'], /leaning/],
  ])('refuses %j', async (args, message) => {
    const { status, stdout, stderr } = await ggclip(['bench', ...args])
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(message)
  })

  it('says so when the file cannot be written, and leaves nothing', async () => {
    const { status, stderr } = await ggclip(['bench', ...short, '--only', 'concurrency', '--json',
      path.join('no', 'such', 'folder.json')])
    expect(status).toBe(1)
    expect(stderr).toMatch(/ERR_CLIP_FILE_WRITE/)
    expect(readdirSync(scratch)).not.toContain('no')
  })
})
