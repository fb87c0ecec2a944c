/** Checks shared by the readers of a tokenizer's files. */
import { ClipError } from '../../errors.js'

/** Becomes ERR_CLIP_TOKENIZER_INVALID in the reader of the whole file. */
export function invalidPart(at: string, expected: string, found: unknown): Error {
  const text = found === undefined ? 'nothing' : JSON.stringify(found) ?? typeof found
  return new Error(`${at}: expected ${expected}, found ${text.length > 60 ? `${text.slice(0, 60)}...` : text}`)
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Converts errors of a part to errors of the tokenizer; `what` is put before the message. */
export function failing<T>(what: string, action: () => T): T {
  try {
    return action()
  } catch (cause) {
    if (cause instanceof ClipError) throw cause
    const message = (cause instanceof Error ? cause.message : String(cause)).slice(0, 400)
    throw new ClipError('ERR_CLIP_TOKENIZER_INVALID', what === '' ? message : `${what}: ${message}`, { cause })
  }
}

export const maxId = 2 ** 22 - 1

/** `id` if it is plausible: a larger one means a broken file, and would create arrays of that size. */
export function checkedId(id: unknown, at: string): number {
  if (Number.isInteger(id) && (id as number) >= 0 && (id as number) <= maxId) return id as number
  throw invalidPart(at, `an id from 0 to ${maxId}`, id)
}
