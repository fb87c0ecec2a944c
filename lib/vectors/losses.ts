/**
 * Forward values of the training objectives of CLIP and SigLIP over a batch of matching pairs: `images[i]` belongs to
 * `texts[i]`. The vectors are L2-normalised here, so both normalised and raw embeddings may be passed.
 */
import { outOfRange } from '../errors.js'
import { dot, logSoftmax, normalize } from './similarity.js'
import { checkNonEmptyArray, checkNumber, checkVector, type Vector } from '../validate.js'

/**
 * Symmetric InfoNCE loss: the mean of the cross-entropies image -> text and text -> image over the logits
 * `scale * cosine` (Radford et al. 2021, figure 3; open_clip's ClipLoss).
 *
 * @param images N vectors [dim]
 * @param texts N vectors [dim]; `texts[i]` is the match of `images[i]`
 * @param scale the factor of the cosine, that is exp(logit_scale): `clip.info.logitScale`, 100 for OpenAI's models
 * @throws {TypeError|RangeError} when the lists are empty, of different lengths or hold vectors of different lengths
 *
 * @example
 * const images = [[1, 0], [0, 1]]
 * console.log(contrastiveLoss(images, [[1, 0], [0, 1]], 100)) // 0
 * console.log(contrastiveLoss(images, [[0, 1], [1, 0]], 100)) // 100
 */
export function contrastiveLoss(images: readonly Vector[], texts: readonly Vector[], scale: number): number {
  const logits = pairLogits(images, texts, scale, 0)
  let sum = 0
  for (let i = 0; i < logits.length; i++) {
    sum -= logSoftmax(logits[i]!)[i]!
    sum -= logSoftmax(Float64Array.from(logits, row => row[i]!))[i]!
  }
  return sum / (2 * logits.length)
}

/**
 * Sigmoid loss: -sum_ij log sigmoid(z_ij * (scale * cosine_ij + bias)) / N with z = 1 for the matching pairs and -1
 * for all others (Zhai et al. 2023, algorithm 1; open_clip's SigLipLoss): the mean over rows of the sum over columns.
 *
 * @param images N vectors [dim]
 * @param texts N vectors [dim]; `texts[i]` is the match of `images[i]`
 * @param scale exp(logit_scale): `clip.info.logitScale`
 * @param bias logit_bias: `clip.info.logitBias`; default 0
 * @throws {TypeError|RangeError} when the lists are empty, of different lengths or hold vectors of different lengths
 *
 * @example
 * const images = [[1, 0], [0, 1]]
 * console.log(sigmoidLoss(images, [[1, 0], [0, 1]], 20, -10) < 0.001) // true
 * console.log(sigmoidLoss(images, [[0, 1], [1, 0]], 20, -10).toFixed(2)) // 20.00
 */
export function sigmoidLoss(
  images: readonly Vector[],
  texts: readonly Vector[],
  scale: number,
  bias: number = 0,
): number {
  const logits = pairLogits(images, texts, scale, checkNumber('bias', bias))
  let sum = 0
  for (const [i, row] of logits.entries()) {
    for (let j = 0; j < row.length; j++) sum += softplus(i === j ? -row[j]! : row[j]!)
  }
  return sum / logits.length
}

/** scale * cosine + bias: rows are images, columns texts. */
function pairLogits(images: readonly Vector[], texts: readonly Vector[], scale: number, bias: number): Float64Array[] {
  checkNonEmptyArray('images', images)
  checkNonEmptyArray('texts', texts)
  const count = images.length
  if (texts.length !== count) throw outOfRange('texts', `as many vectors as images has (${count})`, texts)
  checkNumber('scale', scale)
  const length = checkVector('images[0]', images[0]!).length
  const imageUnits = images.map((vector, i) => normalize(checkVector(`images[${i}]`, vector, { length })))
  const textUnits = texts.map((vector, i) => normalize(checkVector(`texts[${i}]`, vector, { length })))
  return imageUnits.map(image => Float64Array.from(textUnits, text => scale * dot(image, text) + bias))
}

/** log(1 + exp(x)) = -log sigmoid(-x), without overflow. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
}
