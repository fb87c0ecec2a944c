/** `ggclip pull`, `ggclip models`, and --model with names of the hub. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

import { models, type PullResult } from '../../lib/index'
import { FakeHub } from '../helpers/fake-hub'
import { where } from '../helpers/skips'

const root = path.join(__dirname, '..', '..')
const main = path.join(root, 'dist', 'cli', 'main.js')
const folder = path.join(root, 'test', 'fixtures', 'reference', 'small-open-clip')
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-cli-hub-'))
let hub: FakeHub

interface Result {
  status: number | null
  stdout: string
  stderr: string
}

function ggclip(
  args: string[],
  { during, command = process.execPath, before = [main] }: {
    during?: (child: ReturnType<typeof spawn>) => void
    command?: string
    before?: string[]
  } = {},
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const env = {
      ...process.env,
      HF_ENDPOINT: hub.endpoint,
      HF_HUB_CACHE: path.join(scratch, 'cache'),
      HF_TOKEN_PATH: path.join(scratch, 'none'),
    }
    const child = spawn(command, [...before, ...args], { cwd: scratch, env, stdio: ['ignore', 'pipe', 'pipe'] })
    const result = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk: Buffer) => (result.stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (result.stderr += chunk.toString()))
    child.on('error', reject)
    child.on('close', status => resolve({ status, ...result }))
    during?.(child)
  })
}

beforeAll(async () => {
  hub = await FakeHub.start()
  hub.addFolder('ggclip/small', folder)
  hub.addFolder('laion/CLIP-ViT-B-32-laion2B-s34B-b79K', folder)
})
beforeEach(() => {
  hub.trouble = () => undefined
  hub.requests.length = 0
})
afterAll(async () => {
  await hub.stop()
  rmSync(scratch, { recursive: true, force: true })
})

describe('ggclip models', () => {
  test('a pipe gets a line for each, JSON is the registry', async () => {
    const { status, stdout, stderr } = await ggclip(['models'])
    expect([status, stderr]).toEqual([0, ''])
    const lines = stdout.trimEnd().split('\n').map(line => line.split('\t'))
    expect(lines.map(cells => cells.slice(0, 2))).toEqual(models.map(({ name, id }) => [name, id]))
    expect(new Set(lines.map(cells => cells.length))).toEqual(new Set([11]))
    expect(JSON.parse((await ggclip(['models', '--json'])).stdout)).toEqual(models)
  })

  test('a filter', async () => {
    const found = JSON.parse((await ggclip(['models', 'SigLIP2', '--json'])).stdout) as { name: string }[]
    expect(found.map(({ name }) => name)).toEqual(
      models.map(({ name }) => name).filter(name => name.startsWith('siglip2')),
    )
    expect(await ggclip(['models', 'nonsense'])).toEqual({
      status: 0,
      stdout: '',
      stderr: "no model with 'nonsense' in its name, hub id or purpose\n",
    })
    expect((await ggclip(['models', 'nonsense', '--json'])).stdout).toBe('[]\n')
  })

  test('the first choices for a task', async () => {
    const { stdout } = await ggclip(['models', '--task', 'multilingual', '--json'])
    const found = JSON.parse(stdout) as typeof models
    expect(found.length).toBeGreaterThan(2)
    expect(found).toEqual(models.filter(({ tasks = [] }) => tasks.includes('multilingual')))
    const wrong = await ggclip(['models', '--task', 'nothing'])
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('best, small, multilingual, dedupe')])
  })

  test('the names that a wrong one may mean', async () => {
    const { status, stdout, stderr } = await ggclip(['models', 'vit-b32'])
    expect([status, stdout]).toEqual([0, ''])
    expect(stderr).toMatch(/did you mean .*'clip-vit-b-32'/)
  })
})

describe('ggclip pull', () => {
  test('prints the path, says on stderr what it did, draws no bar into a pipe', async () => {
    const { status, stdout, stderr } = await ggclip(['pull', 'ggclip/small'])
    expect(status).toBe(0)
    expect(existsSync(path.join(stdout.trimEnd(), 'open_clip_model.safetensors'))).toBe(true)
    expect(stderr).toMatch(/^ggclip\/small at [0-9a-f]{12}: \d files, [\d.]+ kB, of which [\d.]+ kB downloaded\n$/)
    const again = await ggclip(['pull', 'hf:ggclip/small'])
    expect(again).toEqual({ status: 0, stdout, stderr: expect.stringMatching(/, all in the cache\n$/) })
  })

  test.each([
    ['mobileclip-s3', 'apple/MobileCLIP-S3', 'mobileclip_s3.pt'],
    ['hf:apple/MobileCLIP2-S0', 'apple/MobileCLIP2-S0', 'mobileclip2_s0.pt'],
    ['apple/MobileCLIP2-B:mobileclip2_b.pt', 'apple/MobileCLIP2-B', 'mobileclip2_b.pt'],
  ])('%s: the limits of a licence are said before the download', async (name, repository, file) => {
    hub.add(repository, { 'README.md': 'x', [file]: Buffer.alloc(100_000, repository) })
    const { status, stdout, stderr } = await ggclip(['pull', name])
    expect([status, path.basename(stdout.trimEnd())]).toEqual([0, file])
    expect(stderr).toMatch(/^mobileclip2?-\w+: the licence of its weights .* allows research only\napple\/\S+ at /)
    expect((await ggclip(['pull', name])).stderr).not.toContain('licence')
  })

  test('JSON, the cache folder, offline', async () => {
    const args = ['laion-vit-b-32', '--cache-dir', path.join(scratch, 'other'), '--json']
    const refused = await ggclip(['pull', ...args, '--offline'])
    expect(refused).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^ggclip: .*\(ERR_CLIP_HUB_OFFLINE\)\n$/),
    })
    const first = JSON.parse((await ggclip(['pull', ...args])).stdout) as PullResult
    expect(first).toMatchObject({
      id: 'laion/CLIP-ViT-B-32-laion2B-s34B-b79K',
      stale: false,
      downloadedBytes: first.bytes,
    })
    expect(first.path.startsWith(path.join(scratch, 'other'))).toBe(true)
    const second = JSON.parse((await ggclip(['pull', ...args, '--offline'])).stdout) as PullResult
    expect(second).toEqual({
      ...first,
      downloadedBytes: 0,
      files: first.files.map(file => ({ ...file, cached: true })),
    })
  })

  test('a wrong name is a failure with suggestions, a wrong form is wrong usage', async () => {
    const unknown = await ggclip(['pull', 'clip-vit-b-31'])
    expect(unknown).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/did you mean 'clip-vit-b-32'.*\(ERR_CLIP_MODEL_UNKNOWN\)\n$/),
    })
    expect(await ggclip(['pull', 'hf:a'])).toMatchObject({ status: 2, stdout: '' })
    expect(await ggclip(['pull'])).toMatchObject({ status: 2, stdout: '' })
  })

  test('a refusal of the hub', async () => {
    expect(await ggclip(['pull', 'ggclip/absent'])).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining('(ERR_CLIP_HUB_DENIED)'),
    })
  })

  test('Ctrl-C ends it with 130, and the next one goes on', async () => {
    hub.addFolder('ggclip/slow', folder)
    const cacheDir = ['--cache-dir', path.join(scratch, 'slow')]
    hub.trouble = ({ server }) => (server === 'cdn' ? { stallAfter: 20_000 } : undefined)
    const interrupted = await ggclip(['pull', 'ggclip/slow', ...cacheDir], {
      during: child => {
        const timer = setInterval(() => {
          if (!hub.requests.some(({ server }) => server === 'cdn')) return
          clearInterval(timer)
          setTimeout(() => child.kill('SIGINT'), 200)
        }, 20)
      },
    })
    expect(interrupted).toEqual({ status: 130, stdout: '', stderr: 'ggclip: interrupted\n' })
    hub.trouble = () => undefined
    hub.requests.length = 0
    expect(await ggclip(['pull', 'ggclip/slow', ...cacheDir])).toMatchObject({ status: 0 })
    expect(
      hub.requests.filter(({ server }) => server === 'cdn').some(({ headers }) => headers.range === 'bytes=20000-'),
    ).toBe(true)
  })

  // util-linux's script gives the command a terminal
  where('terminal', test)('a terminal gets a bar, which is gone in the end', async () => {
    hub.addFolder('ggclip/bar', folder)
    const line = `"${process.execPath}" "${main}" pull ggclip/bar --cache-dir "${path.join(scratch, 'bar')}"`
    const { stdout } = await ggclip([], { command: '/usr/bin/script', before: ['-qec', line, '/dev/null'] })
    expect(stdout).toMatch(/\r[█▏▎▍▌▋▊▉ ]+[\d.]+ % {2}[\d.]+ kB of [\d.]+ kB {2}\S+\x1b\[K/)
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/ggclip\/bar at /)
    expect(stdout).toContain('\r\x1b[K')
  })
})

describe('a model of the hub', () => {
  test('works wherever --model does', async () => {
    const remote = await ggclip(['embed', '--text', 'a cat', '--json', '--model', 'hf:ggclip/small'])
    const local = await ggclip(['embed', '--text', 'a cat', '--json', '--model', folder])
    expect(remote).toEqual({ ...local, status: 0 })
    const info = await ggclip(['info', 'hf:ggclip/small', '--offline', '--json'])
    expect(JSON.parse(info.stdout)).toMatchObject({
      source: 'hf:ggclip/small',
      revision: expect.stringMatching(/^[0-9a-f]{40}$/),
    })
  })
})

const manual = readFileSync(path.join(root, 'docs', 'hub.md'), 'utf8')

describe('docs/hub.md', () => {
  test('its example runs and prints what its comment says', async () => {
    hub.addFolder('openai/clip-vit-base-patch32', folder)
    hub.addFolder('google/siglip2-base-patch16-224', folder)
    const [, code] = /```js\n([^]*?)```/.exec(manual)!
    const file = path.join(scratch, 'example.mjs')
    const module = pathToFileURL(path.join(root, 'dist', 'index.mjs')).href
    writeFileSync(file, code!.replace("'ggclip'", `'${module}'`).replace('/srv/models', path.join(scratch, 'example')))
    const { status, stdout, stderr } = await ggclip([], { before: [file] })
    expect([status, stdout]).toEqual([0, 'Apache-2.0\n'])
    expect(stderr).toMatch(/^open_clip_config\.json \d+ \d+$/m)
  })
})

test('the manual tells of every variable', () => {
  const settings = readFileSync(path.join(root, 'lib', 'models', 'hub-settings.ts'), 'utf8')
  const variables = new Set([...settings.matchAll(/env\.([A-Z_]+)/g)].map(match => match[1]!))
  expect(variables.size).toBeGreaterThan(8)
  for (const variable of variables) expect(manual).toContain(variable)
})
