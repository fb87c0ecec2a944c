/** Reader of the reference files: little-endian safetensors with F32, I32 and U8 tensors. */
import { readFileSync } from 'node:fs'

export interface Tensor {
  data: Float32Array | Int32Array | Uint8Array
  shape: number[]
}

interface Entry {
  dtype: string
  shape: number[]
  data_offsets: [number, number]
}

/** The tensors of a file by name; a name that is not there throws, so that no comparison is skipped in silence. */
export class TensorFile {
  readonly #tensors = new Map<string, Tensor>()
  readonly #path: string

  constructor(path: string) {
    this.#path = path
    const file = readFileSync(path)
    const headerEnd = 8 + Number(file.readBigUInt64LE(0))
    const header = JSON.parse(file.toString('utf8', 8, headerEnd)) as Record<string, Entry>
    for (const [name, entry] of Object.entries(header)) {
      if (name === '__metadata__') continue
      const [begin, end] = entry.data_offsets
      // copied: the data need not lie at a multiple of the element size
      const bytes = Uint8Array.prototype.slice.call(file, headerEnd + begin, headerEnd + end)
      this.#tensors.set(name, { data: view(bytes, entry.dtype, `${path}: ${name}`), shape: entry.shape })
    }
  }

  get names(): string[] {
    return [...this.#tensors.keys()]
  }

  has(name: string): boolean {
    return this.#tensors.has(name)
  }

  tensor(name: string): Tensor {
    const tensor = this.#tensors.get(name)
    if (!tensor) throw new Error(`${this.#path}: no tensor '${name}'`)
    return tensor
  }

  floats(name: string): Float32Array {
    const { data } = this.tensor(name)
    if (!(data instanceof Float32Array)) throw new Error(`${this.#path}: '${name}' is not F32`)
    return data
  }

  /** The rows of a tensor along its first dimension. */
  rows(name: string): Float32Array[] {
    const data = this.floats(name)
    return split(data, this.tensor(name).shape[0]!)
  }

  ids(name: string): Int32Array[] {
    const { data, shape } = this.tensor(name)
    if (!(data instanceof Int32Array)) throw new Error(`${this.#path}: '${name}' is not I32`)
    return split(data, shape[0]!)
  }
}

function view(bytes: Uint8Array, dtype: string, name: string): Tensor['data'] {
  const { buffer, byteOffset } = bytes
  if (dtype === 'F32') return new Float32Array(buffer, byteOffset, bytes.length / 4)
  if (dtype === 'I32') return new Int32Array(buffer, byteOffset, bytes.length / 4)
  if (dtype === 'U8') return bytes
  throw new Error(`${name}: dtype ${dtype} is not read here`)
}

function split<T extends Float32Array | Int32Array>(data: T, count: number): T[] {
  const width = data.length / count
  return Array.from({ length: count }, (_, i) => data.slice(i * width, (i + 1) * width) as T)
}
