// Uses ggclip for a while as a busy server would: mixed concurrent calls, random aborts, random dispose and reload.
// Ends with checks and prints a summary as JSON: results equal to sequential ones, every error explained, no listener
// left on a signal, memory not growing. Exit code 0 when all hold.
//
//   node scripts/soak.cjs [--seconds 30] [--model PATH] [--seed 1] [--callers 12]
'use strict'

const { getEventListeners } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { randomFrom } = require('../test/helpers/random.cjs')

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    model: { type: 'string' },
    seed: { type: 'string', default: '1' },
    callers: { type: 'string', default: '12' },
  },
})
const seconds = Number(values.seconds)
const callers = Number(values.callers)
const tolerance = 1e-5 // rows of another batch may be summed in another order

const { Clip } = require('../dist/index.js')
const sharp = require('sharp')

const random = randomFrom(Number(values.seed))

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
const rssMib = () => process.memoryUsage().rss / 2 ** 20
const loadOptions = { threads: 1, sessions: 2, maxBatch: 16, maxQueue: 64 }

const counts = {
  calls: 0,
  done: 0,
  aborted: 0,
  disposed: 0,
  queueFull: 0,
  wrong: 0,
  unexpected: 0,
  listeners: 0,
  reloads: 0,
}
const problems = []

function problem(kind, text) {
  counts[kind]++
  if (problems.length < 10) problems.push(text)
}

function rawPicture(seed, edge) {
  const data = new Uint8Array(edge * edge * 3).map((_, i) => (i * (seed + 3) + ((i >> 5) * seed * 7)) & 255)
  return { data, width: edge, height: edge, channels: 3 }
}

/** Images in every form, and texts. */
async function makeInputs(folder) {
  const images = []
  for (let i = 0; i < 12; i++) {
    const raw = rawPicture(i, 24 + 17 * i)
    const { data, width, height, channels } = raw
    const bytes = await sharp(data, { raw: { width, height, channels } })[['png', 'jpeg', 'webp'][i % 3]]().toBuffer()
    const file = path.join(folder, `picture-${i}`)
    fs.writeFileSync(file, bytes)
    images.push([raw, bytes, file, new Blob([bytes])][i % 4])
  }
  const texts = Array.from({ length: 40 }, (_, i) => `picture number ${i} ${'with many words '.repeat(i % 7)}`)
  return { images, texts, labels: ['cat', 'dog', 'a red car', 'nothing'] }
}

/** The kinds of call: each makes a result as one flat list of numbers. `n`: which input. */
function kindsOf({ images, texts, labels }) {
  return {
    image: { inputs: images.length, call: async (clip, n, options) => [...await clip.encodeImage(images[n], options)] },
    imageList: {
      inputs: images.length,
      call: async (clip, n, options) =>
        (await clip.encodeImage([images[n], images[(n + 1) % images.length]], options)).flatMap(row => [...row]),
    },
    text: { inputs: texts.length, call: async (clip, n, options) => [...await clip.encodeText(texts[n], options)] },
    textList: {
      inputs: texts.length,
      call: async (clip, n, options) =>
        (await clip.encodeText(texts.slice(n, n + 5), options)).flatMap(row => [...row]),
    },
    classify: {
      inputs: images.length,
      call: async (clip, n, options) => {
        const results = await clip.classify(images[n], labels, options)
        return labels.map(label => results.find(result => result.label === label).similarity)
      },
    },
    similarity: {
      inputs: images.length,
      call: async (clip, n, options) =>
        (await clip.similarity([images[n]], texts.slice(n, n + 3), options)).logits.flatMap(row =>
          [...row].map(logit => logit / 100)
        ),
    },
    generator: {
      inputs: texts.length - 4,
      call: async (clip, n, options) => {
        const rows = []
        for await (const row of clip.encodeTexts(texts.slice(n, n + 4), options)) rows.push(...row)
        return rows
      },
    },
  }
}

async function sequentialResults(kinds) {
  const clip = await Clip.load(values.model, { threads: 1, maxBatch: 1 })
  const expected = {}
  for (const [name, { inputs, call }] of Object.entries(kinds)) {
    expected[name] = []
    for (let n = 0; n < inputs; n++) expected[name].push(await call(clip, n))
  }
  await clip.dispose()
  return expected
}

