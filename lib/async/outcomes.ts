/** Streams in which a bad input yields its error and the others continue. */
import { errorCodeOf } from '../errors.js'
import { checkOneOf } from '../validate.js'
import { type MapOptions, mapInOrder } from './pipeline.js'

/** The outcome of input number `index`: its embedding [dim], or its error. */
export type EncodeOutcome =
  | { index: number; embedding: Float32Array; error?: undefined }
  | { index: number; error: Error; embedding?: undefined }

/** Options of {@link Clip.encodeImages} and {@link Clip.encodeTexts}. */
export interface StreamOptions {
  /**
   * On a bad input: 'throw' ends the stream with its error, 'yield' yields `{ index, error }` in its place and
   * continues. Default 'throw'. Errors that affect all inputs (the signal, dispose(), a missing tower, a failing
   * source) always end it.
   */
  onError?: 'throw' | 'yield'
}

/** Errors that would fail the next input alike. */
const endsAll = new Set(['ERR_CLIP_DISPOSED', 'ERR_CLIP_TOWER_MISSING', 'ERR_CLIP_TOKENIZER_MISSING',
  'ERR_CLIP_TOKENIZER_INVALID'])

/** Results of the inputs in order, or with `onError: 'yield'` their outcomes. */
export function resultsInOrder<T>(
  source: Iterable<T> | AsyncIterable<T>,
  options: MapOptions,
  encode: (element: T, index: number, signal: AbortSignal) => Promise<Float32Array>,
  onError: StreamOptions['onError'],
): AsyncGenerator<Float32Array | EncodeOutcome, void, undefined> {
  const yields = onError !== undefined && checkOneOf('onError', onError, ['throw', 'yield']) === 'yield'
  return yields ? outcomesInOrder(source, options, encode) : mapInOrder(source, options, encode)
}

function outcomesInOrder<T>(
  source: Iterable<T> | AsyncIterable<T>,
  options: MapOptions,
  encode: (element: T, index: number, signal: AbortSignal) => Promise<Float32Array>,
): AsyncGenerator<EncodeOutcome, void, undefined> {
  return mapInOrder(source, options, async (element, index, signal): Promise<EncodeOutcome> => {
    try {
      return { index, embedding: await encode(element, index, signal) }
    } catch (error) {
      if (signal.aborted || endsAll.has(errorCodeOf(error) ?? '')) throw error
      return { index, error: error as Error }
    }
  })
}
