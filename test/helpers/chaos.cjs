// Workers of a queue that are killed at random, and Redis with them, until all pictures are done: what is left in the store,
// in the queue and among the dead letters. Used by test/work and, for longer, by scripts/test-work.cjs.
'use strict'

const { spawn } = require('node:child_process')
const { mkdirSync, mkdtempSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { randomFrom } = require('./random.cjs')
const { startRedis } = require('./engines.cjs')

const program = path.join(__dirname, '..', 'fixtures', 'work', 'worker.cjs')
const lockMs = 1000

/** Small pictures, all different. */
function makePictures(folder, count) {
  mkdirSync(folder, { recursive: true })
  for (let i = 0; i < count; i++) {
    const pixels = Uint8Array.from({ length: 192 }, (_, at) => (i * 37 + at * (1 + i % 11) + (at % 3) * i) % 256)
    const file = path.join(folder, `${String(i).padStart(5, '0')}.ppm`)
    writeFileSync(file, Buffer.concat([Buffer.from(`P6 # ${i}\n8 8 255\n`), pixels]))
  }
}

class Workers {
  #children = new Set()
  #ready = 0
  failures = []

  constructor(...settings) {
    this.settings = settings
  }

  start() {
    const child = spawn(process.execPath, [program, ...this.settings], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#children.add(child)
    child.stdout.once('data', () => this.#ready++)
    let errors = ''
    child.stderr.on('data', chunk => (errors += chunk))
    child.once('close', status => {
      this.#children.delete(child)
      // one that starts while Redis is away says so
      if (status !== null && status !== 0 && !errors.includes('Redis cannot be reached')) this.failures.push(errors)
    })
    return child
  }

  /** How many began to work. */
  get ready() {
    return this.#ready
  }

  get running() {
    return [...this.#children]
  }

  async end(signal) {
    const closed = this.running.map(child => new Promise(resolve => child.once('close', resolve)))
    for (const child of this.running) child.kill(signal)
    await Promise.all(closed)
  }
}

const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

/**
 * @param options functions of the library, as they are named, and
 *   `until` called before each kill with the number of kills so far: whether to go on killing
 */
async function chaos(
  { openVectorStore, openPictureQueue, pictureSources, location, dim, count, batch, until, seed = 1 },
) {
  const next = randomFrom(seed)
  const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-chaos-'))
  const folder = path.join(scratch, 'pictures')
  makePictures(folder, count)
  const poison = path.join(folder, 'poison.ppm')
  writeFileSync(poison, Buffer.concat([Buffer.from('P6 # ends the worker\n8 8 255\n'), Buffer.alloc(192, 7)]))
  const broken = path.join(folder, 'broken.png')
  writeFileSync(broken, 'no picture')
  const redis = await startRedis()
  const workers = new Workers(redis.url, location, String(lockMs))
  const queue = await openPictureQueue(redis.url)
  const store = await openVectorStore(location, { dim })
  const clean = async () => {
    await store.close()
    await queue.close()
    await redis.stop()
    rmSync(scratch, { recursive: true, force: true })
  }
  try {
    workers.start()
    workers.start()
    const adding = queue.add(pictureSources([folder]), { batch, maxWaiting: 50 })
    let kills = 0
    let restarts = 0
    for (; until(kills, await store.count()); kills++) {
      await pause(50 + next(700))
      const victims = workers.running
      if (victims.length > 0) victims[next(victims.length)].kill('SIGKILL')
      while (workers.running.length < 2) workers.start()
      if (kills % 5 === 4) {
        await redis.kill()
        await pause(next(500))
        await redis.start()
        restarts++
      }
    }
    await adding
    // undisturbed, but for the picture that ends workers
    let state
    for (;;) {
      while (workers.running.length < 2) workers.start()
      await pause(200)
      state = await queue.status()
      if (state.waiting + state.active + state.delayed === 0) break
    }
    const dead = []
    for await (const { source, code } of queue.dead()) dead.push([path.basename(source), code])
    const drained = workers.running
    await workers.end('SIGTERM')
    return {
      kills,
      restarts,
      started: workers.ready,
      failures: workers.failures,
      exits: drained.map(child => child.exitCode),
      state,
      dead: dead.sort(),
      rows: await store.count(),
      folder,
      stored: keys => store.get(keys, { vectors: true }),
      clean,
    }
  } catch (error) {
    await workers.end('SIGKILL')
    await clean()
    throw error
  }
}

module.exports = { chaos }
