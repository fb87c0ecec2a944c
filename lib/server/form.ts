/** A multipart form as the body that the same call has in JSON. Parts are read as they come and stop at the limits. */
import type { FastifyRequest } from 'fastify'

import { ClipError, errorCodeOf } from '../errors.js'

export interface FormTarget {
  /** The fields of the JSON body, with their schemas. */
  properties: Readonly<Record<string, { type?: unknown; anyOf?: readonly { type?: unknown }[] }>>
  /** Where files go whose field is not in the body. */
  files: string
}

export interface Form {
  body: Record<string, unknown>
  /** The body refers to them as 'upload:0' and so on. */
  uploads: Buffer[]
}

/** @throws {ClipError} ERR_CLIP_REQUEST_TOO_LARGE, ERR_CLIP_REQUEST_INVALID; the signal's reason */
export async function readForm(request: FastifyRequest, target: FormTarget, maxBodyBytes: number): Promise<Form> {
  try {
    return await readParts(request, target, maxBodyBytes)
  } catch (error) {
    const { signal } = request.scope
    if (signal?.aborted) throw signal.reason
    if (errorCodeOf(error) !== undefined || (error as { statusCode?: number }).statusCode !== undefined) throw error
    throw new ClipError('ERR_CLIP_REQUEST_INVALID', `the form cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

async function readParts(request: FastifyRequest, { properties, files }: FormTarget, maxBodyBytes: number): Promise<Form> {
  const body: Record<string, unknown> = {}
  const uploads: Buffer[] = []
  let bytes = 0
  const count = (more: number): void => {
    bytes += more
    if (bytes > maxBodyBytes) throw new ClipError('ERR_CLIP_REQUEST_TOO_LARGE', `the form has more than maxBodyBytes (${maxBodyBytes}) bytes`)
  }
  for await (const part of request.parts()) {
    const field = part.fieldname.replace(/\[\]$/, '')
    if (part.type === 'file') {
      const file = await part.toBuffer()
      count(file.length)
      // an uploaded document or query is an image, whatever strings are there
      put(body, field in properties ? field : files, { image: `upload:${uploads.length}` }, properties)
      uploads.push(file)
    } else {
      const text = String(part.value)
      count(text.length)
      for (const value of valuesOf(text, properties[field])) put(body, field, value, properties)
    }
  }
  return { body, uploads }
}

/** Fields come as text; the schema says what they are. */
function valuesOf(text: string, schema: FormTarget['properties'][string] | undefined): unknown[] {
  if (schema?.type === 'integer' || schema?.type === 'number') return [text.trim() === '' ? text : Number(text)]
  if (schema?.type === 'boolean') return [text === 'true' ? true : text === 'false' ? false : text]
  if (isList(schema) && text.startsWith('[')) {
    try {
      return JSON.parse(text) as unknown[]
    } catch {
      // a text that begins with a bracket
    }
  }
  return [text]
}

/** A list grows; anything else stands once, and the schema refuses what is given twice. */
function put(body: Record<string, unknown>, field: string, value: unknown, properties: FormTarget['properties']): void {
  const schema = Object.hasOwn(properties, field) ? properties[field] : undefined
  const before = Object.hasOwn(body, field) ? body[field] : undefined
  const next = isList(schema) ? [...(before as unknown[] | undefined ?? []), value] : before === undefined ? value : [before, value]
  Object.defineProperty(body, field, { value: next, enumerable: true, writable: true, configurable: true })
}

function isList(schema: FormTarget['properties'][string] | undefined): boolean {
  return schema?.type === 'array' || schema?.anyOf?.some(({ type }) => type === 'array') === true
}
