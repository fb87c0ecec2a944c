/** From cosines to what a model says of them: logits and probabilities, as the reference computes them. */
import { sigmoid, softmax } from './similarity.js'

/** The part of `Clip.info` that scores depend on. */
export interface ScoreScale {
  readonly logitScale: number
  readonly logitBias: number
  /** Whether the model was trained with a sigmoid loss. */
  readonly sigmoid: boolean
}

export function logitsOf(cosines: readonly number[], { logitScale, logitBias }: ScoreScale): number[] {
  return cosines.map(cosine => logitScale * cosine + logitBias)
}

/** Of one image's logits: a share of 1 for each, or each by itself where the model was trained with a sigmoid loss. */
export function probabilitiesOf(logits: readonly number[] | Float32Array, scale: ScoreScale): number[] {
  return scale.sigmoid ? sigmoid(logits) : softmax(logits)
}
