/** One writer at a time; locks of those who are gone do not last. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync,
  writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'

import { withLock } from '../../lib/models/blob-lock'
import { failure } from './support'

const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-lock-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
let count = 0
const lockFile = (): string => path.join(scratch, String(count++), 'blob.ggclip-lock')
const never = (): Promise<boolean> => Promise.resolve(false)

async function held(file: string): Promise<void> {
  while (!existsSync(file)) await new Promise(resolve => setTimeout(resolve, 1))
}

test('work of several holders does not overlap, whatever becomes of it', async () => {
  const file = lockFile()
  let inside = 0
  const turns = Array.from({ length: 5 }, (_, i) =>
    withLock(file, undefined, never, async () => {
      expect(++inside).toBe(1)
      await new Promise(resolve => setTimeout(resolve, 15))
      inside--
      if (i % 2 === 0) throw new Error(`turn ${i}`)
      return i
    }))
  const results = await Promise.allSettled(turns)
  expect(results.map(result => (result.status === 'fulfilled' ? result.value : (result.reason as Error).message)))
    .toEqual(['turn 0', 1, 'turn 2', 3, 'turn 4'])
  expect(existsSync(file)).toBe(false)
})

test('who waits learns that there is nothing left to do', async () => {
  const file = lockFile()
  let done = false
  const first = withLock(file, undefined, never, async () => {
    await new Promise(resolve => setTimeout(resolve, 50))
    done = true
  })
  await held(file)
  const second = withLock(file, undefined, () => Promise.resolve(done), () => Promise.reject(new Error('not called')))
  await first
  expect(await second).toBeUndefined()
})

test('a wait can be cancelled', async () => {
  const file = lockFile()
  let release = (): void => undefined
  const released = new Promise<void>(resolve => {
    release = resolve
  })
  const first = withLock(file, undefined, never, () => released)
  await held(file)
  const abort = new AbortController()
  const reason = new Error('enough')
  const second = failure(withLock(file, abort.signal, never, () => Promise.resolve()))
  setTimeout(() => abort.abort(reason), 60)
  expect(await second).toBe(reason)
  release()
  await first
})

test('a lock of a process that has ended is taken over', async () => {
  const file = lockFile()
  mkdirSync(path.dirname(file))
  writeFileSync(
    file,
    JSON.stringify({ token: 'x', pid: spawnSync(process.execPath, ['-e', '']).pid, host: hostname() }),
  )
  const started = performance.now()
  expect(await withLock(file, undefined, never, () => Promise.resolve('ours'))).toBe('ours')
  expect(performance.now() - started).toBeGreaterThan(2000)
})

test.each([['a folder', (file: string) => mkdirSync(file)], ['a link to nothing', (file: string) =>
  symlinkSync('nowhere', file)]])('%s in its place is no lock for ever', async (_, make) => {
    const file = lockFile()
    mkdirSync(path.dirname(file))
    make(file)
    // by the clock of who looks: nobody touches it
    const clock = jest.spyOn(performance, 'now')
    const [began, real] = [Date.now(), performance.now()]
    clock.mockImplementation(() => real + 50 * (Date.now() - began))
    expect(await withLock(file, undefined, never, () => Promise.resolve('ours'))).toBe('ours')
    clock.mockRestore()
    expect(readdirSync(path.dirname(file))).toEqual([])
  })

test('a lock that is touched is respected, also where its process cannot be seen', async () => {
  const file = lockFile()
  mkdirSync(path.dirname(file))
  writeFileSync(file, JSON.stringify({ token: 'x', pid: 2 ** 22 + 1, host: hostname() }))
  // the heart beats in another process id's name, as it does from another container
  const heart = setInterval(() => writeFileSync(file, readFileSync(file)), 200)
  const started = performance.now()
  let ended = false
  const waiting = withLock(file, undefined, () => Promise.resolve(ended), () => Promise.resolve('ours'))
  await new Promise(resolve => setTimeout(resolve, 3500))
  ended = true
  clearInterval(heart)
  expect(await waiting).toBeUndefined()
  expect(performance.now() - started).toBeGreaterThan(3400)
})
