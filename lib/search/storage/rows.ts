/** How an index's file stores its vectors: half precision, or 8 bits with one factor for each row. */
import { fromHalves } from './half.js'

export const rowTypes = ['f16', 'int8'] as const
/** 'f16': half precision, 2 bytes a value; 'int8': 1 byte a value, and 4 for the row's factor. */
export type RowType = (typeof rowTypes)[number]

/** Rows of `dim` values as bytes of this machine's order. SQLite keeps halves, whatever the type of the file. */
export class RowFormat {
  readonly type: RowType
  readonly dim: number

  constructor(type: RowType, dim: number) {
    this.type = type
    this.dim = dim
  }

  /** Bytes of a row. */
  get bytes(): number {
    return this.type === 'f16' ? 2 * this.dim : this.dim + 4
  }

  /** @param halves flat [n][dim] */
  encode(halves: Uint16Array): Uint8Array {
    if (this.type === 'f16') return new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength)
    const { dim, bytes } = this
    const values = fromHalves(halves)
    const n = values.length / dim
    const out = new Uint8Array(n * bytes)
    const view = new DataView(out.buffer)
    for (let row = 0; row < n; row++) {
      let largest = 0
      for (let i = row * dim; i < (row + 1) * dim; i++) largest = Math.max(largest, Math.abs(values[i]!))
      const factor = largest / 127
      if (factor > 0) {
        for (let i = 0; i < dim; i++) out[row * bytes + i] = Math.round(values[row * dim + i]! / factor)
      }
      view.setFloat32(row * bytes + dim, factor, littleEndian)
    }
    return out
  }

  /** Flat [n][dim]. */
  decode(rows: Uint8Array): Float32Array {
    const own = Uint8Array.from(rows) // aligned
    if (this.type === 'f16') return fromHalves(new Uint16Array(own.buffer))
    const { dim, bytes } = this
    const view = new DataView(own.buffer)
    const out = new Float32Array((own.length / bytes) * dim)
    for (let at = 0, to = 0; at < own.length; at += bytes) {
      const factor = view.getFloat32(at + dim, littleEndian)
      for (let i = 0; i < dim; i++) out[to++] = view.getInt8(at + i) * factor
    }
    return out
  }
}

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
