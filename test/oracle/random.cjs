// numpy's Generator(PCG64(seed)), as far as the reference's weights and pictures were drawn from it: the same doubles, bit
// for bit. Published algorithms: SeedSequence (O'Neill's seed_seq_fe), PCG XSL-RR 128/64, a ziggurat of 256 steps, Lemire's
// bounded integers, Floyd's sampling.
'use strict'

const { readFileSync } = require('node:fs')
const path = require('node:path')

const mask64 = (1n << 64n) - 1n
const multiplier = 0x2360ed051fc65da44385df649fccf645n

class Generator {
  #state = 0n
  #increment
  #half // the unused upper half of the last draw of 32 bits

  /** @param {bigint} seed below 2^64 */
  constructor(seed) {
    const words = seedSequence(seed)
    const at = i => (BigInt(words[i + 1]) << 32n) | BigInt(words[i])
    this.#increment = BigInt.asUintN(128, (((at(4) << 64n) | at(6)) << 1n) | 1n)
    this.#step()
    this.#state += (at(0) << 64n) | at(2)
    this.#step()
  }

  #step() {
    this.#state = BigInt.asUintN(128, this.#state * multiplier + this.#increment)
  }

  uint64() {
    this.#step()
    const mixed = (this.#state >> 64n) ^ (this.#state & mask64)
    const turn = this.#state >> 122n
    return ((mixed >> turn) | (mixed << (64n - turn))) & mask64
  }

  uint32() {
    if (this.#half !== undefined) {
      const half = this.#half
      this.#half = undefined
      return half
    }
    const both = this.uint64()
    this.#half = Number(both >> 32n)
    return Number(both & 0xffffffffn)
  }

  /** In [0, 1). */
  double() {
    return Number(this.uint64() >> 11n) / 2 ** 53
  }

  uniform(low, high) {
    return low + (high - low) * this.double()
  }

  /** A whole number from 0 to `limit`, which is below 2^32 - 1. */
  upTo(limit) {
    if (limit === 0) return 0
    const count = BigInt(limit + 1)
    let product = BigInt(this.uint32()) * count
    if ((product & 0xffffffffn) < count) {
      const threshold = (0x100000000n - count) % count
      while ((product & 0xffffffffn) < threshold) product = BigInt(this.uint32()) * count
    }
    return Number(product >> 32n)
  }

  /** `count` different numbers below `size`. */
  choice(size, count) {
    const chosen = []
    for (let j = size - count; j < size; j++) {
      const value = this.upTo(j)
      chosen.push(chosen.includes(value) ? j : value)
    }
    for (let i = count - 1; i > 0; i--) {
      const j = this.upTo(i)
      ;[chosen[i], chosen[j]] = [chosen[j], chosen[i]]
    }
    return chosen
  }

  /** Bytes as `integers(0, 256, dtype=uint8)` gives them: four of each draw of 32 bits, the lowest first. */
  bytes(count) {
    const out = Buffer.alloc(count)
    for (let i = 0, word = 0; i < count; i++, word >>>= 8) {
      if (i % 4 === 0) word = this.uint32()
      out[i] = word & 255
    }
    return out
  }

  /** From the standard normal distribution. */
  normal() {
    const { limits, widths, heights } = ziggurat()
    for (;;) {
      const bits = this.uint64()
      const step = Number(bits & 255n)
      const distance = Number((bits >> 9n) & 0xfffffffffffffn)
      const x = (bits & 256n) === 0n ? distance * widths[step] : -(distance * widths[step])
      if (distance < limits[step]) return x
      if (step === 0) return this.#tail(Math.floor(distance / 256) % 2 === 1)
      if ((heights[step - 1] - heights[step]) * this.double() + heights[step] < Math.exp(-0.5 * x * x)) return x
    }
  }

  #tail(negative) {
    for (;;) {
      const x = -Math.log1p(-this.double()) * inverseEdge
      const y = -Math.log1p(-this.double())
      if (y + y > x * x) return negative ? -(edge + x) : edge + x
    }
  }
}

/** The eight 32-bit words that a seed becomes. */
function seedSequence(seed) {
  const entropy = [Number(seed & 0xffffffffn), Number(seed >> 32n), 0, 0]
  let constant = 0x43b0d7e5
  const hash = value => {
    const mixed = value ^ constant
    constant = Math.imul(constant, 0x931e8875)
    const product = Math.imul(mixed, constant)
    return product ^ (product >>> 16)
  }
  const pool = entropy.map(hash)
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) {
      if (from === to) continue
      const mixed = (Math.imul(0xca01f9dd, pool[to]) - Math.imul(0x4973f715, hash(pool[from]))) | 0
      pool[to] = mixed ^ (mixed >>> 16)
    }
  }
  let key = 0x8b51f9dd
  return Array.from({ length: 8 }, (_, i) => {
    const mixed = pool[i % 4] ^ key
    key = Math.imul(key, 0x58f38ded)
    const product = Math.imul(mixed, key)
    return (product ^ (product >>> 16)) >>> 0
  })
}

// ---- the ziggurat's tables, which numpy rounds in its own way: kept as they are ----

/** Where the tail begins. */
const edge = 3.6541528853610088
const inverseEdge = 0.27366123732975828

let tables
/** Of each step: below which distance a draw surely lies under the curve, its width in units of 2^-52, the curve's height. */
function ziggurat() {
  if (tables) return tables
  const file = readFileSync(path.join(__dirname, '..', 'fixtures', 'oracle', 'ziggurat.bin'))
  const steps = read => Float64Array.from({ length: 256 }, (_, i) => read(8 * i))
  return (tables = {
    limits: steps(at => Number(file.readBigUInt64LE(at))),
    widths: steps(at => file.readDoubleLE(2048 + at)),
    heights: steps(at => file.readDoubleLE(4096 + at)),
  })
}

module.exports = { Generator }
