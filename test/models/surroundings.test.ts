/** Caches that cannot be written, users without a home, callers that change their mind: what a machine may be like. */
import { execFile, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync,
  writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'

import { sha256 } from '../helpers/fake-hub'
import { where } from '../helpers/skips'
import { Bench, checkpoint, weights } from './support'

const bench = new Bench()
const root = path.join(__dirname, '..', '..')
const compiled = path.join(root, 'dist', 'index.js')
const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-surroundings-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
beforeEach(() => bench.hub.add('owner/model', checkpoint))

const posix = where('posix', describe)

/**
 * pull() in a process of its own, there as the user `uid`: its result, or the code and message of its error.
 * The library and what it loads on demand are loaded before the user changes: the checkout may lie where only its owner may look.
 */
function pullElsewhere(id: string, env: Record<string, string>, uid?: number): Promise<Record<string, unknown>> {
  const script = `
    const [compiled, id, uid] = process.argv.slice(1)
    const { pull } = require(compiled)
    const outcome = (id, options) => pull(id, options).catch(({ code, message }) => ({ code, message }))
    outcome('load/everything', { offline: true, cacheDir: '/nonexistent' }).then(() => {
      process.chdir('/')
      if (uid) { process.setgroups([]); process.setgid(Number(uid)); process.setuid(Number(uid)) }
      return outcome(id)
    }).then(result => console.log(JSON.stringify(result)))`
  const args = uid === undefined ? [] : [String(uid)]
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ['-e', script, compiled, id, ...args], {
      env: { PATH: process.env.PATH, HF_ENDPOINT: bench.hub.endpoint, ...env },
    }, (error, stdout) => {
      if (error) reject(error)
      else resolve(JSON.parse(String(stdout)) as Record<string, unknown>)
    })
  })
}

/** For root, who may write everywhere: another user, with an entry in /etc/passwd and without. */
const isRoot = process.getuid?.() === 0
const stranger = isRoot ? 65534 : undefined
const homeless = isRoot ? 54321 : undefined

posix('a cache that cannot be written', () => {
  const places =
    (): string[] => [bench.cacheDir,
      ...readdirSync(bench.cacheDir, { recursive: true, withFileTypes: true }).filter(entry => entry.isDirectory()).map(
        entry => path.join(entry.parentPath, entry.name),
      )]
  const chmodAll = (mode: number): void => places().reverse().forEach(place => chmodSync(place, mode))
  const env = (): Record<string, string> => ({ HF_HUB_CACHE: bench.cacheDir, HOME: path.join(scratch, 'none') })
  beforeEach(() => chmodSync(path.dirname(bench.cacheDir), 0o755))
  afterEach(() => existsSync(bench.cacheDir) && chmodAll(0o755))

  test.each([['with', true], ['without']])(
    'whole, %s the note of the branch: used, online',
    async (_, noted = false) => {
      const { revision, path: folder } = await bench.fetch('owner/model')
      if (!noted) rmSync(path.join(bench.cacheDir, 'models--owner--model', 'refs'), { recursive: true })
      rmSync(path.join(bench.cacheDir, '.locks'), { recursive: true })
      chmodAll(0o555)
      expect(await pullElsewhere('owner/model', env(), stranger)).toMatchObject({
        path: folder,
        downloadedBytes: 0,
        stale: false,
      })
      expect(await pullElsewhere(`owner/model@${revision}`, { ...env(), HF_HUB_OFFLINE: '1' }, stranger)).toMatchObject(
        { path: folder },
      )
      const offline = await pullElsewhere('owner/model', { ...env(), HF_HUB_OFFLINE: '1' }, stranger)
      expect(offline).toMatchObject(
        noted
          ? { path: folder }
          : {
            code: 'ERR_CLIP_HUB_OFFLINE',
            message: expect.stringContaining(`name a commit that is there: ${revision}`),
          },
      )
    },
  )

  test('a download into it says what to do', async () => {
    mkdirSync(bench.cacheDir)
    chmodAll(0o555)
    const { code, message } = await pullElsewhere('owner/model', env(), stranger)
    expect(code).toBe('ERR_CLIP_FILE_WRITE')
    expect(message).toMatch(/^cannot write .*: EACCES.*HF_HOME or cacheDir \(--cache-dir\)$/)
    expect(message).toContain(bench.cacheDir)
  })

  test('with a lock of a process that has ended: done without one, at once and not in a circle', async () => {
    const lock = path.join(bench.cacheDir, '.locks', 'models--owner--model', `${sha256(weights)}.ggclip-lock`)
    mkdirSync(path.dirname(lock), { recursive: true })
    writeFileSync(
      lock,
      JSON.stringify({ token: 'x', pid: spawnSync(process.execPath, ['-e', '']).pid, host: hostname() }),
    )
    chmodSync(bench.cacheDir, 0o777)
    chmodSync(path.dirname(lock), 0o555)
    const pulled = await pullElsewhere('owner/model', env(), stranger)
    expect(pulled).toMatchObject({ downloadedBytes: pulled.bytes })
    expect(existsSync(lock)).toBe(true)
  })

  test('a file that is missing in it', async () => {
    const { path: folder } = await bench.fetch('owner/model')
    rmSync(path.join(folder, 'config.json'))
    chmodAll(0o555)
    expect(await pullElsewhere('owner/model', env(), stranger)).toMatchObject({
      code: 'ERR_CLIP_FILE_WRITE',
      message: expect.stringContaining(folder),
    })
  })
})

