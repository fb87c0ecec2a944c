// Pictures that are drawn by rule, as scripts/oracle/reference/gen_preprocess.py and oraclelib.py (test_pixels) drew them.
'use strict'

const { deflateSync, crc32 } = require('node:zlib')
const { generatorOf } = require('./weights.cjs')

const seed = 20261123

/** Python's: ties to even. */
function round(value) {
  const down = Math.floor(value)
  return value - down === 0.5 ? down + (down % 2) : Math.round(value)
}
const byte = value => Math.min(255, Math.max(0, round(value)))

/** Smooth colours, shapes and a little noise: RGB. */
function picture(name, width, height, noise = 12) {
  const random = generatorOf(seed, name)
  const values = new Float64Array(width * height * 3)
  const each = paint => {
    for (let y = 0, at = 0; y < height; y++) for (let x = 0; x < width; x++, at += 3) paint(x, y, at)
  }
  for (let channel = 0; channel < 3; channel++) {
    const [across, down, phase] = [random.uniform(-3, 3), random.uniform(-3, 3), random.uniform(0, 6)]
    each((x, y, at) => {
      const u = x / Math.max(1, width - 1)
      const v = y / Math.max(1, height - 1)
      values[at + channel] = 127 + 100 * Math.sin(2 * Math.PI * (u * across + v * down) + phase)
    })
  }
  const colour = () => [0, 1, 2].map(() => random.uniform(0, 255))
  for (let i = 0; i < 6; i++) {
    const [cx, cy] = [random.uniform(0, width), random.uniform(0, height)]
    const radius = random.uniform(0.05, 0.25) * Math.max(4, Math.min(width, height))
    const fill = colour()
    each((x, y, at) => {
      if ((x - cx) ** 2 + (y - cy) ** 2 < radius * radius) values.set(fill, at)
    })
  }
  for (let i = 0; i < 4; i++) {
    const [left, top] = [Math.trunc(random.uniform(0, width)), Math.trunc(random.uniform(0, height))]
    const [right, bottom] = [left + Math.max(1, Math.floor(width / 7)), top + Math.max(1, Math.floor(height / 7))]
    const fill = colour()
    each((x, y, at) => {
      if (x >= left && x < right && y >= top && y < bottom) values.set(fill, at)
    })
  }
  if (noise > 0)
    values.forEach((value, i) => {
      values[i] = value + noise * random.normal()
    })
  return Buffer.from(values.map(byte))
}

function pixels(width, height, channels, at) {
  const data = Buffer.alloc(width * height * channels)
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++) for (let c = 0; c < channels; c++, i++) data[i] = at(x, y, c)
  return data
}

/** [width, height, channels, pixels] of each picture. */
const drawn = {
  'one_pixel_1x1.png': [1, 1, 3, () => Buffer.from([201, 40, 99])],
  'narrow_3x500.png': [3, 500, 3, () => generatorOf(seed, 'n').bytes(4500)],
  'flat_500x3.png': [500, 3, 3, () => generatorOf(seed, 'f').bytes(4500)],
  'exact_224x224.png': [224, 224, 3, () => picture('exact', 224, 224)],
  'odd_225x224.png': [225, 224, 3, () => picture('odd', 225, 224)],
  'upscale_50x37.png': [50, 37, 3, () => picture('up', 50, 37)],
  'noise_301x207.png': [301, 207, 3, () => generatorOf(seed, 'noise').bytes(301 * 207 * 3)],
  'checker_511x512.png': [511, 512, 3, () => pixels(511, 512, 3, (x, y) => ((x + y) % 2) * 255)],
  'tall_300x900.png': [300, 900, 3, () => picture('tall', 300, 900, 0)],
  'large_2000x1500.png': [2000, 1500, 3, () => picture('large', 2000, 1500, 0)],
  'gray_L_320x200.png': [320, 200, 1, () => {
    const rgb = picture('gray', 320, 200)
    return pixels(320, 200, 1, (x, y) => rgb[3 * (320 * y + x)])
  }],
  'rgba_260x240.png': [260, 240, 4, () => {
    const rgb = picture('rgba', 260, 240)
    const alpha = (x, y) => [0, 255, Math.floor((x * 255) / 259)][(Math.floor(x / 40) + Math.floor(y / 40)) % 3]
    return pixels(260, 240, 4, (x, y, c) => (c === 3 ? alpha(x, y) : rgb[3 * (260 * y + x) + c]))
  }],
  'gray_alpha_LA_230x250.png': [230, 250, 2, () => {
    const rgb = picture('la', 230, 250)
    return pixels(
      230,
      250,
      2,
      (x, y, c) => (c === 1 ? Math.trunc(x === 229 ? 255 : x * (255 / 229)) : rgb[3 * (230 * y + x)]),
    )
  }],
}

