/** The main class of the library. */
import { throwIfAborted } from '../async/abort.js'
import { checkCallOptions, checkDimensions, checkImageOptions, checkTextOptions, finish, imageKeys, pictureKeys,
  textKeys } from './call-options.js'
import { checkClassifyOptions, Classifier, type ClassifierOptions, type ClassifyOptions } from './classifier.js'
import { withDeadline } from '../async/deadline.js'
import { ImageTower } from './image-tower.js'
import { isImageList } from '../image/image.js'
import { type LoadedModel, loadModel } from './load-model.js'
import { checkLoadOptions, type LoadSettings } from './load-options.js'
import { type EncodeOutcome, resultsInOrder, type StreamOptions } from '../async/outcomes.js'
import { type Profile, profileOf, type ProfileOptions } from './profile.js'
import { type ClipStats, RunningModel } from './running-model.js'
import { checkHiddenStatesOptions, type HiddenStates, type HiddenStatesOptions, statesOf } from './states.js'
import { similarityOf } from '../vectors/scores.js'
import type { ClipInfo, EncodeImageOptions, EncodeTextOptions, ImageInput, ImageOptions, LoadOptions, SimilarityResult,
  TextOptions } from '../types.js'
import { checkIterable, checkString, checkTexts } from '../validate.js'

/**
 * A loaded CLIP model.
 *
 * Calls may be made at any time: they queue, run on native threads, and are batched with others of their kind.
 *
 * @example
 * const clip = await Clip.load()
 * const [best] = await clip.classify('models/samples/pizza.webp', ['pizza', 'guitar', 'rocket'])
 * console.log(best.label) // pizza
 * await clip.dispose()
 */
export class Clip {
  readonly #model: RunningModel
  readonly #images: ImageTower

  /**
   * The model's architecture, sizes, types, device, bytes, licence, source. Frozen.
   *
   * @example
   * const clip = await Clip.load()
   * console.log(clip.info.dim, clip.info.vision.imageSize, clip.info.text.contextLength) // 256 64 32
   * await clip.dispose()
   */
  readonly info: Readonly<ClipInfo>

  private constructor(loaded: LoadedModel, settings: LoadSettings) {
    this.info = loaded.info
    this.#model = new RunningModel(loaded, settings)
    this.#images = new ImageTower(this.#model, settings)
  }

  /**
   * Loads a model.
   *
   * @param source path of a `.gguf` file or of a checkpoint's directory (`config.json` or `open_clip_config.json` with
   *   safetensors or PyTorch weights), or of such a file of weights; a model of the hub,
   * `hf:owner/name[@revision][:file]`;
   *   a name in the registry ({@link models}). Without it: the embedded default model. Files that are not in the hub's
   * cache are
   *   downloaded first ({@link pull}).
   * @throws {TypeError|RangeError} bad options; {ClipError} ERR_CLIP_MODEL_UNKNOWN, ERR_CLIP_FILE_*, ERR_CLIP_TENSOR_*,
   *   ERR_CLIP_CONFIG_INVALID, ERR_CLIP_MODEL_UNSUPPORTED, ERR_CLIP_TOWER_MISSING, ERR_CLIP_DEVICE_UNAVAILABLE,
   *   ERR_CLIP_HUB_*, ...; the signal's reason when cancelled
   *
   * @example
   * const clip = await Clip.load('models/emoji-clip.gguf', { threads: 1, dtype: 'q8_0', towers: 'text' })
   * console.log(Object.keys(clip.info.types).includes('q8_0'), clip.info.vision) // true null
   * await clip.dispose()
   */
  static async load(source?: string, options?: LoadOptions): Promise<Clip> {
    const settings = checkLoadOptions(options)
    return loadModel(source, settings, loaded => new Clip(loaded, settings))
  }

  /**
   * Embeds one image or several.
   *
   * @returns [dim], L2-normalised unless `normalize: false`; for an array one each, in order
   * @throws {TypeError|RangeError} bad arguments; {ClipError} ERR_CLIP_IMAGE_DECODE, ERR_CLIP_IMAGE_TOO_LARGE,
   *   ERR_CLIP_IMAGE_EMPTY, ERR_CLIP_IMAGE_LIMIT, ERR_CLIP_FILE_NOT_FOUND, ERR_CLIP_NOT_FINITE, ERR_CLIP_TOWER_MISSING,
   *   ERR_CLIP_QUEUE_FULL, ERR_CLIP_DEADLINE_EXCEEDED, ERR_CLIP_DISPOSED; the signal's reason
   *
   * @example
   * const one = await clip.encodeImage('models/samples/rocket.png')
   * const [again, pizza] = await clip.encodeImage(['models/samples/rocket.png', 'models/samples/pizza.webp'], { timeoutMs: 5000 })
   * console.log(one.length, again.length, pizza.length) // 256 256 256
   */
  encodeImage(image: ImageInput, options?: EncodeImageOptions): Promise<Float32Array>
  encodeImage(images: readonly ImageInput[], options?: EncodeImageOptions): Promise<Float32Array[]>
  async encodeImage(
    images: ImageInput | readonly ImageInput[],
    options?: EncodeImageOptions,
  ): Promise<Float32Array | Float32Array[]> {
    const settings = checkImageOptions(options, imageKeys)
    this.#model.needOpen()
    checkDimensions(settings, this.info)
    throwIfAborted(settings.signal)
    return isImageList(images) ? this.#images.embedAll(images, settings) : this.#images.embed(images, settings)
  }

