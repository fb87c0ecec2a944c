/** An index belongs to a model: vectors of another cannot be compared with its own. */
import { ClipError } from '../errors.js'
import type { RawPixels } from '../types.js'
import { dot } from '../vectors/similarity.js'
import type { Store } from './storage/store.js'
import type { IndexModel } from './types.js'

/** Similarity of the embeddings of one picture by two loads of one model, at least: 4-bit weights reach 0.97. */
export const sameModel = 0.9

/**
 * The index remembers what its model makes of one picture.
 *
 * @throws {ClipError} ERR_CLIP_INDEX_MODEL
 */
export async function bindModel(store: Store, clip: IndexModel): Promise<void> {
  const vector = await clip.encodeImage(probe())
  const known = store.catalog.get('probe')
  if (known === undefined) {
    if (store.readOnly) return // and empty
    store.catalog.writing(() => {
      store.catalog.set('dim', String(vector.length))
      store.catalog.set('model', clip.info.name)
      store.catalog.set('modelPath', clip.info.path)
      store.catalog.set('probe', JSON.stringify(Array.from(vector)))
    })
    return
  }
  const expected = JSON.parse(known) as number[]
  if (expected.length === vector.length && dot(expected, vector) >= sameModel) return
  const made = `${store.catalog.get('model') || 'a model'} with ${expected.length} values`
  throw new ClipError(
    'ERR_CLIP_INDEX_MODEL',
    `the index '${store.folder}' was made with another model (${made}) than ${
      clip.info.name || 'this one'
    } with ${vector.length} values: their vectors cannot be compared`,
  )
}

/** Stripes and a gradient, unlike in all directions and channels. */
export function probe(): RawPixels {
  const side = 64
  const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
    const [x, y, channel] = [Math.floor(i / 3) % side, Math.floor(i / 3 / side), i % 3]
    return channel === 0 ? 4 * x : channel === 1 ? 255 - 2 * y : (x + 2 * y) % 16 < 8 ? 230 : 20
  })
  return { data, width: side, height: side, channels: 3 }
}