function png(width, height, channels, data) {
  const chunk = (name, body) => {
    const bytes = Buffer.concat([Buffer.from(name), body])
    const length = Buffer.alloc(4)
    length.writeUInt32BE(body.length)
    const sum = Buffer.alloc(4)
    sum.writeUInt32BE(crc32(bytes))
    return Buffer.concat([length, bytes, sum])
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width)
  head.writeUInt32BE(height, 4)
  head.set([8, [0, 0, 4, 2, 6][channels]], 8)
  const rows = Array.from(
    { length: height },
    (_, y) => [Buffer.from([0]), data.subarray(y * width * channels, (y + 1) * width * channels)],
  )
  const signature = Buffer.from('89504e470d0a1a0a', 'hex')
  return Buffer.concat([signature, chunk('IHDR', head),
    chunk('IDAT', deflateSync(Buffer.concat(rows.flat()), { level: 1 })), chunk('IEND', Buffer.alloc(0))])
}

/** Inputs of a model, normalised: in turn waves with a disc, noise, a gradient, one colour. [count, 3, size, size] */
function pixelValues(modelSeed, count, size, mean, deviation) {
  const out = new Float32Array(count * 3 * size * size)
  const plane = size * size
  for (let n = 0; n < count; n++) {
    const random = generatorOf(modelSeed, `pixels${n}`)
    const image = [waves, noise, gradient, () =>
      Float64Array.from({ length: 3 * plane }, (_, i) => (Math.floor(i / plane) === 1 ? 0 : 1))][n % 4](random, size)
    image.forEach((value, i) => {
      const channel = Math.floor(i / plane)
      const level = round(Math.min(1, Math.max(0, value)) * 255) / 255
      out[n * 3 * plane + i] = (level - mean[channel]) / deviation[channel]
    })
  }
  return out
}

function planes(size, at) {
  return Float64Array.from(
    { length: 3 * size * size },
    (_, i) => at(Math.floor(i / (size * size)), i % size, Math.floor(i / size) % size),
  )
}

function waves(random, size) {
  const terms = [0, 1, 2].map(() => [random.uniform(-0.3, 0.3), random.uniform(-0.3, 0.3), random.uniform(0, 6)])
  const [cy, cx, radius] = [random.uniform(0.3, 0.7) * size, random.uniform(0.3, 0.7) * size,
    random.uniform(0.15, 0.4) * size]
  const fill = [0, 1, 2].map(() => random.uniform(0, 1))
  return planes(size, (c, x, y) => {
    if ((y - cy) ** 2 + (x - cx) ** 2 < radius * radius) return fill[c]
    const [across, down, phase] = terms[c]
    return 0.5 + 0.5 * Math.sin(x * across + y * down + phase)
  })
}

function noise(random, size) {
  return Float64Array.from({ length: 3 * size * size }, () => random.uniform(0, 1))
}

function gradient(random, size) {
  const corners = [0, 1, 2].map(() => [0, 1, 2, 3].map(() => random.uniform(0, 1)))
  const last = Math.max(1, size - 1)
  return planes(size, (c, x, y) => {
    const [fx, fy] = [x / last, y / last]
    const [a, b, d, e] = corners[c]
    return a * (1 - fx) * (1 - fy) + b * fx * (1 - fy) + d * (1 - fx) * fy + e * fx * fy
  })
}

module.exports = { drawn, pixelValues, png }