  /**
   * Embeds a stream of images: any iterable in, embeddings out in the same order. Reads ahead only far enough to keep
   * the sessions busy; leaving the loop early stops reading.
   *
   * A bad image ends the stream with its error. With `onError: 'yield'` each image yields `{ index, embedding }` or `{
   * index, error }`, and the stream continues.
   *
   * @param images paths, buffers, ... from an array, a generator, a stream
   * @throws as {@link Clip.encodeImage}, when the loop reaches the failed image
   *
   * @example
   * const paths = ['models/samples/rocket.png', 'models/LICENSES.md', 'models/samples/pizza.webp']
   * for await (const { index, embedding, error } of clip.encodeImages(paths, { onError: 'yield' })) {
   *   console.log(index, embedding?.length ?? error.code)
   * }
   * // 0 256
   * // 1 ERR_CLIP_IMAGE_DECODE
   * // 2 256
   */
  encodeImages(
    images: Iterable<ImageInput> | AsyncIterable<ImageInput>,
    options: EncodeImageOptions & { onError: 'yield' },
  ): AsyncGenerator<EncodeOutcome, void, undefined>
  encodeImages(
    images: Iterable<ImageInput> | AsyncIterable<ImageInput>,
    options?: EncodeImageOptions & { onError?: 'throw' },
  ): AsyncGenerator<Float32Array, void, undefined>
  async *encodeImages(
    images: Iterable<ImageInput> | AsyncIterable<ImageInput>,
    options?: EncodeImageOptions & StreamOptions,
  ) {
    const { onError, ...settings } = checkImageOptions(options, [...imageKeys, 'onError'])
    checkIterable('images', images)
    checkDimensions(settings, this.info)
    yield* resultsInOrder(images, this.#model.streaming(settings), this.#images.embedderOfMany(settings), onError)
  }

  /**
   * Embeds one text or several. Texts longer than the model's context are truncated; the end token stays.
   *
   * @returns [dim], L2-normalised unless `normalize: false`; for an array one each, in order
   * @throws {TypeError|RangeError} bad arguments; {ClipError} ERR_CLIP_TOKENIZER_MISSING, ERR_CLIP_NOT_FINITE,
   *   ERR_CLIP_TOWER_MISSING, ERR_CLIP_QUEUE_FULL, ERR_CLIP_DEADLINE_EXCEEDED, ERR_CLIP_DISPOSED; the signal's reason
   *
   * @example
   * const text = await clip.encodeText('a photo of a rocket')
   * const [rocket, pizza] = await clip.encodeText(['a photo of a rocket', 'a photo of a pizza'])
   * console.log(text.length, rocket.length, pizza.length) // 256 256 256
   */
  encodeText(text: string, options?: EncodeTextOptions): Promise<Float32Array>
  encodeText(texts: readonly string[], options?: EncodeTextOptions): Promise<Float32Array[]>
  async encodeText(
    texts: string | readonly string[],
    options?: EncodeTextOptions,
  ): Promise<Float32Array | Float32Array[]> {
    const { normalize: unit, dimensions, ...call } = checkTextOptions(options)
    const list = checkTexts(texts)
    this.#model.needOpen()
    checkDimensions({ dimensions }, this.info)
    throwIfAborted(call.signal)
    const vectors = await this.#model.needTextTower().embed(list, call)
    const finished = vectors.map(vector => finish(vector, { normalize: unit, dimensions }))
    return typeof texts === 'string' ? finished[0]! : finished
  }

  /**
   * Embeds a stream of texts, as {@link Clip.encodeImages} does images: in order, reading ahead only far enough to keep
   * the sessions busy.
   *
   * @throws as {@link Clip.encodeText}, when the loop reaches the failed text
   *
   * @example
   * function* captions() {
   *   yield 'a red apple'
   *   yield 'a dog face'
   * }
   * for await (const embedding of clip.encodeTexts(captions())) console.log(embedding.length)
   * // 256
   * // 256
   */
  encodeTexts(
    texts: Iterable<string> | AsyncIterable<string>,
    options: EncodeTextOptions & { onError: 'yield' },
  ): AsyncGenerator<EncodeOutcome, void, undefined>
  encodeTexts(
    texts: Iterable<string> | AsyncIterable<string>,
    options?: EncodeTextOptions & { onError?: 'throw' },
  ): AsyncGenerator<Float32Array, void, undefined>
  async *encodeTexts(texts: Iterable<string> | AsyncIterable<string>, options?: EncodeTextOptions & StreamOptions) {
    const { onError, ...settings } = checkTextOptions(options, [...textKeys, 'onError'])
    const encode = (text: string, _: number, signal: AbortSignal): Promise<Float32Array> =>
      this.encodeText(checkString('texts', text, { empty: true }), { ...settings, signal })
    checkIterable('texts', texts)
    checkDimensions(settings, this.info)
    yield* resultsInOrder(texts, this.#model.streaming(settings), encode, onError)
  }

  /**
   * Zero-shot classification of an image: labels with scores, best first.
   *
   * For many images or repeated calls create a {@link Clip.classifier} once.
   *
   * @returns every label, or the `topK` best: `score` is the softmax over the labels of the logits
   *   `logitScale * cosine + logitBias` (Radford et al. 2021, figure 3), or their sigmoid for models trained with one
   *   (Zhai et al. 2023)
   * @throws {TypeError|RangeError} bad arguments; {ClipError} as {@link Clip.encodeImage} and {@link Clip.encodeText}; the
   *   signal's reason
   *
   * @example
   * const [best] = await clip.classify('models/samples/dog-face.png', ['dog face', 'cat face', 'rocket'])
   * console.log(best.label, best.score > 0.9) // dog face true
   *
   * // independent scores: several labels may fit
   * const labels = await clip.classify('models/samples/dog-face.png', ['dog face', 'animal', 'rocket'], { multiLabel: true, topK: 2 })
   * console.log(labels.length) // 2
   */
  async classify(image: ImageInput, labels: readonly string[], options?: ClassifyOptions) {
    return withDeadline(checkClassifyOptions(options), async ({ templates, language, ...rest }) => {
      const { signal, priority, client, onTrace } = rest
      const classifier = await this.classifier(labels, { templates, language, signal, priority, client, onTrace })
      return classifier.classify(image, rest)
    })
  }

  /**
   * Creates a reusable zero-shot classifier: the labels' vectors are computed once.
   *
   * @param labels at least one, none of them empty
   * @throws {TypeError|RangeError} bad arguments; {ClipError} as {@link Clip.encodeText}; the signal's reason
   *
   * @example
   * const weather = await clip.classifier(['umbrella', 'sunflower'], { templates: label => `a drawing of a ${label}` })
   * const [best] = await weather.classify('models/samples/sunflower.png')
   * console.log(best.label) // sunflower
   */
  classifier(labels: readonly string[], options?: ClassifierOptions): Promise<Classifier> {
    return Classifier.create(this, labels, options)
  }

  /**
   * Logits and probabilities of every pair, like the reference's `logits_per_image`: rows are images, columns texts.
   *
   * @throws {TypeError|RangeError} bad arguments; {ClipError} as {@link Clip.encodeImage} and {@link Clip.encodeText}; the
   *   signal's reason
   *
   * @example
   * const { logits, probabilities } = await clip.similarity(['models/samples/pizza.webp', 'models/samples/guitar.jpg'], ['pizza', 'guitar'])
   * console.log(logits.length, logits[0].length) // 2 2
   * console.log(probabilities[0][0] > 0.9, probabilities[1][1] > 0.9) // true true
   */
  async similarity(
    images: ImageInput | readonly ImageInput[],
    texts: string | readonly string[],
    options?: ImageOptions,
  ): Promise<SimilarityResult> {
    const settings = checkImageOptions(options, pictureKeys)
    const { signal, priority, client, timeoutMs, onTrace } = settings
    const imageInputs = isImageList(images) ? images : [images]
    const [imageVectors, textVectors] = await Promise.all([
      this.encodeImage(imageInputs, settings),
      this.encodeText(checkTexts(texts), { signal, priority, client, timeoutMs, onTrace }),
    ])
    return similarityOf(imageVectors, textVectors, this.info)
  }

  /**
   * The input of the image encoder: the image resized, cropped and normalised; with any grid, a whole number of
   * patches.
   *
   * @returns [3, H, W], as {@link ImageTensor} expects it
   * @throws as {@link Clip.encodeImage}
   *
   * @example
   * const tensor = await clip.preprocess('models/samples/pizza.webp')
   * console.log(tensor.length === 3 * 64 * 64) // true
   * const embedding = await clip.encodeImage({ tensor })
   */
  async preprocess(image: ImageInput, options?: ImageOptions): Promise<Float32Array> {
    const settings = checkImageOptions(options, pictureKeys)
    this.#model.needOpen()
    this.#model.needTower('vision')
    return this.#images.preprocess(image, settings)
  }

  /**
   * The reference's token ids: with start and end tokens, truncated and padded to the context length.
   *
   * @returns [contextLength]; for an array of n texts flat [n][contextLength]
   * @throws {TypeError|RangeError} bad arguments; {ClipError} ERR_CLIP_TOKENIZER_MISSING, ERR_CLIP_DISPOSED
   *
   * @example
   * const ids = clip.tokenize('a photo of a rocket')
   * console.log(ids.length, ids[0] === clip.info.text.bosId) // 32 true
   */
  tokenize(texts: string | readonly string[], options?: Pick<TextOptions, 'language'>): Int32Array {
    const { language } = checkCallOptions<TextOptions>(options, ['language'])
    this.#model.needOpen()
    return this.#model.needTextTower().tokenizer.encodePadded(checkTexts(texts), language)
  }

  /**
   * Per-token states of a layer: text conditioning for diffusion models, patch features for vision-language models.
   * Texts run at their full padded length, as in the reference. The states equal transformers' `hidden_states[layer]`;
   * with `norm`, its `final_layer_norm` (`post_layernorm` for images) is applied to them.
   *
   * @returns [tokens][width]; for an array of layers one each, in order, from one run
   * @throws {TypeError|RangeError} bad arguments, no such layer; {ClipError} as {@link Clip.encodeImage} and
   *   {@link Clip.encodeText}; the signal's reason
   *
   * @example
   * const { data, tokens, width } = await clip.hiddenStates('a photo of a rocket', { tower: 'text', layer: -2 })
   * console.log(tokens, width, data.length === tokens * width) // 32 256 true
   *
   * const patches = await clip.hiddenStates('models/samples/pizza.webp', { tower: 'image', layer: [-1, -2] })
   * console.log(patches.length) // 2
   */
  hiddenStates(input: ImageInput, options: HiddenStatesOptions): Promise<HiddenStates>
  hiddenStates(input: ImageInput, options: HiddenStatesOptions<readonly number[]>): Promise<HiddenStates[]>
  async hiddenStates(
    input: ImageInput,
    options: HiddenStatesOptions<number | readonly number[]>,
  ): Promise<HiddenStates | HiddenStates[]> {
    const layersOf = (tower: 'vision' | 'text'): number => this.#model.needTower(tower).layers
    const { tower, names, several, signal } = checkHiddenStatesOptions(options, layersOf)
    const states = await this.intermediates(input, { tower, names, signal })
    return several ? names.map(name => states[name]!) : states[names[0]!]!
  }

  /**
   * Named intermediate states of one input, for comparing a model with its reference; docs/architecture.md lists the
   * names. An empty `names` returns all of them.
   *
   * @throws as {@link Clip.hiddenStates}
   *
   * @example
   * const states = await clip.intermediates('a rocket', { tower: 'text', names: ['text.embeddings', 'text.hidden.1'] })
   * console.log(Object.keys(states).sort().join(' ')) // text.embeddings text.hidden.1
   */
  async intermediates(
    input: ImageInput,
    options: { tower: 'image' | 'text'; names?: readonly string[]; signal?: AbortSignal },
  ): Promise<Record<string, HiddenStates>> {
    return statesOf(this.#model, this.#images, input, options)
  }

  /**
   * Where the time of a batch goes: `batch` times the same input, in a session of its own. See docs/performance.md.
   *
   * @internal
   */
  async profile(input: ImageInput, options: ProfileOptions): Promise<Profile> {
    return profileOf(this.#model, this.#images, input, options)
  }

  /**
   * Queue, batches and times so far.
   *
   * @example
   * const clip = await Clip.load()
   * await clip.encodeText(['a cat', 'a dog'])
   * const { queued, items, batches, waitMs } = clip.stats()
   * console.log(queued, items, batches, waitMs.p99 >= 0) // 0 2 1 true
   * await clip.dispose()
   */
  stats(): ClipStats {
    return this.#model.stats()
  }

  /**
   * Disposes of the model: refuses new calls, rejects waiting ones with ERR_CLIP_DISPOSED, waits for running ones, then
   * releases the memory. Idempotent.
   *
   * @example
   * const clip = await Clip.load()
   * await clip.dispose()
   * await clip.encodeText('too late').catch(error => console.log(error.code)) // ERR_CLIP_DISPOSED
   */
  dispose(): Promise<void> {
    return this.#model.dispose()
  }

  /** {@link Clip.dispose}, for `await using clip = await Clip.load()` where the language supports it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}
