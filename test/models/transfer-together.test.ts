/** Transfers beside others: of other programs, of several calls and processes at once. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import path from 'node:path'

import { sha256 } from '../helpers/fake-hub'
import { where } from '../helpers/skips'
import { failure, noise, weights } from './support'
import { arrival, bench, blobs, expectWhole, foreign, leave, onWeights, parked, ranges } from './transfer-support'

const compiled = path.join(__dirname, '..', '..', 'dist', 'index.js')

describe('beside other programs', () => {
  /** As hub clients before 1.18: appends to what all of them share, looks at its size, renames it. */
  async function otherClient(content: Buffer): Promise<string> {
    mkdirSync(blobs(), { recursive: true })
    const file = await open(foreign(), 'a')
    for (let at = (await file.stat()).size; at < content.length; at += 20_000) {
      await file.write(content.subarray(at, at + 20_000))
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    const { size } = await file.stat()
    await file.close()
    if (size !== content.length) return `${size} bytes`
    renameSync(foreign(), path.join(blobs(), sha256(weights)))
    return 'whole'
  }

  test.each(Array.from({ length: 6 }, (_, i) => [30 * i, 100]).concat([[0, 0], [100, 0]]))(
    'a download at the same time, %d ms and %d ms from now',
    async (otherAfter, after) => {
      bench.hub.trouble = ({ server }) => (server === 'cdn' ? { pace: [20_000, 10] } : undefined)
      const later = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
      const [said] = await Promise.all([later(otherAfter!).then(() => otherClient(weights)), later(after!).then(() =>
        bench.fetch('owner/model')
      )])
      expect(said).toBe('whole')
      await expectWhole()
    },
  )

  test('what another program left unfinished is neither used nor touched', async () => {
    leave(foreign(), noise(1234, 'who knows'))
    const { path: folder } = await bench.fetch('owner/model')
    expect(readFileSync(path.join(folder, 'model.safetensors')).equals(weights)).toBe(true)
    expect(readFileSync(foreign()).equals(noise(1234, 'who knows'))).toBe(true)
    expect(ranges()).toEqual([undefined])
  })

  test('a blob of the right size and another content does not count, before and while it is waited for', async () => {
    leave(path.join(blobs(), sha256(weights)), noise(weights.length, 'other'))
    await expectWhole()
    rmSync(bench.cacheDir, { recursive: true })
    bench.hub.trouble = ({ server }) => (server === 'cdn' ? { pace: [20_000, 10] } : undefined)
    const pulls = [bench.fetch('owner/model'), bench.fetch('owner/model')]
    await arrival(40_000)
    writeFileSync(path.join(blobs(), sha256(weights)), noise(weights.length, 'other'))
    await Promise.all(pulls)
    await expectWhole()
  })

  test('who is taken for left over begins again, and both get the true file', async () => {
    bench.hub.trouble = ({ server }) => (server === 'cdn' ? { pace: [20_000, 10] } : undefined)
    const first = bench.fetch('owner/model')
    await arrival(40_000)
    // as another process does that found the lock untouched for long
    rmSync(path.join(bench.cacheDir, '.locks'), { recursive: true })
    await Promise.all([first, bench.fetch('owner/model')])
    await expectWhole()
  })

  test('no lock can be had: the work is done without', async () => {
    mkdirSync(bench.cacheDir, { recursive: true })
    writeFileSync(path.join(bench.cacheDir, '.locks'), 'in the way')
    await Promise.all([bench.fetch('owner/model'), bench.fetch('owner/model')])
    const { path: folder } = await bench.fetch('owner/model')
    expect(readFileSync(path.join(folder, 'model.safetensors')).equals(weights)).toBe(true)
    expect(bench.leftovers()).toEqual(['.locks'])
  })
})

describe('many at once', () => {
  test('pulls of one model in one process: each file comes once', async () => {
    const results = await Promise.all(Array.from({ length: 6 }, () => bench.fetch('owner/model')))
    for (const { path: folder } of results)
      expect(readFileSync(path.join(folder, 'model.safetensors')).equals(weights)).toBe(true)
    expect(ranges()).toEqual([undefined])
    expect(bench.leftovers()).toEqual([])
  })

  test('who waits takes over when the first one is cancelled', async () => {
    onWeights({ stallAfter: 200_000 })
    const abort = new AbortController()
    const first = failure(bench.fetch('owner/model', { signal: abort.signal }))
    await arrival(200_000)
    const second = expectWhole()
    setTimeout(() => abort.abort(new Error('first')), 200)
    await second
    expect(await first).toMatchObject({ message: 'first' })
    expect(ranges()).toEqual([undefined, 'bytes=200000-'])
  })

  describe('processes', () => {
    const script = `const { pull } = require(${JSON.stringify(compiled)})
      pull('owner/model').then(r => console.log(r.downloadedBytes), e => { console.log(e.code, e.message); process.exitCode = 1 })`
    const environment = (): NodeJS.ProcessEnv => ({
      ...process.env,
      HF_ENDPOINT: bench.hub.endpoint,
      HF_HUB_CACHE: bench.cacheDir,
      HF_TOKEN_PATH: '/nowhere',
    })
    const run = (command: string, args: string[]) => {
      const child = spawn(command, args, { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] })
      let stdout = ''
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
      return {
        child,
        ended: new Promise<{ code: number | null; stdout: string }>(resolve =>
          child.on('close', code => resolve({ code, stdout }))
        ),
      }
    }
    const blob = (): string => path.join(blobs(), sha256(weights))

    test('share one download', async () => {
      const all = await Promise.all(Array.from({ length: 3 }, () => run(process.execPath, ['-e', script]).ended))
      expect(all.map(({ code }) => code)).toEqual([0, 0, 0])
      expect(ranges()).toEqual([undefined])
      expect(sha256(readFileSync(blob()))).toBe(sha256(weights))
      expect(bench.leftovers()).toEqual([])
    })

    test('one that is killed leaves nothing that stops the next', async () => {
      onWeights({ stallAfter: 180_000 })
      const { child, ended } = run(process.execPath, ['-e', script])
      await arrival(180_000)
      child.kill('SIGKILL')
      await ended
      expect(existsSync(blob())).toBe(false)
      await expectWhole()
      expect(ranges()).toEqual([undefined, 'bytes=180000-'])
    })

    where('posix', test)('a write that fails is an error with a code, and the next call goes on', async () => {
      // 100 blocks of 1024 bytes are the most that a file of this process may have
      const limited = run('bash', ['-c', `ulimit -f 100; exec "$0" -e "$1"`, process.execPath, script])
      const { code, stdout } = await limited.ended
      expect([code, stdout]).toEqual([1,
        expect.stringMatching(/^ERR_CLIP_FILE_WRITE cannot write .*\.incomplete: EFBIG/)])
      expect(existsSync(blob())).toBe(false)
      expect(statSync(parked()).size).toBeGreaterThan(0)
      await expectWhole()
      expect(ranges().at(-1)).toMatch(/^bytes=\d+-$/)
    })
  })
})