const differs = (a, b) => a.length !== b.length || a.some((value, i) => !(Math.abs(value - b[i]) <= tolerance))

async function caller(service, kinds, expected, end) {
  const names = Object.keys(kinds)
  while (performance.now() < end) {
    const name = names[random(names.length)]
    const n = random(kinds[name].inputs)
    const controller = new AbortController()
    const { signal } = controller
    const reason = new Error('aborted by the soak test')
    const abortAfter = random(3) === 0 ? random(40) : -1
    const timer = abortAfter < 0 ? undefined : setTimeout(() => controller.abort(reason), abortAfter)
    counts.calls++
    try {
      const result = await kinds[name].call(service.clip, n, { signal, priority: random(3) - 1 })
      if (differs(result, expected[name][n])) problem('wrong', `${name} ${n} differs from its sequential result`)
      counts.done++
    } catch (error) {
      if (error === reason) counts.aborted++
      else if (error.code === 'ERR_CLIP_DISPOSED') counts.disposed++
      else if (error.code === 'ERR_CLIP_QUEUE_FULL') counts.queueFull++
      else problem('unexpected', `${name} ${n}: ${error.stack}`)
    }
    clearTimeout(timer)
    if (getEventListeners(signal, 'abort').length > 0) problem('listeners', `${name} ${n} left a listener`)
    if (random(8) === 0) await sleep(random(20))
  }
}

/** Now and then the model goes away under the callers, and another one comes; or a load is cancelled. */
async function reloader(service, end) {
  while (performance.now() < end) {
    await sleep(200 + random(600))
    const controller = new AbortController()
    if (random(3) === 0) {
      setTimeout(() => controller.abort(), random(20))
      await Clip.load(values.model, { ...loadOptions, signal: controller.signal }).then(
        clip => clip.dispose(),
        () => undefined,
      )
      if (getEventListeners(controller.signal, 'abort').length > 0)
        problem('listeners', 'a cancelled load left a listener')
    }
    const old = service.clip
    service.clip = await Clip.load(values.model, loadOptions)
    await old.dispose()
    counts.reloads++
  }
}

const median = list => [...list].sort((a, b) => a - b)[list.length >> 1]

async function main() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ggclip-soak-'))
  const inputs = await makeInputs(folder)
  const kinds = kindsOf(inputs)
  const expected = await sequentialResults(kinds)
  const service = { clip: await Clip.load(values.model, loadOptions) }
  const began = performance.now()
  const end = began + seconds * 1000
  const rss = []
  const sampler = setInterval(() => {
    if (global.gc) global.gc()
    rss.push(rssMib())
  }, Math.max(50, seconds * 10))
  await Promise.all([reloader(service, end), ...Array.from({ length: callers }, () =>
    caller(service, kinds, expected, end))])
  clearInterval(sampler)
  const { queued, running } = service.clip.stats()
  await service.clip.dispose()
  fs.rmSync(folder, { recursive: true, force: true })

  // the first quarter fills caches and pools
  const growthMib = median(rss.slice(-Math.ceil(rss.length / 4))) -
    median(rss.slice(Math.floor(rss.length / 4), Math.ceil(rss.length / 2)))
  const limitMib = 24
  const checks = {
    someOfEachHappened: counts.done > 0 && counts.aborted > 0 && counts.reloads > 0,
    resultsEqualSequential: counts.wrong === 0,
    everyErrorExplained: counts.unexpected === 0,
    noListenerLeft: counts.listeners === 0,
    nothingLeftInQueue: queued === 0 && running === 0,
    memoryDoesNotGrow: growthMib < limitMib,
  }
  const ok = Object.values(checks).every(Boolean)
  const memory = {
    firstMib: Math.round(rss[0]),
    lastMib: Math.round(rss.at(-1)),
    growthMib: Math.round(growthMib * 10) / 10,
    limitMib,
  }
  process.stdout.write(
    `${
      JSON.stringify({
        ok,
        seconds: Math.round((performance.now() - began) / 100) / 10,
        checks,
        counts,
        memory,
        problems,
      })
    }\n`,
  )
  if (!ok) process.exitCode = 1
}

main().catch(error => {
  process.stderr.write(`soak: ${error.stack}\n`)
  process.exitCode = 1
})
