/**
 * One download of each blob of the cache at a time, among threads and processes. A lock is a file that exists; its holder
 * touches it every second. One that has not been touched for long is left over from a process that ended or stands still.
 *
 * The lock saves traffic. Correctness does not rest on it (blob-download.ts says on what), so that where no lock can be
 * had the work is done without.
 */
import { randomBytes } from 'node:crypto'
import { lstat, open, readFile, rename, rm, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'

import { throwIfAborted } from '../async/abort.js'
import { makeFolder } from './hub-cache.js'
import { pause } from './retry.js'

const touchMs = 1000
const pollMs = 100
/** No touch for so long: the holder is gone. */
const staleMs = 20_000
/** The same when its process does not exist on this machine; not at once, since process ids of containers overlap. */
const deadMs = 2500

interface Holder {
  token: string
  pid: number
  host: string
}

/**
 * Runs `work` while holding the lock; tells it whether it does, or there can be none. While another one holds it, asks
 * `alreadyDone` from time to time, and when that is so returns undefined without running `work`.
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
    // another one may have taken it for left over: then it is not ours to remove
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
    // one that cannot be removed would be found again, and again
    else if (!await remove(file, stale)) return 'impossible'
  }
}

/** Notices when the lock is no longer touched. By this process's clock: file systems have their own. */
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
    // Windows: the file of a lock that is being given back
    return code === 'EEXIST' || (process.platform === 'win32' && code === 'EPERM') ? 'taken' : 'impossible'
  }
}

/**
 * Moved away first, so that of several who found it left over one removes it, and not the lock of the next holder.
 *
 * @returns false when it stays: another user's, or in a folder that cannot be written
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

/** Nobody in particular where it cannot be read. */
async function holderOf(file: string): Promise<Holder> {
  return parseHolder(await readFile(file, 'utf8').catch(() => ''))
}

function parseHolder(text: string): Holder {
  try {
    const { token = '', pid = 0, host = '' } = JSON.parse(text) as Partial<Holder>
    return { token, pid, host }
  } catch {
    return { token: '', pid: 0, host: '' } // being written, or its writer ended on the way
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
