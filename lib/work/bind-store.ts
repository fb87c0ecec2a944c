/** A store belongs to a model, as an index does: vectors of another cannot be compared with its own. */
import { ClipError } from '../errors.js'
import { probe, sameModel } from '../search/bind-model.js'
import type { IndexModel } from '../search/types.js'
import type { VectorStore } from '../stores/types.js'
import { cosineSimilarity } from '../vectors/similarity.js'

interface BoundModel {
  name: string
  /** What it makes of {@link probe}, [dim]. */
  probe: number[]
}

/** The model that a store's vectors are of, as far as the store knows. */
export async function modelOf(store: VectorStore): Promise<BoundModel | undefined> {
  const note = await store.recall('model')
  return note === undefined ? undefined : JSON.parse(note) as BoundModel
}

/** The store remembers what its model makes of one picture. @throws {ClipError} ERR_CLIP_INDEX_MODEL */
export async function bindStore(store: VectorStore, clip: IndexModel): Promise<void> {
  const vector = await clip.encodeImage(probe())
  const { name } = clip.info
  const own: BoundModel = { name, probe: Array.from(vector) }
  const kept = JSON.parse(await store.remember('model', JSON.stringify(own))) as BoundModel
  if (cosineSimilarity(Float32Array.from(kept.probe), vector) >= sameModel) return
  throw new ClipError(
    'ERR_CLIP_INDEX_MODEL',
    `the store's vectors are of another model (${kept.name || 'without a name'}) than ${
      name || 'this one'
    }: they cannot be compared`,
  )
}
