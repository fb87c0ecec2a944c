/**
 * What a queue keeps in Redis beside BullMQ's jobs: counts of pictures, dead letters, and which workers are alive. Every
 * write may be repeated without a second effect.
 */
import { createHash } from 'node:crypto'

import type { Redis } from 'ioredis'

import type { DeadLetter, PictureSource, WorkCounts } from './types.js'
import { keyOf } from './address.js'

/** Seconds for which a job's counts are remembered as counted. */
const countedSeconds = 3600
/** Seconds of one number of the rate. */
const rateSeconds = 10
/** Milliseconds after which a worker that says nothing counts as gone. */
const aliveMs = 15_000

/** Counts a job once, however often it is done. */
const count = `
if redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[1]) then
  for i, name in ipairs({'embedded', 'known', 'failed'}) do redis.call('HINCRBY', KEYS[2], name, ARGV[i + 1]) end
  redis.call('INCRBY', KEYS[3], ARGV[2] + ARGV[3])
  redis.call('EXPIRE', KEYS[3], 120)
end`

export class Ledger {
  readonly #redis: Redis
  readonly #base: string

  /** @param base how its keys begin */
  constructor(redis: Redis, base: string) {
    this.#redis = redis
    this.#base = base
  }

  /** `token`: names this piece of work, so that a repetition counts nothing. */
  async count(token: string, { embedded, known, failed }: WorkCounts): Promise<void> {
    await this.#redis.eval(
      count,
      3,
      this.#counted(token),
      this.#key('counts'),
      this.#rateKey(0),
      countedSeconds,
      embedded,
      known,
      failed,
    )
  }

  /** Whether that has been counted. */
  async isCounted(token: string): Promise<boolean> {
    return (await this.#redis.exists(this.#counted(token))) === 1
  }

  async counts(): Promise<WorkCounts & { perSecond: number }> {
    const names = ['embedded', 'known', 'failed'] as const
    const values = await this.#redis.hmget(this.#key('counts'), ...names)
    // without the current, incomplete one
    const rates = await this.#redis.mget([1, 2, 3, 4, 5, 6].map(back => this.#rateKey(back)))
    const lately = rates.reduce((sum, value) => sum + Number(value ?? 0), 0)
    const [embedded, known, failed] = values.map(value => Number(value ?? 0))
    return { embedded: embedded!, known: known!, failed: failed!, perSecond: lately / (6 * rateSeconds) }
  }

  /** A job that may end its worker is being done: how often it has been begun and not ended, this time included. */
  async begin(job: string): Promise<number> {
    return this.#redis.hincrby(this.#key('begun'), job, 1)
  }

  async end(job: string): Promise<void> {
    await this.#redis.hdel(this.#key('begun'), job)
  }

  /** Lists pictures as dead, once each, with their latest error. */
  async bury(letters: readonly { source: PictureSource; code: string; message: string }[]): Promise<void> {
    if (letters.length === 0) return
    const at = Date.now()
    await this.#redis.hset(
      this.#key('dead'),
      ...letters.flatMap(letter => [keyOf(letter.source), JSON.stringify({ ...letter, at })]),
    )
  }

  /** The other way: for pictures that were tried again and succeeded. */
  async unbury(keys: readonly string[]): Promise<void> {
    if (keys.length > 0) await this.#redis.hdel(this.#key('dead'), ...keys)
  }

  async deadCount(): Promise<number> {
    return this.#redis.hlen(this.#key('dead'))
  }

  /** In no order; one that is buried meanwhile may be missing. */
  async *dead(): AsyncGenerator<DeadLetter, void, undefined> {
    const seen = new Set<string>() // a scan may return an entry twice
    for (let cursor = '0';;) {
      const [next, entries] = await this.#redis.hscan(this.#key('dead'), cursor, 'COUNT', 200)
      for (let i = 0; i < entries.length; i += 2) {
        if (seen.has(entries[i]!)) continue
        seen.add(entries[i]!)
        const { at, ...letter } = JSON.parse(entries[i + 1]!) as Omit<DeadLetter, 'at'> & { at: number }
        yield { ...letter, at: new Date(at) }
      }
      if (next === '0') return
      cursor = next
    }
  }

  /** A worker says that it lives. */
  async alive(worker: string): Promise<void> {
    await this.#redis.zadd(this.#key('workers'), Date.now(), worker)
    await this.#redis.zremrangebyscore(this.#key('workers'), 0, Date.now() - 4 * aliveMs)
  }

  async gone(worker: string): Promise<void> {
    await this.#redis.zrem(this.#key('workers'), worker)
  }

  async workers(): Promise<number> {
    return this.#redis.zcount(this.#key('workers'), Date.now() - aliveMs, '+inf')
  }

  /** The largest batch that was added, for the limit of pictures a second. */
  async noteBatch(batch: number): Promise<void> {
    await this.#redis.eval(
      `if ARGV[1] + 0 > tonumber(redis.call('GET', KEYS[1]) or 0) then redis.call('SET', KEYS[1], ARGV[1]) end`,
      1,
      this.#key('batch'),
      batch,
    )
  }

  async batch(): Promise<number> {
    return Number(await this.#redis.get(this.#key('batch')) ?? 1)
  }

  #key(name: string): string {
    return `${this.#base}:${name}`
  }

  #counted(token: string): string {
    return this.#key(`counted:${createHash('sha1').update(token).digest('base64')}`)
  }

  #rateKey(back: number): string {
    return `${this.#base}:rate:${Math.floor(Date.now() / 1000 / rateSeconds) - back}`
  }
}
