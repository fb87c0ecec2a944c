/** IEEE 754 half precision, whose bits are kept in `Uint16Array`: the vectors of an index. */

const word = new Float32Array(1)
const bits = new Uint32Array(word.buffer)

/** Rounds to the nearest half, ties to even; values beyond 65504 become infinite. */
export function toHalves(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, toHalf)
}

/** Exact. */
export function fromHalves(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, fromHalf)
}

function toHalf(value: number): number {
  word[0] = value
  const sign = (bits[0]! >>> 16) & 0x8000
  const rest = bits[0]! & 0x7fffffff
  if (rest >= 0x47800000) return sign | (rest > 0x7f800000 ? 0x7e00 : 0x7c00) // 65536 and above, infinity, NaN
  if (rest < 0x38800000) {
    // below 2^-14: a multiple of 2^-24. Adding 0.5 aligns it, and rounds it, in the sum's last bits
    word[0] = Math.abs(value) + 0.5
    return sign | (bits[0]! - 0x3f000000)
  }
  const even = (rest >>> 13) & 1
  return sign | ((rest - 0x38000000 + 0xfff + even) >>> 13)
}

function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >>> 10) & 31
  const fraction = half & 1023
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25)
}
