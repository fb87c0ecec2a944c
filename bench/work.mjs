// Distributed work (docs/scale-out.md) on this machine: a queue in Redis, rows in PostgreSQL, JPEG files of 500 x 375 pixels.
// Each round fills a queue, then times until it is empty: one worker, two workers, each of one thread, and one worker whose
// model answers at once with a constant, which leaves what a picture costs beside decoding and embedding. Processes start
// before the clock does. CPU time is that of the workers' processes; Redis's is its own, for each job of 64 pictures.
//
//   npm run test:stores (once: it fetches the engines); node bench/work.mjs [--pictures 2000] [--rounds 5] [--model MODEL] [--json FILE]
import { execFileSync, fork } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { median } from './interleave.mjs'

const { values: options } = parseArgs({
  options: {
    pictures: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '5' },
    model: { type: 'string' },
    json: { type: 'string' },
    worker: { type: 'string' },
  },
})
const root = path.join(import.meta.dirname, '..')
const require = createRequire(import.meta.url)
const { Clip, openPictureQueue, openVectorStore, pictureSources } = require(path.join(root, 'dist', 'index.js'))

if (options.worker) await runWorker(JSON.parse(options.worker))
else await main()

/** A child: loads, says so, and works on the word "go" until the queue is empty. */
async function runWorker({ redis, location, name, embeds, model }) {
  const clip = await Clip.load(model, { threads: 1, towers: 'image' })
  const constant = new Float32Array(clip.info.dim).fill(1)
  const answers = Object.create(clip, { info: { value: clip.info }, encodeImage: { value: async () => constant } })
  const queue = await openPictureQueue(redis, { name })
  const store = await openVectorStore(location, { dim: clip.info.dim, table: name })
  process.send('ready')
  await new Promise(resolve => process.once('message', resolve))
  const before = process.cpuUsage()
  const total = await queue.work({ clip: embeds ? clip : answers, store, untilEmpty: true })
  const { user, system } = process.cpuUsage(before)
  process.send({ ...total, cpuMs: (user + system) / 1000 })
  await store.close()
  await queue.close()
  await clip.dispose()
  process.disconnect()
}

async function main() {
  const [pictures, rounds] = [options.pictures, options.rounds].map(Number)
  const { place } = require(path.join(root, 'scripts', 'test-stores.cjs'))
  const { startPostgres, startRedis } = require(path.join(root, 'test', 'helpers', 'engines.cjs'))
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'ggclip-bench-work-'))
  const redis = await startRedis()
  const postgres = await startPostgres(place)
  try {
    await makePictures(path.join(scratch, 'pictures'), pictures)
    const sides = { 'one worker': [1, true], 'two workers': [2, true], 'one worker, nothing embedded': [1, false] }
    const samples = Object.fromEntries(Object.keys(sides).map(side => [side, []]))
    for (let round = 0; round <= rounds; round++) {
      for (const [i, side] of rotated(Object.keys(sides), round).entries()) {
        const name = `r${round}_${i}`
        const sample = await once(
          redis.url,
          postgres.url,
          name,
          path.join(scratch, 'pictures'),
          pictures,
          ...sides[side],
        )
        if (round > 0) samples[side].push(sample) // the first fills caches
      }
    }
    report(samples, pictures)
  } finally {
    await postgres.stop()
    await redis.stop()
    fs.rmSync(scratch, { recursive: true, force: true })
  }
}

function rotated(list, n) {
  return list.map((_, i) => list[(i + n) % list.length])
}

/** Photographs as far as an encoder is concerned: smooth, with noise; each its own. */
async function makePictures(folder, count) {
  const sharp = require('sharp')
  fs.mkdirSync(folder)
  const [width, height] = [500, 375]
  const pixels = Buffer.alloc(width * height * 3)
  for (let i = 0; i < count; i++) {
    for (let at = 0; at < pixels.length; at++)
      pixels[at] = 128 + 100 * Math.sin((at % (3 * width)) * 0.004 + i) + ((at * 2654435761 + i * 40503) >>> 16) % 16
    const jpeg = await sharp(pixels, { raw: { width, height, channels: 3 } }).jpeg({ quality: 85 }).toBuffer()
    fs.writeFileSync(path.join(folder, `${String(i).padStart(6, '0')}.jpg`), jpeg)
  }
}

