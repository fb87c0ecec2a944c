/**
 * JSON bodies are looked at before they are parsed: JSON.parse cannot be interrupted, and millions of small or nested
 * values cost seconds and gigabytes in which no other request is answered. One long string, which a picture is, costs
 * next to nothing.
 */
import { ClipError } from '../errors.js'

const mostValues = 2 ** 18
const deepest = 64

/** @throws {ClipError} ERR_CLIP_REQUEST_TOO_LARGE, ERR_CLIP_REQUEST_INVALID. What is no JSON is left to the parser. */
export function checkJsonShape(text: string): void {
  let [values, depth] = [0, 0]
  const count = (): void => {
    if (++values > mostValues) throw new ClipError('ERR_CLIP_REQUEST_TOO_LARGE', `the JSON has more than ${mostValues} values`)
  }
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: // "
        for (at = text.indexOf('"', at + 1); at !== -1 && isEscaped(text, at); at = text.indexOf('"', at + 1)) count()
        if (at === -1) return
        break
      case 0x5b: // [
      case 0x7b: // {
        count()
        if (++depth > deepest) throw new ClipError('ERR_CLIP_REQUEST_INVALID', `the JSON is nested deeper than ${deepest}`)
        break
      case 0x5d:
      case 0x7d:
        depth--
        break
      case 0x2c: // ,
        count()
    }
  }
}

/** Whether an odd number of backslashes stands before. */
function isEscaped(text: string, at: number): boolean {
  let before = at
  while (text.charCodeAt(before - 1) === 0x5c) before--
  return (at - before) % 2 === 1
}
