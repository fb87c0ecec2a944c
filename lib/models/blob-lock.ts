/**
 * One download of each blob at a time, among threads and processes. A lock is a file; its holder updates its
 * modification time every second. A lock that has not been updated for long is left over from a process that ended or
 * hangs.
 *
 * The lock only saves traffic. Correctness does not depend on it (see blob-download.ts), so without a lock the work is
 * done anyway.
 */
import { randomBytes } from 'node:crypto'
import { lstat, open, readFile, rename, rm, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'

import { throwIfAborted } from '../async/abort.js'
import { makeFolder } from '../files.js'
import { pause } from './retry.js'

const touchMs = 1000
const pollMs = 100
/** Milliseconds without an update after which the holder counts as gone. */
const staleMs = 20_000
/** The same if its process does not exist on this machine; not at once, since process ids of containers overlap. */
const deadMs = 2500

interface Holder {
  token: string
  pid: number
  host: string
}

/**
 * Runs `work` while holding the lock, and tells it whether it has the lock or none is possible. While another process
 * holds it, asks `alreadyDone` regularly; if that is true, returns undefined without running `work`.
 */
export async function withLock<T>(
  file: string,
  signal: AbortSignal | undefined,
  alreadyDone: () => Promise<boolean>,
  work: (alone: boolean) => Promise<T>,
): Promise<T | undefined> {
  const token = randomBytes(8).toString('hex')
  const state = await acquire(file, token, signal, alreadyDone)
  if (state === 'done') return undefined
  if (state === 'impossible') return work(false)
  const timer = setInterval(() => void touch(file), touchMs)
  timer.unref()
  try {
    return await work(true)
  } finally {
    clearInterval(timer)
    // another process may have taken it over: then it is not ours to remove
    if ((await holderOf(file)).token === token) await rm(file, { force: true }).catch(() => undefined)
  }
}

async function acquire(
  file: string,
  token: string,
  signal: AbortSignal | undefined,
  alreadyDone: () => Promise<boolean>,
): Promise<'held' | 'done' | 'impossible'> {
  const watch = new StaleWatch(file)
  for (;;) {
    throwIfAborted(signal)
    if (await alreadyDone()) return 'done'
    const created = await create(file, { token, pid: process.pid, host: hostname() })
    if (created !== 'taken') return created
    const stale = await watch.staleHolder()
    if (!stale) await pause(pollMs, signal)
    // one that cannot be removed would be found again and again
    else if (!await remove(file, stale)) return 'impossible'
  }
}

/** Detects a lock that is no longer updated, by this process's clock: file systems have their own. */
class StaleWatch {
  readonly #file: string
  #last = ''
  #since = 0

  constructor(file: string) {
    this.#file = file
  }

  async staleHolder(): Promise<Holder | undefined> {
    const info = await lstat(this.#file).catch(() => undefined)
    if (!info) return undefined
    const holder = await holderOf(this.#file)
    const seen = `${holder.token} ${info.mtimeMs}`
    const now = performance.now()
    if (seen !== this.#last) {
      this.#last = seen
      this.#since = now
    }
    const limit = holder.host === hostname() && !isAlive(holder.pid) ? deadMs : staleMs
    return now - this.#since >= limit ? holder : undefined
  }
}

async function create(file: string, holder: Holder): Promise<'held' | 'taken' | 'impossible'> {
  try {
    await makeFolder(path.dirname(file))
    const handle = await open(file, 'wx')
    try {
      await handle.writeFile(JSON.stringify(holder))
    } catch (error) {
      await rm(file, { force: true })
      throw error
    } finally {
      await handle.close()
    }
    return 'held'
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Windows: the file of a lock that is being released
    return code === 'EEXIST' || (process.platform === 'win32' && code === 'EPERM') ? 'taken' : 'impossible'
  }
}

/**
 * Renames it before removing it, so that of several processes that found it left over only one removes it, and none
 * removes the next holder's lock.
 *
 * @returns false if it stays: another user's, or in a read-only folder
 */
async function remove(file: string, stale: Holder): Promise<boolean> {
  const away = `${file}.${randomBytes(4).toString('hex')}`
  if ((await holderOf(file)).token !== stale.token) return true
  const failure = await rename(file, away).then(
    () => undefined,
    (error: unknown) => (error as NodeJS.ErrnoException).code,
  )
  await rm(away, { force: true, recursive: true }).catch(() => undefined)
  return failure === undefined || failure === 'ENOENT'
}

/** An anonymous holder if it cannot be read. */
async function holderOf(file: string): Promise<Holder> {
  return parseHolder(await readFile(file, 'utf8').catch(() => ''))
}

function parseHolder(text: string): Holder {
  try {
    const { token = '', pid = 0, host = '' } = JSON.parse(text) as Partial<Holder>
    return { token, pid, host }
  } catch {
    return { token: '', pid: 0, host: '' } // being written, or its writer was interrupted
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function touch(file: string): Promise<void> {
  const now = new Date()
  return utimes(file, now, now).catch(() => undefined)
}
