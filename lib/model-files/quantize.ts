/** Quantisation of a model into a GGUF file: conversion with the policy that keeps sensitive tensors at better types. */
import { checkConvertOptions, convertKeys, type ConvertOptions, locateSource, outputPath,
  withOrigin } from './convert.js'
import { measureImportance } from './importance.js'
import { readSamples } from './samples.js'
import type { WeightType } from '../types.js'
import { checkOneOf, checkOptions, checkString } from '../validate.js'
import { type ConvertResult, writeModel } from './write-model.js'

const quantPolicies = ['mixed', 'uniform'] as const

/** Options of {@link quantize}. */
export interface QuantizeOptions extends Omit<ConvertOptions, 'dtype'> {
  /** Weight type of most matrices. Default 'q8_0'. */
  dtype?: WeightType
  /**
   * 'mixed': below 8 bits sensitive matrices keep more bits (see docs/quantization.md); 'uniform': each matrix gets
   * `dtype`, as in `convert`. `overrides` take precedence over both. Default 'mixed'.
   */
  policy?: (typeof quantPolicies)[number]
  /**
   * A folder with images, and `.txt` files with one text per line, like those that the model will see: the columns of
   * each matrix are weighted by their inputs on them. Default: all columns equally.
   */
  importance?: string
}

/**
 * Quantises `input` (anything that {@link convert} accepts) to the GGUF file `output`, which appears only when it is
 * complete and has been opened again.
 *
 * @throws {TypeError|RangeError} bad arguments; {ClipError} ERR_CLIP_MODEL_UNKNOWN, ERR_CLIP_FILE_*, ERR_CLIP_TENSOR_*,
 *   ERR_CLIP_IMAGE_* (of a sample), ...; the signal's reason
 *
 * @example
 * await quantize('models/emoji-clip.gguf', 'emoji-q4_0.gguf', { dtype: 'q4_0', policy: 'uniform' })
 * const { types } = await inspect('emoji-q4_0.gguf')
 * console.log(types.q4_0.tensors > 0) // true
 */
export async function quantize(input: string, output: string, options?: QuantizeOptions): Promise<ConvertResult> {
  const given = checkOptions('options', options, [...convertKeys, 'policy', 'importance'])
  const { policy = 'mixed', importance, dtype = 'q8_0', ...rest } = given
  checkOneOf('policy', policy, quantPolicies)
  const target = outputPath(output)
  const checked = checkConvertOptions({ ...rest, dtype })
  const samples = importance === undefined ? undefined : readSamples(checkString('importance', importance))
  const location = await locateSource('input', input, given)
  const settings = { ...withOrigin(checked, location), policy }
  if (samples === undefined) return writeModel(location, target, settings)
  return writeModel(location, target, { ...settings, importance: await measureImportance(location, samples, settings) })
}
