/** What a store says of itself: a note that its first opener writes. */
import { ClipError } from '../errors.js'
import type { Layout } from './checks.js'
import type { OpenStoreOptions } from './types.js'

export function missing(table: string): ClipError {
  return new ClipError(
    'ERR_CLIP_STORE_FORMAT',
    `there is no table '${table}' in the store, and options.dim is needed to make one`,
  )
}

/** What a new store writes down of itself. */
export function layoutNote({ dim, fields }: OpenStoreOptions): string {
  return JSON.stringify({ version: 1, dim, fields: fields ?? {} })
}

/** Compares what the store says of itself with what the caller wants. */
export function readLayout(
  note: string,
  table: string,
  dim: number | undefined,
  fields: Layout['fields'] | undefined,
): Layout {
  const kept = JSON.parse(note) as Layout & { version: number }
  const refuse = (what: string): ClipError => new ClipError('ERR_CLIP_STORE_FORMAT', `the store's '${table}' ${what}`)
  if (kept.version !== 1) throw refuse(`has version ${kept.version}: made by a newer ggclip`)
  if (dim !== undefined && dim !== kept.dim)
    throw refuse(`has vectors of ${kept.dim} values, not ${dim}: they are of another model`)
  if (fields !== undefined && JSON.stringify(fields) !== JSON.stringify(kept.fields))
    throw refuse(`has the fields ${JSON.stringify(kept.fields)}, not ${JSON.stringify(fields)}`)
  return { dim: kept.dim, fields: kept.fields }
}
