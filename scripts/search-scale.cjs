// A folder of many generated pictures is indexed twice: undisturbed, and killed at random moments (SIGKILL), then finished.
// Both indexes must be the same: rows, files, failures, and what searches find. Among the pictures are copies and files
// that are none. Prints what it took; exit code 0 when all is equal.
//
//   npm run test:search-scale [-- --pictures 20000 --kills 5 --seed 1]
'use strict'

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { isDeepStrictEqual, parseArgs } = require('node:util')
const { randomFrom } = require('../test/helpers/random.cjs')

const { values } = parseArgs({
  options: {
    pictures: { type: 'string', default: '20000' },
    kills: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
  },
})
const [pictures, kills] = [Number(values.pictures), Number(values.kills)]
const random = fractions(Number(values.seed))
const { Clip, SearchIndex } = require('../dist/index.js')

const scratch = path.join(__dirname, '..', 'build', 'search-scale')
const folder = path.join(scratch, 'pictures')
const program = path.join(__dirname, '..', 'test', 'fixtures', 'search', 'update.cjs')
const side = 24

/** A function that gives a number from 0 to below 1. */
function fractions(seed) {
  const next = randomFrom(seed)
  return () => next(2 ** 24) / 2 ** 24
}

/** Coloured rectangles on a gradient. Each hundredth file is a copy of an earlier one, each thousandth no picture. */
function makePictures() {
  fs.rmSync(scratch, { recursive: true, force: true })
  for (let i = 0; i < pictures; i++) {
    const inside = path.join(folder, String(Math.floor(i / 500)))
    if (i % 500 === 0) fs.mkdirSync(inside, { recursive: true })
    const kind = i % 1000 === 999 ? 'bad' : i % 100 === 50 ? 'copy' : 'new'
    fs.writeFileSync(
      path.join(inside, `${i}.ppm`),
      kind === 'bad' ? 'P6 no picture' : picture(kind === 'copy' ? i - 7 : i),
    )
  }
}

function picture(number) {
  const draw = fractions(number + 1)
  const pixels = Buffer.alloc(side * side * 3)
  const [r, g, b] = [draw(), draw(), draw()]
  for (let i = 0; i < side * side; i++) {
    const [x, y] = [(i % side) / side, Math.floor(i / side) / side]
    pixels.set([255 * r * x, 255 * g * y, 255 * b * (1 - x)].map(Math.floor), 3 * i)
  }
  for (let n = 0; n < 3; n++) {
    const [x, y, w, h] = [draw(), draw(), draw(), draw()].map(value => Math.floor(value * side))
    const colour = [draw(), draw(), draw()].map(value => Math.floor(256 * value))
    for (let row = y; row < Math.min(side, y + h); row++)
      for (let column = x; column < Math.min(side, x + w); column++) pixels.set(colour, 3 * (row * side + column))
  }
  return Buffer.concat([Buffer.from(`P6 ${side} ${side} 255\n`), pixels])
}

/** One run in a process of its own, killed after `ms`. @returns whether it was killed before it had ended */
async function run(index, ms = Infinity) {
  const child = spawn(process.execPath, [program, index, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  await Promise.race([once(child.stdout, 'data'), closed])
  child.stdout.resume()
  let timer
  if (ms < Infinity) timer = setTimeout(() => child.kill('SIGKILL'), ms)
  const [status, signal] = await closed
  clearTimeout(timer)
  if (signal === null && status !== 0) throw new Error(`a run ended with status ${status}`)
  return signal !== null
}

async function main() {
  makePictures()
  const [whole, killed] = ['whole', 'killed'].map(name => path.join(scratch, name))
  let startedAt = performance.now()
  await run(whole)
  const undisturbed = performance.now() - startedAt
  console.log(`undisturbed: ${pictures} files in ${(undisturbed / 1000).toFixed(1)} s`)

  startedAt = performance.now()
  for (let i = 0; i < kills; i++) {
    const ms = (undisturbed / (kills + 1)) * 2 * random()
    const early = await run(killed, ms)
    const { files } = await SearchIndex.inspect(killed)
    console.log(`${early ? 'killed' : 'ended'} after ${(ms / 1000).toFixed(1)} s: ${files} files are in the index`)
  }
  await run(killed)
  console.log(`killed ${kills} times and finished: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)

  const clip = await Clip.load(undefined, { threads: 1 })
  const indexes = await Promise.all([whole, killed].map(where => SearchIndex.open(where, { clip })))
  const same = (what, [a, b]) => {
    const equal = Buffer.isBuffer(a) ? a.equals(b) : isDeepStrictEqual(a, b)
    console.log(`${what}: ${equal ? 'the same' : 'DIFFERENT'}`)
    if (!equal) process.exitCode = 1
  }
  same('what they hold', indexes.map(index => ({ ...index.info(), folder: '' })))
  same('files that cannot be read', indexes.map(index => index.failures()))
  same('vectors', [whole, killed].map(where => fs.readFileSync(path.join(where, 'vectors-0.f16'))))
  same('vectors that differ from the database', await Promise.all(indexes.map(index => index.check())))
  for (const query of ['a red square', 'a gradient'])
    same(`all results for '${query}'`, await Promise.all(indexes.map(index => index.search(query, { k: pictures }))))
  const { files, pictures: distinct, failed } = indexes[1].info()
  console.log(`${files} files, ${distinct} pictures, ${failed} cannot be read`)
  const copies = Math.floor((pictures + 49) / 100)
  const bad = Math.floor(pictures / 1000)
  if (files !== pictures - bad || failed !== bad || distinct !== pictures - bad - copies) {
    console.log(`expected ${pictures - bad} files, ${pictures - bad - copies} pictures, ${bad} that cannot be read`)
    process.exitCode = 1
  }
  await Promise.all(indexes.map(index => index.close()))
  await clip.dispose()
  fs.rmSync(scratch, { recursive: true })
}

void main()
