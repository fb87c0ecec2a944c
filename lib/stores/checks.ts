/** Checks of what is given to a store, the same for all engines. */
import { invalidArgument, outOfRange } from '../errors.js'
import { s3Settings } from '../remote/s3-settings.js'
import { checkBoolean, checkFloat32Array, checkInteger, checkNumber, checkOneOf, checkOptions, checkString,
  checkStrings } from '../validate.js'
import type { FieldKind, FieldValue, OpenStoreOptions, StoreFilter, StoreListOptions, StoreSearchOptions, VectorRecord,
  VectorStore } from './types.js'

const maxKeyBytes = 2048
const kinds = ['string', 'number', 'boolean'] as const
/** Columns of every store beside its own fields and the vector. */
export const recordColumns = ['key', 'content', 'modified', 'size']
/** No names of own fields: columns of every store, and what PostgreSQL, LanceDB or every object has by itself. */
const taken = [...recordColumns, 'vector', 'ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid', '_distance', '_rowid',
  '_rowaddr', '_rowoffset', 'constructor', '__proto__']
const columnName = /^[a-z_][a-z0-9_]{0,47}$/

export type Layout = Pick<VectorStore, 'dim' | 'fields'>

export const openKeys = ['dim', 'fields', 'table', 'connections', 's3'] as const

/** Checked options, with defaults; undefined `dim` or `fields`: those of the existing store. */
export function checkOpening(options: OpenStoreOptions | undefined): OpenStoreOptions & {
  table: string
  connections: number
} {
  const { dim, fields, table = 'ggclip_pictures', connections = 4, s3 } = checkOptions('options', options, openKeys)
  if (dim !== undefined) checkInteger('options.dim', dim, { min: 1, max: 16_000 })
  if (!columnName.test(checkString('options.table', table)))
    throw outOfRange('options.table', "a name of 'a' to 'z', digits and '_'", table)
  checkInteger('options.connections', connections, { min: 1, max: 1000 })
  s3Settings('options.s3', s3, {})
  return { dim, fields: fields && checkFields(fields), table, connections, s3 }
}

function checkFields(fields: Readonly<Record<string, FieldKind>>): Record<string, FieldKind> {
  const names = Object.keys(fields)
  checkOptions('options.fields', fields, names)
  if (names.length > 100) throw outOfRange('options.fields', 'at most 100 fields', names)
  for (const name of names) {
    if (!columnName.test(name) || taken.includes(name))
      throw outOfRange('options.fields', `names of 'a' to 'z', digits and '_', and none of ${taken.join(', ')},`, name)
    checkOneOf(`options.fields.${name}`, fields[name], kinds)
  }
  // in one order, whatever the caller's
  return Object.fromEntries(names.sort().map(name => [name, fields[name]!]))
}

/** No engine keeps these. */
const unstorable = /[\0\p{Cs}]/u

function checkText(name: string, value: unknown, { empty = false } = {}): string {
  const text = checkString(name, value, { empty })
  if (unstorable.test(text))
    throw outOfRange(name, 'a text without a zero and without half a surrogate pair', text)
  return text
}

export function checkKeys(name: string, keys: readonly string[]): readonly string[] {
  return checkStrings(name, keys).map((key, i) => checkKey(`${name}[${i}]`, key))
}

/** Whether a store can have it as a field's value. */
export function isStorable(text: string): boolean {
  return !unstorable.test(text)
}

/** Whether a store can have a row of this key. */
export function isKey(text: string): boolean {
  return text !== '' && isStorable(text) && Buffer.byteLength(text) <= maxKeyBytes
}

export function checkKey(name: string, key: unknown): string {
  const text = checkText(name, key)
  if (Buffer.byteLength(text) > maxKeyBytes) throw outOfRange(name, `at most ${maxKeyBytes} bytes of UTF-8`, key)
  return text
}

/** A finite vector of the store's length with a direction. */
export function checkVector(name: string, vector: unknown, dim: number): Float32Array {
  const checked = checkFloat32Array(name, vector, { length: dim })
  let some = false
  for (const value of checked) {
    if (!Number.isFinite(value)) throw outOfRange(name, 'finite values', value)
    some ||= value !== 0
  }
  if (!some) throw outOfRange(name, 'values that are not all 0', vector)
  return checked
}

