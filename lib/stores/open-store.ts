/** Which engine holds a store. */
import { outOfRange } from '../errors.js'
import { checkString } from '../validate.js'
import { checkOpening } from './checks.js'
import { MemoryStore } from './memory-store.js'
import type { OpenStoreOptions, VectorStore } from './types.js'

/**
 * Opens a store of vectors, and makes its tables where there are none.
 *
 * @param location `postgres://user:password@host/database` (the package `pg`, and the extension pgvector in the
 *   database), `lance:folder` or `lance:s3://bucket/prefix` (`@lancedb/lancedb` with `apache-arrow`; a folder of this
 *   machine, or S3), or `memory:`
 * @throws {TypeError|RangeError} bad arguments; {ClipError} ERR_CLIP_STORE_PARTS: its package is not installed;
 *   ERR_CLIP_STORE_FORMAT: it exists with another `dim` or other fields, or does not exist and `dim` is not given;
 *   ERR_CLIP_STORE_FAILED: the engine cannot be reached, or refuses
 *
 * @example
 * const store = await openVectorStore('memory:', { dim: 2, fields: { year: 'number' } })
 * await store.upsert([
 *   { key: 'a.jpg', vector: Float32Array.of(1, 0), fields: { year: 2025 } },
 *   { key: 'b.jpg', vector: Float32Array.of(0.6, 0.8), fields: { year: 2026 } },
 * ])
 * const [best] = await store.search(Float32Array.of(1, 0), { filter: { fields: { year: { min: 2026 } } } })
 * console.log(best.key, best.similarity.toFixed(1), await store.count()) // b.jpg 0.6 2
 * await store.close()
 */
export async function openVectorStore(location: string, options?: OpenStoreOptions): Promise<VectorStore> {
  checkString('location', location)
  const checked = checkOpening(options)
  const { dim, fields } = checked
  // loaded here: most programs open none
  if (/^postgres(?:ql)?:\/\//.test(location))
    return (await import('./postgres-store.js')).PostgresStore.open(location, checked)
  if (location.startsWith('lance:') && location.length > 6)
    return (await import('./lance-store.js')).LanceStore.open(location.slice(6), checked)
  if (location !== 'memory:')
    throw outOfRange(
      'location',
      "'postgres://...', 'lance:<folder>', 'lance:s3://bucket/prefix' or 'memory:'",
      location,
    )
  if (dim === undefined) throw outOfRange('options.dim', 'the number of values per vector, for a new store', dim)
  return new MemoryStore({ dim, fields: fields ?? {} })
}
