/** Compares models on samples: the embeddings of a reference and of its quantised versions. */
import { Clip } from '../clip/clip.js'
import { canTokenize } from '../clip/model-tokenizer.js'
import { invalidArgument } from '../errors.js'
import { checkHubOptions, type HubOptions } from '../models/hub-settings.js'
import { dot } from '../vectors/similarity.js'
import { readSamples } from './samples.js'
import type { ImageInput } from '../types.js'
import { checkFunction, checkInteger, checkOptions, checkString } from '../validate.js'

/** Options of {@link report}. */
export interface ReportOptions extends Pick<HubOptions, 'cacheDir' | 'offline'> {
  /** A folder with images, and `.txt` files with one text per line. Default: this package's samples. */
  samples?: string
  /** CPU threads. Default: all cores. */
  threads?: number
  /** Called before each model, and at the end with an empty `item`. */
  onProgress?: (progress: { done: number; total: number; item: string }) => void
  /** Cancels the report. */
  signal?: AbortSignal
}

/** One encoder of one model on the samples, against the reference in exact arithmetic. */
export interface TowerReport {
  /** Number of samples. */
  inputs: number
  /** Cosine between the model's embeddings and the reference's. */
  meanCosine: number
  /** The smallest of the cosines. */
  minCosine: number
  /** Largest difference of a component of the unit vectors. */
  maxDifference: number
  /** Time per input, measured one after another on this machine: an indication, not a benchmark. */
  msPerInput: number
}

/** One model of a {@link QuantizationReport}. */
export interface ModelReport {
  /** The model as passed. */
  model: string
  /** Bytes of the weights in memory. */
  bytes: number
  /** Number of tensors by type. */
  types: Record<string, number>
  /** Null if the model lacks the encoder, or there is no sample for it. */
  image: TowerReport | null
  /** Like `image`. */
  text: TowerReport | null
}

/** Result of {@link report}. */
export interface QuantizationReport {
  /** Number of samples of each kind. */
  samples: {
    /** Images. */
    images: number
    /** Texts. */
    texts: number
  }
  /** The reference in default arithmetic first, then each candidate. */
  models: ModelReport[]
}

interface Vectors {
  vectors: Float32Array[]
  msPerInput: number
}

interface Inputs {
  images: ImageInput[]
  texts: string[]
}

interface Towers {
  image: Vectors | null
  text: Vectors | null
}

/**
 * Compares models with the one they were made from: cosine and largest difference of the embeddings, size and speed,
 * for each encoder. The reference runs in exact arithmetic, the others as in use.
 *
 * @param reference anything that {@link Clip.load} accepts
 * @param candidates models with the same outputs; if empty, only the reference's own default arithmetic is measured
 * @throws {TypeError|RangeError} bad arguments; {ClipError} as {@link Clip.load}, ERR_CLIP_FILE_NOT_FOUND where there are no
 *   samples; the signal's reason
 *
 * @example
 * await convert('models/emoji-clip.gguf', 'emoji-q8_0.gguf', { dtype: 'q8_0' })
 * const { models } = await report('models/emoji-clip.gguf', ['emoji-q8_0.gguf'])
 * console.log(models.length, models[1].image.meanCosine > 0.99) // 2 true
 */
export async function report(
  reference: string,
  candidates: readonly string[],
  options?: ReportOptions,
): Promise<QuantizationReport> {
  const given = checkOptions('options', options, ['samples', 'threads', 'onProgress', 'signal', 'cacheDir', 'offline'])
  const { threads, signal, onProgress, cacheDir, offline } = given
  checkString('reference', reference)
  const list: unknown = candidates
  if (!Array.isArray(list)) throw invalidArgument('candidates', 'an array of paths', list)
  list.forEach((one, i) => checkString(`candidates[${i}]`, one))
  if (threads !== undefined) checkInteger('threads', threads, { min: 1 })
  if (onProgress) checkFunction('onProgress', onProgress)
  const samples = readSamples(given.samples)
  const load = { ...checkHubOptions({ cacheDir, offline, signal }), threads, maxBatch: 1 }
  let done = 0
  const step = (item: string): void => onProgress?.({ done: done++, total: candidates.length + 2, item })

  step(`${reference}, exact`)
  const exact = await Clip.load(reference, { ...load, precision: 'exact' })
  let inputs: Inputs
  let expected: Towers
  try {
    inputs = await prepare(exact, samples)
    expected = await embed(exact, inputs, signal)
  } finally {
    await exact.dispose()
  }
  const models: ModelReport[] = []
  for (const model of [reference, ...candidates]) {
    step(model)
    await using clip = await Clip.load(model, load)
    const { image, text } = await embed(clip, inputs, signal)
    const types = Object.fromEntries(Object.entries(clip.info.types).map(([type, { tensors }]) => [type, tensors]))
    models.push({
      model,
      bytes: clip.info.bytes,
      types,
      image: compare(image, expected.image),
      text: compare(text, expected.text),
    })
  }
  step('')
  return { samples: { images: inputs.images.length, texts: inputs.texts.length }, models }
}

/**
 * Every model sees the same pixels. With any grid, images are passed as files: a tensor alone does not have its size.
 */
async function prepare(clip: Clip, samples: { images: string[]; texts: string[] }): Promise<Inputs> {
  const { vision } = clip.info
  const images: ImageInput[] = vision?.anyGrid ? samples.images : []
  if (vision && !vision.anyGrid) {
    for (const image of samples.images) images.push({ tensor: await clip.preprocess(image) })
  }
  return { images, texts: clip.info.text && canTokenize(text => clip.tokenize(text)) ? samples.texts : [] }
}

async function embed(clip: Clip, { images, texts }: Inputs, signal: AbortSignal | undefined): Promise<Towers> {
  return {
    image: clip.info.vision && images.length > 0
      ? await timed(images, input => clip.encodeImage(input, { signal }))
      : null,
    // the text of the warm-up is not one of the samples, whose results would be cached
    text: clip.info.text && texts.length > 0
      ? await timed(texts, input => clip.encodeText(input, { signal }), 'warm-up')
      : null,
  }
}

async function timed<T>(
  inputs: readonly T[],
  encode: (input: T) => Promise<Float32Array>,
  warmUp = inputs[0]!,
): Promise<Vectors> {
  await encode(warmUp)
  const vectors: Float32Array[] = []
  const begin = performance.now()
  for (const input of inputs) vectors.push(await encode(input))
  return { vectors, msPerInput: (performance.now() - begin) / inputs.length }
}

function compare(actual: Vectors | null, expected: Vectors | null): TowerReport | null {
  if (!actual || !expected) return null
  const cosines = actual.vectors.map((vector, i) => dot(vector, expected.vectors[i]!))
  const differences = actual.vectors.map((vector, i) => (
    vector.reduce((most, value, d) => Math.max(most, Math.abs(value - expected.vectors[i]![d]!)), 0)
  ))
  return {
    inputs: cosines.length,
    meanCosine: cosines.reduce((sum, value) => sum + value, 0) / cosines.length,
    minCosine: Math.min(...cosines),
    maxDifference: Math.max(...differences),
    msPerInput: actual.msPerInput,
  }
}