async function once(redis, location, name, folder, pictures, count, embeds) {
  const queue = await openPictureQueue(redis, { name })
  await queue.add(pictureSources([folder]), { maxWaiting: 1_000_000 })
  const work = JSON.stringify({ redis, location, name, embeds, model: options.model })
  const workers = Array.from({ length: count }, () => fork(import.meta.filename, ['--worker', work]))
  await Promise.all(workers.map(worker => nextMessage(worker)))
  const redisBefore = redisCpuMs(redis)
  const start = performance.now()
  for (const worker of workers) worker.send('go')
  const totals = await Promise.all(workers.map(nextMessage))
  const ms = performance.now() - start
  const redisMs = redisCpuMs(redis) - redisBefore
  const embedded = totals.reduce((all, total) => all + total.embedded, 0)
  if (embedded !== pictures) throw new Error(`expected ${pictures} pictures to be embedded, not ${embedded}`)
  await queue.close()
  const sum = field => totals.reduce((all, total) => all + total[field], 0)
  return { ms, cpuMs: sum('cpuMs'), redisMs, storeMs: sum('storeMs'), jobs: sum('jobs') }
}

function redisCpuMs(url) {
  const info = execFileSync('redis-cli', ['-u', url, 'info', 'cpu'], { encoding: 'utf8' })
  return [...info.matchAll(/^used_cpu_(?:sys|user):(.*)$/gm)].reduce((sum, [, seconds]) => sum + 1000 * seconds, 0)
}

function nextMessage(child) {
  return new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', code => reject(new Error(`a worker ended with ${code}`)))
  })
}

function report(samples, pictures) {
  const sides = Object.entries(samples).map(([name, rounds]) => ({
    name,
    perSecond: median(rounds.map(({ ms }) => 1000 * pictures / ms)),
    cpuMsPerPicture: median(rounds.map(({ cpuMs }) => cpuMs / pictures)),
    redisMsPerJob: median(rounds.map(({ redisMs, jobs }) => redisMs / jobs)),
    storeMsPerJob: median(rounds.map(({ storeMs, jobs }) => storeMs / jobs)),
    rounds,
  }))
  const [one, two] = sides
  const ratio = of => median(one.rounds.map((round, i) => of(round, two.rounds[i])))
  const ratios = {
    'pictures a second, two workers to one': ratio((a, b) => a.ms / b.ms),
    'CPU time a picture, two workers to one': ratio((a, b) => b.cpuMs / a.cpuMs),
  }
  for (const { name, perSecond, cpuMsPerPicture, redisMsPerJob, storeMsPerJob } of sides) {
    const figures = [
      `${perSecond.toFixed(1)} pictures/s`,
      `${cpuMsPerPicture.toFixed(2)} ms of CPU a picture`,
      `a job: ${redisMsPerJob.toFixed(2)} ms of Redis's CPU, ${storeMsPerJob.toFixed(1)} ms for the store`,
    ]
    process.stdout.write(`${name.padEnd(30)} ${figures.join('; ')}\n`)
  }
  for (const [name, value] of Object.entries(ratios)) process.stdout.write(`${name}: ${value.toFixed(2)}\n`)
  if (!options.json) return
  const about = {
    date: new Date().toISOString(),
    cpu: os.cpus()[0].model,
    cores: os.availableParallelism(),
    node: process.version,
  }
  fs.writeFileSync(
    options.json,
    `${JSON.stringify({ ...about, model: options.model ?? 'embedded', pictures, sides, ratios }, null, 2)}\n`,
  )
}
