/** IEEE 754 half precision, whose bits are kept in `Uint16Array`: the vectors of an index. */

const word = new Float32Array(1)
const bits = new Uint32Array(word.buffer)

/** Rounds to the nearest half, ties to even; values beyond 65504 become infinite. */
export function toHalves(values: Float32Array): Uint16Array {
  const halves = new Uint16Array(values.length)
  for (let i = 0; i < halves.length; i++) halves[i] = toHalf(values[i]!) // from() with a function is far slower
  return halves
}

/** Exact. */
export function fromHalves(halves: Uint16Array): Float32Array {
  const values = new Float32Array(halves.length)
  for (let i = 0; i < values.length; i++) values[i] = fromHalf(halves[i]!)
  return values
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
  const rest = half & 0x7fff
  const special = rest >= 0x7c00 // infinity, NaN
  bits[0] = ((half & 0x8000) << 16) | (rest << 13) | (special ? 0x7f800000 : 0)
  return special ? word[0]! : word[0]! * 2 ** 112 // the exponent of an f32 counts from -127, of a half from -15
}
