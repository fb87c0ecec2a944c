/** A store belongs to a model, as an index does: vectors of another cannot be compared with its own. */
import { ClipError } from '../errors.js'
import { probe, sameModel } from '../search/bind-model.js'
import type { IndexModel } from '../search/types.js'
import type { VectorStore } from '../stores/types.js'
import { cosineSimilarity } from '../vectors/similarity.js'

/** The store remembers what its model makes of one picture. @throws {ClipError} ERR_CLIP_INDEX_MODEL */
export async function bindStore(store: VectorStore, clip: IndexModel): Promise<void> {
  const vector = await clip.encodeImage(probe())
  const { name } = clip.info
  const kept = JSON.parse(await store.remember('model', JSON.stringify({ name, probe: Array.from(vector) }))) as {
    name: string
    probe: number[]
  }
  if (cosineSimilarity(Float32Array.from(kept.probe), vector) >= sameModel) return
  throw new ClipError(
    'ERR_CLIP_INDEX_MODEL',
    `the store's vectors are of another model (${kept.name || 'without a name'}) than ${
      name || 'this one'
    }: they cannot be compared`,
  )
}
