/** Streams in which a bad input yields its error at its place and the others go on. */
import { errorCodeOf } from '../errors.js'
import { type MapOptions, mapInOrder } from './pipeline.js'

/** What became of the input number `index`: its embedding [dim], or why there is none. */
export type EncodeOutcome =
  | { index: number; embedding: Float32Array; error?: undefined }
  | { index: number; error: Error; embedding?: undefined }

/** Of {@link Clip.encodeImages} and {@link Clip.encodeTexts}. */
export interface StreamOptions {
  /**
   * What a bad input does: 'throw' ends the stream with its error, 'yield' gives `{ index, error }` in its place and goes
   * on. Default 'throw'. What concerns all inputs (the signal, dispose(), a missing tower, a failing source) ends it always.
   */
  onError?: 'throw' | 'yield'
}

/** Not the fault of one input: the next would fail alike. */
const endsAll = new Set(['ERR_CLIP_DISPOSED', 'ERR_CLIP_TOWER_MISSING', 'ERR_CLIP_TOKENIZER_MISSING',
  'ERR_CLIP_TOKENIZER_INVALID'])

export function outcomesInOrder<T>(
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
