/** Checks that the readers of a tokenizer.json share. */

/** Becomes ERR_CLIP_TOKENIZER_INVALID where the whole file is read. */
export function invalidPart(at: string, expected: string, found: unknown): Error {
  const text = found === undefined ? 'nothing' : JSON.stringify(found) ?? typeof found
  return new Error(`${at}: expected ${expected}, found ${text.length > 60 ? `${text.slice(0, 60)}...` : text}`)
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
