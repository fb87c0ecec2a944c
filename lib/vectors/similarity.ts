/**
 * Similarity mathematics on single vectors and lists of scores, with sums in double precision. For whole matrices see
 * `similarityMatrix` and `topK`, which run on native threads.
 */
import { types } from 'node:util'

import { outOfRange } from '../errors.js'
import { checkVector, type Vector } from '../validate.js'

/**
 * Sum of the products of two vectors' elements.
 *
 * @throws {RangeError} ERR_CLIP_OUT_OF_RANGE for different lengths; {TypeError} ERR_CLIP_INVALID_ARGUMENT for
 *   anything but lists of numbers
 *
 * @example
 * console.log(dot([1, 2, 3], Float32Array.of(4, 5, 6))) // 32
 */
export function dot(a: Vector, b: Vector): number {
  checkPair(a, b)
  return sumOfProducts(a, b)
}

/**
 * Cosine of the angle between two vectors of any length, in [-1, 1]. A zero vector has no direction: its cosine with
 * anything is 0 (as in PyTorch's and scikit-learn's cosine similarity).
 *
 * @throws {RangeError} ERR_CLIP_OUT_OF_RANGE for different lengths; {TypeError} ERR_CLIP_INVALID_ARGUMENT for
 *   anything but lists of numbers
 *
 * @example
 * console.log(cosineSimilarity([1, 0], [10, 0]), cosineSimilarity([1, 0], [0, 1])) // 1 0
 */
export function cosineSimilarity(a: Vector, b: Vector): number {
  checkPair(a, b)
  const scaleA = safeScale(a)
  const scaleB = safeScale(b)
  const norms = norm(a, scaleA) * norm(b, scaleB)
  if (norms === 0) return 0
  const products = scaleA === 1 && scaleB === 1 ? sumOfProducts(a, b) : sumOfProducts(a, b, scaleA, scaleB)
  // rounding can leave the interval by an ulp; NaN stays NaN
  return Math.min(1, Math.max(-1, products / norms))
}

/**
 * The vector divided by its Euclidean length, as a new Float32Array; a zero vector stays zero
 * (torch.nn.functional.normalize).
 *
 * @throws {TypeError} not a list of numbers
 *
 * @example
 * console.log([...normalize([0, 2])].join()) // 0,1
 */
export function normalize(vector: Vector): Float32Array {
  checkVector('vector', vector)
  const result = new Float32Array(vector.length)
  const scale = safeScale(vector)
  const length = norm(vector, scale)
  if (length === 0) return result
  for (let i = 0; i < result.length; i++) result[i] = (vector[i]! * scale) / length
  return result
}

/**
 * exp(x_i) / sum_j exp(x_j), same order, safe from overflow: the largest logit is subtracted first. An empty list
 * returns an empty list; -Infinity gets probability 0.
 *
 * @throws {TypeError} not a list of numbers
 *
 * @example
 * console.log(softmax([1000, 1000, -Infinity]).join()) // 0.5,0.5,0
 */
export function softmax(logits: Vector): number[] {
  checkVector('logits', logits)
  const greatest = maximum(logits)
  const result = Array.from(logits, logit => Math.exp(logit - greatest))
  let sum = 0
  for (const value of result) sum += value
  for (let i = 0; i < result.length; i++) result[i]! /= sum
  return result
}

/** Natural logarithm of the softmax, accurate even if the softmax itself rounds to 0. */
export function logSoftmax(logits: Vector): number[] {
  checkVector('logits', logits)
  const greatest = maximum(logits)
  let sum = 0
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - greatest)
  const logSum = Math.log(sum)
  return Array.from(logits, logit => logit - greatest - logSum)
}

/**
 * 1 / (1 + exp(-x)), of one number or of each in a list.
 *
 * @throws {TypeError} neither a number nor a list of numbers
 *
 * @example
 * console.log(sigmoid(0), sigmoid([-Infinity, Infinity]).join()) // 0.5 0,1
 */
export function sigmoid(logits: number): number
export function sigmoid(logits: Vector): number[]
export function sigmoid(logits: number | Vector): number | number[] {
  if (typeof logits === 'number') return sigmoidOf(logits)
  checkVector('logits', logits)
  return Array.from(logits, sigmoidOf)
}

/**
 * Positions of the scores, best first; equal scores keep their order, NaN comes last.
 *
 * @param k how many to return at most; default all
 */
export function rank(scores: Vector, k: number = Infinity): number[] {
  checkVector('scores', scores)
  const order = Array.from(scores, (_, i) => i)
  order.sort((i, j) => compareDescending(scores[i]!, scores[j]!) || i - j)
  return order.length > k ? order.slice(0, Math.max(0, k)) : order
}

function checkPair(a: Vector, b: Vector): void {
  checkVector('a', a)
  checkVector('b', b)
  if (a.length !== b.length) throw outOfRange('b', `an array of ${a.length} numbers, as a has,`, b)
}

function sumOfProducts(a: Vector, b: Vector, scaleA = 1, scaleB = 1): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * scaleA * (b[i]! * scaleB)
  return sum
}

function norm(vector: Vector, scale: number): number {
  return Math.sqrt(sumOfProducts(vector, vector, scale, scale))
}

/** 1, or a scale for vectors of doubles so large or small that their squares would overflow or vanish. */
function safeScale(vector: Vector): number {
  // squares of float32 values always fit doubles
  if (types.isFloat32Array(vector)) return 1
  let largest = 0
  for (let i = 0; i < vector.length; i++) largest = Math.max(largest, Math.abs(vector[i]!))
  if (largest === 0 || !Number.isFinite(largest) || (largest > 1e-120 && largest < 1e120)) return 1
  // a power of two: no rounding; kept in range where 1 / largest would be infinite
  return 2 ** Math.min(1023, -Math.floor(Math.log2(largest)))
}

function maximum(values: Vector): number {
  let greatest = -Infinity
  for (let i = 0; i < values.length; i++) greatest = Math.max(greatest, values[i]!)
  return greatest
}

function sigmoidOf(logit: number): number {
  // exp of a negative number only: no overflow, and the small tail keeps its digits
  if (logit >= 0) return 1 / (1 + Math.exp(-logit))
  const power = Math.exp(logit)
  return power / (1 + power)
}

function compareDescending(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return a === b ? 0 : a > b ? -1 : 1
}
