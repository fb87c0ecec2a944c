/** Bounds the memory of a tokenizer's file by the number of its values. */
import { ClipError } from '../../errors.js'

// the largest vocabularies in use have 256,000 tokens and 600,000 merges, each merge a pair of strings
const maxContainers = 2 ** 22
const maxValues = 2 ** 24
const maxLines = 2 ** 22

/**
 * Parsed, three bytes such as `{},` take 60: a file within the byte limit could exhaust the process's memory.
 *
 * @throws ClipError ERR_CLIP_FILE_LIMIT
 */
export function checkJsonSize(text: Buffer, path: string): void {
  let [containers, commas] = [0, 0]
  for (const byte of text) {
    if (byte === 0x2c) commas++
    else if (byte === 0x5b || byte === 0x7b) containers++
  }
  if (containers <= maxContainers && commas <= maxValues) return
  const found = `${containers} brackets and ${commas} commas`
  throw new ClipError(
    'ERR_CLIP_FILE_LIMIT',
    `${path}: expected at most ${maxContainers} arrays and objects of ${maxValues} values, found ${found}`,
  )
}

/** @throws ClipError ERR_CLIP_FILE_LIMIT */
export function checkLines(text: Buffer, path: string): void {
  let lines = 0
  for (const byte of text) if (byte === 0x0a) lines++
  if (lines > maxLines)
    throw new ClipError('ERR_CLIP_FILE_LIMIT', `${path}: expected at most ${maxLines} lines, found ${lines}`)
}