posix('a user without a home folder', () => {
  const home: Record<string, string> = isRoot ? {} : { HOME: '' }

  test.each([[{}], [{ HF_HOME: '~/models' }], [{ HF_HUB_CACHE: '~' }], [{ XDG_CACHE_HOME: '~/cache' }]])(
    '%j: no place for the cache',
    async env => {
      const error = await pullElsewhere('owner/model', { ...home, ...env as Record<string, string> }, homeless)
      expect(error).toEqual({
        code: 'ERR_CLIP_FILE_WRITE',
        message: expect.stringMatching(/^no place for the hub's cache, .*set HF_HOME/),
      })
      expect(bench.hub.requests).toEqual([])
    },
  )

  test.each(['HF_HOME', 'HF_HUB_CACHE', 'XDG_CACHE_HOME'])('%s is a place', async name => {
    const folder = path.join(scratch, name)
    mkdirSync(folder)
    chmodSync(scratch, 0o755)
    chmodSync(folder, 0o777)
    const { path: place } = await pullElsewhere('owner/model', { ...home, [name]: folder }, homeless)
    expect(place).toMatch(new RegExp(`/${name}/.*models--owner--model`))
  })

  test('a home that is not there', async () => {
    const error = await pullElsewhere('owner/model', { HOME: '/proc/nonexistent' }, homeless)
    expect(error).toEqual({
      code: 'ERR_CLIP_FILE_WRITE',
      message: expect.stringMatching(/^cannot write \/proc\/nonexistent\/\.cache\/huggingface/),
    })
  })
})

test("aborted at any moment: the signal's reason, nothing half under a name, and then the true files", async () => {
  bench.hub.trouble = ({ server }) => (server === 'cdn' ? { pace: [30_000, 3] } : undefined)
  for (let i = 0; i < 40; i++) {
    const abort = new AbortController()
    const reason = new Error(`abort ${i}`)
    setTimeout(() => abort.abort(reason), 2 * i)
    const outcome = await bench.fetch('owner/model', { signal: abort.signal }).then(
      () => 'whole',
      (error: unknown) => error,
    )
    if (outcome !== 'whole') expect(outcome).toBe(reason)
    const blob = path.join(bench.cacheDir, 'models--owner--model', 'blobs', sha256(weights))
    if (existsSync(blob)) expect(readFileSync(blob).equals(weights)).toBe(true)
    expect(bench.leftovers().filter(name => !name.endsWith('.ggclip.incomplete'))).toEqual([])
    if (i % 10 === 9) rmSync(bench.cacheDir, { recursive: true, force: true })
  }
  const { path: folder } = await bench.fetch('owner/model')
  expect(readFileSync(path.join(folder, 'model.safetensors')).equals(weights)).toBe(true)
  expect(bench.leftovers()).toEqual([])
})
