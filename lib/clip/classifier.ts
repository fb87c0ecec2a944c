/** Zero-shot classification: which of these labels is in the image? */
import { callKeys, checkCallOptions, checkImageOptions, pictureKeys } from './call-options.js'
import { eachInSteps, turns } from '../async/turns.js'
import { logitsOf, probabilitiesOf, type ScoreScale } from '../vectors/scores.js'
import { dot, normalize, rank, sigmoid } from '../vectors/similarity.js'
import type { Classification, EncodeImageOptions, EncodeTextOptions, ImageInput, ImageOptions,
  TextOptions } from '../types.js'
import { checkBoolean, checkInteger, checkLabels, checkTemplates, type Template } from '../validate.js'

/** Options of {@link Clip.classifier}: how labels become texts. */
export interface ClassifierOptions extends TextOptions {
  /** Prompts around a label, averaged: strings with `{}` or `{label}`, or functions. Default 'a photo of a {}'. */
  templates?: Template | readonly Template[]
}

/** Options of {@link Classifier.classify}: what to return. */
export interface ClassifyImageOptions extends ImageOptions {
  /** Return only this many of the best labels. Default: all labels. */
  topK?: number
  /**
   * Score each label independently instead of dividing a probability of 1 among them. Default false.
   *
   * Models trained with a sigmoid loss always score pairs independently. For models trained with a softmax loss the
   * score compares the label with the same prompts without a label ("a photo of a ").
   */
  multiLabel?: boolean
}

/** Options of {@link Clip.classify}: those of a classifier and of its use. */
export type ClassifyOptions = ClassifierOptions & ClassifyImageOptions

/** The part of {@link Clip} that a classifier uses. */
interface Encoder {
  readonly info: ScoreScale
  encodeImage(image: ImageInput, options?: EncodeImageOptions): Promise<Float32Array>
  encodeImage(images: readonly ImageInput[], options?: EncodeImageOptions): Promise<Float32Array[]>
  encodeText(texts: readonly string[], options?: EncodeTextOptions): Promise<Float32Array[]>
}

const classifierKeys = ['templates', 'language', ...callKeys] as const
const classifyKeys = ['topK', 'multiLabel', ...pictureKeys] as const

/** The options of {@link Clip.classify}, which makes a classifier and uses it once. */
export function checkClassifyOptions(options: ClassifyOptions | undefined): ClassifyOptions {
  return checkScoring(checkImageOptions(options, ['templates', 'language', ...classifyKeys]))
}

function checkScoring<T extends ClassifyImageOptions>(options: T): T {
  const { topK, multiLabel } = options
  if (topK !== undefined) checkInteger('topK', topK, { min: 1 })
  if (multiLabel !== undefined) checkBoolean('multiLabel', multiLabel)
  return options
}

/**
 * Label vectors computed once, for any number of images. Created by {@link Clip.classifier}.
 *
 * @example
 * const fruits = await clip.classifier(['red apple', 'sunflower', 'pizza'])
 * console.log(fruits.labels.length, fruits.vectors[0].length) // 3 256
 */
export class Classifier {
  /** The labels as passed. */
  readonly labels: readonly string[]
  /** One unit vector per label: the normalised mean of its normalised prompt vectors. */
  readonly vectors: readonly Float32Array[]
  readonly #encoder: Encoder
  readonly #neutral: Float32Array

  private constructor(encoder: Encoder, labels: string[], vectors: Float32Array[], neutral: Float32Array) {
    this.#encoder = encoder
    this.labels = labels
    this.vectors = vectors
    this.#neutral = neutral
  }

  /** @internal */
  static async create(encoder: Encoder, labels: readonly string[], options?: ClassifierOptions): Promise<Classifier> {
    const given = checkCallOptions(options, classifierKeys)
    const names = checkLabels('labels', labels)
    const templates = checkTemplates('templates', given.templates ?? 'a photo of a {}')
    const { templates: _, ...call } = given
    // a blank label: the prompts alone
    const prompts = [...names, ''].flatMap(label => templates.map(template => template(label)))
    const vectors = await encoder.encodeText(prompts, call)
    const means = [...names, ''].map((_, i) =>
      meanDirection(vectors.slice(i * templates.length, (i + 1) * templates.length))
    )
    return new Classifier(encoder, names, means.slice(0, -1), means[names.length]!)
  }

  /**
   * Labels with scores, best first; for an array of images one such list each.
   *
   * @returns `topK` entries, or as many as there are labels
   * @throws {TypeError|RangeError} bad arguments; {ClipError} as {@link Clip.encodeImage}; the signal's reason
   *
   * @example
   * const classifier = await clip.classifier(['pizza', 'rocket'], { templates: ['a photo of a {}', 'a drawing of a {}'] })
   * const [first, second] = await classifier.classify(['models/samples/rocket.png', 'models/samples/pizza.webp'], { topK: 1 })
   * console.log(first[0].label, second[0].label) // rocket pizza
   */
  classify(image: ImageInput, options?: ClassifyImageOptions): Promise<Classification[]>
  classify(images: readonly ImageInput[], options?: ClassifyImageOptions): Promise<Classification[][]>
  async classify(
    images: ImageInput | readonly ImageInput[],
    options?: ClassifyImageOptions,
  ): Promise<Classification[] | Classification[][]> {
    const { topK = this.labels.length, multiLabel = false, ...image } = checkScoring(
      checkImageOptions(options, classifyKeys),
    )
    if (Array.isArray(images)) {
      const vectors = await this.#encoder.encodeImage(images as readonly ImageInput[], image)
      return turns.run(eachInSteps(vectors, vector => this.#score(vector, topK, multiLabel)), image.signal)
    }
    return this.#score(await this.#encoder.encodeImage(images as ImageInput, image), topK, multiLabel)
  }

  #score(image: Float32Array, topK: number, multiLabel: boolean): Classification[] {
    const { info } = this.#encoder
    const similarities = this.vectors.map(vector => dot(image, vector))
    const logits = logitsOf(similarities, info)
    const neutral = info.logitScale * dot(image, this.#neutral)
    const scores = multiLabel && !info.sigmoid
      ? sigmoid(logits.map(logit => logit - neutral))
      : probabilitiesOf(logits, info)
    return rank(scores, topK).map(i => ({ label: this.labels[i]!, score: scores[i]!, similarity: similarities[i]! }))
  }
}

/**
 * Normalised mean of unit vectors (zero-shot ensembling: open_clip's build_zero_shot_classifier, after Radford et al.
 * 2021, section 3.1.4).
 */
function meanDirection(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(vectors[0]!.length)
  for (const vector of vectors) {
    for (let i = 0; i < sum.length; i++) sum[i]! += vector[i]!
  }
  return normalize(sum)
}
