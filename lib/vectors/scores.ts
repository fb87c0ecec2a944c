/** From cosines to logits and probabilities, as the reference computes them. */
import type { SimilarityResult } from '../types.js'
import { dot, sigmoid, softmax } from './similarity.js'

/** The part of `Clip.info` that determines scores. */
export interface ScoreScale {
  readonly logitScale: number
  readonly logitBias: number
  /** Whether the model was trained with a sigmoid loss. */
  readonly sigmoid: boolean
}

export function logitsOf(cosines: readonly number[], { logitScale, logitBias }: ScoreScale): number[] {
  return cosines.map(cosine => logitScale * cosine + logitBias)
}

/** Probabilities from one image's logits: softmax, or sigmoid of each for models trained with a sigmoid loss. */
export function probabilitiesOf(logits: readonly number[] | Float32Array, scale: ScoreScale): number[] {
  return scale.sigmoid ? sigmoid(logits) : softmax(logits)
}

/** Scores of every pair of an image's and a text's vector, both of length 1. */
export function similarityOf(
  images: readonly Float32Array[],
  texts: readonly Float32Array[],
  scale: ScoreScale,
): SimilarityResult {
  const logits = images.map(image => Float32Array.from(logitsOf(texts.map(text => dot(image, text)), scale)))
  return { logits, probabilities: logits.map(row => Float32Array.from(probabilitiesOf(row, scale))) }
}
