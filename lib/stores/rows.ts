/** Between records and the rows of an engine. */
import { ClipError } from '../errors.js'
import { type Layout, recordColumns } from './checks.js'
import type { FieldValue, StoredRecord, VectorRecord } from './types.js'

export function closedError(): ClipError {
  return new ClipError('ERR_CLIP_DISPOSED', 'the store has been closed')
}

/** Without the vector and without what is absent. */
export function recordOf({ key, content, modified, size, fields = {} }: VectorRecord): StoredRecord {
  const time = modified && new Date(modified.getTime())
  return compact({
    key,
    content,
    modified: time,
    size,
    fields: Object.keys(fields).length > 0 ? { ...fields } : undefined,
  })
}

function compact<T extends object>(record: T): T {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as T
}

/** All columns but the vector's. */
export function columnsOf({ fields }: Pick<Layout, 'fields'>): string[] {
  return [...recordColumns, ...Object.keys(fields)]
}

/** A row of an engine: its columns, with null for what is absent. */
export type Row = Record<string, unknown>

/** From an engine's row. Sizes may come as bigints or texts, booleans as 0 and 1. */
export function recordOfRow(row: Row, { fields }: Layout): StoredRecord {
  const own: Record<string, FieldValue> = {}
  for (const [name, kind] of Object.entries(fields)) {
    const value = row[name]
    if (value !== null && value !== undefined) own[name] = kind === 'boolean' ? Boolean(value) : value as FieldValue
  }
  const present = <T>(value: unknown, make: (value: unknown) => T): T | undefined =>
    value === null || value === undefined ? undefined : make(value)
  return compact({
    key: row.key as string,
    content: present(row.content, String),
    modified: present(row.modified, value => new Date(Number(value))),
    size: present(row.size, Number),
    fields: Object.keys(own).length > 0 ? own : undefined,
  })
}

/** The other way: the value of each column but the vector's. */
export function rowOfRecord({ key, content, modified, size, fields = {} }: VectorRecord, layout: Layout): Row {
  const own = Object.keys(layout.fields).map(name => [name, fields[name] ?? null])
  return {
    key,
    content: content ?? null,
    modified: modified?.getTime() ?? null,
    size: size ?? null,
    ...Object.fromEntries(own) as Row,
  }
}
