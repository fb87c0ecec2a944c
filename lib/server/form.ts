/**
 * A multipart form as the body that the same call has in JSON. Parts are read as they come and stop at the limits. What
 * a part is, its header says: JSON by its type, a text by its type where it has no file name, else an uploaded file.
 */
import type { MultipartFile } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'

import { ClipError, errorCodeOf, invalidArgument } from '../errors.js'
import { type Steps, turns } from '../async/turns.js'
import { decodeSteps, NotText } from '../text-bytes.js'
import { checkSize } from './input/image-bytes.js'
import { valueBudget } from './input/json-body.js'
import { NotJson, parseJson, type ValueBudget } from './input/parse-json.js'
import type { Uploads } from './inputs.js'
import type { ServerSettings } from './options.js'

export interface FormTarget {
  /** The fields of the JSON body, with their schemas. */
  properties: Readonly<Record<string, FieldSchema>>
  /** Where files go whose field is not in the body. */
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
  /** Parts of the body that stand for uploaded files, and these. */
  uploads: Uploads
}

type Limits = Pick<ServerSettings, 'maxBodyBytes' | 'maxImageBytes' | 'maxInputs'>

/** @throws {ClipError} ERR_CLIP_REQUEST_TOO_LARGE, ERR_CLIP_REQUEST_INVALID and other; the signal's reason */
export async function readForm(request: FastifyRequest, target: FormTarget, limits: Limits): Promise<Form> {
  try {
    return await readParts(request, target, limits)
  } catch (error) {
    const { signal } = request.scope
    if (signal?.aborted) throw signal.reason
    if (errorCodeOf(error) !== undefined || (error as { statusCode?: number }).statusCode !== undefined) throw error
    throw new ClipError('ERR_CLIP_REQUEST_INVALID', `the form cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

async function readParts(request: FastifyRequest, { properties, files }: FormTarget, limits: Limits): Promise<Form> {
  const body: Record<string, unknown> = {}
  const uploads = new Map<object, Buffer>()
  let left = limits.maxBodyBytes
  const budget = valueBudget(limits.maxInputs)
  const inSteps = <T>(steps: Steps<T>): Promise<T> => turns.run(steps, request.scope.signal)
  // every part comes as bytes: what decodes them here decodes them strictly
  for await (const part of request.parts() as AsyncIterable<MultipartFile>) {
    const field = fieldOf(part)
    const kind = kindOf(part)
    const bytes = await readPart(part, field, left, limits, kind === 'file')
    left -= bytes.length
    if (kind === 'file') {
      // a file input of a page that nobody chose a file for
      if (part.filename === '' && bytes.length === 0) continue
      // an uploaded document or query is an image, whatever strings are there
      const image = { image: `upload:${uploads.size}` }
      uploads.set(image, bytes)
      put(body, Object.hasOwn(properties, field) ? field : files, [image], properties)
      continue
    }
    const schema = Object.hasOwn(properties, field) ? properties[field] : undefined
    const values = await inSteps(kind === 'json' ? jsonOf(field, bytes, schema, budget) : textOf(field, bytes, schema, budget))
    put(body, field, values, properties)
  }
  return { body, uploads }
}

/** Without what clients put behind the name of a list: `labels[]`, `labels[0]`. */
function fieldOf({ fieldname }: { fieldname?: string }): string {
  if (fieldname === undefined) throw new ClipError('ERR_CLIP_REQUEST_INVALID', 'a part of the form has no name: expected Content-Disposition: form-data; name="..."')
  return fieldname.replace(/\[\d{0,6}\]$/, '')
}

function kindOf({ filename, mimetype, encoding }: { filename?: string; mimetype: string; encoding: string }): 'json' | 'text' | 'file' {
  if (!['7bit', '8bit', 'binary'].includes(encoding)) {
    throw new ClipError('ERR_CLIP_REQUEST_UNSUPPORTED', `content transfer encoding '${encoding.slice(0, 40)}' is not accepted: send the bytes as they are`)
  }
  if (/^application\/(?:[\w.-]+\+)?json$/.test(mimetype)) return 'json'
  return filename === undefined && mimetype.startsWith('text/') ? 'text' : 'file'
}

async function readPart({ file }: MultipartFile, field: string, left: number, { maxBodyBytes, maxImageBytes }: Limits, isFile: boolean): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of file as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > left) throw new ClipError('ERR_CLIP_REQUEST_TOO_LARGE', `the form has more than maxBodyBytes (${maxBodyBytes}) bytes`)
    if (isFile) checkSize(field, size, maxImageBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}

function* textOf(field: string, bytes: Buffer, schema: FieldSchema | undefined, budget: ValueBudget): Steps<unknown[]> {
  try {
    return yield* valuesOf(field, yield* decodeSteps(bytes), bytes, schema, budget)
  } catch (error) {
    if (!(error instanceof NotText)) throw error
    throw invalidArgument(field, `a text (the part is sent as one, but ${error.message}; an image needs a file name: curl -F ${field.slice(0, 40)}=@image.png)`, bytes)
  }
}

/** Fields come as text; the schema says what they are. One that was left empty is not given. */
function* valuesOf(field: string, text: string, bytes: Buffer, schema: FieldSchema | undefined, budget: ValueBudget): Steps<unknown[]> {
  const word = text.trim()
  if (schema?.type === 'integer' || schema?.type === 'number') return word === '' ? [] : [/^[+-]?\d{1,15}(?:\.\d{1,15})?$/.test(word) ? Number(word) : text]
  if (schema?.type === 'boolean') return word === '' ? [] : [/^(?:true|1|on|yes)$/i.test(word) ? true : /^(?:false|0|off|no)$/i.test(word) ? false : text]
  if (schema?.enum !== undefined) return word === '' ? [] : [word]
  const looksLikeList = isList(schema) && word.startsWith('[')
  const looksLikePart = takesObjects(schema) && word.startsWith('{')
  if (!looksLikeList && !looksLikePart) return [text]
  try {
    return spread(yield* parseJson(bytes, budget), schema)
  } catch (error) {
    if (!(error instanceof NotJson)) throw error
    // a text may begin with a bracket; a list of strings that is cut off is none
    if (/^\[\s*["{[]/.test(word)) throw invalidArgument(field, 'JSON (it begins as a list)', text)
    return [text]
  }
}

function* jsonOf(field: string, bytes: Buffer, schema: FieldSchema | undefined, budget: ValueBudget): Steps<unknown[]> {
  try {
    return spread(yield* parseJson(bytes, budget), schema)
  } catch (error) {
    if (!(error instanceof NotJson || error instanceof NotText)) throw error
    throw new ClipError('ERR_CLIP_REQUEST_INVALID', `${field}: the part is sent as JSON and is none: ${error.message}`, { cause: error })
  }
}

/** The values of a list where the field is one. */
function spread(value: unknown, schema: FieldSchema | undefined): unknown[] {
  if (value === null) return []
  return isList(schema) && Array.isArray(value) ? value as unknown[] : [value]
}

/** A list grows; anything else stands once, and the schema refuses what is given twice. */
function put(body: Record<string, unknown>, field: string, values: readonly unknown[], properties: FormTarget['properties']): void {
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
