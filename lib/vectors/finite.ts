/** The last check of numbers before they are returned: no caller gets NaN unnoticed. */
import { ClipError, outOfRange } from '../errors.js'

export function isFiniteVector(values: Float32Array): boolean {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]! * 0 // NaN for NaN and infinities
  return sum === 0
}

/** The model computed NaN or infinity for an input. `what`: "embedding", or the name of a state. */
export function notFinite(model: string, input: string, what: string): ClipError {
  return new ClipError(
    'ERR_CLIP_NOT_FINITE',
    `${model}: ${input}: expected a finite ${what}, the model computed NaN or infinite values`,
  )
}

/** @throws {RangeError} ERR_CLIP_OUT_OF_RANGE naming the first value that is not finite */
export function checkFinite(name: string, values: Float32Array): Float32Array {
  if (isFiniteVector(values)) return values
  const at = values.findIndex(value => !Number.isFinite(value))
  throw outOfRange(`${name}[${at}]`, 'a finite number', values[at])
}
