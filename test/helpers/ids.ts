/** Embeddings of token ids, below the public API: for references whose ids come from no text. */
import { loadAddon } from '../../lib/native/load.js'

export interface IdsOptions {
  dtype?: string
  kernels?: string
}

/** Un-normalised embeddings of one batch, a row a sequence; each ends with its end token, nothing is padded. */
export async function embedIds(
  source: string,
  sequences: readonly Int32Array[],
  { dtype = '', kernels = '' }: IdsOptions = {},
): Promise<Float32Array[]> {
  const options = { device: 'cpu', towers: 'text', dtype, precision: 'default', kernels } as const
  const model = await loadAddon().loadModel(source, options).promise
  const session = model.createSession(2, sequences.length)
  try {
    const ids = Int32Array.from(sequences.flatMap(sequence => [...sequence]))
    const flat = await session.encodeTexts(
      ids,
      Int32Array.from(sequences, sequence => sequence.length),
    ).promise
    const { dim } = model.info()
    return sequences.map((_, i) => flat.slice(i * dim, (i + 1) * dim))
  } finally {
    await session.dispose()
    model.dispose()
  }
}

/** Cuts the padding: everything after the first end token. */
export function unpadded(ids: Int32Array, eosId: number): Int32Array {
  const end = ids.indexOf(eosId)
  if (end < 0) throw new Error(`no end token ${eosId} in ${ids.join(' ')}`)
  return ids.slice(0, end + 1)
}
