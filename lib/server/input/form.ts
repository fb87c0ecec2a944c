/**
 * Converts a multipart form to the JSON body of the same call. The headers of a part decide its kind: JSON by its type,
 * a text by its type if it has no file name, else an uploaded file.
 */
import { type Steps, turns } from '../../async/turns.js'
import { ClipError, invalidArgument } from '../../errors.js'
import { checkSize } from '../../remote/remote-image.js'
import { decodeSteps, NotText } from '../../text-bytes.js'
import type { ServerSettings } from '../options.js'
import { checkCharset, encodingOf, valueBudget } from './json-body.js'
import { type Part, partsOf } from './multipart.js'
import { NotJson, parseJson, type ValueBudget } from './parse-json.js'
import type { Uploads } from './read-inputs.js'

/** Most values besides the inputs. */
const partsBeside = 64

export interface FormTarget {
  /** The fields of the JSON body, with their schemas. */
  properties: Readonly<Record<string, FieldSchema>>
  /** The field for files whose own field is not in the body. */
  files: string
}

interface FieldSchema {
  type?: unknown
  maxLength?: number
  items?: FieldSchema
  $ref?: string
  enum?: readonly unknown[]
  anyOf?: readonly FieldSchema[]
}

export interface Form {
  body: Record<string, unknown>
  /** Parts of the body that represent uploaded files, and the files. */
  uploads: Uploads
}

type Limits = Pick<ServerSettings, 'maxImageBytes' | 'maxInputs'>

/** @throws {ClipError} ERR_CLIP_REQUEST_TOO_LARGE, ERR_CLIP_REQUEST_INVALID and others; the signal's reason */
export function readForm(
  bytes: Buffer,
  boundary: string,
  target: FormTarget,
  limits: Limits,
  signal?: AbortSignal,
): Promise<Form> {
  return turns.run(readParts(bytes, boundary, target, limits), signal)
}

function* readParts(
  form: Buffer,
  boundary: string,
  { properties, files }: FormTarget,
  { maxImageBytes, maxInputs }: Limits,
): Steps<Form> {
  const body: Record<string, unknown> = {}
  const uploads = new Map<object, Buffer>()
  const budget = valueBudget(maxInputs)
  let count = 0
  for (const part of partsOf(form, boundary)) {
    if (count++ > 0) yield
    if (count > maxInputs + partsBeside)
      throw new ClipError(
        'ERR_CLIP_REQUEST_TOO_LARGE',
        `the form has more than ${maxInputs + partsBeside} parts (maxInputs, and ${partsBeside})`,
      )
    const field = part.name.replace(/\[\d{0,6}\]$/, '') // suffixes of lists: `labels[]`, `labels[0]`
    const kind = kindOf(part)
    const { bytes } = part
    if (kind === 'file') {
      // a file input without a chosen file
      if (part.filename === '' && bytes.length === 0) continue
      checkSize(field, bytes.length, maxImageBytes)
      // an uploaded document or query is an image, even among strings
      const image = { image: `upload:${uploads.size}` }
      uploads.set(image, bytes)
      put(body, Object.hasOwn(properties, field) ? field : files, [image], properties)
      continue
    }
    const schema = Object.hasOwn(properties, field) ? properties[field] : undefined
    if (kind === 'json') checkCharset(bytes, part.charset)
    const values = kind === 'json'
      ? yield* jsonOf(field, bytes, schema, budget)
      : yield* textOf(field, part, schema, budget)
    put(body, field, values, properties)
  }
  return { body, uploads }
}

function kindOf({ filename, type }: Part): 'json' | 'text' | 'file' {
  if (/^application\/(?:[\w.-]+\+)?json$/.test(type)) return 'json'
  return filename === undefined && type.startsWith('text/') ? 'text' : 'file'
}

function* textOf(
  field: string,
  { bytes, charset }: Part,
  schema: FieldSchema | undefined,
  budget: ValueBudget,
): Steps<unknown[]> {
  try {
    const text = yield* decodeSteps(bytes, charset === undefined ? 'utf-8' : encodingOf(charset))
    return yield* valuesOf(field, text, schema, budget)
  } catch (error) {
    if (!(error instanceof NotText)) throw error
    throw invalidArgument(
      field,
      `a text (the part is sent as one, but ${error.message}; an image needs a file name: curl -F ${
        field.slice(0, 40)
      }=@image.png)`,
      bytes,
    )
  }
}

/** Converts fields from text to the schema's types. Empty ones are omitted. */
function* valuesOf(
  field: string,
  text: string,
  schema: FieldSchema | undefined,
  budget: ValueBudget,
): Steps<unknown[]> {
  const word = text.trim()
  if (schema?.type === 'integer' || schema?.type === 'number')
    return word === ''
      ? []
      : [/^[+-]?\d{1,15}(?:\.\d{1,15})?$/.test(word) ? Number(word) : text]
  if (schema?.type === 'boolean')
    return word === ''
      ? []
      : [/^(?:true|1|on|yes)$/i.test(word) ? true : /^(?:false|0|off|no)$/i.test(word) ? false : text]
  if (schema?.enum !== undefined) return word === '' ? [] : [word]
  const looksLikeList = isList(schema) && word.startsWith('[')
  const looksLikePart = takesObjects(schema) && word.startsWith('{')
  if (!looksLikeList && !looksLikePart) return [text]
  try {
    return spread(yield* parseJson(Buffer.from(text), budget), schema)
  } catch (error) {
    if (!(error instanceof NotJson)) throw error
    // a text may begin with a bracket, but a truncated list of strings is an error
    if (/^\[\s*["{[]/.test(word)) throw invalidArgument(field, 'JSON (it begins like a list)', text)
    return [text]
  }
}

function* jsonOf(field: string, bytes: Buffer, schema: FieldSchema | undefined, budget: ValueBudget): Steps<unknown[]> {
  try {
    return spread(yield* parseJson(bytes, budget), schema)
  } catch (error) {
    if (!(error instanceof NotJson || error instanceof NotText)) throw error
    throw new ClipError(
      'ERR_CLIP_REQUEST_INVALID',
      `${field}: the part is sent as JSON and is none: ${error.message}`,
      { cause: error },
    )
  }
}

/** The values of a list field. */
function spread(value: unknown, schema: FieldSchema | undefined): unknown[] {
  if (value === null) return []
  return isList(schema) && Array.isArray(value) ? value as unknown[] : [value]
}

/** Adds to a list; other fields become arrays if repeated, which the schema refuses. */
function put(
  body: Record<string, unknown>,
  field: string,
  values: readonly unknown[],
  properties: FormTarget['properties'],
): void {
  const list = isList(Object.hasOwn(properties, field) ? properties[field] : undefined)
  const before = Object.hasOwn(body, field) ? body[field] : undefined
  if (Array.isArray(before)) {
    for (const value of values) before.push(value)
    return
  }
  const all = before === undefined ? values : [before, ...values]
  if (all.length === 0 && !list) return
  const value = list || all.length > 1 ? all : all[0]
  Object.defineProperty(body, field, { value, enumerable: true, writable: true, configurable: true })
}

function isList(schema: FieldSchema | undefined): boolean {
  return schema?.type === 'array' || schema?.anyOf?.some(({ type }) => type === 'array') === true
}

function takesObjects(schema: FieldSchema | undefined): boolean {
  return schema?.anyOf?.some(({ $ref }) => $ref !== undefined) === true || schema?.items?.anyOf !== undefined
}