/** The last record of each key, in the order of the keys: two processes that write the same rows wait, not deadlock. */
export function checkRecords(records: readonly VectorRecord[], layout: Layout): VectorRecord[] {
  if (!Array.isArray(records)) throw invalidArgument('records', 'an array of records', records)
  const byKey = new Map<string, VectorRecord>()
  records.forEach((record: VectorRecord, i) => {
    const name = `records[${i}]`
    const { key, vector, content, modified, size, fields = {} } = checkOptions(name, record, ['key', 'vector',
      'content', 'modified', 'size', 'fields'])
    const checked = { key: checkKey(`${name}.key`, key), vector: checkVector(`${name}.vector`, vector, layout.dim) }
    if (content !== undefined) checkText(`${name}.content`, content, { empty: true })
    if (modified !== undefined) timeOf(`${name}.modified`, modified)
    if (size !== undefined) checkInteger(`${name}.size`, size, { min: 0 })
    const own = checkOptions<Record<string, FieldValue>>(`${name}.fields`, fields, Object.keys(layout.fields))
    for (const [field, value] of Object.entries(own))
      checkValue(`${name}.fields.${field}`, value, layout.fields[field]!)
    byKey.set(checked.key, { ...checked, content, modified, size, fields: own as Record<string, FieldValue> })
  })
  return [...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
}

function checkValue(name: string, value: unknown, kind: FieldKind): FieldValue {
  if (kind === 'string') return checkText(name, value, { empty: true })
  return kind === 'number' ? checkNumber(name, value) : checkBoolean(name, value)
}

/** Milliseconds since 1970. */
function timeOf(name: string, value: Date): number {
  const time = typeof value === 'object' && typeof value?.getTime === 'function' ? value.getTime() : NaN
  if (Number.isNaN(time)) throw invalidArgument(name, 'a Date', value)
  return time
}

/** A condition on a column. */
export interface Condition {
  column: string
  is: 'prefix' | '=' | '>' | '>=' | '<=' | '<'
  value: FieldValue
}

/** The filter as a list of conditions that must all hold. */
export function conditionsOf(filter: StoreFilter | undefined, { fields }: Layout, name = 'filter'): Condition[] {
  const { keyPrefix, after, before, minBytes, maxBytes, fields: own = {} } = checkOptions(name, filter, ['keyPrefix',
    'after', 'before', 'minBytes', 'maxBytes', 'fields'])
  const conditions: Condition[] = []
  const add = (column: string, is: Condition['is'], value: FieldValue): void =>
    void conditions.push({ column, is, value })
  if (keyPrefix !== undefined) add('key', 'prefix', checkText(`${name}.keyPrefix`, keyPrefix, { empty: true }))
  if (after !== undefined) add('modified', '>=', timeOf(`${name}.after`, after))
  if (before !== undefined) add('modified', '<', timeOf(`${name}.before`, before))
  if (minBytes !== undefined) add('size', '>=', checkNumber(`${name}.minBytes`, minBytes))
  if (maxBytes !== undefined) add('size', '<=', checkNumber(`${name}.maxBytes`, maxBytes))
  checkOptions(`${name}.fields`, own, Object.keys(fields))
  for (const [field, wanted] of Object.entries(own)) {
    const label = `${name}.fields.${field}`
    const kind = fields[field]!
    if (typeof wanted !== 'object') {
      add(field, '=', checkValue(label, wanted, kind))
      continue
    }
    const { prefix, min, max } = checkOptions<{ prefix?: string; min?: number; max?: number }>(
      label,
      wanted,
      kind === 'string' ? ['prefix'] : kind === 'number' ? ['min', 'max'] : [],
    )
    if (prefix !== undefined) add(field, 'prefix', checkText(`${label}.prefix`, prefix, { empty: true }))
    if (min !== undefined) add(field, '>=', checkNumber(`${label}.min`, min))
    if (max !== undefined) add(field, '<=', checkNumber(`${label}.max`, max))
  }
  return conditions
}

export function checkSearch(
  vector: Float32Array,
  options: StoreSearchOptions | undefined,
  layout: Layout,
): { vector: Float32Array; k: number; conditions: Condition[] } {
  const { k = 20, filter } = checkOptions('options', options, ['k', 'filter'])
  return {
    vector: checkVector('vector', vector, layout.dim),
    k: checkInteger('options.k', k, { min: 1, max: 10_000 }),
    conditions: conditionsOf(filter, layout, 'options.filter'),
  }
}

/** Checked options, with defaults; `after` is one of the conditions, too. */
export function checkList(
  options: (StoreListOptions & { vectors?: boolean }) | undefined,
  layout: Layout,
): { limit: number; vectors: boolean; conditions: Condition[] } {
  const { after, limit = 1000, filter, vectors = false } = checkOptions('options', options, ['after', 'limit', 'filter',
    'vectors'])
  const conditions = conditionsOf(filter, layout, 'options.filter')
  if (after !== undefined)
    conditions.push({ column: 'key', is: '>', value: checkText('options.after', after, { empty: true }) })
  return {
    limit: checkInteger('options.limit', limit, { min: 1, max: 10_000 }),
    vectors: checkBoolean('options.vectors', vectors),
    conditions,
  }
}

export function checkNote(name: string, value: string): void {
  checkKey('name', name)
  checkText('value', value, { empty: true })
}
