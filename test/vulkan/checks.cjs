// The Vulkan backend of ggml, loaded as users load it, against PyTorch's numbers: pictures and texts in turn, batches of
// several sizes, each call twice. Run by scripts/test-vulkan.cjs; a script without a test runner, because it needs the one
// process that was started with the driver's libraries.
'use strict'

const assert = require('node:assert/strict')
const { readFileSync } = require('node:fs')
const path = require('node:path')
const { Clip } = require('../../dist/index.js')
const buildOracle = require('../oracle/build.cjs')
const { tensorsOf } = require('../oracle/safetensors.cjs')

const oracle = buildOracle()

function rowsOf({ shape, bytes }) {
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
  const size = values.length / shape[0]
  return Array.from({ length: shape[0] }, (_, i) => values.subarray(i * size, (i + 1) * size))
}

function distance(actual, expected) {
  let [largest, magnitude, ab, aa, bb] = [0, 0, 0, 0, 0]
  expected.forEach((e, i) => {
    largest = Math.max(largest, Math.abs(actual[i] - e))
    magnitude = Math.max(magnitude, Math.abs(e))
    ab += actual[i] * e
    aa += actual[i] * actual[i]
    bb += e * e
  })
  return { difference: largest / magnitude, cosine: ab / Math.sqrt(aa * bb) }
}

/** @param {{ difference: number, cosine: number }} limits */
function close(what, actual, expected, limits) {
  assert.equal(actual.length, expected.length, what)
  actual.forEach((row, i) => {
    const { difference, cosine } = distance(row, expected[i])
    assert.ok(
      difference <= limits.difference && cosine >= limits.cosine,
      `${what}, row ${i}: largest difference ${difference}, 1 - cosine ${1 - cosine}`,
    )
  })
}

/** `order`: i and I one and eleven pictures, t and T one and all texts. */
async function check(name, dtype, order) {
  const directory = path.join(oracle, 'models', name)
  const expected = tensorsOf(readFileSync(path.join(directory, 'expected.safetensors')))
  const { texts } = JSON.parse(readFileSync(path.join(directory, 'expected.json'), 'utf8'))
  const [pixels, images, words] = ['pixel_values', 'image_embeds', 'text_embeds'].map(key => rowsOf(expected[key]))
  const clip = await Clip.load(directory, { device: 'vulkan', dtype })
  try {
    assert.match(clip.info.device, /^Vulkan/)
    const raw = { normalize: false }
    const eleven = Array.from({ length: 11 }, (_, i) => i % pixels.length)
    const calls = {
      i: () => clip.encodeImage([{ tensor: pixels[0] }], raw),
      I: () => clip.encodeImage(eleven.map(i => ({ tensor: pixels[i] })), raw),
      t: () => clip.encodeText([texts[0]], raw),
      T: () => clip.encodeText(texts, raw),
    }
    const right = { i: [images[0]], I: eleven.map(i => images[i]), t: [words[0]], T: words }
    // lavapipe has 16-bit floats: ggml multiplies in them; q8_0: the weights themselves are rounded
    const limits = dtype === 'f32' ? { difference: 5e-3, cosine: 0.99999 } : { difference: 0.2, cosine: 0.99 }
    const first = {}
    for (const call of order) {
      const { batches } = clip.stats()
      const rows = await calls[call]()
      if (call === 'I') assert.equal(clip.stats().batches - batches, 1, `${name} ${dtype}: batches of I, of ${order}`)
      close(`${name} ${dtype} ${call} of ${order}`, rows, right[call], limits)
      first[call] ??= rows
      rows.forEach((row, i) => assert.deepEqual(row, first[call][i], `${name} ${dtype}: ${call} again, of ${order}`))
    }
  } finally {
    await clip.dispose()
  }
}

/** lavapipe is slower than the CPU's own kernels. */
async function checkAuto() {
  const clip = await Clip.load(path.join(oracle, 'models', 'hf-clip-tiny'), { device: 'auto' })
  const { device, deviceReason } = clip.info
  await clip.dispose()
  process.stdout.write(`${deviceReason}\n`)
  assert.equal(device, 'CPU')
  assert.match(deviceReason, /^auto: Vulkan0 takes [0-9.e+]+ ms an image, the CPU [0-9.e+-]+ ms an image$/)
}

async function main() {
  let failed = 0
  const cases = [['hf-clip-tiny', 'f32'], ['hf-clip-tiny', 'q8_0'], ['siglip-tiny', 'f32']]
  for (const [name, dtype] of cases) {
    const start = Date.now()
    const outcome = await check(name, dtype, 'itiTIItTi').then(() => 'pass', error => `FAIL ${error.message}`)
    failed += outcome === 'pass' ? 0 : 1
    process.stdout.write(`${name} ${dtype} on Vulkan: ${outcome} (${Math.round((Date.now() - start) / 1000)} s)\n`)
  }
  const auto = await checkAuto().then(() => 'pass', error => `FAIL ${error.message}`)
  failed += auto === 'pass' ? 0 : 1
  process.stdout.write(`device auto: ${auto}\n`)
  process.stdout.write(`vulkan: ${cases.length + 1 - failed} passed, ${failed} failed\n`)
  process.exitCode = failed === 0 ? 0 : 1
}

void main()
